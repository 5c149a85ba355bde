"""A run that starts with the weights of another one: what it takes, what it refuses, and that it needs the other only once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import verdicts, write_treebank
from graphs import write_tu
from loops import weights
from recordings import digits
from safetensors.torch import load_file

from attnlab import compose, load_run
from attnlab.cli import main
from attnlab.disk import read_json
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec
from attnlab.training import from_run
from attnlab.training.engine import Engine
from attnlab.training.run import load_data

SMALL = [
    "encoder.width=16", "encoder.depth=2", "encoder.heads=2", "baselines=false", "trainer.threads=1", "defaults=plain",
    "trainer.batch_vectors=100",
]  # fmt: skip
TWO = ["trainer.updates=2", "schedule=constant"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a treebank, texts with labels, and graphs."""
    folder = tmp_path_factory.mktemp("place")
    write_treebank(folder / "treebank")
    rows = "".join(f"{text} The fish saw a book.,{label}\n" for text, label in verdicts(80, seed=1))
    (folder / "texts.csv").write_text(f"text,label\n{rows}")
    write_tu(folder, count=60)
    return folder


def tagger(place: Path) -> list[str]:
    return ["data=ud_ewt", f"data.path={place / 'treebank'}", *SMALL]


def sentiment(place: Path) -> list[str]:
    return ["task=sentiment", "data=csv", f"data.path={place / 'texts.csv'}", *SMALL]


def test_what_nobody_sets_of_the_encoder_is_as_in_the_other_run(source: Path, place: Path, tmp_path: Path) -> None:
    words = [word for word in sentiment(place) if not word.startswith(("encoder.", "defaults="))]
    folder = tmp_path / "run"
    assert (
        main(
            [
                "train",
                *words,
                "members=1",
                "trainer.updates=1",
                f"init={source}",
                "init_embedding=true",
                f"folder={folder}",
            ]
        )
        == 0
    )
    config = compose.load_saved(folder / "config.yaml")
    assert (config.encoder.width, config.encoder.depth, config.embedding.name) == (16, 2, "word_char")
    assert config.encoder.dropout == 0.5, "what no weight depends on follows from the data"


@pytest.fixture(scope="module")
def source(place: Path) -> Path:
    """A trained tagger with characters of words."""
    assert main(["train", *tagger(place), *TWO, "embedding=word_char", f"folder={place / 'source'}"]) == 0
    return place / "source"


def first(folder: Path) -> dict[str, torch.Tensor]:
    """The weights before the first update, of a run that has made none."""
    return load_file(folder / "last" / "model.safetensors")


