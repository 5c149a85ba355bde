"""What holds for every task, driven through the program itself: a stopped run goes on to the bit, `eval` repeats `train`,
and a prediction does not depend on its batch neighbours."""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_pairs, write_tables, write_treebank
from graphs import write_tu
from pictures import write_folder
from recordings import digits
from safetensors.torch import load_file

from attnlab import load_run
from attnlab.cli import main
from attnlab.training.loop import Training

TASKS = {
    "pos": (write_treebank, ["data=ud_ewt", "embedding=word_char", "data.unknown=5"]),
    "pos with a CRF": (write_treebank, ["data=ud_ewt", "head.crf=true"]),
    "sentiment": (write_tables, ["data=csv", "encoder.position=none", "data.unknown=5", "head.readout=attention"]),
    "sentiment of 3": (write_tables, ["data=csv", "members=3", "data.unknown=5"]),
    "translation": (
        write_pairs,
        [
            "data=parallel",
            "data.tokens=words",
            "head.heads=2",
            "head.depth=1",
            "head.dropout=0.2",
            "head.n_best=2",
        ],
    ),
    "digits": (write_folder, ["data=image_folder", "data.patch=2", "data.translate=1", "data.flip=true"]),
    "graph": (
        lambda folder: write_tu(folder, count=60),
        ["data=tu", "data.name=TOY", "data.structure=[laplacian:2,random_walk:3]"],
    ),
    "keywords": (
        lambda folder: digits(),
        ["data=fsdd", "data.bands=12", "data.speed=0.1", "data.noise=20", "data.mask_time=50", "data.gain=6"],
    ),
    "masked words": (write_treebank, ["data=ud_ewt", "embedding=word_char", "data.unknown=5"]),
    "masked patches": (write_folder, ["data=image_folder", "data.patch=3", "data.stride=1", "data.flip=true"]),
    "masked nodes": (lambda folder: write_tu(folder, count=60), ["data=tu", "data.name=TOY"]),
    "masked frames": (
        lambda folder: digits(),
        ["data=fsdd", "data.bands=12", "data.speed=0.1", "data.mask_time=50"],
    ),
}
"""By task, and behind a space what is special of it: what writes its data into a folder, and its words; everything
that is drawn in training is switched on."""
SMALL = [
    "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "encoder.dropout=0.3", "trainer.epochs=3",
    "trainer.batch_vectors=60", "trainer.average_best=2", "trainer.validate_every=3", "trainer.accumulate=2",
    "optimizer.lr=0.01", "baselines=false",
]  # fmt: skip


@pytest.fixture(scope="module", params=TASKS)
def task(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def words(task: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    (write, own), name = TASKS[task], task.split()[0]
    return ["train", f"task={name}", *own, *SMALL, f"data.path={write(tmp_path_factory.mktemp(name))}"]


@pytest.fixture(scope="module")
def finished(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert main([*words, f"folder={folder}"]) == 0
    return folder


def tensors(run: Path) -> dict[str, bytes]:
    """All weights, averages and moments that a run left."""
    return {
        f"{path.relative_to(run)}:{name}": tensor.numpy().tobytes()
        for path in sorted(run.rglob("*.safetensors"))
        if ".previous" not in str(path)
        for name, tensor in load_file(path).items()
    }


def test_stopped_and_resumed_is_bit_identical(
    words: list[str], finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped twice: within the first epoch, and later between two validations."""
    update, stops = Training._update, {2, 5}

    def interrupted(self: Training, group: list, own: list, batches: Iterator) -> None:
        if self.progress.update + 1 in stops:
            stops.remove(self.progress.update + 1)
            signal.raise_signal(signal.SIGINT)
        update(self, group, own, batches)

    folder = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Training, "_update", interrupted)
        assert main([*words, f"folder={folder}"]) == 128 + signal.SIGINT
        torch.manual_seed(999)  # whatever happened to the generator in between
        assert main(["train", f"run={folder}"]) == 128 + signal.SIGINT
    assert not (folder / "results.json").exists(), "stopped before the end"
    assert main(["train", f"run={folder}"]) == 0
    assert tensors(folder) == tensors(finished)
    results = [json.loads((run / "results.json").read_text()) for run in (folder, finished)]
    assert all(results[0][split] == results[1][split] for split in ("test", "validation"))


def test_eval_repeats_what_train_reported(finished: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(finished, tmp_path / "copy"))
    run = load_run(copy)
    if run.model.head.kind != "hidden_numbers":  # which nobody reads
        predictions = (copy / "predictions-test.jsonl").read_bytes()
        (copy / "predictions-test.jsonl").unlink()
    assert main(["eval", f"run={copy}"]) == 0
    if run.model.head.kind != "hidden_numbers":
        assert (copy / "predictions-test.jsonl").read_bytes() == predictions
    for split in ("test", "validation"):
        assert run.evaluate(split).scores == run.results[split]


def test_a_prediction_is_the_same_alone_and_in_any_batch(finished: Path) -> None:
    run = load_run(finished)
    run.model.eval()
    split = run.data().splits["test"]
    order = np.random.default_rng(0).permutation(len(split))
    with torch.no_grad():
        together = run.model.encode(split.batch(order).inputs).unbind()
        answers = run.model.predict(split.batch(order).inputs)
        for i, encoded, answer in zip(order.tolist(), together, answers, strict=True):
            alone = split[i].inputs
            torch.testing.assert_close(run.model.encode(alone).values, encoded.values, atol=1e-5, rtol=1e-5)
            (expected,) = run.model.predict(alone)
            if isinstance(answer.value, np.ndarray):
                np.testing.assert_allclose(expected.value, answer.value, atol=1e-5)
            else:
                assert expected.value == answer.value
