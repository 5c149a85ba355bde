"""Which of two runs is better is said by an interval of their difference, on the same examples."""

import json
from pathlib import Path
from random import Random

import numpy as np
import pytest

from attnlab import compose
from attnlab.cli import main
from attnlab.disk import write_json, write_text
from attnlab.lab.compare_runs import compare, verdict_on
from attnlab.metrics import Comparison, Metric
from attnlab.metrics.bootstrap import Difference, paired, paired_runs
from attnlab.registry import METRICS
from attnlab.runs import RunFolder
from attnlab.sets import Prediction
from attnlab.spec import DataSpec, Target, Vocabulary

ACCURACY: Metric = METRICS.get("accuracy", Metric)()


def answers(right: float, count: int, seed: int) -> Comparison:
    """Of two classes; about so large a fraction is right."""
    random = Random(seed)
    gold = [random.choice("ab") for _ in range(count)]
    made = [g if random.random() < right else "ab"[g == "a"] for g in gold]
    return Comparison("class", gold, [Prediction(answer, 0.75) for answer in made])


def same_gold(comparisons: list[Comparison]) -> list[Comparison]:
    """With the right answers of the first, and as many right."""
    gold = comparisons[0].gold
    return [
        Comparison("class", gold, [Prediction(g if p.value == o else "ab"[g == "a"], 0.75)
                                   for g, o, p in zip(gold, c.gold, c.predictions, strict=True)])
        for c in comparisons
    ]  # fmt: skip


def test_of_one_run_each_it_is_the_paired_interval() -> None:
    first, second = same_gold([answers(0.8, 300, 1), answers(0.7, 300, 2)])
    found = paired(ACCURACY, first, second)
    assert found is not None and paired_runs(ACCURACY, [first], [second]) == (found, found)


def test_seeds_widen_the_interval_as_the_formula_says() -> None:
    """Of means of n seeds with standard deviation s, to which the examples add little."""
    runs = same_gold([answers(0.5 + 0.05 * (i % 9), 4000, i) for i in range(18)])
    pair = paired_runs(ACCURACY, runs[:9], runs[9:])
    assert pair is not None
    over_examples, over_both = pair
    scores = np.array([ACCURACY.value(run) for run in runs])
    deviation = np.sqrt(scores[:9].var(ddof=1) / 9 + scores[9:].var(ddof=1) / 9)
    assert over_both.high - over_both.low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert over_examples.high - over_examples.low < 0.2 * (over_both.high - over_both.low)
    assert over_both.difference == pytest.approx(scores[:9].mean() - scores[9:].mean())


def test_the_rule_of_the_verdict() -> None:
    for low, high, verdict in (
        (0.001, 0.5, "better"), (-0.5, -0.001, "better"), (0.001, 0.002, "better"), (-0.01, 0.01, "no difference"),
        (-0.01, 0.011, "not decided"), (-0.5, 0.0, "not decided"), (-0.001, 0.001, "no difference"),
    ):  # fmt: skip
        assert verdict_on(Difference(0.0, low, high), margin=0.01) == verdict


def run(
    outputs: Path, name: str, right: int, *words: str, monitor: str = "accuracy", count: int = 200
) -> RunFolder:
    """A finished run that answers the last so many of the examples right."""
    folder = RunFolder.create("", "", str(outputs / name))
    write_text(folder.config, compose.to_yaml(compose.compose(["task=sentiment", "head.target=label", *words])))
    vocabulary = Vocabulary(("<unk>", "good"), (0, 1))
    DataSpec("text", 1, None, {"label": Target("class", ("a", "b"), (1, 1))}, {"words": vocabulary}).save(
        folder.path
    )
    rows = [
        {"key": f"test.csv:{i}", "text": "so so", "gold": "ab"[i % 2], "predicted": "ab"[(i % 2) ^ (i < count - right)],
         "probability": 0.75, "probabilities": {"a": 0.75, "b": 0.25}}
        for i in range(count)
    ]  # fmt: skip
    folder.predictions("test").write_text("".join(json.dumps(row) + "\n" for row in rows))
    test = {"accuracy": right / count}
    write_json(
        folder.results,
        {"task": "sentiment", "train": {"monitor": monitor}, "test": test, "validation": {monitor: 0.5}},
    )
    return folder