def begun(words: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """The weights with which a run begins that is interrupted before its first update."""

    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("attnlab.training.loop.Training._epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            from attnlab import train

            train(*words, f"folder={folder}", quiet=True)
    return first(folder)


def test_the_encoder_is_taken_bit_for_bit_and_the_embedding_by_words_and_characters(
    place: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*sentiment(place), "embedding=word_char", f"init={source}", "init_embedding=true"]
    taken, theirs = begun(words, tmp_path / "run", monkeypatch), load_file(source / "best" / "model.safetensors")
    encoder = {name for name in taken if name.startswith("encoder.")}
    assert len(encoder) == 26 and all(torch.equal(taken[name], theirs[name]) for name in encoder)
    spec, other = DataSpec.load(tmp_path / "run"), DataSpec.load(source)
    counts = {}
    for name, vocabulary in (("table", "words"), ("characters", "characters")):
        entries, ids = spec.vocabularies[vocabulary].words, other.vocabularies[vocabulary].ids
        table, given = taken[f"embedding.{name}.weight"], theirs[f"embedding.{name}.weight"]
        for row, entry in enumerate(entries):
            same = (
                torch.equal(table[row], given[ids[entry]])
                if entry in ids
                else not (table[row] == given).all(1).any()
            )
            assert same, entry
        counts[vocabulary] = [sum(entry in ids for entry in entries[1:]), len(entries) - 1]
    assert 0 < counts["words"][0] < counts["words"][1]
    record = json.loads((tmp_path / "run" / "init.json").read_text())
    assert record["rows"] == counts and record["run"] == str(source)
    assert (
        record["blake2b"] == json.loads((source / "best" / "state.json").read_text())["files"]["model"]["blake2b"]
    )
    assert (record["encoder_tensors"], record["encoder_weights"]) == (26, sum(taken[n].numel() for n in encoder))
    assert torch.equal(taken["embedding.convolution.weight"], theirs["embedding.convolution.weight"])
    log = (tmp_path / "run" / "log.txt").read_text()
    assert f"encoder: 26 tensors, {record['encoder_weights']:,} weights of {source}; embedding: " in log
    assert "{} of {} words, {} of {} characters; head: new".format(*counts["words"], *counts["characters"]) in log
    assert f"init: {source}\n" in (tmp_path / "run" / "config.yaml").read_text()


def test_the_other_run_is_read_once(
    place: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be gone when the new run is continued, evaluated or asked, whenever it was stopped."""
    shutil.copytree(source, tmp_path / "other")
    words = [*sentiment(place), f"init={tmp_path / 'other'}", "trainer.updates=4", "encoder.dropout=0.3"]
    assert main(["train", *words, f"folder={tmp_path / 'whole'}"]) == 0
    assert main(["train", *words, "trainer.updates=2", f"folder={tmp_path / 'stopped'}", "schedule=constant"]) == 0
    assert main(["train", *words, f"folder={tmp_path / 'constant'}", "schedule=constant"]) == 0
    begun(words, tmp_path / "killed", monkeypatch)
    shutil.rmtree(tmp_path / "other")
    assert main(["train", f"run={tmp_path / 'killed'}"]) == 0
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert main(["train", f"run={tmp_path / 'stopped'}", "trainer.updates=4"]) == 0
    name = "last/model.safetensors"
    assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "constant" / name).read_bytes()
    assert main(["eval", f"run={tmp_path / 'whole'}"]) == 0


def test_first_weights_that_are_lost_are_not_replaced_by_random_ones(
    place: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    folder = tmp_path / "run"
    begun([*sentiment(place), f"init={source}"], folder, monkeypatch)
    shutil.rmtree(folder / "last")
    assert main(["train", f"run={folder}"]) == 2
    assert f"`last/` is missing, with the weights that it took of {source}" in capsys.readouterr().err
    assert main(["train", f"run={folder}", "init=null"]) == 2
    assert f"has been trained with init={source}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "position, new", [("rotary", ()), ("none", ()), ("learned", ("position",)), ("relative", ("position",))]
)
def test_words_then_pictures_then_graphs(
    position: str, new: tuple[str, ...], place: Path, source: Path, tmp_path: Path
) -> None:
    """What is made of vectors suits any data; what tells their places apart is taken in data of one kind alone."""
    words = [
        "task=digits",
        *SMALL,
        *TWO,
        f"encoder.position={position}",
        f"init={source}",
        f"folder={tmp_path / 'pictures'}",
    ]
    assert main(["train", *words]) == 0
    assert tuple(json.loads((tmp_path / "pictures" / "init.json").read_text())["encoder_new"]) == new
    if position != "rotary":
        return
    graphs = ["task=graph", "data=tu", "data.name=TOY", f"data.path={place}", *SMALL, *TWO]
    assert main(["train", *graphs, f"init={tmp_path / 'pictures'}", f"folder={tmp_path / 'graphs'}"]) == 0
    assert json.loads((tmp_path / "graphs" / "init.json").read_text())["encoder_tensors"] == 26


def test_learned_positions_are_taken_in_data_of_one_kind(place: Path, tmp_path: Path) -> None:
    learned = [*tagger(place), *TWO, "encoder.position=learned", f"folder={tmp_path / 'one'}"]
    assert main(["train", *learned]) == 0
    for words, new in ((sentiment(place), []), ([*sentiment(place), "encoder.max_position=99"], ["position"])):
        folder = tmp_path / f"{len(new)}-new"
        words = [*words, *TWO, "encoder.position=learned", f"init={tmp_path / 'one'}", f"folder={folder}"]
        assert main(["train", *words]) == 0
        assert json.loads((folder / "init.json").read_text())["encoder_new"] == new


def test_every_member_takes_one(
    place: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Member 2 of three takes member 2 of two round again: member 0."""
    theirs = load_file(source / "best" / "model.safetensors")
    three = begun([*sentiment(place), "members=3", f"init={source}"], tmp_path / "three", monkeypatch)
    name = "encoder.blocks.0.attention.qkv_proj.weight"
    for member in ("", "others.0.", "others.1."):
        assert torch.equal(three[member + name], theirs[name])
    heads = [three[f"{member}head.output.proj.weight"] for member in ("", "others.0.")]
    assert not torch.equal(*heads)
    assert main(["train", *sentiment(place), *TWO, "members=2", f"folder={tmp_path / 'two'}"]) == 0
    two = load_file(tmp_path / "two" / "best" / "model.safetensors")
    again = begun([*sentiment(place), "members=3", f"init={tmp_path / 'two'}"], tmp_path / "again", monkeypatch)
    for member, other in (("", ""), ("others.0.", "others.0."), ("others.1.", "")):
        assert torch.equal(again[member + name], two[other + name])


REFUSED = {
    "width, and all that differs": (
        ["encoder.width=32", "encoder.depth=3", "encoder.activation=relu", "encoder.scope=window:3", "encoder.dropout=0"],
        "`encoder.width=32`: {source} has 16; to start with its encoder, set encoder.width=16 encoder.depth=2 "
        "encoder.activation=gelu\n",
    ),
    "heads": (["encoder.heads=4"], "`encoder.heads=4`: {source} has 2; to start with its encoder, set encoder.heads=2\n"),
    "head width": (["encoder.head_width=4"], "`encoder.head_width=4`: {source} has null; to start"),
    "parameters": (["encoder.parameters=20k"], "{source} has 16; to start with its encoder, set encoder.width=16 encoder.par"),
    "encoder": (["encoder=recurrent"], "`encoder=recurrent`: {source} has attention; set encoder=attention\n"),
    "embedding": (
        ["init_embedding=true", "embedding=learned"],
        "`embedding=learned`: {source} has word_char; set embedding=word_char, or leave init_embedding out\n",
    ),
    "no such run": (["init=nowhere"], "`init=nowhere`: no such folder; `attnlab runs` lists all runs\n"),
    "no run at all": (["init_embedding=true", "init=null"], "`init_embedding=true`: name the run whose embedding is taken"),
    "no folder": (["init="], "`init=`: name the folder of a run, or leave it out\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    name: str, place: Path, source: Path, tmp_path: Path, capsys
) -> None:
    more, expected = REFUSED[name]
    words = [word for word in sentiment(place) if not ("recurrent" in str(more) and "heads" in word)]
    assert main(["train", *words, f"init={source}", *more, f"outputs={tmp_path / 'outputs'}"]) == 2
    assert expected.format(source=source) in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()


def test_embeddings_of_other_values_are_refused(place: Path, source: Path, tmp_path: Path, capsys) -> None:
    asked = [f"init={source}", "init_embedding=true", f"outputs={tmp_path / 'outputs'}"]
    assert main(["train", "task=digits", *SMALL, *asked]) == 2
    assert "has learned from ids, and these are image data, vectors of 16 numbers" in capsys.readouterr().err
    (tmp_path / "x.csv").write_text("text,label\n" + "".join(f"ж{i % 7},{i % 2}\n" for i in range(60)))
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path / 'x.csv'}", "data.target_kind=class", *SMALL]
    assert main(["train", *words, "embedding=word_char", *asked]) == 2
    assert "none of the words of these data occurs in those of" in capsys.readouterr().err


def test_vectors_of_numbers_are_taken_by_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    digits = ["task=digits", *SMALL, *TWO]
    assert main(["train", *digits, f"folder={tmp_path / 'one'}"]) == 0
    taken = begun(
        [*digits, "seed=2", f"init={tmp_path / 'one'}", "init_embedding=true"], tmp_path / "two", monkeypatch
    )
    theirs = load_file(tmp_path / "one" / "best" / "model.safetensors")
    assert all(
        torch.equal(taken[f"embedding.project.{name}"], theirs[f"embedding.project.{name}"])
        for name in ("weight", "bias")
    )
    assert "embedding: 2 tensors, 272 weights; head: new" in (tmp_path / "two" / "log.txt").read_text()
    other = [
        *digits,
        "data.patch=3",
        f"init={tmp_path / 'one'}",
        "init_embedding=true",
        f"outputs={tmp_path / 'outputs'}",
    ]
    assert main(["train", *other]) == 2
    assert (
        "image data, vectors of 16 numbers, and these are image data, vectors of 9 numbers"
        in capsys.readouterr().err
    )


def test_an_encoder_that_depends_on_coordinates_is_taken_where_they_are_as_many(
    place: Path, tmp_path: Path, capsys
) -> None:
    words = [word for word in tagger(place) if "heads" not in word]
    assert main(["train", *words, *TWO, "encoder=convolution", f"folder={tmp_path / 'line'}"]) == 0
    small = [word for word in SMALL if "heads" not in word]
    grid = ["task=digits", *small, *TWO, "encoder=convolution", f"init={tmp_path / 'line'}"]
    assert main(["train", *grid, f"outputs={tmp_path / 'outputs'}"]) == 2
    error = capsys.readouterr().err
    assert "encoder.layers.0.weight is (16, 16, 3, 3) here and (16, 16, 3) there" in error
    assert "2 coordinates, 0 numbers for an edge here, 1 coordinate" in error


def _no_weights(run: Path) -> None:
    shutil.rmtree(run / "best")


def _cut(run: Path) -> None:
    path = run / "best" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


def _other_width(run: Path) -> None:
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("  width: 16\n", "  width: 24\n"))


def _code(run: Path) -> None:
    (run / "best" / "model.pt").write_bytes(b"")


@pytest.mark.parametrize(
    "damage, told",
    [(_no_weights, "best: no checkpoint there"), (_cut, "isn't as it was written"), (_other_width, "don't fit config.yaml"),
     (_code, "never a `.pt` file")],
)  # fmt: skip
def test_a_damaged_run_is_one_sentence(
    damage: Callable[[Path], None], told: str, place: Path, source: Path, tmp_path: Path, capsys
) -> None:
    shutil.copytree(source, tmp_path / "other")
    damage(tmp_path / "other")
    assert main(["train", *sentiment(place), f"init={tmp_path / 'other'}", f"outputs={tmp_path / 'outputs'}"]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error and "\n" not in error and not (tmp_path / "outputs").exists()


def test_folds_each_start_from_it_and_none_can_be_started_from_as_a_whole(
    place: Path, source: Path, tmp_path: Path, capsys
) -> None:
    folds = [*sentiment(place), *TWO, "data.folds=3", "embedding=word_char", "init_embedding=true"]
    assert main(["train", *folds, f"init={source}", f"folder={tmp_path / 'folds'}"]) == 0
    theirs = DataSpec.load(source).vocabularies["words"].words
    for fold in tmp_path.glob("folds/fold-*"):
        assert DataSpec.load(fold).vocabularies["words"].words[: len(theirs)] == theirs
    records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("folds/fold-*/init.json"))]
    assert len(records) == 3 and records[0]["blake2b"] == records[1]["blake2b"]
    assert main(["train", *sentiment(place), f"init={tmp_path / 'folds'}", f"outputs={tmp_path / 'outputs'}"]) == 2
    assert f"name the folder of one, such as `init={tmp_path / 'folds' / 'fold-0'}`" in capsys.readouterr().err


def test_several_runs_start_from_runs_that_are_named(place: Path, source: Path, tmp_path: Path, capsys) -> None:
    shutil.copytree(source, tmp_path / "other")
    words = [*sentiment(place), *TWO, f"outputs={tmp_path / 'outputs'}"]
    assert main(["train", "-m", *words, f"init={source},{tmp_path / 'other'}"]) == 0
    records = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("outputs/*/*/init.json"))]
    assert {record["run"] for record in records} == {str(source), str(tmp_path / "other")}
    for verb in (["train", "-m"], ["sweep"]):
        assert main([*verb, *words, "init=latest", "optimizer.lr=0.1,0.2"]) == 2
        assert "`init=latest`: with" in capsys.readouterr().err


