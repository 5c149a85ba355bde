"""`task=masked`: data without labels, what it is compared with, and commands that have nothing hidden."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import tiny_sentences, write_tables, write_treebank
from graphs import write_jsonl
from pictures import noise, write_picture
from safetensors.torch import load_file

from attnlab import train
from attnlab.cli import main
from attnlab.compose import compose
from attnlab.data.masking import TARGET
from attnlab.metrics import Comparison, measure
from attnlab.sets import Prediction, VectorSets
from attnlab.training.baselines.ahead import ahead
from attnlab.training.baselines.hidden import interpolated
from attnlab.training.run import Run, load_data

SMALL = [
    "task=masked", "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.epochs=1", "trainer.batch_vectors=300",
]  # fmt: skip


def texts(folder: Path) -> list[str]:
    """A table with one column, the texts."""
    sentences = (" ".join(word for word, _ in sentence) for sentence in tiny_sentences(60, 1))
    (folder / "notes.csv").write_text("text\n" + "".join(f"{text}\n" for text in sentences))
    return ["data=csv", f"data.path={folder / 'notes.csv'}"]


def treebank(folder: Path) -> list[str]:
    """Sentences without tags."""
    blocks = (
        "".join(f"{i}\t{word}\t_\t_\t_\t_\t_\t_\t_\t_\n" for i, (word, _) in enumerate(sentence, 1))
        for sentence in tiny_sentences(60, 1)
    )
    (folder / "x-ud-train.conllu").write_text("\n".join(blocks) + "\n")
    return ["data=ud_ewt", f"data.path={folder}"]


def pictures(folder: Path) -> list[str]:
    for i in range(20):
        write_picture(folder / f"{i}.png", noise(8, 6, 3, seed=i))
    return ["data=image_folder", f"data.path={folder}", "data.patch=2"]


def sounds(folder: Path) -> list[str]:
    """Recordings in folders of splits, and there in whatever folders."""
    random = np.random.default_rng(0)
    for split, count in {"train/tuesday": 12, "train": 2, "dev": 4, "test": 4}.items():
        (folder / split).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            wave = 0.1 * random.standard_normal(int(8000 * random.uniform(0.2, 0.4)))
            soundfile.write(folder / split / f"{i}.wav", wave, 8000, subtype="PCM_16")
    return ["data=speech_folder", f"data.path={folder}", "data.bands=8"]


def listed_sounds(folder: Path) -> list[str]:
    sounds(folder)
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.wav"))]
    (folder / "list.csv").write_text("path\n" + "".join(f"{name}\n" for name in files))
    return ["data=speech_manifest", f"data.path={folder / 'list.csv'}", "data.bands=8"]


def graphs(folder: Path) -> list[str]:
    rings = [{"nodes": ["C", "O"] * n, "edges": [[i, i + 1] for i in range(2 * n - 1)]} for n in range(1, 30)]
    return ["data=graph_jsonl", f"data.path={write_jsonl(folder / 'x.jsonl', rings)}"]


def points(folder: Path) -> list[str]:
    """Graphs whose nodes have numbers alone."""
    lines = [
        {"nodes": [[i, n] for i in range(n)], "edges": [[i, i + 1] for i in range(n - 1)]} for n in range(2, 30)
    ]
    return ["data=graph_jsonl", f"data.path={write_jsonl(folder / 'x.jsonl', lines)}"]


@pytest.mark.parametrize(
    "write", [texts, treebank, pictures, sounds, listed_sounds, graphs, points], ids=lambda write: write.__name__
)
def test_data_without_labels_are_looked_at_trained_on_and_scored(
    write: Callable[[Path], list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    words = [*write(tmp_path / "data"), f"outputs={tmp_path / 'outputs'}"]
    if write is not treebank:  # whose tags are not asked for, but known to be missing
        assert main(["data", "task=masked", *words]) == 0
        assert "Examples and their lengths" in capsys.readouterr().out
    run = train(*SMALL, *words, quiet=True)
    assert isinstance(run, Run) and list(run.spec.targets) == [TARGET]
    of_words = run.spec.features is None or "nodes" in run.spec.vocabularies
    results = run.results
    scores = {"accuracy", "perplexity", "loss"} if of_words else {"explained_variance", "loss"}
    assert set(results["test"]) == scores == set(results["validation"]) or len(run.data().splits["test"]) < 8
    simple = {"most_frequent_word", "copied_neighbour"} if of_words else {"mean_vector", "interpolation"}
    assert set(results["baselines"]) == simple
    assert (run.folder.path / "report.html").exists() or main(["report", str(run.folder.path)]) == 0
    lines = (
        [json.loads(line) for line in run.folder.predictions("test").read_text().splitlines()] if of_words else []
    )
    for line in lines:
        assert all(
            (right == "") or predicted for right, predicted in zip(line["gold"], line["predicted"], strict=True)
        )
    assert bool(lines) == of_words
    assert run.config.head.mask == (0.15 if run.spec.modality in ("text", "graph") else 0.5)  # type: ignore[attr-defined]


def test_labels_are_ignored_and_the_splits_stay_those_of_the_labelled_task(tmp_path: Path) -> None:
    """So that what is pretrained on is never what a labelled run is tested on."""
    rows = (write_tables(tmp_path / "several") / "train.csv").read_text()
    (tmp_path / "one.csv").write_text(rows)
    words = ["data=csv", f"data.path={tmp_path / 'one.csv'}"]
    masked, labelled = (load_data(compose([*task, *words])) for task in (["task=masked"], ["task=sentiment"]))
    for name, split in labelled.splits.items():
        assert list(masked.splits[name].keys) == list(split.keys)
    assert masked.spec.targets.keys() == {TARGET} and labelled.spec.targets.keys() == {"label"}


def test_scores_are_those_of_what_is_hidden() -> None:
    gold = [["", "cat", ""], ["sat", "", ""]]
    answers = [Prediction(["", "cat", ""], [None, 0.5, None]), Prediction(["ran", "", "on"], [0.5, None, 0.5])]
    assert measure(["accuracy"], Comparison("hidden_words", gold, answers)).scores == {"accuracy": 0.5}
    right = [np.array([[0.0, 2.0], [4.0, math.nan]], dtype=np.float32), np.array([[2.0, 2.0]], dtype=np.float32)]
    off = [Prediction(np.array([[1.0, 2.0], [4.0, 9.0]], dtype=np.float32), None), Prediction(right[1], None)]
    # Means are 2 and 2; squared differences from them are 4 + 4 = 8, squared errors 1, and 9 was never asked for.
    (value,) = measure(["explained_variance"], Comparison("hidden_numbers", right, off)).scores.values()
    assert value == pytest.approx(1 - 1 / 8)


def test_interpolation_weighs_neighbours_by_their_distance() -> None:
    sets = VectorSets(
        torch.tensor([[0.0], [0.0], [0.0], [9.0], [0.0]]), VectorSets.of(torch.zeros(5)).layout,
        torch.arange(5.0)[:, None], hidden=torch.tensor([False, True, True, False, True]),
    )  # fmt: skip
    np.testing.assert_allclose(interpolated(sets, np.array([5.0])), [[3.0], [6.0], [9.0]])


def test_a_run_behind_its_neighbours_is_told_to_hide_longer_spans() -> None:
    config = compose(["task=masked", "data=voices"])
    told = ahead({"loss": 0.9}, {"interpolation": {"loss": 0.5}}, "loss", config, False, 100)
    assert "interpolation is ahead on validation" in told and "head.span=" in told


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("masked")
    words = [*SMALL, "data=ud_ewt", f"data.path={write_treebank(folder / 'data')}", f"folder={folder / 'run'}"]
    train(*words, "embedding=word_char", quiet=True)
    return folder / "run"


@pytest.mark.parametrize(
    "command",
    [["predict", "RUN", "the fish ."], ["inspect", "RUN", "the fish ."], ["inspect", "RUN", "--split", "test"], ["export", "RUN"]],
    ids=" ".join,
)  # fmt: skip
def test_commands_that_hide_nothing_say_so(
    command: list[str], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(finished) if word == "RUN" else word for word in command]) == 2
    told = capsys.readouterr().err
    assert (
        "answers about hidden vectors" in told and "attnlab eval" in told and len(told.strip().splitlines()) == 1
    )


def test_labels_are_not_asked_of_it(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", f"run={finished}", "head.target=tags"]) == 2
    assert "`head.target=tags`: head=masked learns hidden_words or hidden_numbers" in capsys.readouterr().err


def test_keys_of_hiding_belong_to_this_head_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "task=pos", "head.mask=0.3"]) == 2
    assert "head.mask" in capsys.readouterr().err


def test_the_table_of_words_is_shared_where_widths_agree(finished: Path) -> None:
    names = load_file(next((finished / "best").glob("*.safetensors"))).keys()
    assert not any("own_table" in name for name in names) and any(name.endswith("mark") for name in names)
