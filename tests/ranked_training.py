"""Several processes that train one run, started from a test; and tiny data of several kinds for them."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TypeVar

from conftest import conllu, tiny_sentences, write_pairs, write_tables, write_treebank
from graphs import write_tu
from loops import training
from pictures import write_folder
from torch import distributed

from attnlab.training.resume import restore

T = TypeVar("T")
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["loops", "attnlab.training.resume", "attnlab.training.shard", "torch._dynamo", "attnlab.data.text.loader"]
)

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
    "masked": ["task=masked", "data=image_folder", "data.patch=2", "trainer.batch_vectors=60"],
}  # fmt: skip


def joint_words(folder: Path) -> list[str]:
    """A joint run of some of these kinds, whose data are written."""
    of_parts = [
        f"parts.{part}.{word}"
        for part in ("tagging", "graph", "masked")
        for word in [*KINDS[part], f"data.path={write_data(part, folder / part)}"]
    ]
    return ["task=joint", "parts=[tagging,graph,masked]", *of_parts, "defaults=plain"]


def write_data(kind: str, folder: Path) -> Path:
    """Data of each kind; of the tagged ones, one sentence is longer than a batch, and some have no tag that is scored."""
    if kind == "tagging":
        write_treebank(folder)
        sentences = tiny_sentences(60, 0)
        sentences[7] = sentences[7] * 30
        sentences[9] = [(word, "_") for word, _ in sentences[7]]
        (folder / "toy-ud-train.conllu").write_text(conllu(sentences), encoding="utf-8")
        return folder
    return {
        "classification": write_tables,
        "translation": write_pairs,
        "graph": lambda f: write_tu(f, count=60),
        "masked": write_folder,
    }[kind](folder)


def each(count: int, function: Callable[..., T], *arguments: object) -> list[T]:
    """What a function returns in each of `count` processes that belong together, in the order of ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    answers = PROCESSES.Queue()
    crew = [
        PROCESSES.Process(target=_rank, args=(rank, count, port, answers, function, arguments))
        for rank in range(count)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join(300)
    assert [process.exitcode for process in crew] == [0] * count
    return [answer for _, answer in sorted((answers.get() for _ in crew), key=lambda pair: pair[0])]


def _rank(
    rank: int, count: int, port: int, answers: Queue, function: Callable[..., T], arguments: Sequence[object]
) -> None:
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }  # fmt: skip
    answers.put((rank, function(*arguments)))
    if distributed.is_initialized():
        distributed.destroy_process_group()


def run(count: int, overrides: Sequence[str], folder: Path, stop_after: int | None = None) -> None:
    """Train with `count` processes, of which only the first may write into the run's folder."""
    each(count, _train, list(overrides), folder, stop_after)


def _train(overrides: list[str], folder: Path, stop_after: int | None) -> None:
    if os.environ["RANK"] != "0":
        sys.addaudithook(partial(_refuse_writing, str(folder)))
    loop = training(overrides, folder, stop_after)
    if (folder / "last").exists():
        restore(loop)
    loop.run()
    ranks = loop.engine.ranks
    if ranks.rank:
        ranks.told({})  # that there is no more
    ranks.end()  # the first one, which holds the store, is the last to leave


def _refuse_writing(folder: str, event: str, arguments: tuple) -> None:
    changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")
    if event == "open":
        changes = bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if changes and any(str(word).startswith(f"{folder}/") for word in arguments[:2]):
        os._exit(99)
