"""The program as a user meets it: the main path once, and one clear sentence for each mistake."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import conllu, write_treebank
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig
from sklearn.metrics import precision_recall_fscore_support

from attnlab import compose, load_run, metrics
from attnlab.cli import VERBS, main
from attnlab.command_words import parse, quoted
from attnlab.errors import UserError
from attnlab.lab import multirun
from attnlab.metrics.bootstrap import interval
from attnlab.registry import METRICS
from attnlab.runs import RunFolder
from attnlab.sets import Prediction


def only_run(outputs: Path) -> Path:
    (found,) = outputs.glob("pos/*")
    return found


@pytest.fixture(scope="module")
def finished(treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder; tests that change it work on a copy."""
    outputs = tmp_path_factory.mktemp("finished")
    words = [
        "train", "data=ud_ewt", f"data.path={treebank}", f"outputs={outputs}", "encoder.width=16",
        "encoder.depth=1", "encoder.heads=2", "trainer.epochs=3", "trainer.batch_vectors=100",
    ]  # fmt: skip
    assert main(words) == 0
    return only_run(outputs)


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "copied" / "pos" / finished.name))


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    expected = {
        "config.yaml", "overrides.yaml", "environment.json", "spec.json", "vocabulary-words.tsv",
        "vocabulary-characters.tsv", "last", "best", "metrics.jsonl", "results.json",
        "predictions-test.jsonl", "predictions-test.csv", "log.txt",
    }  # fmt: skip
    assert expected <= {path.name for path in finished.iterdir()}
    results = json.loads((finished / "results.json").read_text())
    told = {"examples", "intervals", "undefined", "warnings", "classes"}
    assert (
        set(results)
        == {"task", "test", "validation", "train", "parameters", "baselines", "validation_baselines"} | told
    )
    assert results["examples"] == {"train": 60, "validation": 12, "test": 12}
    assert results["undefined"] == {
        "test": {"accuracy/unseen": "every word occurs in training, so that none is unseen"}
    }
    assert 0 < results["test"]["accuracy"] <= 1 and results["baselines"]["most_frequent_tag"]["accuracy"] < 0.9
    assert len((finished / "metrics.jsonl").read_text().splitlines()) == 3
    line = json.loads((finished / "predictions-test.jsonl").read_text().splitlines()[0])
    assert len(line["words"]) == len(line["gold"]) == len(line["predicted"]) == len(line["probability"])


def test_what_each_class_comes_to_is_shown_and_kept(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in (copied / "predictions-test.jsonl").read_text().splitlines()]
    gold, predicted = ([tag for line in lines for tag in line[side]] for side in ("gold", "predicted"))
    names = sorted({*gold, *predicted})
    rows = zip(*precision_recall_fscore_support(gold, predicted, labels=names, zero_division=0), strict=True)
    expected = {
        name: dict(zip(("precision", "recall", "f1", "support"), row, strict=True))
        for name, row in zip(names, rows, strict=True)
    }
    hits = Counter(g for g, p in zip(gold, predicted, strict=True) if g == p)
    for name, of in expected.items():
        of |= {"predicted": predicted.count(name), "correct": hits[name]}
    kept = json.loads((copied / "results.json").read_text())
    assert kept["classes"] == {name: pytest.approx(scores) for name, scores in expected.items()}
    log, table = (copied / "log.txt").read_text(), "Each class"
    shown = [
        [name, f"{of['precision']:.4f}", f"{of['recall']:.4f}", f"{of['f1']:.4f}", f"{of['support']:,}"]
        for name, of in kept["classes"].items()
    ]
    assert main(["eval", f"run={copied}"]) == 0
    for text in (log, capsys.readouterr().out):
        found = [line.replace("│", " ").split() for line in text[text.index(table) :].splitlines()]
        assert found[4 : 4 + len(shown)] == shown
    del kept["classes"]  # as an earlier version left it
    (copied / "results.json").write_text(json.dumps(kept))
    assert main(["eval", f"run={copied}"]) == 0
    (copied / "results.json").write_text(
        json.dumps(kept | {"classes": {"NOUN": expected["NOUN"] | {"f1": 1.5}}}, default=int)
    )
    assert main(["eval", f"run={copied}"]) == 2
    assert "`classes.NOUN.f1`: 1.5 where a number of at most 1 should be" in capsys.readouterr().err