def cross_validation(
    outputs: Path, name: str, right: int, *words: str, split: int = 50, bound: int = 120, seed: int = 1
) -> RunFolder:
    """A finished one of two folds, the first of `bound` examples, whose answers are those of `run`. split: what is said of its
    division."""
    given = ["data=csv", "data.path=x.csv", "data.folds=3", f"data.split_seed={split}", f"seed={seed}", *words]
    whole = run(outputs, name, right, *given)
    lines = whole.predictions("test").read_text().splitlines(keepends=True)
    whole.predictions("test").unlink()  # as earlier versions left it
    parts = {"0": lines[:bound], "1": lines[bound:]}
    for fold, own in parts.items():
        part = run(outputs, f"{name}/fold-{fold}", 0, *given, f"data.fold={fold}")
        part.predictions("test").write_text("".join(own))
        correct = sum(line["gold"] == line["predicted"] for line in map(json.loads, own))
        scores = {"test": {"accuracy": correct / len(own)}, "validation": {"accuracy": 0.5}}
        write_json(part.results, {"task": "sentiment", "train": {"monitor": "accuracy"}, **scores})
    keys = {fold: [json.loads(line)["key"] for line in own] for fold, own in parts.items()}
    write_json(whole.folds, {"protocol": "two folds", "test": keys, "validation": keys})
    return whole


def edited(folder: RunFolder, old: str, new: str) -> None:
    path = folder.predictions("test")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["runs", "compare", *words]) == 0
    return capsys.readouterr().out


def test_one_run_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = run(tmp_path, "good", 180, "encoder.depth=2")
    bad = run(tmp_path, "bad", 120, "encoder.depth=1", "data.limit=50")
    lines = good.predictions("test").read_text().splitlines(keepends=True)
    good.predictions("test").write_text("".join(reversed(lines)))  # examples are matched by key
    for words, winner, limits, depths in (
        ((good.path, bad.path), "A is better than B", "null and 50", "2 and 1"),
        ((bad.path, good.path), "B is better than A", "50 and null", "1 and 2"),
    ):
        out = said(capsys, *map(str, words))
        assert f"{winner} (accuracy, 200 test examples): the 95 % interval of the difference, " in out
        assert f"They differ in data.limit ({limits}), encoder.depth ({depths})." in out
        assert (
            "One run on each side: this says what other examples would change, not what another seed would." in out
        )
    row = next(line.split() for line in out.splitlines() if line.startswith("accuracy"))
    assert row[1:4] == ["0.6000", "0.9000", "-0.3000"] and float(row[4]) < -0.3 < float(row[6]) < 0


def test_a_small_difference_is_none_within_the_margin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sides = [str(run(tmp_path, name, right, "encoder.depth=2").path) for name, right in (("a", 160), ("b", 161))]
    out = said(capsys, *sides)
    assert (
        "Not decided (accuracy" in out
        and "extends past the margin of 0.01." in out
        and "differ in nothing but the seed." in out
    )
    assert "No difference (accuracy" in said(capsys, *sides, "margin=0.1")
    assert compare([*sides, "margin=0"]) == "not decided"


