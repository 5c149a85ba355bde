"""Several processes do what one does, and speak with one voice."""

import json
import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import write_tables, write_treebank
from crew import crew
from loops import training, weights

from attnlab.cli import main

TINY = ("encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.threads=1", "trainer.epochs=2",
        "trainer.accumulate=2", "trainer.batch_vectors=60", "encoder.dropout=0.2")  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = write_treebank(tmp_path_factory.mktemp("treebank"))
    return ["data=ud_ewt", f"data.path={path}", *TINY, "trainer.validate_every=2", "baselines=false"]


@pytest.fixture(scope="module")
def trained(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", *words, f"folder={folder}"]) == 0
    return folder


# --- what is wrong with one process ---------------------------------------------------------------


def no_number(rank: int) -> None:
    """The first process computes batch 0 of each update, the second batch 1, which fails in the third."""
    from attnlab.model.build import Model
    from attnlab.sets import Loss

    forward, done = Model.forward, []

    def wrong(self, batch):  # type: ignore[no-untyped-def]
        loss = forward(self, batch)
        done.append(loss)
        return Loss(loss.total * float("nan"), loss.count) if rank == 1 and len(done) == 3 else loss

    Model.forward = wrong  # type: ignore[method-assign]


def unreadable(rank: int) -> None:
    from attnlab.data.text.loader import TextSplit
    from attnlab.errors import UserError

    batch, done = TextSplit.batch, []

    def wrong(self, indices, epoch=None):  # type: ignore[no-untyped-def]
        done.append(indices)
        if rank == 1 and len(done) > 6:
            raise UserError("sentences.arrow: cannot be read")
        return batch(self, indices, epoch)

    TextSplit.batch = wrong  # type: ignore[method-assign]


def full_disk(rank: int) -> None:
    from attnlab.training import checkpoint

    dump, done = checkpoint.dump_tensors, []

    def wrong(tensors):  # type: ignore[no-untyped-def]
        done.append(tensors)
        if len(done) > 4:
            raise OSError(28, "No space left on device")
        return dump(tensors)

    checkpoint.dump_tensors = wrong  # type: ignore[assignment]


def drift(rank: int) -> None:
    """One bit of one weight."""
    from attnlab.training.loop import Training

    update = Training._update

    def wrong(self, group, own, batches):  # type: ignore[no-untyped-def]
        update(self, group, own, batches)
        if rank == 1 and self.progress.update == 3:
            import torch

            weight = self.model.encoder.state_dict()["blocks.0.norm_attention.weight"]
            weight.view(torch.int32)[3] ^= 1

    Training._update = wrong  # type: ignore[method-assign]


def mistaken(rank: int) -> None:
    from attnlab.training.loop import Training

    update = Training._update

    def wrong(self, group, own, batches):  # type: ignore[no-untyped-def]
        update(self, group, own, batches)
        if rank == 1 and self.progress.update == 3:
            raise ZeroDivisionError("of an engineer")

    Training._update = wrong  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "before, code, told",
    [
        (no_number, 2, "attnlab: the loss became nan at update 2, in the batch of {keys}, …"),
        (unreadable, 2, "attnlab: sentences.arrow: cannot be read"),
        (full_disk, 2, "No space left on device"),
        (drift, 1, "attnlab: process 1 has drifted apart in encoder.blocks.0.norm_attention.weight (model)"),
        (mistaken, 1, "ZeroDivisionError: of an engineer"),
    ],
)
def test_an_error_is_told_once_and_nothing_is_saved_after(
    before, code: int, told: str, words: list[str], tmp_path: Path
) -> None:
    loop = training(words)
    draws = [draw for group in loop.mixture.groups(0) for draw in group]
    split = loop.parts.by_name[""].data.splits["train"]
    keys = ", ".join(split.keys[i] for i in draws[5].indices[:5].tolist())
    (led, said), (_, silent) = crew(2, "train", *words, f"folder={tmp_path / 'run'}", before=before)
    assert silent == ""
    assert led == code, said
    assert said.count(told.format(keys=keys)) == 1 and said.count("attnlab: ") == 1, said
    saved = json.loads((tmp_path / "run" / "last" / "state.json").read_text())
    assert saved["progress"]["update"] == 2
    assert (
        told.format(keys=keys).removeprefix("attnlab: ")
        in json.loads((tmp_path / "run" / "error.json").read_text())["error"]
    )


def other_config(rank: int) -> None:
    from attnlab import compose

    load_saved = compose.load_saved

    def wrong(*arguments):  # type: ignore[no-untyped-def]
        config = load_saved(*arguments)
        config.trainer.clip += rank
        return config

    compose.load_saved = wrong  # type: ignore[assignment]


