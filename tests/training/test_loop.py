"""The loop's arithmetic, and that a stopped run continues as if it had never stopped."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from loops import training, weights

from attnlab import compose, train
from attnlab.cli import main
from attnlab.config import ConstantSchedule, CosineSchedule
from attnlab.errors import UserError
from attnlab.runs import RunFolder
from attnlab.training import checkpoint, optim
from attnlab.training.baselines.base import Problem
from attnlab.training.baselines.text import WindowOf7
from attnlab.training.candidates import Candidates
from attnlab.training.engine import Engine
from attnlab.training.loop import Training
from attnlab.training.resume import restore
from attnlab.training.run import load_data


@pytest.mark.parametrize("workers, more", [(0, []), (2, []), (0, ["optimizer=muon", "optimizer.layer_decay=0.7"])])
def test_stopped_after_any_update_the_rest_is_bit_identical(
    tiny: list[str], tmp_path: Path, workers: int, more: list[str]
) -> None:
    words = [*tiny, *more, "encoder.dropout=0.3", "embedding=word_char", f"trainer.workers={workers}"]
    words += ["trainer.validate_every=2", "trainer.accumulate=2", "data.unknown=5"]
    whole = training(words, tmp_path / "whole")
    whole.run()
    expected = weights(tmp_path / "whole")
    assert whole.progress.update >= 4
    stops = range(1, whole.progress.update + 1) if workers == 0 else [3]
    for stop in stops:
        folder = tmp_path / f"stopped-{stop}"
        training(words, folder, stop_after=stop).run()
        torch.manual_seed(999)  # whatever happened to the generator in between
        rest = training(words, folder)
        restore(rest)
        assert rest.progress.update == stop
        rest.run()
        assert weights(folder) == expected, f"stopped after update {stop}"


def test_killed_with_9_and_resumed_is_bit_identical(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "trainer.epochs=12", "encoder.dropout=0.2", "trainer.save_minutes=0", "baselines=false"]
    assert main(["train", *words]) == 0
    (whole,) = (tmp_path / "outputs" / "pos").iterdir()
    outputs = tmp_path / "killed"
    command = [sys.executable, "-m", "attnlab.cli", "train", *words, f"outputs={outputs}"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(outputs.glob("pos/*/best/state.json")):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    (folder,) = (outputs / "pos").iterdir()
    assert not (folder / "results.json").exists(), "killed before the end"
    assert main(["train", f"run={folder}"]) == 0
    assert weights(folder) == weights(whole)
    lines = [(run / "metrics.jsonl").read_text().splitlines() for run in (folder, whole)]
    assert len(lines[0]) == len(lines[1]) == 12


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_leaves_cleanly(tiny: list[str], tmp_path: Path, number: signal.Signals) -> None:
    words = [*tiny, "trainer.epochs=100000", "baselines=false"]
    child = subprocess.Popen(
        [sys.executable, "-m", "attnlab.cli", "train", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("outputs/pos/*/last/state.json")):
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.01)
    child.send_signal(number)
    out, error = child.communicate(timeout=60)
    assert child.returncode == 128 + number and error == ""
    assert "saved" in out and "attnlab train run=" in out


def test_a_run_given_more_epochs_goes_on_and_a_finished_one_stays(tiny: list[str], tmp_path: Path, capsys) -> None:
    assert main(["train", *tiny]) == 0
    (folder,) = (tmp_path / "outputs" / "pos").iterdir()
    finished, updates = weights(folder), RunFolder(folder).read_results()["train"]["updates"]
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["train", f"run={folder}"]) == 0
    assert weights(folder) == finished
    assert {path: path.read_bytes() for path in files} == files, "nothing is written"
    (epochs,) = (word.partition("=")[2] for word in tiny if word.startswith("trainer.epochs="))
    assert (
        f"{folder} is finished, after update {updates:,}: nothing is trained. To train it longer, give it more epochs, "
        f"trainer.epochs={2 * int(epochs)}."
    ) in capsys.readouterr().out
    assert main(["train", f"run={folder}", "trainer.epochs=3"]) == 0
    assert f"Continuing {folder} after update {updates} of " in capsys.readouterr().out
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 3


def test_changed_data_are_refused_on_resume(tiny: list[str], tmp_path: Path, capsys) -> None:
    assert main(["train", *tiny]) == 0
    (folder,) = (tmp_path / "outputs" / "pos").iterdir()
    assert main(["train", f"run={folder}", "data.limit=20", "trainer.epochs=3"]) == 2
    assert "the training data have changed" in capsys.readouterr().err


def test_a_truncated_checkpoint_gives_way_to_the_previous_one(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    whole, folder, update = tmp_path / "whole", tmp_path / "stopped", Training._update

    def interrupted(self: Training, group: list, own: list, batches: Iterator) -> None:
        update(self, group, own, batches)
        if self.progress.update == self.mixture.batches_per_epoch + 1:
            signal.raise_signal(signal.SIGINT)

    assert main(["train", *tiny, f"folder={whole}"]) == 0
    with monkeypatch.context() as patched:
        patched.setattr(Training, "_update", interrupted)
        assert main(["train", *tiny, f"folder={folder}"]) == 128 + signal.SIGINT
    path = folder / "last" / "optimizer.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    assert main(["train", f"run={folder}"]) == 0
    assert f"using {folder}/last.previous instead" in capsys.readouterr().out
    assert weights(folder) == weights(whole), "the lost update was done again"


def test_halves_accumulated_are_the_whole(tiny: list[str]) -> None:
    """The loss is summed and divided once: two halves of a batch give the gradient of the batch."""
    loop = training([*tiny, "encoder.dropout=0", "data.unknown=0"])
    ((draw,), *_) = loop.mixture.groups(0)

    def gradient(pieces: list) -> torch.Tensor:
        caught = {}
        loop.model.zero_grad()
        loop.learned.optimizer.step = lambda: caught.update(g=loop.model.head.output.proj.weight.grad.clone())
        group = [replace(draw, indices=piece) for piece in pieces]
        loop._update(group, range(len(group)), map(loop.parts.batch, group))
        return caught["g"]

    whole = gradient([draw.indices])
    halves = gradient([draw.indices[::2], draw.indices[1::2]])
    torch.testing.assert_close(halves, whole, rtol=1e-4, atol=1e-6)


def test_a_loss_that_is_no_number_names_the_batch(tiny: list[str]) -> None:
    loop = training(tiny)
    with torch.no_grad():
        loop.model.head.output.proj.bias.fill_(torch.nan)
    with pytest.raises(UserError, match=r"became nan at update 0, in the batch of .*toy-ud-train.conllu:\d+"):
        loop.run()


def test_patience_ends_a_run_that_gets_no_better(tiny: list[str]) -> None:
    loop = training([*tiny, "trainer.epochs=50", "optimizer.lr=1e-30", "trainer.patience=3", "trainer.average=0"])
    assert loop.run().epoch == 4


def test_a_run_that_patience_ended_is_over_until_it_is_given_more(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "trainer.epochs=9", "optimizer.lr=1e-30", "trainer.patience=2", "trainer.average=0"]
    assert main(["train", *words, "baselines=false"]) == 0
    (folder,) = (tmp_path / "outputs" / "pos").iterdir()
    for words, epochs in (([], 3), (["trainer.epochs=20"], 3), (["trainer.patience=4"], 5)):
        assert main(["train", f"run={folder}", *words]) == 0
        assert len((folder / "metrics.jsonl").read_text().splitlines()) == epochs


def test_another_monitor_judges_the_best_so_far_by_its_own_score(tiny: list[str], tmp_path: Path) -> None:
    words = [*tiny, "trainer.patience=5"]
    training([*words, "trainer.monitor=loss"], tmp_path / "run").run()
    rest = training([*words, "trainer.monitor=accuracy"], tmp_path / "run")
    restore(rest)
    progress = rest.progress
    assert progress.monitor == "accuracy" and progress.best_score == progress.best["accuracy"]
    assert progress.without_better == 0


def test_batches_of_another_size_begin_with_an_epoch(tiny: list[str], tmp_path: Path) -> None:
    training([*tiny, "trainer.batch_vectors=30"], tmp_path / "run", stop_after=9).run()
    rest = training([*tiny, "trainer.batch_vectors=100", "trainer.epochs=9"], tmp_path / "run")
    (warning,) = restore(rest)
    assert "epoch 1 began with batches of 30" in warning and (rest.progress.epoch, rest.progress.cursor) == (1, 0)
    assert rest.run().update == rest.updates and rest.progress.epoch == 9


def test_fewer_updates_than_were_made_are_refused(tiny: list[str], tmp_path: Path) -> None:
    training(tiny, tmp_path / "run", stop_after=5).run()
    with pytest.raises(UserError, match=r"5 updates have been made already, more than the 3 of `trainer\.epochs`"):
        restore(training([*tiny, "trainer.updates=3"], tmp_path / "run"))


def test_a_run_goes_on_as_what_it_began_as(tiny: list[str], tmp_path: Path, capsys) -> None:
    assert main(["train", *tiny, "baselines=false"]) == 0
    (folder,) = (tmp_path / "outputs" / "pos").iterdir()
    before = (folder / "config.yaml").read_text()
    for word in ("encoder.position=none", "task=social", "seed=2", "members=2", "head.target=upos"):
        assert main(["train", f"run={folder}", word]) == 2
        assert f"`{word}`: {folder} has been trained with " in capsys.readouterr().err
    assert (folder / "config.yaml").read_text() == before
    start, _, rest = before.partition("members: 1\n")
    assert rest
    (folder / "config.yaml").write_text(start + rest)  # as versions without this key saved it
    assert main(["train", f"run={folder}", "encoder.dropout=0.3", "encoder.kernel=dense", "trainer.epochs=3"]) == 0


def test_a_run_that_is_trained_further_is_not_finished_meanwhile(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["train", *tiny, "baselines=false"]) == 0
    (folder,) = (tmp_path / "outputs" / "pos").iterdir()
    results = (folder / "results.json").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Training, "_epoch", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(f"run={folder}", "trainer.epochs=3", quiet=True)
    assert RunFolder(folder).state() == "failed"
    assert (folder / "results.previous.json").read_bytes() == results
    assert (folder / "predictions-test.previous.jsonl").exists()
    assert not (folder / "predictions-test.jsonl").exists(), "they were of other weights"
    assert main(["train", f"run={folder}"]) == 0 and RunFolder(folder).state() == "finished"


def test_weights_beyond_numbers_are_never_the_best(tiny: list[str], tmp_path: Path) -> None:
    loop = training(
        [*tiny, "optimizer.lr=1e30", "trainer.average=0", "trainer.validate_every=1"], tmp_path / "run"
    )
    with pytest.raises(UserError, match="beyond what can be computed"):
        loop.run()
    assert not (tmp_path / "run" / "best").exists()


def test_the_best_validations_are_kept_by_what_is_monitored(tmp_path: Path) -> None:
    weights = {"w": torch.zeros(2)}
    for monitor, expected in (("loss", {"2", "4"}), ("accuracy", {"1", "3"})):
        kept = Candidates(tmp_path / monitor, 2)
        for update, score in enumerate((0.5, 0.1, 0.4, 0.2), 1):
            kept.offer(weights, {monitor: score}, monitor, update)
        assert {path.name for path in (tmp_path / monitor).iterdir()} == expected
    (tmp_path / "loss" / "2" / "state.json").unlink()
    with pytest.raises(UserError, match=r"loss/2: no scores in it; delete this folder and continue"):
        kept = Candidates(tmp_path / "loss", 2)
        kept.offer(weights, {"loss": 0.3}, "loss", 5)


def test_an_unknown_monitor_is_refused_with_the_right_ones(tiny: list[str]) -> None:
    with pytest.raises(
        UserError, match=r"`trainer\.monitor=acuracy`: no score of this run; choose one of accuracy"
    ):
        training([*tiny, "trainer.monitor=acuracy"]).run()


def test_the_best_weights_are_picked_by_loss_where_the_usual_score_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\n" + "".join(f"film {i},fine\n" for i in range(40)))
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path / 'x.csv'}", "encoder.width=8", "encoder.depth=1"]
    words += ["trainer.updates=2", f"folder={tmp_path / 'run'}"]
    with pytest.raises(
        UserError, match=r"`trainer\.monitor=accuracy`: it says nothing .* all 4 labels are `fine`"
    ):
        train(*words, "trainer.monitor=accuracy", quiet=True)
    assert not (tmp_path / "run").exists(), "refused before training"
    results = train(*words, quiet=True).results
    assert results["train"]["monitor"] == "loss"
    assert (
        list(results["test"]) == list(results["validation"]) == ["loss"]
        and results["baselines"]["most_frequent_class"] == {}
    )
    assert list(results["undefined"]["test"]) == ["accuracy", "macro_f1", "roc_auc"]
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "1.0000" not in log and log.count("all 4 labels are `fine`") == 2  # a warning, and below the table
    assert log.count("all training examples have the same label, fine") == 1
    assert "label: all training examples have the same label, fine" in results["warnings"]


def test_without_an_answer_nothing_is_trained(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,a,b\n" + "".join(f"film {i},,\n" for i in range(40)))
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path / 'x.csv'}", "data.target_kind=classes"]
    with pytest.raises(UserError, match="no training example has an answer to be scored"):
        train(*words, "data.label=[a,b]", f"outputs={tmp_path / 'outputs'}")


def test_a_score_that_is_undefined_in_the_first_validation_may_pick_later_ones(tiny: list[str]) -> None:
    loop = training(tiny)
    loop.progress.monitor = "spearman"
    for scores, kept in (
        ({}, True),
        ({}, False),
        ({"spearman": 0.1}, True),
        ({"spearman": 0.0}, False),
        ({}, False),
    ):
        assert loop._keep_if_better(loop.model, scores | {"loss": 1.0}) == kept
    assert loop.progress.best == {"spearman": 0.1, "loss": 1.0}


def test_the_window_of_words_is_the_same_whatever_a_run_is_tried_with(tiny: list[str]) -> None:
    scores = []
    for words in ([], ["optimizer.lr=1e-9", "trainer.precision=bf16"]):
        config = compose.compose([*tiny, "head.target=tags", *words])
        scores.append(WindowOf7().scores(Problem(config, load_data(config), Engine(config.trainer))))
    assert scores[0] == scores[1]


def test_the_rate_rises_and_falls() -> None:
    schedule = optim.build_schedule(CosineSchedule(warmup=0.2, final=0.1))
    rates = [schedule.factor(update, 100) for update in range(100)]
    assert rates[0] == pytest.approx(1 / 20) and max(rates) == rates[19] == rates[20] == 1.0
    assert rates[20:] == sorted(rates[20:], reverse=True) and rates[-1] == pytest.approx(0.1, abs=0.01)
    constant = optim.build_schedule(ConstantSchedule(warmup=0.2))
    assert [constant.factor(update, 10) for update in range(4)] == [0.5, 1.0, 1.0, 1.0]


def test_the_average_follows_the_weights(tiny: list[str]) -> None:
    loop = training([*tiny, "trainer.average=0.5"])
    average = loop.learned.average
    assert average is not None
    with torch.no_grad():
        for parameter in loop.model.parameters():
            parameter.fill_(1.0)
        for parameter in average.model.parameters():
            parameter.fill_(0.0)
    average.update(update=1000)
    assert {float(p.mean()) for p in average.model.parameters()} == {0.5}


def test_a_run_that_an_earlier_version_began_is_refused(tiny: list[str], tmp_path: Path) -> None:
    """Its dropout went on from update to update, by a generator whose state was saved."""
    training(tiny, tmp_path / "run", stop_after=1).run()
    saved, _ = checkpoint.load(tmp_path / "run" / "last")
    state = {name: value for name, value in saved.state.items() if name != "files"}
    random = {"cpu": torch.get_rng_state()}
    checkpoint.save(tmp_path / "run" / "last", saved.tensors | {"random": random}, state)
    with pytest.raises(UserError, match="an earlier version of attnlab began this run"):
        restore(training(tiny, tmp_path / "run"))
