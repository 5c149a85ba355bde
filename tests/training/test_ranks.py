"""How many processes compute a run changes nothing but its time."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from conftest import conllu, tiny_sentences, write_pairs, write_tables, write_treebank
from graphs import write_tu
from hypothesis import given
from hypothesis import strategies as st
from loops import training, weights

from attnlab.training.ranks import Ranks, TreeSum
from attnlab.training.resume import restore

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["loops", "attnlab.training.resume", "attnlab.data.text.loader"])

COMMON = [
    "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "encoder.dropout=0.3", "trainer.threads=1",
    "trainer.epochs=2", "trainer.accumulate=4", "trainer.average_best=2", "trainer.validate_every=3", "trainer.clip=0.5",
    "optimizer.lr=0.01",
]  # fmt: skip
KINDS = {
    "tagging": ["task=pos", "data=ud_ewt", "trainer.batch_vectors=60"],
    "classification": ["task=sentiment", "data=csv", "members=2", "trainer.batch_vectors=40"],
    "translation": ["task=translation", "data=parallel", "data.tokens=words", "head.heads=2", "head.depth=1", "head.dropout=0.2",
                    "trainer.batch_vectors=40"],
    "graph": ["task=graph", "data=tu", "data.name=TOY", "trainer.batch_vectors=40"],
    "joint": [
        "task=joint", "parts=[pos,graph]", "parts.pos.data=ud_ewt", "parts.pos.data.path=FOLDER/tagging", "parts.graph.data=tu",
        "parts.graph.data.path=FOLDER/graph", "parts.graph.data.name=TOY", "parts.pos.trainer.batch_vectors=60",
        "parts.graph.trainer.batch_vectors=40", "defaults=plain",
    ],
}  # fmt: skip


ALL_STOPS = [(first, then, stop) for first, then in ((1, 2), (2, 4), (4, 1)) for stop in range(1, 8)]


def write_data(kind: str, folder: Path) -> Path:
    """Data of each kind, of a joint run those of its parts; of the tagged ones, one sentence is longer than a batch, and some have no tag that is scored."""
    if kind == "joint":
        for part in ("tagging", "graph"):
            write_data(part, folder / part)
        return folder
    if kind == "tagging":
        write_treebank(folder)
        sentences = tiny_sentences(60, 0)
        sentences[7] = sentences[7] * 30
        sentences[9] = [(word, "_") for word, _ in sentences[7]]
        (folder / "toy-ud-train.conllu").write_text(conllu(sentences), encoding="utf-8")
        return folder
    return {"classification": write_tables, "translation": write_pairs, "graph": lambda f: write_tu(f, count=60)}[
        kind
    ](folder)


@pytest.fixture(scope="module", params=KINDS)
def words(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = write_data(request.param, tmp_path_factory.mktemp(request.param))
    own = [word.replace("FOLDER", str(path)) for word in KINDS[request.param]]
    return [*own, *COMMON, *([] if request.param == "joint" else [f"data.path={path}"])]


def _rank(
    rank: int, count: int, port: int, overrides: Sequence[str], folder: Path, stop_after: int | None
) -> None:
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }  # fmt: skip
    if rank:
        sys.addaudithook(partial(_refuse_writing, str(folder)))
    _train(overrides, folder, stop_after)
    if count > 1:
        torch.distributed.destroy_process_group()


def _refuse_writing(folder: str, event: str, arguments: tuple) -> None:
    """Only the first process writes into the run's folder."""
    changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
    if event == "open":
        changes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if changes and any(str(word).startswith(f"{folder}/") for word in arguments[:2]):
        os._exit(99)


def _train(overrides: Sequence[str], folder: Path, stop_after: int | None) -> None:
    loop = training(list(overrides), folder, stop_after)
    if (folder / "last").exists():
        restore(loop)
    loop.run()


def run(count: int, overrides: Sequence[str], folder: Path, stop_after: int | None = None) -> None:
    """Train with `count` processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    crew = [
        PROCESSES.Process(target=_rank, args=(rank, count, port, overrides, folder, stop_after))
        for rank in range(count)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join(120)
    assert [process.exitcode for process in crew] == [0] * count


@pytest.fixture(scope="module")
def expected(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process leaves."""
    folder = tmp_path_factory.mktemp("one") / "run"
    run(1, words, folder)
    return weights(folder)


@pytest.mark.parametrize("count", [2, 4])
def test_the_same_bytes_for_any_number_of_processes(
    count: int, words: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    run(count, words, tmp_path / "run")
    assert len(expected) > 30 and weights(tmp_path / "run") == expected


@pytest.mark.parametrize(
    "first, then, stop",
    [(1, 2, 2), (2, 4, 3), (4, 1, 4), *(pytest.param(*case, marks=pytest.mark.slow) for case in ALL_STOPS)],
)
def test_stopped_by_some_and_continued_by_others(
    first: int, then: int, stop: int, words: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    run(first, words, tmp_path / "run", stop_after=stop)
    run(then, words, tmp_path / "run")
    assert weights(tmp_path / "run") == expected


numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=16)


@given(numbers, st.sampled_from([1, 2, 4, 8]))
def test_sums_of_blocks_add_up_to_the_sum_of_all(values: list[float], count: int) -> None:
    """A group of up to 16 batches, dealt to `count` processes, of which some may get none."""

    def summed(some: Sequence[float]) -> torch.Tensor | None:
        tree = TreeSum()
        for value in some:
            tree.add([torch.tensor([value], dtype=torch.float32)])
        return None if (total := tree.total()) is None else total[0]

    blocks = [summed([values[n] for n in Ranks(rank, count).own(len(values), 16)]) for rank in range(count)]
    holders = Ranks(0, count).holders(len(values), 16)
    assert [block is not None for block in blocks] == [rank < holders for rank in range(count)]
    while len(blocks) > 1:
        pairs = zip(blocks[::2], blocks[1::2], strict=True)
        blocks = [left if right is None else left + right for left, right in pairs]
    assert torch.equal(blocks[0], summed(values))


def test_parameters_that_no_batch_touched_stay_without_gradient() -> None:
    one, two = torch.tensor([1.0, -0.0]), torch.tensor([2.0])
    tree = TreeSum()
    tree.add([one.clone(), None, None])
    tree.add([one.clone(), two.clone(), None])
    first, second, third = tree.total()
    assert torch.equal(first, 2 * one) and first.signbit().tolist() == [False, True]
    assert torch.equal(second, two) and third is None


def test_unequal_batches_give_the_gradient_of_one_batch_of_all(treebank: Path) -> None:
    """The loss is summed over batches, and divided once by all that was scored (in float64)."""
    words = ["data=ud_ewt", f"data.path={treebank}", *COMMON, "encoder.dropout=0", "encoder.kernel=reference", "data.unknown=0",
             "trainer.batch_vectors=200", "trainer.clip=0", "trainer.average=0"]  # fmt: skip
    gradients = []
    for pieces in (1, 3):
        loop = training(words)
        loop.model.double()
        draw = loop.mixture.groups(0)[0][0]
        slices = [slice(None)] if pieces == 1 else [slice(1), slice(1, 3), slice(3, None)]
        group = [replace(draw, indices=draw.indices[piece]) for piece in slices]
        caught: dict[str, torch.Tensor] = {}
        loop.learned.optimizer.step = lambda loop=loop, caught=caught: caught.update(  # type: ignore[method-assign]
            {name: p.grad.clone() for name, p in loop.model.named_parameters() if p.grad is not None}
        )
        loop._update(group, range(len(group)), map(loop.parts.batch, group))
        gradients.append(caught)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-12, atol=1e-14)
