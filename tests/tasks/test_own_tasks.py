"""Tasks of one's own data: by their kind, by a name of one's own, or by no word at all; typing mistakes are told."""

import json
from pathlib import Path

import pytest
from conftest import write_pairs, write_tables, write_treebank
from graphs import write_jsonl
from pictures import write_folder
from recordings import digits

from attnlab import compose, groups
from attnlab.cli import main
from attnlab.command_words import parse
from attnlab.config import GraphData, ParallelData, SpeechData, TableData, TaggedData, TextData

TINY = [
    "encoder.width=8", "encoder.depth=1", "encoder.heads=2", "trainer.updates=2", "trainer.epochs=1", "baselines=false", "defaults=plain",
]  # fmt: skip


def texts(folder: Path) -> list[str]:
    return ["data=csv", f"data.path={write_tables(folder)}"]


def prices(folder: Path) -> list[str]:
    rows = "".join(f"{'big ' * (i % 5)}house {i},{i % 5}.5\n" for i in range(40))
    (folder / "houses.csv").write_text("text,price\n" + rows)
    return ["data=csv", f"data.path={folder / 'houses.csv'}", "data.label=price"]


def tags(folder: Path) -> list[str]:
    (folder / "tags.txt").write_text("".join(f"I\tPRON\nsaw{i}\tVERB\n\n" for i in range(40)))
    return ["data=tagged", f"data.path={folder / 'tags.txt'}"]


def pairs(folder: Path) -> list[str]:
    return ["data=parallel", f"data.path={write_pairs(folder)}", "data.tokens=words"]


def pictures(folder: Path) -> list[str]:
    return ["data=image_folder", f"data.path={write_folder(folder)}", "data.patch=2"]


def said(folder: Path) -> list[str]:
    names = {"0": "nought", "1": "one", "2": "two"}
    rows = (f"{path},{names[path.name[0]]}\n" for path in sorted(digits().iterdir()))
    (folder / "said.csv").write_text("path,text\n" + "".join(rows))
    return ["data=speech_manifest", f"data.path={folder / 'said.csv'}", "data.transcript=text", "data.rate=8000"]


def graphs(folder: Path) -> list[str]:
    records = [{"nodes": ["C"] * (2 + i), "edges": [[0, 1]], "label": ["even", "odd"][i % 2]} for i in range(40)]
    return ["data=graph_jsonl", f"data.path={write_jsonl(folder / 'graphs.jsonl', records)}"]


def measured_graphs(folder: Path) -> list[str]:
    records = [{"nodes": ["C"] * (2 + i % 5), "edges": [[0, 1]], "label": i % 5 / 2} for i in range(40)]
    return ["data=graph_jsonl", f"data.path={write_jsonl(folder / 'graphs.jsonl', records)}"]


KINDS = {
    "classification": (texts, "classification", "accuracy", "`label` has 2 classes"),
    "classification of pictures": (pictures, "classification", "accuracy", "`label` has 2 classes"),
    "classification of graphs": (graphs, "graph", "accuracy", None),
    "regression": (prices, "classification", "mae", None),
    "regression of graphs": (measured_graphs, "graph", "mae", None),
    "tagging": (tags, "tagging", "accuracy", "`tags` has 2 classes, one for each word"),
    "translation": (pairs, "seq2seq", "bleu", "`translation` is a text"),
    "transcription": (said, "seq2seq", "wer", "`transcript` is a text"),
    "graph": (graphs, "graph", "accuracy", "`label` has 2 classes"),
}
"""By task, and behind a space of what: its data, its head, its monitor, and what is told where no task is named; None: another
task is taken then."""


def only_run(outputs: Path) -> Path:
    (path,) = outputs.glob("*/*")
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_task_takes_data_of_ones_own(kind: str, tmp_path: Path) -> None:
    (write, head, monitor, _), task = KINDS[kind], kind.split()[0]
    assert main(["train", f"task={task}", *write(tmp_path), *TINY, f"outputs={tmp_path / 'out'}"]) == 0
    run = only_run(tmp_path / "out")
    results, config = json.loads((run / "results.json").read_text()), compose.load_saved(run / "config.yaml")
    assert run.parent.name == task == results["task"] == config.task
    assert results["train"]["monitor"] == monitor and monitor in results["test"]
    assert config.head.name == head
    if isinstance(config.data, GraphData):
        assert getattr(config.encoder, "scope", "") == "edges", "attention along edges"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind][3]])
def test_without_a_task_the_data_say_what_is_learned(kind: str, tmp_path: Path) -> None:
    """The configuration is that of the kind of task, and one line tells which was taken."""
    (write, _, _, told), task = KINDS[kind], kind.split()[0]
    words = [*write(tmp_path), *TINY]
    assert compose.compose(words) == compose.compose([f"task={task}", *words])
    assert main(["train", *words, f"folder={tmp_path / 'run'}"]) == 0
    assert f"task={task}: {told}\n" in (tmp_path / "run" / "log.txt").read_text()