def test_processes_that_would_not_compute_the_same_are_refused(words: list[str], tmp_path: Path) -> None:
    (led, said), (_, silent) = crew(2, "train", *words, f"folder={tmp_path / 'run'}", before=other_config)
    assert led == 2 and silent == "" and not (tmp_path / "run" / "last").exists()
    assert said.endswith("attnlab: `trainer.clip`: 1.0 in the first process, but 2.0 in process 1\n")


# --- what the first process does while the others wait --------------------------------------------


def slow(rank: int) -> None:
    from attnlab.lab.report import command
    from attnlab.training import follow, ranks, train

    ranks.LONGEST_WAIT = timedelta(seconds=5)

    def slowly(work):  # type: ignore[no-untyped-def]
        def do(*arguments, **named):  # type: ignore[no-untyped-def]
            time.sleep(8)
            return work(*arguments, **named)

        return do

    if rank == 0:
        train.load_data, train.of_splits = slowly(train.load_data), slowly(train.of_splits)
        command.after_training = slowly(command.after_training)
    else:
        follow.load_data = slowly(follow.load_data)


@pytest.mark.slow
def test_the_others_wait_longer_than_for_numbers(words: list[str], trained: Path, tmp_path: Path) -> None:
    """While one prepares, computes baselines, or writes the report."""
    done = crew(2, "train", *words, "baselines=true", f"folder={tmp_path / 'run'}", before=slow)
    assert [code for code, _ in done] == [0, 0], done
    assert weights(tmp_path / "run") == weights(trained)


# --- commands -------------------------------------------------------------------------------------


def test_generated_data_whose_baseline_is_trained(tmp_path: Path) -> None:
    """It is trained by the first process alone."""
    words = ["task=pos", "data=grammar", "data.limit=60", *TINY]
    for count in (1, 2):
        assert {code for code, _ in crew(count, "train", *words, f"folder={tmp_path / str(count)}")} == {0}
    results = [json.loads((tmp_path / name / "results.json").read_text()) for name in "12"]
    assert results[0]["baselines"] == results[1]["baselines"] and "window_of_7" in results[0]["baselines"]
    assert weights(tmp_path / "1") == weights(tmp_path / "2")


@pytest.mark.parametrize("split", ["train", "test"])
def test_evaluations_leave_the_same_predictions(split: str, trained: Path, tmp_path: Path) -> None:
    left = []
    for count in (1, 3):
        folder = Path(shutil.copytree(trained, tmp_path / str(count)))
        for path in folder.glob("predictions-*"):
            path.unlink()
        done = crew(count, "eval", f"run={folder}", f"split={split}")
        assert [code for code, _ in done] == [0] * count, done
        assert all(silent == "" for _, silent in done[1:])
        left.append(
            [
                done[0][1].replace(str(folder), "run"),
                *(p.read_bytes() for p in sorted(folder.glob("predictions-*"))),
            ]
        )
    assert left[0] == left[1] and len(left[0]) == 3


def test_folds(tmp_path: Path) -> None:
    """All processes go from fold to fold; those that are finished are passed over."""
    path = write_tables(tmp_path / "tables")
    words = ["data=csv", f"data.path={path / 'train.csv'}", "data.folds=3", *TINY]
    for count in (1, 2):
        assert {code for code, _ in crew(count, "train", *words, f"folder={tmp_path / str(count)}")} == {0}
    assert weights(tmp_path / "1") == weights(tmp_path / "2")
    shutil.rmtree(tmp_path / "2" / "fold-1")
    (tmp_path / "2" / "results.json").unlink()
    (_, said), _ = crew(2, "train", *words, f"folder={tmp_path / '2'}")
    assert "Fold 0 (1 of 3) is finished." in said and "Fold 2 (3 of 3) is finished." in said
    assert weights(tmp_path / "1") == weights(tmp_path / "2")


@pytest.mark.slow
def test_runs_from_one_line_and_trials_of_a_sweep(
    words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "-m", *words, "seed=1,2", "trainer.ranks=2", f"outputs={tmp_path / 'm'}"]) == 0
    assert "Run 2 of 2: seed=2" in capfd.readouterr().out
    assert main(["sweep", *words, "optimizer.lr=0.01,0.003", "trainer.ranks=2", f"outputs={tmp_path / 's'}"]) == 0
    assert len(list((tmp_path / "m").glob("*/*/results.json"))) == 2
    assert len(list((tmp_path / "s").glob("*/*/trial-*/results.json"))) == 2


def test_trials_side_by_side_have_one_process_each(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = ["sweep.parallel=2", "trainer.ranks=2", f"outputs={tmp_path / 'outputs'}"]
    assert main(["sweep", *words, "optimizer.lr=0.01,0.003", *many]) == 2
    assert "`sweep.parallel=2 trainer.ranks=2`: set one of them to 1" in capsys.readouterr().err
    assert not (tmp_path / "outputs").exists()