def test_equal_scores_decide_as_much_as_the_rule_of_three_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 test examples: with none that differs, a difference of up to 3/200 is likely."""
    sides = [str(run(tmp_path, name, 160, f"seed={seed}").path) for seed, name in enumerate("ab")]
    sentence = (
        "{} (accuracy, 200 test examples): none was scored differently; with this many examples, a difference of up to 0.0150 "
        "cannot be excluded (3 / 200, 95 %), which {} the margin of {}."
    )
    assert sentence.format("Not decided", "extends past", "0.01") in said(capsys, *sides)
    assert sentence.format("No difference", "lies within", "0.015") in said(capsys, *sides, "margin=0.015")


def test_runs_that_finished_in_another_task_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, "one", 160, "encoder.depth=1")
    folder = run(tmp_path, "other", 160, "encoder.depth=2")
    write_text(folder.config, folder.config.read_text().replace("task: sentiment", "task: films"))
    words = ["encoder.depth=1", "encoder.depth=2", f"outputs={tmp_path}", "task=films"]
    assert main(["runs", "compare", *words]) == 2
    assert "none with task=films has finished; others have, with task sentiment" in capsys.readouterr().err


def test_several_seeds_on_each_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for depth, scores in ((1, (150, 170)), (2, (160, 180))):
        for seed, right in enumerate(scores):
            run(tmp_path, f"{depth}/{seed}", right, f"encoder.depth={depth}", f"seed={seed}")
    groups = said(capsys, "encoder.depth=1", "encoder.depth=2", f"outputs={tmp_path}")
    folders = said(capsys, *(f"{tmp_path}/{depth}/0,{tmp_path}/{depth}/1" for depth in (1, 2)))
    assert "A: encoder.depth=1 (2 runs, seeds 0, 1)" in groups
    assert groups.splitlines()[2:] == folders.splitlines()[2:]
    row = next(line.split() for line in groups.splitlines() if line.startswith("accuracy"))
    assert row[:8] == ["accuracy", "0.8000", "±", "0.0707", "0.8500", "±", "0.0707", "-0.0500"]
    assert "Not decided (accuracy" in groups and float(row[10]) < 0 < float(row[13]), "examples alone would decide"
    assert "With fewer than 5 seeds" in groups and "One run on each side" not in groups
    one = said(capsys, f"{tmp_path}/1/0", "encoder.depth=2", f"outputs={tmp_path}")
    assert "A is one run: what another seed would change there isn't in the interval." in one


def test_cross_validations_are_compared_by_the_answers_of_all_folds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exactly as two runs with the same answers are."""
    single = said(capsys, str(run(tmp_path, "a", 180).path), str(run(tmp_path, "b", 120, "encoder.depth=1").path))
    first = cross_validation(tmp_path, "cv/a", 180, "encoder.depth=2")
    second = cross_validation(tmp_path, "cv/b", 120, "encoder.depth=1")
    folded = said(capsys, str(first.path), str(second.path))
    chosen = said(capsys, "encoder.depth=2", "encoder.depth=1", f"outputs={tmp_path / 'cv'}", "data.folds=3")
    for out in (folded, chosen):
        assert out.splitlines()[3:7] == single.splitlines()[3:7]
        assert "A is better than B (accuracy, 200 test examples)" in out
        assert "of 2 folds, each answered by the model of its fold: scores are of all answers together" in out
    assert "each answered by" not in single
    cross_validation(tmp_path, "cv/c", 175, "encoder.depth=2", seed=2)
    assert "A: encoder.depth=2 (2 runs, seeds 1, 2)" in said(
        capsys, "encoder.depth=2", "encoder.depth=1", f"outputs={tmp_path / 'cv'}"
    )


def test_cross_validations_of_other_folds_and_single_runs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cross_validation(tmp_path, "first", 150)
    cross_validation(tmp_path, "other", 150, bound=90)
    run(tmp_path, "single", 150)
    cross_validation(tmp_path, "untested", 150).fold("1").predictions("test").unlink()
    edited(cross_validation(tmp_path, "mixed", 150).fold("0"), '"predicted": "a"', '"predicted": "b"')
    for other, sentence in (
        ("other", "divide the same examples into other folds: train both with the same `data.folds=` and `data.split_seed=`"),
        ("single", "first is a cross-validation and OUT/single a single run: compare cross-validations of the same folds, or"),
        ("untested", "was not scored on test data; do so with `attnlab eval run="),
        ("mixed", "fold-0/predictions-test.jsonl: these predictions don't have the accuracy of"),
    ):  # fmt: skip
        assert main(["runs", "compare", str(tmp_path / "first"), str(tmp_path / other)]) == 2
        error = capsys.readouterr().err.replace(str(tmp_path), "OUT")
        assert sentence in error and len(error.splitlines()) == 1, error


def test_what_picked_the_weights_may_be_no_score_of_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = [str(run(tmp_path, name, 150, f"seed={name}", monitor="loss").path) for name in ("1", "2")]
    assert "The verdict is on accuracy; the weights were picked by loss, which predictions don't hold." in said(
        capsys, *sides
    )


