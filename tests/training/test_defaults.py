"""Settings that follow from the data: told, written down, and never ahead of what somebody states."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import scipy.io.wavfile
import yaml
from conftest import write_treebank
from graphs import write_tu
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pictures import write_folder

from attnlab import compose, groups
from attnlab.cli import main
from attnlab.config import GraphData
from attnlab.training.defaults import RULES, Facts, settle

TINY = ["encoder.width=8", "encoder.depth=1", "trainer.updates=2", "baselines=false"]


def settled(*words: str):
    return settle(compose.compose(words), words)


def table(folder: Path, rows: int = 40) -> list[str]:
    folder.mkdir(exist_ok=True)
    lines = [f"a {'good' if i % 2 else 'bad'} film {i},{'yes' if i % 2 else 'no'}\n" for i in range(rows)]
    (folder / "films.csv").write_text("text,label\n" + "".join(lines))
    return ["task=sentiment", "data=csv", f"data.path={folder / 'films.csv'}"]


@pytest.mark.parametrize("task", sorted({*groups.choices("task")} - groups.OWN_DATA.keys()))
def test_data_that_come_with_the_program_keep_their_quick_settings(task: str) -> None:
    config, line = settled(f"task={task}")
    assert config == compose.compose([f"task={task}"]) and line == ""


def test_settings_are_told_written_down_and_stay(tmp_path: Path, capsys) -> None:
    treebank = write_treebank(tmp_path / "bank")
    words = ["task=pos", "data=ud_ewt", f"data.path={treebank}", *TINY]
    assert main(["train", *words, f"folder={tmp_path / 'run'}"]) == 0
    told = capsys.readouterr().out
    line = next(line for line in told.splitlines() if line.startswith("defaults for "))
    assert line.startswith("defaults for 60 sentences: embedding=word_char encoder.scope=[window:3,full] ")
    assert "encoder.width" not in line and line.endswith(
        "; a key that you set overrides its default, defaults=plain turns all of them off"
    )
    saved = (tmp_path / "run" / "config.yaml").read_text()
    config = yaml.safe_load(saved)
    assert config["embedding"]["name"] == "word_char" and config["encoder"]["scope"] == ["window:3", "full"]
    assert config["trainer"]["epochs"] == 60 and config["encoder"]["width"] == 8, "what is stated stays"
    assert line in (tmp_path / "run" / "log.txt").read_text()
    # Continued where there are other examples by now, a run keeps what it began with.
    assert main(["train", f"run={tmp_path / 'run'}", "trainer.updates=3"]) == 0
    assert "defaults for" not in capsys.readouterr().out
    assert (tmp_path / "run" / "config.yaml").read_text() == saved.replace("updates: 2", "updates: 3")


def test_the_configuration_shows_them(tmp_path: Path, capsys) -> None:
    words = table(tmp_path)
    assert main(["train", *words, "--cfg", "job"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("# defaults for 32 texts: embedding=word_char ")
    assert yaml.safe_load(shown)["head"]["bag"] == 0.3
    assert main(["train", *words, "--cfg", "job", "defaults=plain"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["embedding"]["name"] == "auto"
    assert main(["train", *words, "defaults=plane"]) == 2
    assert "`defaults=plane`: did you mean `plain`" in capsys.readouterr().err


def test_texts_with_numbers_have_a_rule_of_their_own(tmp_path: Path) -> None:
    rows = "".join(f"{word} thing {i},{i % 7}.5\n" for i, word in enumerate(["old", "new"] * 20))
    (tmp_path / "offers.csv").write_text("text,label\n" + rows)
    words = ["task=regression", "data=csv", f"data.path={tmp_path / 'offers.csv'}"]
    config, line = settled(*words)
    assert line.startswith("defaults for 32 texts: embedding=word_char ")
    assert config.trainer.epochs == 120 and config.encoder.dropout == 0.1 and config.head.bag is None
    assert settled(*words, "trainer.epochs=7")[0].trainer.epochs == 7, "what is stated stays"


@pytest.mark.parametrize("examples", [40, 100, 360, 1000, 4000])
def test_few_short_texts_with_numbers_get_hundreds_of_updates(examples: int) -> None:
    (rule,) = [rule for rule in RULES if rule.kind == "number"]
    chosen = rule.settings(Facts(examples, vectors=6 * examples, longest=8))
    assert 200 <= chosen["trainer.epochs"] * math.ceil(6 * examples / chosen["trainer.batch_vectors"]) <= 3000


def test_an_experiment_is_a_recipe_of_its_own(tmp_path: Path) -> None:
    words = ["experiment=ud_ewt", f"data.path={write_treebank(tmp_path / 'bank')}"]
    assert settled(*words) == (compose.compose(words), "")


def test_what_a_choice_states_stays(tmp_path: Path) -> None:
    words = ["task=digits", "data=image_folder", f"data.path={write_folder(tmp_path)}"]
    assert settled(*words)[0].encoder.position == "learned"
    assert settled(*words, "encoder=attention_no_positions")[0].encoder.position == "none"


def test_a_file_of_the_users_states_too(tmp_path: Path, monkeypatch) -> None:
    words = table(tmp_path)
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "films.yaml").write_text(
        "# @package _global_\ndefaults: [override /data: csv, override /head: classification, _self_]\n"
        "task: films\nencoder: {dropout: 0.25}\n"
    )
    monkeypatch.chdir(tmp_path)
    config, _ = settled("task=films", words[2])
    assert config.encoder.dropout == 0.25 and config.head.readout == "mean" and config.head.bag == 0.3


def test_other_parts_take_what_they_have(tmp_path: Path) -> None:
    words = [*table(tmp_path), "encoder=convolution", "embedding=learned"]
    config, line = settled(*words)
    assert (config.encoder.name, config.encoder.depth, config.encoder.dropout) == ("convolution", 4, 0.5)
    assert config.embedding.name == "learned" and config.head.bag == 0.3
    assert "encoder.depth" not in line


def test_what_does_not_go_with_what_is_stated_is_left_out(tmp_path: Path) -> None:
    words = [
        "task=graph",
        "data=tu",
        "data.name=TOY",
        f"data.path={write_tu(tmp_path)}",
        "encoder.kernel=edgewise",
    ]
    config, line = settled(*words)
    assert config.encoder.scope == "edges" and config.encoder.width == 32
    assert "encoder.scope" not in line


def test_folds_share_their_settings(tmp_path: Path, capsys) -> None:
    words = ["task=graph", "data=tu", "data.name=TOY", f"data.path={write_tu(tmp_path)}", "data.folds=3"]
    assert main(["train", *words, *TINY, f"folder={tmp_path / 'run'}"]) == 0
    assert capsys.readouterr().out.count("defaults for ") == 1
    files = [tmp_path / "run" / "config.yaml", *(tmp_path / "run").glob("fold-*/config.yaml")]
    assert len(files) == 4
    assert {json.dumps(yaml.safe_load(file.read_text())["data"]["structure"]) for file in files} == {
        '["degree", "size", "random_walk:8"]'
    }


def test_short_recordings_are_masked_less(tmp_path: Path) -> None:
    for i, label in enumerate(("yes", "no") * 6):
        path = tmp_path / label / f"{i}.wav"
        path.parent.mkdir(exist_ok=True)
        samples = np.random.default_rng(i).integers(-9000, 9000, 400, dtype=np.int16)  # 50 ms
        scipy.io.wavfile.write(path, 8000, samples)
    words = ["task=keywords", "data=speech_folder", f"data.path={tmp_path}"]
    assert settled(*words)[0].data.mask_time < 25
    assert main(["train", *words, *TINY, f"outputs={tmp_path / 'out'}"]) == 0


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(RULES), st.integers(1, 10**7), st.integers(1, 10**4), st.integers(1, 10**4))
def test_more_examples_are_passed_less_often(rule, examples: int, mean: int, side: int) -> None:
    assume(
        rule.keys is not GraphData or not examples < 2000 <= 2 * examples
    )  # from so many on, graphs take longer
    fewer, more = (rule.settings(Facts(number, number * mean, mean, side)) for number in (examples, 2 * examples))
    assert 3 <= more["trainer.epochs"] <= fewer["trainer.epochs"] <= 120
    assert fewer["trainer.batch_vectors"] <= more["trainer.batch_vectors"]
    assert fewer.get("data.stride", 1) <= fewer.get("data.patch", 1)
