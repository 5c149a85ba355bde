"""`attnlab report` as a user meets it: every run gets its page, whatever kind of answers it gives, and what is missing is left out."""

import base64
import json
import re
import shutil
import zlib
from collections import Counter
from pathlib import Path

import pytest
from conftest import write_pairs, write_tables, write_treebank
from graphs import write_jsonl
from pictures import write_folder

from attnlab import compose
from attnlab.cli import main
from attnlab.disk import write_json, write_text
from attnlab.lab.report import page
from attnlab.lab.report.answers import read_answers
from attnlab.lab.report.command import after_training
from attnlab.lab.report.examples import worst
from attnlab.lab.report.facts import gather
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec, Target, Vocabulary

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</td>"
TINY = [
    "encoder.width=8",
    "encoder.depth=1",
    "encoder.heads=2",
    "trainer.epochs=2",
    "defaults=plain",
    "trainer.batch_vectors=100",
]


def packed_examples(text: str) -> dict[str, list[dict[str, object]]]:
    """What the page's script reads."""
    (data,) = re.findall(r'id="examples">([^<]*)<', text)
    raw = zlib.decompress(base64.b64decode(data), wbits=-15)
    found: dict[str, list[dict[str, object]]] = json.loads(raw[4 : 4 + int.from_bytes(raw[:4], "little")])["facts"]
    return found


def sections(text: str) -> list[str]:
    return re.findall(r'<h2 id="([\w-]+)"', text)


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def own_data(kind: str, folder: Path) -> list[str]:
    if kind == "class":
        return ["task=sentiment", "data=csv", f"data.path={write_tables(folder)}"]
    if kind == "vector_classes":
        return ["task=pos", "data=ud_ewt", f"data.path={write_treebank(folder)}"]
    if kind == "classes":
        lines = "".join(
            f"{'good ' * (1 + i % 2)} and {'long' if i % 3 else 'short'} {i},{i % 2},{int(i % 3 > 0)}\n"
            for i in range(90)
        )
        (folder / "x.csv").write_text("text,fine,long\n" + lines)
        words = ["data.label=[fine,long]", "data.target_kind=classes"]
        return ["task=classification", "data=csv", f"data.path={folder / 'x.csv'}", *words]
    if kind == "number":
        lines = "".join(f"{'big ' * (i % 5)}house {i},{i % 5}.5\n" for i in range(90))
        (folder / "x.csv").write_text("text,label\n" + lines)
        return ["task=regression", "data=csv", f"data.path={folder / 'x.csv'}"]
    if kind == "sequence":
        return ["task=translation", "data=parallel", f"data.path={write_pairs(folder)}", "data.tokens=words"]
    if kind == "picture":
        return ["task=classification", "data=image_folder", f"data.path={write_folder(folder)}", "data.patch=2"]
    records = [{"nodes": ["C"] * (2 + i), "edges": [[0, 1]], "label": ["even", "odd"][i % 2]} for i in range(40)]
    return ["task=classification", "data=graph_jsonl", f"data.path={write_jsonl(folder / 'g.jsonl', records)}"]


