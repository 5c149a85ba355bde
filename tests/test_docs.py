"""Every example of docs/data.md, docs/scores.md and docs/transfer.md, and those of docs/sweeps.md that compare runs, as they stand
there: the files are written, the commands are run."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile
from pictures import noise, write_picture

from attnlab.cli import main
from attnlab.metrics import Metric
from attnlab.metrics.labels import SPANS
from attnlab.registry import METRICS
from attnlab.targets import KINDS

PAGE = Path(__file__).parents[1] / "docs" / "data.md"
SCORES = PAGE.with_name("scores.md")
TINY = (
    "outputs=outputs data.cache=cache encoder.width=16 encoder.depth=1 encoder.heads=2 trainer.epochs=1 "
    "trainer.device=cpu baselines=false"
).split()


@dataclass
class Example:
    """The files that a command needs, and those before it on the page. trained: the command that makes the run of `eval`."""

    command: str
    files: dict[str, bytes] = field(default_factory=dict)
    trained: str = ""


def examples(page: Path = PAGE) -> list[Example]:
    """All commands of the page in order."""
    files: dict[str, bytes] = {}
    found = list[Example]()
    for info, text in re.findall(r"^```(\S.*?)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        language, *words = info.split()
        keys = dict(word.partition("=")[::2] for word in words)
        if language == "sh":
            for line in text.splitlines():
                before = [other.command for other in found if other.command.startswith("attnlab train")]
                asks = line.startswith(("attnlab eval", "attnlab predict"))
                found.append(Example(line, dict(files), before[-1] if asks else ""))
        elif "files" in keys:
            files |= dict.fromkeys(text.split(), b"")
        elif "file" in keys:
            files[keys["file"]] = text.encode(keys.get("encoding", "utf-8"))
    return found


def write(files: dict[str, bytes], folder: Path) -> None:
    for i, (name, content) in enumerate(files.items()):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".wav"):
            soundfile.write(path, np.sin(np.arange(6000) * (1 + i) / 30), 16000)
        elif name.endswith(".png"):
            write_picture(path, noise(12 + i % 3, 16, 3, seed=i))
        else:
            path.write_bytes(content)


def run(command: str, *more: str) -> int:
    program, verb, *words = shlex.split(command)
    assert program == "attnlab"
    tiny = [] if "--list" in words or verb == "predict" else TINY
    return main([verb, *words, *tiny, *more])


@pytest.mark.parametrize(
    "example", examples(), ids=lambda e: e.command.removeprefix("attnlab ").replace("data.", "")
)
def test_it_runs_as_it_stands(example: Example, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    write(example.files, tmp_path)
    assert not example.trained or run(example.trained) == 0
    assert run(example.command) == 0, capsys.readouterr().err
    if example.command.startswith("attnlab train"):
        (results,) = tmp_path.glob("outputs/*/*/results.json")
        assert {"test", "validation"} <= set(json.loads(results.read_text())), "every split is held out"


def test_the_page_on_scores_runs_as_it_stands(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for example in examples(SCORES):
        write(example.files, tmp_path)
        assert run(example.command) == 0
        assert "95 % intervals of test, from resampled examples: " in capsys.readouterr().out
    text = SCORES.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    exec(compile(code, str(SCORES), "exec"), {})
    assert re.fullmatch(r"[+-]\d\.\d{4}, between [+-]\d\.\d{4} and [+-]\d\.\d{4}\n", capsys.readouterr().out)
    assert sorted(name for name in METRICS if f"`{name}`" not in text) == [], "every metric is on the page"
    for kind, target in KINDS.items():
        (row,) = [line for line in text.splitlines() if re.match(rf"\| .*`{kind}`.* \|", line)]
        usual, more = ({*re.findall(r"`(\w+)`", cell)} for cell in row.split("|")[2:4])
        fitting = {name for name in METRICS if kind in METRICS.get(name, Metric).kinds}
        assert usual == {*target.metrics, *(SPANS if kind == "vector_classes" else ())}
        assert more == fitting - usual


MISTAKES = {
    "tags.txt": ("saw\tVERB\na", "saw\na", "tags.txt:2: 1 column"),
    "tags.jsonl": ('"sleeps"]', '"sleeps", "well"]', "tags.jsonl:2: 3 words, but 2 tags"),
    "names.txt": ("Lovelace\tI-PER", "Lovelace", "names.txt:2: 1 column"),
    "toy.conllu": ("2\tbark\tbark", "2\tbark", "toy.conllu:5: 9 columns"),
    "reviews.csv": ("Dull.,bad", "Dull, bad,bad", "reviews.csv:3: 4 columns, where the first row has 3"),
    "reviews.tsv": ("Dull.\tbad", "Dull. bad", "reviews.tsv:2: 1 columns, where the first row has 2"),
    "reviews.jsonl": (
        '"Dull", "score": 1',
        '"Dull", "score": "low"',
        "reviews.jsonl:2: label `low` is not a number",
    ),
    "products.csv": (
        "Broke at once;bad",
        "Broke; at once;bad",
        "products.csv:3: 6 columns, where the first row has 5",
    ),
    "pairs/train.de": ("Die Sonne scheint.\n", "", "line i of one must be the translation"),
    "pairs.csv": ("en,fr", "en,fra", "pairs.csv:1: no column `fr`; did you mean `fra`?"),
    "words.csv": ("words/yes/1.wav", "words/yes/9.wav", "words.csv:4: `words/yes/9.wav` is missing"),
    "said.csv": ("words/no/2.wav,no no", "words/no/2.wav,", "said.csv:3:"),
    "graphs.jsonl": (
        "[0, 1], [1, 2]",
        "[0, 1], [1, 3]",
        "graphs.jsonl:2: an edge to node 3, but the nodes are 0 to 2",
    ),
    "TOY/TOY_A.txt": ("3, 4", "3, 5", "TOY_A.txt:3: an edge from graph 2 to graph 3"),
    "letters.csv": (
        "1852-01-11",
        "11.1.1852",
        "letters.csv:5: `11.1.1852` in column `date` (`data.time`) is no date",
    ),
    "old.csv": ("data.encoding=cp1252", "data.encoding=utf-8", "old.csv:2: not UTF-8 text; name its encoding"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_sentence_with_file_and_line(name: str, tmp_path: Path, monkeypatch, capsys) -> None:
    right, wrong, expected = MISTAKES[name]
    place = name.partition("/")[0]
    fitting = [e for e in examples() if f"data.path={place} " in e.command + " " and "attnlab train" in e.command]
    example = fitting[-1 if name == "letters.csv" else 0]  # whose last command alone reads dates
    monkeypatch.chdir(tmp_path)
    text = example.files[name].replace(right.encode(), wrong.encode(), 1)
    command = example.command.replace(right, wrong)
    assert text != example.files[name] or command != example.command
    write(example.files | {name: text}, tmp_path)
    assert run(command) == 2
    error = capsys.readouterr().err
    assert expected in error and len(error.splitlines()) == 1, error
    assert not (tmp_path / "outputs").exists()


def test_every_file_on_the_page_has_its_mistake() -> None:
    shown = {name for example in examples() for name, content in example.files.items() if content}
    covered = set(MISTAKES) | {
        "unread.csv",
        "new.txt",
        "pairs/train.en",
        "TOY/TOY_graph_indicator.txt",
        "TOY/TOY_graph_labels.txt",
    }
    assert shown == covered, "beside their partners"


def test_the_examples_of_comparing_runs(tmp_path: Path, monkeypatch, capsys) -> None:
    """Those of the page on sweeps that say `sh`, one after the other in one folder."""
    monkeypatch.chdir(tmp_path)
    page = PAGE.with_name("sweeps.md").read_text(encoding="utf-8")
    lines = "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.M | re.S)).splitlines()
    assert len(lines) >= 5
    for line in lines:
        program, verb, *words = shlex.split(line)
        tiny = [word for word in TINY if "heads" not in word] if verb == "train" else []
        assert program == "attnlab" and main([verb, *words, *tiny]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "A: encoder=attention (3 runs, seeds 1, 2, 3)" in out and "(accuracy, " in out


def test_the_examples_of_starting_from_another_run(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    commands = examples(PAGE.with_name("transfer.md"))
    assert len(commands) == 5
    for example in commands:
        assert run(example.command, "trainer.updates=2", "schedule=constant") == 0, capsys.readouterr().err
    told = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("outputs/*/*/init.json"))]
    assert len(told) == 3 and sum("words" in taken["rows"] for taken in told) == 1


def test_links_between_pages_lead_somewhere_and_pictures_are_small() -> None:
    pages = [PAGE.parents[1] / "README.md", PAGE.parents[1] / "CONTRIBUTING.md", *PAGE.parent.glob("*.md")]
    linked = {
        (page.parent / link).resolve(): page.name
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if "://" not in link
    }
    assert {page: path for path, page in linked.items() if not path.exists()} == {}
    sizes = [path.stat().st_size for path in (PAGE.parent / "pictures").iterdir()]
    assert 0 < max(sizes) < 1_000_000 and sum(sizes) < 3_000_000


def test_the_page_on_architecture_names_every_file() -> None:
    root = PAGE.parents[1]
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    explicit = set(re.findall(r"`([\w/]+\.py)`", text))
    names = explicit | {f"{name}.py" for name in re.findall(r"`(\w+)`", text)}
    missing = [
        str(path.relative_to(root))
        for path in sorted((root / "attnlab").rglob("*.py"))
        if path.name != "__init__.py" and path.name not in names
    ]
    assert missing == []
    written = {path.name for path in (root / "attnlab").rglob("*.py")}
    assert {name for name in explicit if "/" not in name} <= written, "a file that is named is there"