@pytest.mark.slow
def test_the_newest_run_and_the_best_of_a_sweep(place: Path, tmp_path: Path) -> None:
    outputs = f"outputs={tmp_path / 'outputs'}"
    assert main(["sweep", *tagger(place), *TWO, outputs, "optimizer.lr=0.001,0.01"]) == 0
    (sweep,) = tmp_path.glob("outputs/*/*/sweep.yaml")
    for init in (f"init={sweep.parent}", "init=latest"):
        config = from_run.located(compose.compose([*sentiment(place), outputs, init]))
        assert config.init is not None and Path(config.init).parent == sweep.parent


@pytest.mark.slow
def test_several_processes_start_with_the_same_weights(place: Path, source: Path, tmp_path: Path) -> None:
    words = [
        *sentiment(place),
        "trainer.updates=3",
        f"init={source}",
        "embedding=word_char",
        "init_embedding=true",
        "trainer.accumulate=2",
        "trainer.batch_vectors=50",
    ]
    assert main(["train", *words, f"folder={tmp_path / 'alone'}"]) == 0
    command = [sys.executable, "-m", "attnlab", "train", *words, "trainer.ranks=2", f"folder={tmp_path / 'both'}"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "both") == weights(tmp_path / "alone")


@pytest.mark.parametrize("trained", ["norms", "none"])
def test_what_is_not_trained_stays_as_it_was(
    trained: str, place: Path, source: Path, tmp_path: Path, capsys
) -> None:
    words = [
        *sentiment(place),
        f"init={source}",
        f"encoder.trained={trained}",
        "encoder.position=learned",
        "encoder.dropout=0.2",
    ]
    words += ["schedule=constant", "trainer.validate_every=1"]
    assert main(["train", *words, "trainer.updates=4", f"folder={tmp_path / 'run'}"]) == 0
    theirs = load_file(source / "best" / "model.safetensors")
    for kept in ("best", "last"):
        now = load_file(tmp_path / "run" / kept / "model.safetensors")
        moved = {
            name for name in theirs if name.startswith("encoder.") and not torch.equal(now[name], theirs[name])
        }
        norms = {
            name
            for name in theirs
            if name.startswith("encoder.") and ".norm" in f".{name.removeprefix('encoder.')}"
        }
        assert moved == (norms if trained == "norms" else set())
    remembered = load_file(tmp_path / "run" / "last" / "optimizer.safetensors")
    assert any(name.startswith("exp_avg/encoder.position.") for name in remembered), "positions are new, and learn"
    assert any("encoder.blocks" in name for name in remembered) == (trained == "norms")
    assert "besides" in capsys.readouterr().out
    assert main(["train", *words, "trainer.updates=2", f"folder={tmp_path / 'stopped'}"]) == 0
    assert main(["train", f"run={tmp_path / 'stopped'}", "trainer.updates=4"]) == 0
    assert weights(tmp_path / "stopped") == weights(tmp_path / "run")
    assert main(["train", f"run={tmp_path / 'stopped'}", "encoder.trained=all", "trainer.updates=5"]) == 2
    assert f"has been trained with encoder.trained={trained}" in capsys.readouterr().err