def test_a_finished_sweep_is_every_seed_of_its_best_trial(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = tmp_path / "sweep"
    for seed in (1, 2):
        run(sweep, f"trial-4/seed-{seed}", 150, f"seed={seed}")
    write_text(sweep / "sweep.yaml", "words: []\n")
    best = {"number": 4, "score": 0.5, "seeds": {"1": 0.5, "2": 0.5}}
    write_json(sweep / "results.json", {"monitor": "accuracy", "best": best})
    other = str(run(tmp_path, "other", 150, "seed=3").path)
    for named in (sweep, sweep / "trial-4"):
        out = said(capsys, str(named), other)
        assert f"A: {named} (2 runs, seeds 1, 2)" in out
        assert (f"Using trial 4, the best of {sweep}" in out) == (named == sweep)


REFUSED = {
    "another example": ('"test.csv:7"', '"test.csv:700"', "were tested on different examples: they share"),
    "another right answer": ('"test.csv:7", "text": "so so", "gold": "b"', '"test.csv:7", "text": "so so", "gold": "a"', "different labels, such as those of test.csv:7"),
    "no key": ('"key": "test.csv:7"', '"kee": "test.csv:7"', "predictions-test.jsonl:8: `key` is missing"),
    "a number for a class": ('"test.csv:7", "text": "so so", "gold": "b"', '"test.csv:7", "text": "so so", "gold": 3', "predictions-test.jsonl:8: `gold`: 3 where text should be"),
    "a list for a class": ('"predicted": "a"', '"predicted": ["a"]', "`predicted`: a list where text should be"),
    "no JSON": ("{", "", "not valid JSON"),
    "predictions of other weights": ('"predicted": "a"', '"predicted": "b"', "don't have the accuracy of 0.7000 that results.json says"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_predictions_that_cannot_be_compared_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = run(tmp_path, "first", 150), run(tmp_path, "second", 140)
    old, new, sentence = REFUSED[name]
    edited(second, old, new)
    if name == "another right answer":
        second.results.unlink()
        write_json(second.results, {"train": {"monitor": "accuracy"}, "validation": {"accuracy": 0.5}})
    assert main(["runs", "compare", str(first.path), str(second.path)]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_words_that_name_nothing_to_compare_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, "first", 150, "encoder.depth=1")
    run(tmp_path, "second", 150, "encoder.depth=2", count=150)
    run(tmp_path, "untested", 150, "encoder.depth=3").predictions("test").unlink()
    run(tmp_path, "unfinished", 150).results.unlink()
    run(tmp_path, "other", 150, "encoder.depth=2", "data=csv", "data.path=x.csv")
    here = f"outputs={tmp_path}"
    for words, sentence in (
        (["first"], "write `attnlab runs compare A B`"),
        (["first", "second"], "were tested on different examples: they share 150, and test.csv:150"),
        (["first", "first"], "this run is on both sides"),
        (["first,first", "second"], "names"),
        (["first", "untested"], "was not scored on test data; do so with `attnlab eval run="),
        (["first", "unfinished"], "has not finished; `attnlab train run="),
        (["first", "nowhere"], "no such folder"),
        (["first", "encoder.depth=3", here], "`encoder.depth=3`: of the runs in OUT/ that have it, none was scored on test data"),
        (["first", "encoder.depth=2", here], "these runs are sentiment on csv x.csv by accuracy; sentiment on reviews by accuracy; add words"),
        (["first", "encoder.dept=2", here], "did you mean `encoder.depth`?"),
        (["first", "second", "other"], "two sides are compared"),
        (["first", "second", "margin=-1"], "write a number of at least 0"),
    ):  # fmt: skip
        paths = [",".join(str(tmp_path / p) for p in w.split(",")) if "=" not in w else w for w in words]
        assert main(["runs", "compare", *paths]) == 2
        error = capsys.readouterr().err.replace(str(tmp_path), "OUT")
        assert sentence in error and len(error.splitlines()) == 1, error
    run(tmp_path, "third", 150, "encoder.depth=2")
    out = said(capsys, "encoder.depth=1", "encoder.depth=2", here, "data=reviews", "run=first,third")
    assert "B: encoder.depth=2 (1 run, seed 1)" in out, "words behind the sides pick among their runs"