EXPECTED = {
    "class": {"confusion", "classes", "calibration", "groups"},
    "vector_classes": {"confusion", "classes", "calibration", "groups"},
    "classes": {"classes", "calibration", "groups"},
    "number": {"numbers", "groups"},
    "sequence": {"groups"},
    "picture": {"confusion", "classes", "calibration"},
    "graph": {"confusion", "classes", "calibration"},
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_kind_of_run_gets_its_page(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    (tmp_path / "data").mkdir()
    assert main(["train", *own_data(kind, tmp_path / "data"), *TINY, f"folder={run}"]) == 0
    assert f"report: {run}/report.html" in capsys.readouterr().out
    text = (run / "report.html").read_text(encoding="utf-8")
    found = set(sections(text))
    always = {"scores", "configuration", "data", "learning", "errors", "time", "commands"}
    assert always | EXPECTED[kind] <= found and len(text) < 200_000
    assert not re.search(r'(src|href)="(?!#|data:)', text) and "http://www.w3.org" in text
    facts = gather(RunFolder.find(str(run)))
    assert facts.troubles == [] and facts.answers is not None
    assert f"attnlab train task={facts.config.task}" in facts.started_with and "folder=" not in facts.started_with
    by_you = {setting.key: setting.value for setting in facts.settings if setting.by == "you"}
    assert by_you["encoder.width"] == "8" and facts.settings[0].by == "you"
    lines = rows_of(facts.folder.predictions("test"))
    assert facts.answers.keys() == [line["key"] for line in lines]
    media = packed_examples(text)["media"]
    assert not media, "pictures of one's own test data are left out"
    if kind in ("picture", "graph"):
        out = tmp_path / "with.html"
        assert main(["report", str(run), "--with-inputs", "--out", str(out)]) == 0
        assert packed_examples(out.read_text(encoding="utf-8"))["media"] and "--with-inputs" in text
    if kind == "class":
        shown = packed_examples(text)
        pairs = Counter((line["gold"], line["predicted"]) for line in lines)
        asked = [(one["gold"], one["predicted"]) for one in shown["shown"]]
        assert set(asked) == set(pairs) and all(asked.count(pair) == min(12, n) for pair, n in pairs.items())
    if kind == "vector_classes":
        wrong = sum(g != p for line in lines for g, p in zip(line["gold"], line["predicted"], strict=True))  # type: ignore[arg-type, call-overload]
        assert facts.answers.error.sum() == wrong
    if kind == "number":
        assert facts.answers.error == pytest.approx([abs(line["gold"] - line["predicted"]) for line in lines])  # type: ignore[operator]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "data").mkdir()
    for seed in (1, 2):
        words = [
            *own_data("class", folder / "data"),
            *TINY,
            f"seed={seed}",
            "trainer.epochs=1",
            f"folder={folder / f'run{seed}'}",
        ]
        assert main(["train", *words]) == 0
    return folder


def test_a_page_changes_nothing_of_its_run(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished / "run1", run)
    assert main(["eval", f"run={run}"]) == 0 and main(["prune", f"run={run}", "--yes"]) == 0
    assert main(["report", str(run)]) == 0
    assert main(["eval", f"run={run}"]) == 0


def test_training_longer_puts_the_page_aside(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished / "run1", run)
    before = (run / "report.html").read_text(encoding="utf-8")
    RunFolder(run).outdate_results()
    assert not (run / "report.html").exists() and main(["train", f"run={run}", "trainer.epochs=3"]) == 0
    assert (run / "report.html").read_text(encoding="utf-8") != before


def test_what_is_missing_is_left_out(finished: Path, tmp_path: Path) -> None:
    """One line of metrics; no predictions; no results; no data; no environment."""
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished / "run1", run.path)
    assert len(run.read_metrics()) == 1 and "single points" in page.render(gather(run))
    run.predictions("test").unlink()
    text = page.render(gather(run))
    assert "Nothing was predicted for test data" in text and "confusion" not in sections(text)
    for path in (run.results, run.environment, run.overrides):
        path.unlink()
    config = run.config.read_text(encoding="utf-8")
    write_text(run.config, config.replace(str(finished / "data"), str(tmp_path / "nowhere")))
    text = page.render(gather(run))
    assert "could not be read again" in text and "no test scores yet" in text
    run.metrics.unlink()
    assert sections(page.render(gather(run))) == ["scores", "configuration", "data", "commands"]


def test_a_failure_of_the_page_is_one_warning(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished / "run1", run.path)
    with run.predictions("test").open("a", encoding="utf-8") as stream:
        stream.write('{"key": "x", "gold": 3}\n')
    after_training(run)
    told = capsys.readouterr().out
    assert (
        told.startswith("Warning: the run has finished, but its report was not written") and told.count("\n") == 1
    )
    assert main(["report", str(run.path)]) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "write `attnlab report RUN`"),
        (["--with-input"], "--with-inputs"),
        (["nowhere"], "no such folder"),
        (["RUN1", "--out", "page.pdf"], "end in .html"),
        (["RUN1", "RUN1"], "named twice"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str], told: str, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [str(finished / "run1") if word == "RUN1" else word for word in words]
    assert main(["report", *named]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def strangers_run(folder: Path, name: str, labels: list[str], lines: list[dict[str, object]]) -> RunFolder:
    """A finished run of which nothing but these answers is known."""
    run = RunFolder.create("", "", str(folder / name))
    words = ["task=sentiment", "head.target=label", "data=csv", "data.path=/nowhere/x.csv"]
    write_text(run.config, compose.to_yaml(compose.compose(words)))
    target = Target("class", tuple(labels), tuple(1 for _ in labels))
    DataSpec("text", 1, None, {"label": target}, {"words": Vocabulary(("<unk>", "good"), (0, 1))}).save(run.path)
    write_text(run.predictions("test"), "".join(json.dumps(line) + "\n" for line in lines))
    right = sum(line["gold"] == line["predicted"] for line in lines)
    train = {"monitor": "accuracy", "wall_seconds": 1.0, "seconds": 1.0}
    scores = {"accuracy": right / len(lines)}
    classes = {label: {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1} for label in labels}
    write_json(run.results, {"task": "t", "test": scores, "validation": scores, "train": train, "classes": classes,
                             "warnings": [EVIL], "baselines": {EVIL: scores}})  # fmt: skip
    write_text(run.overrides, json.dumps([f"data.path={EVIL}"]))
    return run


def evil_lines(labels: list[str], count: int = 40) -> list[dict[str, object]]:
    return [
        {"key": f"{EVIL}{i}", "words": [EVIL, "good"], "gold": labels[i % 2], "predicted": labels[(i // 2) % 2],
         "probability": 0.9, EVIL: EVIL, "unknown_words": 0.5}
        for i in range(count)
    ]  # fmt: skip


def test_a_strangers_words_stay_words(tmp_path: Path) -> None:
    labels = [EVIL, "</script><script>alert(3)</script>"]
    run = strangers_run(tmp_path, "run", labels, evil_lines(labels))
    text = page.render(gather(run))
    assert "&lt;script&gt;alert(1)" in text
    assert len(re.findall("<script", text)) == 2, "the packed examples and the page's own script"
    assert "<img" not in text and "onerror=alert(2)>" not in text


@pytest.mark.parametrize(
    "line",
    ['{"key": "a", "gold": "a"}', '{"key": 1, "gold": "a", "predicted": "a"}', '{"key": "a", "gold": null, "predicted": "a"}',
     '{"key": "\\ud800", "gold": "a", "predicted": "a"}', "[1]", "", "{", '{"key": "a", "gold": ["a"], "predicted": "a"}'],
)  # fmt: skip
def test_damaged_predictions_are_refused(line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = strangers_run(
        tmp_path, "run", ["a", "b"], [{"key": "k", "gold": "a", "predicted": "a", "probability": 0.5}]
    )
    with run.predictions("test").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")
    assert main(["report", str(run.path)]) == 2
    assert "predictions-test.jsonl" in capsys.readouterr().err


def test_the_surest_mistakes_come_first(tmp_path: Path) -> None:
    chances = [0.3, 0.9, 0.8, 0.95, 0.7]
    lines = [
        {"key": f"k{i}", "gold": "a", "predicted": "b" if i != 3 else "a", "probability": p}
        for i, p in enumerate(chances)
    ]
    run = strangers_run(tmp_path, "run", ["a", "b"], lines)
    answers = read_answers([run.predictions("test")], Target("class", ("a", "b"), (1, 1)))
    assert [answers.key(int(answers.example[n])) for n in worst(answers)] == ["k1", "k2", "k4", "k0"]


def test_two_runs_side_by_side(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, out = [str(finished / f"run{seed}") for seed in (1, 2)], tmp_path / "pair.html"
    assert main(["report", *runs, "--out", str(out), "margin=0.02"]) == 0
    capsys.readouterr()
    assert main(["runs", "compare", *runs, "margin=0.02"]) == 0
    verdict = capsys.readouterr().out.splitlines()[-2]
    text = out.read_text(encoding="utf-8")
    assert verdict in text, "the page says what `runs compare` says"
    answers = [
        {
            line["key"]: line["gold"] == line["predicted"]
            for line in rows_of(RunFolder(Path(run)).predictions("test"))
        }
        for run in runs
    ]
    alone = sum(right and not answers[1][key] for key, right in answers[0].items())
    assert f"Answers that only A gets right: {alone:,};" in text and "McNemar" in text
    assert sections(text) == ["runs", "difference-B", "scores", "settings", "learning", "disagreements"]


def test_runs_that_cannot_be_compared_still_show_their_curves(finished: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(finished / "run2", other)
    RunFolder(other).predictions("test").unlink()
    out = tmp_path / "page.html"
    assert main(["report", str(finished / "run1"), str(other), "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert "was not scored on test data" in text and "learning" in sections(text)


def test_a_cross_validation_has_one_page(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    run = tmp_path / "run"
    words = [*own_data("graph", tmp_path / "data"), *TINY, "trainer.epochs=1", "data.folds=3", f"folder={run}"]
    assert main(["train", *words]) == 0
    facts = gather(RunFolder.find(str(run)))
    assert facts.answers is not None and len(facts.answers) == 40 and len(set(facts.answers.keys())) == 40
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "A dot for each fold" in text and not list(run.glob("fold-*/report.html"))
    assert "fold-" in facts.inspected_with(0)