def test_a_random_encoder_that_stays_random_is_warned_of(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert main(["train", *tagger(place), *TWO, "encoder.trained=none", f"folder={folder}"]) == 0
    (warning,) = [w for w in RunFolder(folder).read_results()["warnings"] if "encoder.trained" in w]
    assert warning.startswith(
        "encoder.trained=none without init=RUN: the rest of the encoder keeps the random weights"
    )


def test_less_is_trained_in_less_memory(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and their average take two numbers each, what is trained a gradient and two moments besides."""
    from attnlab.training import memory

    config = compose.compose([*tagger(place), "encoder.width=512", "encoder.depth=8"])
    spec = load_data(config).spec
    models.resolve(config, spec)
    count = sum(tensor.numel() for tensor in models.sizes(config, spec).values())
    monkeypatch.setattr(memory, "_memory", lambda device: 3 * 4 * count)
    with pytest.raises(UserError, match="which take"):
        memory.check_memory(config, spec, Engine(config.trainer))
    config.encoder.trained = "none"
    memory.check_memory(config, spec, Engine(config.trainer))


def test_a_run_that_was_started_so_answers_alone(place: Path, source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "other")
    assert (
        main(["train", *sentiment(place), *TWO, f"init={tmp_path / 'other'}", f"folder={tmp_path / 'run'}"]) == 0
    )
    shutil.rmtree(tmp_path / "other")
    assert load_run(tmp_path / "run").predict(["It is fine!"])[0].value in ("good", "bad")
    assert read_json(tmp_path / "run" / "init.json", dict[str, object])["run"] == str(tmp_path / "other")


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on texts without labels, which have many words that labelled texts lack."""
    folder = tmp_path_factory.mktemp("notes")
    (folder / "notes.csv").write_text(
        "text\n" + "".join(f"It is a zebra {i % 7} of note {i}\n" for i in range(80))
    )
    words = ["task=masked", "data=csv", f"data.path={folder / 'notes.csv'}", "data.tokens=spaces", *SMALL]
    assert main(["train", *words, "trainer.updates=5", f"folder={folder / 'run'}"]) == 0
    return folder / "run"


def few(folder: Path) -> list[str]:
    """A table with labels, of which many texts have a word of their own."""
    lines = [f"It is {'good' if i % 2 else 'bad'} once{i} and,{'yes' if i % 2 else 'no'}" for i in range(40)]
    (folder / "few.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    return ["task=sentiment", "data=csv", f"data.path={folder / 'few.csv'}", "data.tokens=spaces", *SMALL]


def test_words_that_only_the_other_run_knows_are_known(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(notes, tmp_path / "other")
    theirs = DataSpec.load(notes)
    words = [
        *few(tmp_path),
        f"init={tmp_path / 'other'}",
        "init_embedding=true",
        "data.unknown=4",
        "data.min_count=2",
    ]
    words += ["trainer.updates=4", "schedule=constant"]
    assert main(["train", *words, f"folder={tmp_path / 'whole'}"]) == 0
    first_weights = begun(words, tmp_path / "killed", monkeypatch)
    shutil.rmtree(tmp_path / "other")
    assert main(["train", f"run={tmp_path / 'killed'}"]) == 0
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")

    run = load_run(tmp_path / "whole")
    vocabulary, other = run.spec.vocabularies["words"], theirs.vocabularies["words"]
    assert vocabulary.words == (
        *other.words,
        *sorted(set(vocabulary.words) - set(other.words), key=vocabulary.ids.get),
    )
    assert {"zebra", "good", "bad", "and"} <= vocabulary.ids.keys() and "once1" not in vocabulary.ids
    assert (run.spec.targets["label"].classes, set(theirs.targets)) == (("no", "yes"), {"vectors"})
    given = load_file(notes / "best" / "model.safetensors")["embedding.table.weight"]
    assert torch.equal(first_weights["embedding.table.weight"][: len(other)], given)
    record = json.loads((tmp_path / "whole" / "init.json").read_text())
    assert record["rows"] == {"words": [len(other) - 1, len(vocabulary) - 1]}
    zebra, nothing = (run.predict([f"It is {word} and"])[0].probabilities for word in ("zebra", "nothing"))
    assert zebra != nothing

    # `It` has been seen by both, and is rarely replaced by the unknown word.
    train = run.data().splits["train"]
    seen = other.counts[other.ids["It"]] + len(train)
    assert vocabulary.counts[vocabulary.ids["It"]] == seen
    drawn = [train.batch(np.arange(len(train)), epoch).inputs.values for epoch in range(300)]
    kept = torch.stack(drawn).view(300, len(train), -1)[:, :, 0] == vocabulary.ids["It"]
    assert abs((1 - kept.float().mean()) - 4 / (4 + seen)) < 0.01


def test_hidden_words_are_asked_for_that_only_the_other_run_knows(notes: Path, tmp_path: Path) -> None:
    """And what simple answers reach is measured anew, since their words are others."""
    rows = [*(f"It is good once{i}" for i in range(60)), *["It is a zebra"] * 3]
    for name, count in {"train": 60, "dev": 63, "test": 63}.items():
        (tmp_path / f"{name}.csv").write_text("text\n" + "".join(f"{row}\n" for row in rows[:count]))
    words = [
        "task=masked",
        "data=csv",
        f"data.path={tmp_path}",
        "data.tokens=spaces",
        "head.mask=0.9",
        *SMALL,
        *TWO,
    ]
    words = [word for word in words if word != "baselines=false"]
    asked, perplexity = [], []
    for number, more in enumerate(([], [f"init={notes}", "init_embedding=true"])):
        folder = tmp_path / f"run-{number}"
        assert main(["train", *words, *more, f"folder={folder}"]) == 0
        run = load_run(folder)
        gold = run.data().splits["test"].gold("vectors")
        asked.append({word for example in gold for word in example})
        perplexity.append(run.results["baselines"]["most_frequent_word"]["perplexity"])
    assert "zebra" in asked[1] - asked[0]
    assert perplexity[0] != perplexity[1]


def test_an_encoder_of_hidden_frames_reads_shortened_recordings(tmp_path: Path, capsys) -> None:
    """As the embedding makes them that own recordings get by default."""
    data = ["data=fsdd", f"data.path={digits()}", "data.bands=8", *SMALL]
    shortened = ["embedding=strided_convolution", f"outputs={tmp_path / 'outputs'}"]
    assert main(["train", "task=masked", *data, *shortened]) == 2
    told = "use `embedding=linear` (a run that takes this encoder by `init=` may have strided_convolution itself)"
    assert told in capsys.readouterr().err
    assert main(["train", "task=masked", *data, *TWO, "embedding=linear", f"folder={tmp_path / 'masked'}"]) == 0
    init = [*data, *TWO, "task=keywords", f"init={tmp_path / 'masked'}", "embedding=strided_convolution"]
    assert main(["train", *init, f"folder={tmp_path / 'run'}"]) == 0
    record = json.loads((tmp_path / "run" / "init.json").read_text())
    assert (record["encoder_tensors"], record["embedding_tensors"], record["encoder_new"]) == (26, 0, [])
    assert main(["train", *init, "init_embedding=true", f"outputs={tmp_path / 'outputs'}"]) == 2
    assert "has linear; set embedding=linear, or leave init_embedding out" in capsys.readouterr().err