def test_a_name_of_ones_own_names_the_folder_and_nothing_else(tmp_path: Path, capsys) -> None:
    words = ["task=film-reviews_2", *texts(tmp_path), *TINY]
    own, kind = compose.compose(words), compose.compose(["task=classification", *words[1:]])
    assert own.task == "film-reviews_2"
    own.task = kind.task
    assert own == kind
    outputs = f"outputs={tmp_path / 'out'}"
    assert main(["train", *words, outputs]) == 0
    assert "task=film-reviews_2 (classification): `label` has 2 classes" in capsys.readouterr().out
    run = only_run(tmp_path / "out")
    assert run.parent.name == "film-reviews_2"
    assert main(["train", "run=latest", "trainer.updates=3", outputs]) == 0
    assert main(["eval", outputs]) == 0 and main(["runs", "task=film-reviews_2", outputs]) == 0
    assert "film-reviews_2 on" in capsys.readouterr().out
    assert compose.load_saved(run / "config.yaml").task == "film-reviews_2"


def test_folds_tell_once_what_is_learned(tmp_path: Path, capsys) -> None:
    words = ["task=sizes", *graphs(tmp_path), *TINY, "data.folds=3", f"folder={tmp_path / 'run'}"]
    assert main(["train", *words]) == 0
    told = "task=sizes (classification): `label` has 2 classes"
    assert capsys.readouterr().out.count(told) == 1
    assert main(["train", f"run={tmp_path / 'run'}", "trainer.updates=3"]) == 0
    assert told not in capsys.readouterr().out


def test_numbers_that_are_learned_as_classes_are_told(tmp_path: Path, capsys) -> None:
    rows = "".join(f"house {i},{i % 25}.5\n" for i in range(200))
    (tmp_path / "houses.csv").write_text("text,price\n" + rows)
    words = ["data=csv", f"data.path={tmp_path / 'houses.csv'}", "data.label=price", *TINY]
    assert main(["train", *words, f"folder={tmp_path / 'run'}"]) == 0
    told = "`price` has 25 classes; they are numbers, which task=regression learns as such"
    assert told in capsys.readouterr().out


