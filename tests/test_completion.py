"""Completion as shells ask for it: by the protocol, and in the real shells where they are installed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_plugins import MIXING, TASK

from attnlab import completion
from attnlab.cli import VERBS, main
from attnlab.registry import REGISTRIES

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a run, a plugin and a task of the user's."""
    monkeypatch.chdir(tmp_path)
    for name in ("outputs/pos/20260101-120000-abcd/config.yaml", "outputs/pos/20260102-120000-abcd/config.yaml"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "attnlab.yaml").write_text("plugins: [mixing]\n")
    (tmp_path / "mixing.py").write_text(MIXING + "\n1 / 0  # never run here\n")
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "mixed.yaml").write_text(TASK)
    registered = [dict(registry._entries) for registry in REGISTRIES]
    yield tmp_path
    for registry, entries in zip(REGISTRIES, registered, strict=True):
        registry._entries = entries


def answers(line: str) -> list[str]:
    """The candidates for what stands before the end of a line, without their sentences."""
    *before, current = line.split(" ")
    return [candidate.partition("\t")[0] for candidate in completion.answer([current, *before[1:]])]


@pytest.mark.parametrize(
    ("line", "expected", "others"),
    [
        ("attnlab ", [*VERBS], ["encoder="]),
        ("attnlab tr", ["train"], ["runs"]),
        ("attnlab train ", ["run=", "task=", "encoder=", "encoder.", "seed="], ["encoder.depth=", "split="]),
        ("attnlab train encoder.", ["encoder.depth=", "encoder.heads="], ["encoder.cell=", "encoder.name="]),
        ("attnlab train encoder=recurrent encoder.", ["encoder.cell="], ["encoder.heads="]),
        ("attnlab train task=digits data.", ["data.patch=", "data.name="], ["data.tokens="]),
        ("attnlab train experiment=ud_ewt embedding.", ["embedding.char_width="], []),
        ("attnlab train task=pos init=l", ["init=latest"], []),
        ("attnlab train run=latest encoder.", ["encoder.cell=", "encoder.heads="], []),
        ("attnlab train task=s", ["task=sentiment", "task=social"], ["task=pos"]),
        ("attnlab train encoder.position=r", ["encoder.position=rotary", "encoder.position=relative"], []),
        ("attnlab train baselines=", ["baselines=true", "baselines=false"], []),
        ("attnlab train -m encoder=recurrent,att", ["encoder=recurrent,attention"], []),
        ("attnlab train logger=[jsonl,w", ["logger=[jsonl,wandb"], []),
        ("attnlab train --", ["--cfg", "--help"], ["--json"]),
        ("attnlab eval split=v", ["split=validation"], []),
        ("attnlab eval run=", ["run=latest"], []),
        ("attnlab predict ", ["latest"], ["task="]),
        ("attnlab predict latest --j", ["--json"], ["--top"]),
        ("attnlab predict latest ", [], ["task=", "latest"]),
        ("attnlab sweep sp", ["space="], []),
        ("attnlab sweep space=", ["space=rate", "space=size"], []),
        ("attnlab sweep sweep.sampler=", ["sweep.sampler=tpe"], []),
        ("attnlab runs sort=-enc", ["sort=-encoder.depth"], []),
        ("attnlab runs com", ["compare"], []),
        ("attnlab runs compare com", [], ["compare"]),
        ("attnlab runs group=encoder,optimizer.l", ["group=encoder,optimizer.lr"], []),
        ("attnlab bench sections=tagging,im", ["sections=tagging,images"], []),
        ("attnlab help encoder=attention_s", ["encoder=attention_slim"], []),
        ("attnlab help trainer.e", ["trainer.epochs"], []),
        ("attnlab completion ", ["bash", "fish", "zsh"], []),
        ("attnlab nonsense ", [], ["task="]),
    ],
)  # fmt: skip
def test_candidates(line: str, expected: list[str], others: list[str]) -> None:
    found = answers(line)
    assert set(expected) <= set(found) and not set(others) & set(found)
    assert all(candidate.startswith(line.rpartition(" ")[2]) for candidate in found)


def test_runs_are_named_by_their_folders_the_newest_first(folder: Path) -> None:
    runs = [f"run=outputs/pos/2026010{day}-120000-abcd" for day in (2, 1)]
    assert answers("attnlab eval run=") == ["run=latest", *runs]
    assert answers("attnlab eval run=outputs/pos/20260101") == runs[1:]
    assert answers("attnlab predict outputs/pos/20260101") == [runs[1].removeprefix("run=")]
    assert answers("attnlab predict latest mix") == ["mixing.py"]


def test_files_and_folders_are_values_of_paths(folder: Path) -> None:
    assert answers("attnlab train data=csv data.path=mix") == ["data.path=mixing.py"]
    assert answers("attnlab train data.path=outputs/") == ["data.path=outputs/pos/"]
    assert answers("attnlab train outputs=out") == ["outputs=outputs/"]