def test_intervals_of_test_scores_are_kept_and_shown(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = json.loads((copied / "results.json").read_text())
    lines = [json.loads(line) for line in (copied / "predictions-test.jsonl").read_text().splitlines()]
    answers = [Prediction(line["predicted"], line["probability"]) for line in lines]
    comparison = metrics.Comparison("vector_classes", [line["gold"] for line in lines], answers)
    assert kept["intervals"].keys() == {"test"} and kept["intervals"]["test"].keys() == {"accuracy", "macro_f1"}
    for name, limits in kept["intervals"]["test"].items():
        assert tuple(limits) == interval(METRICS.get(name, metrics.Metric)(), comparison)
        assert limits[0] < kept["test"][name] < limits[1]
    assert main(["eval", f"run={copied}"]) == 0
    low, high = kept["intervals"]["test"]["accuracy"]
    for text in ((copied / "log.txt").read_text(), capsys.readouterr().out):
        (line,) = [line for line in text.splitlines() if "95 %" in line]
        assert line.startswith(
            f"95 % intervals of test, from resampled examples: accuracy {low:.2f}–{high:.2f}, macro_f1 0."
        )
    del kept["intervals"]  # as an earlier version left it
    (copied / "results.json").write_text(json.dumps(kept))
    assert main(["eval", f"run={copied}"]) == 0
    (copied / "results.json").write_text(json.dumps(kept | {"intervals": {"test": {"accuracy": [0.5]}}}))
    assert main(["eval", f"run={copied}"]) == 2
    assert "intervals.test.accuracy" in capsys.readouterr().err


def test_a_run_has_its_folder_for_itself(tiny: list[str], tmp_path: Path, capsys) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    words = ["train", *tiny, "trainer.epochs=1", f"folder={folder}"]
    (folder / "#1.csv").touch()
    (folder / "results.json").touch()
    assert main(words) == 2
    assert f"`folder={folder}`: holds other files, such as #1.csv" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 2 and not (folder / "results.json").read_text()
    assert main(["train", *tiny, "folder="]) == 2
    assert "`folder=`: name a folder" in capsys.readouterr().err
    (folder / "#1.csv").unlink()
    (folder / "results.json").unlink()
    (folder / ".DS_Store").touch()
    (folder / "run.lock").touch()  # with what it had written, where a start was killed
    (folder / "overrides.yaml.new.txt").touch()
    assert main(words) == 0
    assert main(["eval", f"run={folder}"]) == 0
    assert main(words) == 2 and "there is a run already" in capsys.readouterr().err


def test_eval_repeats_train_to_the_last_digit(copied: Path) -> None:
    reported = json.loads((copied / "results.json").read_text())
    predicted = (copied / "predictions-test.jsonl").read_bytes()
    (copied / "predictions-test.jsonl").unlink()
    assert main(["eval", f"run={copied}"]) == 0
    assert (copied / "predictions-test.jsonl").read_bytes() == predicted
    run = load_run(copied)
    assert run.evaluate("test").scores == reported["test"]
    assert run.evaluate("validation").scores == reported["validation"]


def test_eval_takes_any_split_but_one_value(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", f"run={copied}", "split=train"]) == 0
    assert main(["eval", f"run={copied}", "seed=1,2"]) == 2
    assert "`seed=1,2`: several values" in capsys.readouterr().err


def test_a_run_is_not_continued_without_training_data(copied: Path, tmp_path: Path, capsys) -> None:
    folder = write_treebank(tmp_path / "other")
    (folder / "toy-ud-train.conllu").unlink()
    assert main(["train", f"run={copied}", f"data.path={folder}"]) == 2
    assert "training needs a train split" in capsys.readouterr().err


def test_eval_on_other_data_writes_beside(copied: Path, tmp_path: Path) -> None:
    other = write_treebank(tmp_path / "other", train=5, others=5)
    assert main(["eval", f"run={copied}", f"data.path={other}", "split=validation"]) == 0
    assert (copied / "predictions-other-validation.jsonl").exists() and not list(copied.glob("predictions-val*"))


def test_eval_of_other_answers_writes_beside_and_tells_what_changed(
    tiny: list[str], treebank: Path, tmp_path: Path, capsys
) -> None:
    folder = Path(shutil.copytree(treebank, tmp_path / "treebank"))
    assert main(["train", *tiny, f"data.path={folder}", "baselines=false"]) == 0
    (run,) = (tmp_path / "outputs" / "pos").iterdir()
    predicted, test = (run / "predictions-test.jsonl").read_bytes(), folder / "toy-ud-test.conllu"
    capsys.readouterr()
    assert main(["eval", f"run={run}", "trainer.device=cpu"]) == 0
    assert "test (at training) ┃" in capsys.readouterr().out
    assert main(["eval", f"run={run}", "trainer.precision=bf16"]) == 0
    out = capsys.readouterr().out
    assert "test (at training) ┃" not in out and "have changed" not in out
    test.write_text(test.read_text().replace("NOUN", "VERB", 1))
    assert main(["eval", f"run={run}"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "test (at training) ┃" not in out and "the data have changed since this run was trained on them" in out
    assert (run / "predictions-test.jsonl").read_bytes() == predicted
    assert len(list(run.glob("predictions-test-*.jsonl"))) == 2


def test_latest_is_the_newest(copied: Path) -> None:
    assert main(["eval", "run=latest", f"outputs={copied.parents[1]}"]) == 0


def test_what_is_no_run_folder_names_the_run_that_was_meant(copied: Path) -> None:
    def refusal(run: Path, outputs: Path) -> str:
        with pytest.raises(UserError) as refused:
            RunFolder.find(str(run), str(outputs))
        return str(refused.value)

    near = copied.with_name(copied.name[:-1])
    assert f"did you mean `{copied}`?" in refusal(near, copied.parents[1])
    assert f"the newest run in it is `{copied}`" in refusal(copied.parent, copied.parents[1])


def test_the_name_of_a_split_in_other_programs_is_known(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", f"run={copied}", "split=dev"]) == 2
    assert (
        "`split=dev`: the data have train, validation, test; write `split=validation`" in capsys.readouterr().err
    )


def test_multirun_makes_a_run_for_each_combination(tiny: list[str], tmp_path: Path) -> None:
    assert main(["train", "-m", *tiny, "trainer.epochs=1", "encoder.depth=1,2", "seed=1,2"]) == 0
    configs = [path.read_text() for path in (tmp_path / "outputs" / "pos").glob("*/config.yaml")]
    depths_and_seeds = {(("depth: 2" in text), ("seed: 2\n" in text)) for text in configs}
    assert len(configs) == 4 and len(depths_and_seeds) == 4


def test_each_of_several_runs_says_which_simple_answer_is_better(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for score, told in ((0.5, "bag of words is ahead on validation (accuracy 0.9000 against 0.5000)"), (0.95, "")):
        results = {
            "validation": {"accuracy": score}, "validation_baselines": {"bag_of_words": {"accuracy": 0.9}},
            "train": {"monitor": "accuracy"}, "examples": {"validation": 1000},
        }  # fmt: skip
        folder.results.write_text(json.dumps(results))
        assert multirun._ahead(compose.compose(["task=sentiment"]), folder) == told


def test_from_python(tiny: list[str]) -> None:
    from attnlab import train

    run = train(*tiny, quiet=True)
    assert run.results["test"] == run.evaluate("test").scores


MISTAKES = {
    "misspelt verb": (["trian"], "did you mean `train`?"),
    "misspelt key": (["train", "encoder.dept=2"], "`encoder.dept`: no such key; did you mean `encoder.depth`?"),
    "misspelt choice": (["train", "encoder=atention"], "did you mean `attention`?"),
    "the trade's word for a choice": (
        ["train", "encoder=BiLSTM"], "`encoder=BiLSTM`: no such choice; write `encoder=recurrent` (an LSTM unless you set encoder.cell=gru)"
    ),
    "the trade's word for the second of several": (["train", "-m", "encoder=attention,lstm"], "`encoder=lstm`: no such choice; write `encoder=recurrent` (an"),
    "the trade's word for a value": (["train", "trainer.device=gpu"], "no such choice; write `trainer.device=cuda`"),
    "a number for a value": (["train", "trainer.precision=16"], "no such choice; write `trainer.precision=bf16`"),
    "the trade's word for a part": (["train", "encoder.scope=local:8"], "no such scope; write `window:RADIUS`"),
    "the trade's word for a key": (["train", "lr=1e-3"], "`lr`: no such key; it is `optimizer.lr` here"),
    "a key that counts something else": (["train", "trainer.batch_size=32"], "`trainer.batch_vectors` here, which counts vectors"),
    "the trade's word for a key of another choice": (
        ["train", "encoder=recurrent", "num_heads=2"], "which comes with encoder=attention or graph_conv, not with encoder=recurrent"
    ),
    "the trade's word for help": (["help", "learning_rate"], "it is `optimizer.lr` here"),
    "capitals": (["train", "encoder=ATTENTION"], "did you mean `attention`?"),
    "the trade's word in a list": (["sweep", "encoder=attention,gat"], "in a list write `graph_conv`; `attnlab help graph_conv` lists its keys"),
    "a decimal comma": (["train", "optimizer.lr=0,003"], "a decimal number is written with a point: optimizer.lr=0.003"),
    "a rate of nothing": (["train", "optimizer.lr=-1"], "`optimizer.lr=-1`: nothing would be learned; write a number above 0"),
    "no rate": (["train", "optimizer.lr=abc"], "`optimizer.lr=abc`: write a number above 0"),
    "a score that doesn't fit": (["train", "task=sentiment", "head.metrics=bleu"], "bleu does not score a target of kind `class`; choose from accuracy"),
    "a table parted by a shell": (["train", "data=csv", "data.path=my", "texts.csv"], "`texts.csv`: write key=value; if it is a part of `data.path=`, put the whole argument in quotes: 'data.path=my texts.csv'"),
    "misspelt value": (["train", "encoder.position=sinusodal"], "did you mean `sinusoidal`?"),
    "wrong type": (["train", "encoder.depth=two"], "`encoder.depth=two`: write a whole number, "),
    "out of range": (["train", "encoder.depth=0"], "`encoder.depth=0` must be at least 1"),
    "no equals sign": (["train", "encoder"], "key=value"),
    "no key": (["train", "en coder=3"], "key=value"),
    "brackets": (["data", "data.path=rev (1).csv"], "in quotes: 'data.path=\"rev (1).csv\"'"),
    "two equals signs": (["data", "seed=1", "data.path=a=b.csv"], "`data.path=a=b.csv`: a value with"),
    "apostrophe": (["train", "-m", "data.path=it's.csv"], "`data.path=it's.csv`: a value with"),
    "other letters": (["sweep", "data.path=~/ü.csv"], "'data.path=\"~/ü.csv\"'"),
    "no limits": (["sweep", "optimizer.lr=interval(a,b)"], "`optimizer.lr=interval(a,b)`: mismatch type argument"),
    "no function": (["sweep", "optimizer.lr=intervall(1,2)"], "Unknown function 'intervall'"),
    "removed group": (["train", "~encoder"], "`~encoder`: a group cannot be removed"),
    "name of a folder": (["train", "data.name=foo/bar"], "`data.name=foo/bar`: it names folders"),
    "many shown": (["train", "-m", "--cfg", "job"], "`--cfg job` shows one configuration"),
    "Hydra's option": (["train", "--cfg", "job", "--resolve"], "`--resolve`: no such option"),
    "added key": (["train", "+encoder.depth2=1"], "only set"),
    "heads and width": (["train", "encoder.width=30"], "`encoder.heads=4` must divide encoder.width=30, as 1, 3, 5, 15 do; or set a width that it divides, such as encoder.width=32"),
    "no folder": (["train", "data=ud_ewt", "data.path=/nowhere"], "`data.path=/nowhere`: no such file or folder"),
    "no path": (["train", "data=ud_ewt"], "`data.path` is missing"),
    "no number": (["train", "optimizer.lr=nan"], "`optimizer.lr=nan`: write a number"),
    "endless": (["train", "task=translation", "head.max_length_ratio=inf"], "`head.max_length_ratio=inf`: write a number"),
    "seed too large": (["train", "seed=99999999999999999999"], "`seed=99999999999999999999` must be at most"),
    "no beam": (["train", "task=translation", "head.beam=0"], "`head.beam=0` must be at least 1"),
    "files for generated data": (["train", "data.path=/nowhere"], "data=grammar comes with the program and reads no files; for your own data choose data=tagged"),
    "a table for generated data": (["train", "data.path=/x/tickets.csv"], "reads no files; for a table choose data=csv"),
    "a packed treebank for generated data": (["train", "data.path=a.CONLLU.gz"], "for a treebank choose data=ud_ewt"),
    "columns of a table, without data": (
        ["train", "data.path=x.csv", "data.text=message"], "`data.text` comes with data=csv; add it (data=grammar is used where you"
    ),
    "columns of a table, with other data": (
        ["train", "data=tagged", "data.path=x.bio", "data.text=a"], "`data.text` is only for data=csv; data=tagged has no such key"
    ),
    "folds in time without times": (
        ["train", "data=tagged", "data.path=x.bio", "data.folds=time"],
        "`data.folds=time`: folds in time need a table of texts with a column of dates (data=csv)",
    ),
    "heads that don't divide the usual width": (
        ["train", "encoder.heads=3"], "must divide encoder.width=128 (the default; 32 or 64 for some data), as 1, 2, 4, 8, 16 do; or set a width that it divides, such as encoder.width=126",
    ),
    "heads that don't divide a width": (
        ["train", "encoder.heads=3", "encoder.width=40"], "`encoder.heads=3` must divide encoder.width=40, as 1, 2, 4, 5, 10, 20 do",
    ),
    "nothing is learned": (["train", "optimizer.lr=0"], "`optimizer.lr=0`: nothing would be learned; write a number above 0"),
    "few subwords": (["train", "task=translation", "data.subwords=3"], "`data.subwords=3` must be at least 100"),
    "nothing to train on": (
        ["train", "task=translation", "data.validation=0.5", "data.test=0.5"], "must leave a tenth for training",
    ),
    "no pictures": (["train", "task=digits", "data=image_folder"], "a folder for each class"),
    "even window": (["train", "embedding=word_char", "embedding.char_window=4"], "must be odd"),
    "one column twice": (["train", "data=tagged", "data.words=2", "data.tags=2"], "the same column twice"),
    "unfit head": (["train", "task=translation", "head=tagging"], "task=translation sets it"),
    "no vectors": (["train", "embedding=pretrained", "embedding.path=/nowhere"], "`embedding.path=/nowhere`: no such"),
    "no scope": (["train", "encoder.scope=[]"], "`encoder.scope`: name at least one scope"),
    "words besides --list": (["data", "--list", "data=csv"], "`--list`: names every data set"),
    "sweep without -m": (["train", "encoder.depth=1,2"], "-m"),
    "a pattern without -m": (["train", "encoder=glob(*)"], "`encoder=glob(*)`: several values"),
    "a pattern of nothing": (["train", "-m", "encoder=glob(x*)"], "`encoder=glob(x*)`: matches no choice"),
    "a pattern of values": (["train", "-m", "encoder.depth=glob(*)"], "`encoder.depth=glob(*)`: matches no choice"),
    "no end of values": (["train", "-m", "seed=interval(1,2)"], "let `attnlab sweep` draw them"),
    "Hydra's launcher": (["train", "-m", "hydra/launcher=joblib", "seed=1,2"], "`attnlab sweep` trains several runs"),
    "Hydra's key": (["train", "hydra.job.name=x"], "`hydra.job.name=x`: Hydra's own keys have no effect"),
    "a package": (["train", "encoder@head=attention"], "write `encoder=…`"),
    "a former name that the chosen part has not": (["train", "task=pos", "head.least_length=2"], "`head.least_length` is called head.min_length_ratio now"),
    "a former name of a key": (["train", "task=digits", "data.shift=2"], "`data.shift` is called `data.translate` now"),
    "a former name of a choice": (["train", "encoder=attention_no_places"], "did you mean `attention_no_positions`?"),
    "two loggers": (["train", "logger=[jsonl,nothing]"], "`logger=nothing`: no such choice"),
    "the second of several": (["train", "-m", "encoder=attention,recurrant"], "`encoder=recurrant`: no such choice"),
    "a key of the first alone": (
        ["train", "-m", "encoder=attention,recurrent", "encoder.heads=2"], "`encoder.heads` comes with encoder=attention or graph_conv, not with encoder=recurrent; choose that, too"
    ),
    "a score of no run": (["train", "trainer.monitor=foo"], "`trainer.monitor=foo`: no score of this run; choose one of accuracy"),
    "too large for any machine": (["train", "encoder.width=65536", "encoder.depth=50"], "numbers, which take "),
    "more parameters than the widest has": (
        ["train", "encoder=convolution", "encoder.depth=1", "encoder.parameters=900000M"], "even where encoder.width is 65,536"
    ),
    "a beam beyond the vocabulary": (
        ["train", "task=translation", "data.tokens=characters", "data.limit=50", "head.beam=900"], "`head.beam=900`: the vocabulary has"
    ),
    "threads beyond the machine": (["train", "trainer.threads=1024"], "`trainer.threads=1024`: this machine computes"),
    "frames beyond the recordings": (["train", "task=keywords", "data.stack=1000"], "`data.stack=1000`: longer than the longest recording"),
    "option": (["train", "--mutlirun"], "did you mean `--multirun`?"),
    "no runs": (["eval", "outputs=/nowhere"], "no runs in /nowhere/"),
    "several runs of one": (["train", "run=latest", "-m", "seed=1,2"], "`-m`: for new runs; `run=` continues one"),
    "no runs to continue": (["train", "run=latest", "outputs=/nowhere"], "no runs in /nowhere/"),
    "no such run": (["eval", "run=/nowhere"], "`run=/nowhere`: no such folder; `attnlab runs` lists all runs"),
    "nearly latest": (["eval", "run=lastest"], "`run=lastest`: no such folder; did you mean `latest`? `attnlab runs` lists"),
    "an option for a key": (["train", "--epochs", "3"], "`--epochs`: no such option; write `trainer.epochs=3`"),
    "an option for a file": (["train", "--data", "x.csv"], "`--data`: no such option; write `data=csv data.path=x.csv`"),
    "a bare table": (["train", "x.csv"], "`x.csv`: write `data=csv data.path=x.csv`"),
    "a choice where a run should be": (
        ["runs", "compare", "attention", "recurrent"], "`attention`: no such folder; for all runs with a value write key=value, such as `encoder=attention`"
    ),
    "not a run": (["eval", "run=/etc"], "not a run folder"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence(
    case: str, capsys: pytest.CaptureFixture[str], monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    words, expected = MISTAKES[case]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert expected in error and len(error.splitlines()) == 1 and "Traceback" not in error
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["task=pos", "data=ud_ewt", "data.path=mine/words.conllu"],
            "Preparing pos: ud_ewt, data.path=mine/words.conllu",
        ),
        (["-m", "task=graph", "data.path=null", "seed=1,2"], "Preparing graph: molecules"),
        (["run=latest", "trainer.epochs=9"], "Reading run=latest"),
    ],
)
def test_what_is_prepared_is_told_before_torch_is_imported(words: list[str], line: str) -> None:
    code = "import sys; from attnlab import cli\n"
    code += "def told(text): print(text, 'torch' in sys.modules); sys.exit(0)\n"
    code += "cli._say_at_once = told; cli.main(['train', *sys.argv[1:]])"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)
    assert done.stdout == f"{line} False\n"


@given(text=st.text(st.characters(codec="utf-8")) | st.text("\\\"' $()"))
def test_any_text_may_stand_in_quotes(text: str) -> None:
    (found,) = parse([f"outputs={quoted(text)}"])
    assert found.value() == text and not found.is_sweep_override()


GOOD = conllu([[("they", "PRON"), ("walk", "VERB")]])
FILES = {
    "four columns": ("1\tthey\t_\tPRON\n\n", "toy-ud-train.conllu:1: 4 columns"),
    "word without tag": (GOOD + "1\tthey\t_\t\t_\t_\t_\t_\t_\t_\n", "toy-ud-train.conllu:4"),
    "strange id": (GOOD + "x\tthey\t_\tPRON\t_\t_\t_\t_\t_\t_\n", "toy-ud-train.conllu:4"),
    "empty": ("", "no sentences"),
    "only comments": ("# nothing\n\n", "no sentences"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_is_named_with_its_line(case: str, tiny: list[str], tmp_path: Path, capsys) -> None:
    folder = write_treebank(tmp_path / "bad")
    text, expected = FILES[case]
    (folder / "toy-ud-train.conllu").write_text(text)
    assert main(["train", *tiny, f"data.path={folder}"]) == 2
    error = capsys.readouterr().err
    assert expected in error and len(error.splitlines()) == 1
    assert not (tmp_path / "outputs").exists(), "a run folder is made only once the data are accepted"


DANGERS = {
    "pickle": ("weights.pkl", "anything", ".pkl"),
    "target": ("config.yaml", "encoder:\n  _target_: os.system\n", "_target_"),
    "interpolation": ("config.yaml", "task: ${oc.env:HOME}\n", "${"),
    "yaml tag": ("config.yaml", "task: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    "unknown key": ("config.yaml", "tsak: pos\n", "did you mean `task`?"),
    "unknown encoder": ("config.yaml", "encoder: {name: evil}\n", "`encoder.name=evil`"),
}


@pytest.mark.parametrize("case", DANGERS)
def test_a_strangers_run_folder_runs_nothing(case: str, copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, text, expected = DANGERS[case]
    (copied / name).write_text(text)
    for verb in ("eval", "train"):
        assert main([verb, f"run={copied}"]) == 2
        assert expected in capsys.readouterr().err


def test_a_label_never_seen_in_training_counts_as_wrong(tiny: list[str], tmp_path: Path, capsys) -> None:
    folder = write_treebank(tmp_path / "unseen")
    (folder / "toy-ud-test.conllu").write_text(conllu([[("they", "PRON"), ("oh", "INTJ")]]))
    assert main(["train", *tiny, f"data.path={folder}"]) == 0
    assert "never seen in training count as wrong: INTJ" in capsys.readouterr().out
    results = json.loads((only_run(tmp_path / "outputs") / "results.json").read_text())
    assert results["test"]["accuracy"] <= 0.5
    (folder / "toy-ud-test.conllu").write_text(conllu([[("oh", "INTJ")]]))
    assert main(["train", *tiny, f"data.path={folder}"]) == 2
    assert "no label of the test split" in capsys.readouterr().err


def test_too_long_sentences_are_refused_cut_or_dropped(tiny: list[str], tmp_path: Path, capsys) -> None:
    assert main(["train", *tiny, "data.max_length=3"]) == 2
    assert "more than `data.max_length=3`" in capsys.readouterr().err
    for policy in ("cut", "drop"):
        assert main(["train", *tiny, "data.max_length=3", f"data.too_long={policy}", "trainer.epochs=1"]) == 0
    lengths = {
        max(len(json.loads(line)["words"]) for line in path.read_text().splitlines())
        for path in (tmp_path / "outputs").glob("pos/*/predictions-test.jsonl")
    }
    assert lengths == {3}


def test_show_config(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "encoder.depth=7", "--cfg", "job"]) == 0
    assert "depth: 7" in capsys.readouterr().out


def test_hydra_composes_once_for_each_run(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    composed: list[list[str]] = []
    original = compose.hydra_compose

    def counted(name: str, overrides: list[str], **options: bool) -> DictConfig:
        composed.append(overrides)
        return original(name, overrides=overrides, **options)

    monkeypatch.setattr(compose, "hydra_compose", counted)
    # The page at the end composes the task's defaults, to tell what differs from them; this is of what comes before.
    monkeypatch.setattr("attnlab.lab.multirun.after_training", lambda folder, quiet=False: None)
    monkeypatch.setattr("attnlab.lab.report.command.after_training", lambda folder, quiet=False: None)
    assert main(["train", *tiny, "trainer.epochs=1", "baselines=false", "defaults=plain"]) == 0
    chosen = ["task=pos", "data=ud_ewt"]
    assert composed == [chosen], "the choices of groups alone"
    composed.clear()
    assert main(["train", *tiny, "trainer.epochs=1", "baselines=false"]) == 0
    suiting = ["task=pos", "embedding=word_char", "data=ud_ewt"]
    assert composed == [chosen, suiting, suiting], "to know the data, the parts that suit them, and their keys"
    composed.clear()
    assert main(["train", "-m", "seed=1,2", "encoder=attention,recurrent", "trainer.epochs=none"]) == 2
    assert len(composed) == 1 and "trainer.epochs" in capsys.readouterr().err


def test_several_runs_come_in_order_the_last_key_fastest() -> None:
    words = ["encoder=glob(attention_*,exclude=*_slim)", "task=pos", "seed=range(1,4)", "data.path='a,b'"]
    assert compose.each_run(words) == [
        [f"encoder={encoder}", "task=pos", f"seed={seed}", "data.path='a,b'"]
        for encoder in ("attention_learned_positions", "attention_no_positions")
        for seed in (1, 2, 3)
    ]


def test_overrides_hold_as_hydra_itself_would_set_them() -> None:
    """Composed with all words by Hydra, and with the choices alone by Hydra and the values by us."""
    words = [
        "experiment=fsdd",
        "data.path=x",
        "encoder.scope=[window:3,full]",
        "trainer.updates=null",
        "task=keywords",
    ]
    words += ["data.noise=${data.hop}", "head.target='a b'", "optimizer.lr=1e-3", "logger=wandb", "logger.group=g"]
    node = compose.composed(parse(words))
    with initialize_config_dir(str(compose.config_folder()), version_base="1.3"):
        assert node == hydra_compose("train", overrides=words)


def test_who_reads_no_further_is_told_nothing() -> None:
    program = [sys.executable, "-m", "attnlab", "train", "--help"]
    process = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate()[1] == b"" and process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "words", [["help"], ["runs", "--help"], ["data", "--list"], ["completion", "bash"], ["__complete", ""]]
)
def test_a_reader_that_stops_is_no_mistake(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "attnlab", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.communicate()[1] == b"" and process.returncode == 128 + signal.SIGPIPE


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_for_the_output_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "attnlab", "help"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    sentence = "attnlab: No space left on device; nothing already written is lost\n"
    assert (done.returncode, done.stderr) == (2, sentence)


def test_a_file_that_may_not_be_read_is_told_without_a_word_of_writing(monkeypatch, capsys) -> None:
    def refused(words: list[str]) -> None:
        raise PermissionError(13, "Permission denied", "mine/films.csv")

    monkeypatch.setitem(VERBS, "data", refused)
    assert main(["data"]) == 2
    assert capsys.readouterr().err == "attnlab: mine/films.csv: Permission denied\n"


def test_training_whose_reader_stops_is_saved_and_goes_on(tiny: list[str], tmp_path: Path) -> None:
    words = ["train", *tiny, "trainer.epochs=3", "trainer.threads=1", "baselines=false"]
    process = subprocess.Popen(
        [sys.executable, "-m", "attnlab", *words, f"folder={tmp_path / 'cut'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    while b"epoch " not in process.stdout.readline():
        pass
    process.stdout.close()
    assert process.communicate()[1] == b"" and process.returncode in (0, 128 + signal.SIGPIPE)
    assert not (tmp_path / "cut" / "error.json").exists()
    assert main(["train", f"run={tmp_path / 'cut'}"]) == 0
    assert main([*words, f"folder={tmp_path / 'whole'}"]) == 0
    for name in ("last/model.safetensors", "best/model.safetensors", "predictions-test.jsonl"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_outputs_are_one_folder_for_every_verb(tiny: list[str], tmp_path: Path, capsys) -> None:
    outputs = tmp_path / "a (1), [b] 'c' é"
    word = f"outputs={quoted(str(outputs))}"
    words = [*(w for w in tiny if not w.startswith("outputs=")), word, "trainer.epochs=1", "baselines=false"]
    assert main(["train", *words]) == 0
    assert main(["train", "run=latest", "trainer.epochs=2", word]) == 0
    assert main(["eval", "run=latest", word]) == 0
    assert main(["runs", word, "task=pos"]) == 0
    assert len(list(outputs.glob("pos/*/results.json"))) == 1
    capsys.readouterr()
    assert main(["runs", word, "task=nothing"]) == 2
    told = f"attnlab: `task=nothing`: no run in {outputs}/ is of this kind; the only value there is pos\n"
    assert capsys.readouterr().err == told


def test_what_a_terminal_would_obey_is_told_escaped(capsys) -> None:
    assert main(["train", "a\x1b[2J\nattnlab: fine"]) == 2
    assert capsys.readouterr().err == "attnlab: `a\\x1b[2J\\nattnlab: fine`: write key=value\n"


def test_tags_of_which_none_is_known_cannot_be_learned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tags.jsonl"
    path.write_text("".join(f'{{"words": ["a", "{i}"], "tags": [null, null]}}\n' for i in range(9)))
    assert main(["train", "data=tagged", f"data.path={path}", f"outputs={tmp_path / 'outputs'}"]) == 2
    assert "`head.target=tags`: no label in the training data says what is right" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()