FILE = ["data=csv", "data.path=FILE"]
MISTAKES = {
    "tagging without data": (["task=tagging"], "name your data: data=tagged data.path=FILE; or try task=pos, which brings"),
    "classification without data": (["task=classification"], "name your data: data=csv data.path=FILE; or try task=sentiment"),
    "regression without data": (["task=regression", "data.path=x"], "name your data: data=csv data.path=FILE data.label=COLUMN"),
    "no task": (["task=tickets"], "`task=tickets`: no such choice; choose one of classification, digits,"),
    "a typing mistake": (["task=sentimnt"], "`task=sentimnt`: no such choice; did you mean `sentiment`?"),
    "one with data": (["task=sentimnt", *FILE], "did you mean `task=sentiment`?"),
    "a letter more": (["task=posx", *FILE], "did you mean `task=pos`?"),
    "among several": (["-m", "task=mails,graphs", *FILE], "did you mean `task=graph`?"),
    "of a sweep": (["task=regresion", *FILE], "did you mean `task=regression`?"),
    "a word of the trade": (["task=asr"], "write `task=transcription`"),
    "another one than the data's": (["task=ner", *FILE], "write `task=tagging`"),
    "a path": (["task=../x", *FILE], "it names a folder; begin with a letter or digit"),
    "a space": (["task='my task'", *FILE], "it names a folder; begin with a letter or digit"),
    "no name": (["task=", *FILE], "it names a folder; begin with a letter or digit"),
    "a list": (["task=[a,b]", *FILE], "write the name of a task"),
    "a folder that is taken": (["task=wandb", *FILE], "is used for other things"),
    "several tasks": (["data=voice_strings"], "several tasks are possible; add task=transcription or task=voice_activity"),
    "several heads": (["task=mine", "data=voice_strings"], "several tasks are possible; add head=seq2seq or head=tagging"),
    "no numbers": (["task=regression", "data=image_folder", "data.path=x"], "task=regression sets it"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_meant_is_one_sentence(name: str, capsys) -> None:
    words, sentence = MISTAKES[name]
    assert main(["train", *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


OTHERS = {
    "no tags": (["task=tagging"], texts, "`task=tagging` learns a tag or a number for each word, but `label` has 2 classes, one for each text; write task=classification"),
    "no tags for pos": (["task=pos"], texts, "`task=pos` learns a tag or a number for each word, but `label` has 2 classes"),
    "no texts to write": (["task=translation"], texts, "`task=translation` learns to write an answer for each text, but `label` has"),
    "tags for sentiment": (["task=sentiment"], tags, "but `tags` has 2 classes, one for each word; write task=tagging, or task=NAME"),
    "another head": (["task=mine", "head=tagging"], texts, "2 classes, one for each text; leave out `head=`"),
    "tags": (["task=classification"], tags, "`tags` has 2 classes, one for each word; write task=tagging"),
    "numbers": (["task=classification", "data.target_kind=number"], prices, "`price` is a number; write task=regression"),
    "classes": (["task=regression", "data.target_kind=class"], prices, "write task=classification, or add data.target_kind=number"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_data_for_another_kind_of_task_are_told(name: str, tmp_path: Path, capsys) -> None:
    words, write, sentence = OTHERS[name]
    assert main(["train", *words, *write(tmp_path), *TINY, f"outputs={tmp_path / 'out'}"]) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_word_of_the_trade_for_the_datas_own_task_may_be_a_name(tmp_path: Path) -> None:
    config = compose.compose(["task=ner", *tags(tmp_path)])
    assert (config.task, config.head.name) == ("ner", "tagging")


@pytest.mark.parametrize("name", groups.choices("data"))
def test_the_task_is_known_without_reading_data(name: str) -> None:
    """Help and completion say what is composed."""
    words = [f"data={name}"]
    tasks = groups.possible_tasks(words)
    assert tasks and set(tasks) <= set(groups.choices("task"))
    node, chosen = compose.composed(parse(words)), groups.chosen(words)
    assert (node.task, node.head.name) == (chosen["task"], chosen["head"]) and chosen["task"] == tasks[0]
    assert compose.with_task(words) == [f"task={tasks[0]}", *words]


def test_keys_of_the_data_decide_where_they_must() -> None:
    assert TableData.tasks({"target_kind": "number"}) == ("regression",)
    assert TaggedData.tasks({}) == ("tagging",) and ParallelData.tasks({}) == ("translation",)
    assert TextData.tasks({"source": "of a plugin"}) == (), "only its examples tell"
    assert SpeechData.tasks({"transcript": "said"}) == ("transcription",)
    assert GraphData.tasks({"target_kind": "vector_classes"}) == ("tagging",)
    assert groups.possible_tasks(["data=voices", "data.strings=true", "head=tagging"]) == ("voice_activity",)
    assert groups.possible_tasks(["task=pos"]) == () == groups.possible_tasks(["data=nothing"])


def test_a_look_at_data_needs_no_task(tmp_path: Path, capsys) -> None:
    for words in (["data=karate"], tags(tmp_path), ["task=own", *texts(tmp_path / "t")]):
        assert main(["data", *words, f"outputs={tmp_path / 'out'}"]) == 0
        assert "Examples and their lengths" in capsys.readouterr().out


def test_runs_of_before_keep_their_task(tmp_path: Path) -> None:
    """Whatever a file of the user's has called it."""
    config = compose.compose(["data=ud_ewt", f"data.path={write_treebank(tmp_path)}"])
    assert config.task == "pos"
    config.task = "wandb of mine: classification"
    (tmp_path / "config.yaml").write_text(compose.to_yaml(config))
    assert compose.load_saved(tmp_path / "config.yaml").task == config.task


def test_a_file_of_the_users_names_its_own_task(tmp_path: Path, monkeypatch) -> None:
    """As before there were kinds of tasks; a recipe that names data, but no task, gets the task of its data."""
    for group, name, lines in (
        ("task", "films", "override /data: csv, override /head: classification"),
        ("experiment", "prices", "override /data: csv"),
    ):
        (tmp_path / "configs" / group).mkdir(parents=True)
        (tmp_path / "configs" / group / f"{name}.yaml").write_text(
            f"# @package _global_\ndefaults: [{lines}, _self_]\ntask: {name}\n"
        )
    monkeypatch.chdir(tmp_path)
    assert compose.compose(["task=films", "data.path=x"]).task == "films"
    recipe = compose.compose(["experiment=prices", "data.path=x"])
    assert (recipe.task, recipe.head.name) == ("prices", "classification")
    assert compose.compose(["experiment=prices", "data.path=x", "task=mine"]).task == "mine"
    own, recipe = (compose.compose(["experiment=fsdd", "data.path=x", *words]) for words in (["task=mine"], []))
    assert own.task == "mine"
    own.task = recipe.task
    assert own == recipe


def test_a_value_of_another_type_in_a_file_is_told_in_words(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "configs" / "task").mkdir(parents=True)
    path = tmp_path / "configs" / "task" / "films.yaml"
    monkeypatch.chdir(tmp_path)
    for key, right in (("trainer: {epochs: many}", "whole number"), ("baselines: many", "true or false")):
        path.write_text(f"# @package _global_\n{key}\n")
        assert main(["train", "task=films"]) == 2
        error = capsys.readouterr().err
        assert "configs/task/films.yaml: 'many' must be " in error and error.endswith(f"{right}\n")