def complete(folder: Path, shell: str, script: str, *arguments: str) -> list[str]:
    """What a shell with our script offers; `attnlab` is found there as it would be after an installation."""
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    program = folder / "bin" / "attnlab"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.path.remove(\'\'); '
                       'from attnlab.cli import main; sys.exit(main())" "$@"\n')  # fmt: skip
    program.chmod(0o755)
    (folder / "script").write_text(script)
    environment = os.environ | {"PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [shell, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.splitlines()


LINES = {
    "attnlab tra": ["train"],
    "attnlab train encoder.po": ["encoder.position="],
    "attnlab train encoder.position=ro": ["encoder.position=rotary"],
    "attnlab train task=mixed encoder.g": ["encoder.gain="],
    "attnlab train encoder=mi": ["encoder=mixer"],
    "attnlab train task=mixed encoder.how=ma": ["encoder.how=max"],
    "attnlab eval run=outputs/pos/20260102": ["run=outputs/pos/20260102-120000-abcd"],
}


@pytest.mark.parametrize("line", LINES)
def test_bash(line: str, folder: Path) -> None:
    """Its completion function is called as readline calls it; words end at = and :, too, and only the last one is replaced."""
    test = 'source ./script; COMP_LINE="$1" COMP_POINT=${#1}; _attnlab; printf "%s\\n" "${COMPREPLY[@]}"; complete -p attnlab'
    *found, registered = complete(folder, "bash", completion.BASH, "-c", test, "bash", line)
    assert found == [candidate.rpartition("=")[2] or candidate for candidate in LINES[line]]
    assert registered == "complete -F _attnlab attnlab"


@pytest.mark.parametrize("line", LINES)
def test_zsh(line: str, folder: Path) -> None:
    """What zsh's own function takes up is printed instead."""
    stubs = (
        "compdef() {}; compadd() { print -l -- ${(P)${@[-1]}} }; source ./script; words=(${=1}); CURRENT=$#words"
    )
    assert (
        complete(folder, "zsh", completion.ZSH, "-f", "-c", f"{stubs}; PREFIX=$words[-1]; _attnlab", "zsh", line)
        == LINES[line]
    )


@pytest.mark.parametrize("line", LINES)
def test_fish(line: str, folder: Path) -> None:
    found = complete(
        folder, "fish", completion.FISH, "--no-config", "-c", "source ./script; complete -C $argv[1]", line
    )
    assert [candidate.partition("\t")[0] for candidate in found] == LINES[line]


def test_a_plugin_is_read_and_not_run(folder: Path) -> None:
    """Its last line would fail."""
    assert answers("attnlab train encoder=mi") == ["encoder=mixer"]
    assert answers("attnlab train encoder=mixer encoder.how=") == ["encoder.how=mean", "encoder.how=max"]
    assert "mixing" not in sys.modules


@pytest.mark.parametrize("text", ["plugins: [nowhere]", "plugins: [mixing", "plugin: x"])
def test_mistakes_are_passed_over(text: str, folder: Path) -> None:
    (folder / "attnlab.yaml").write_text(text)
    assert answers("attnlab train task=mix") == ["task=mixed"]


@pytest.mark.parametrize(
    "source", ["def", "@ENCODERS.register\nclass X: pass", "@R.register('x', K)\nclass X: pass"]
)
def test_a_plugin_that_cannot_be_read_is_passed_over(source: str, folder: Path) -> None:
    (folder / "mixing.py").write_text(source)
    assert answers("attnlab train task=mix") == ["task=mixed"]


def test_the_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "zsh"]) == 0 and capsys.readouterr().out == completion.ZSH
    assert main(["completion", "zhs"]) == 2 and "did you mean `zsh`?" in capsys.readouterr().err
    assert main(["completion"]) == 2 and "bash, fish, zsh" in capsys.readouterr().err


def test_words_of_a_joint_run() -> None:
    """Those of one part are an ordinary run's, those that all have in common are not a part's."""
    line = "attnlab train task=joint parts=[pos,digits] "
    assert "task=joint" in answers("attnlab train task=")
    assert answers("attnlab train task=joint parts=[pos,dig") == ["parts=[pos,digits"]
    assert answers(f"{line}pa") == ["parts=", "parts.pos.", "parts.digits."]
    assert answers(f"{line}parts.pos.data=gram") == ["parts.pos.data=grammar"]
    assert "parts.digits.data.patch=" in answers(f"{line}parts.digits.data.")
    assert answers(f"{line}parts.pos.trainer.") == [
        "parts.pos.trainer.batch_vectors=",
        "parts.pos.trainer.monitor=",
    ]
    assert {"optimizer=", "encoder.", "trainer.", "seed="} <= set(answers(line))
    assert not {"data=", "data.", "init=", "members=", "experiment="} & set(answers(line))
    assert answers(f"{line}trainer.mi") == ["trainer.mixing="] and answers(f"{line}trainer.batch") == []
