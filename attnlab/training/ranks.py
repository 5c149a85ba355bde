"""Several processes that train one run together, and sums that have the same bits however many they are.

Only this file and `shard.py` know torch.distributed. It moves numbers from process to process; they are added here, as the
leaves of a fixed tree (`gradients.py`), because sums of the communication libraries depend on sizes, algorithms and the number of processes.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Protocol, TypeVar

import numpy as np
import torch
import torch.distributed as distributed
from torch import Tensor
from torch.distributed.rendezvous import rendezvous

from attnlab.errors import RankFailed, UserError
from attnlab.training.gradients import Gradients, Touched

LONGEST_WAIT = timedelta(minutes=30)
"""For numbers of another process, which may be writing a save or decoding longer sentences. One that has ended is noticed at
once; so is one whose machine is lost, but only then."""

CPU = torch.device("cpu")
T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process, number `rank` of `count` that compute a run together; of one alone, nothing is sent. device: where numbers
    are when they are sent."""

    rank: int = 0
    count: int = 1
    device: torch.device = CPU

    @classmethod
    def joined(cls, device: torch.device = CPU) -> "Ranks":
        """This process among those that torch's launcher has started, as it says in the environment; alone without a launcher.
        device: where this process computes."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        _talk()
        here = int(os.environ.get("LOCAL_WORLD_SIZE", str(count)))
        own_gpu = device.type == "cuda" and torch.cuda.device_count() >= here  # NCCL wants one for each
        return cls(int(os.environ["RANK"]), count, device if own_gpu else CPU)

    def own(self, number: int, room: int) -> range:
        """Which of the `number` batches of a group this process computes: where a full group has `room`, a block of them, in the
        order of ranks."""
        return range(room * self.rank // self.count, min(number, room * (self.rank + 1) // self.count))

    def holders(self, number: int, room: int) -> int:
        """How many ranks, from the first, compute any of the first `number` of `room` batches."""
        return sum(room * rank // self.count < number for rank in range(self.count))

    def dealt(self, items: Sequence[T]) -> list[tuple[int, T]]:
        """This process's share of what is done in any order, such as batches to be evaluated: each with its number. All
        processes get equally many, so that the last may be done by several."""
        last = len(items) - 1
        numbers = [min(first + self.rank, last) for first in range(0, len(items), self.count)]
        return [(number, items[number]) for number in numbers]

    def add(
        self, gradients: Gradients | None, parameters: Sequence[Tensor], holders: int, figures: Sequence[float]
    ) -> tuple[Gradients, list[float]]:
        """The sums over ranks of what each holds: gradients, and figures as in `sum_of_parts`. parameters: whose gradients they
        are; holders: the ranks that hold any, counted from the first. Raises RankFailed where one of them has ended. Each
        process adds up one piece of all gradients and sends it to the others; of long matrices only those rows are sent that
        any process has touched."""
        if self.count == 1:
            assert gradients is not None, "a group has at least one batch"
            return gradients, list(figures)
        held = gradients or [None] * len(parameters)
        own = torch.tensor(figures, dtype=torch.float64).view(torch.uint8)
        told = self._of_each(torch.cat([own, Touched.of(held, parameters).flags]))
        sums = told[:, : len(own)].contiguous().view(torch.float64).sum(dim=0).tolist()
        touched = Touched(told[:, len(own) :].amax(dim=0))
        parts = touched.sent(held, parameters)
        length = sum(map(len, parts))
        piece = -(-length // self.count)
        sent = torch.cat([*parts, parts[0].new_zeros(piece * self.count - length)]).to(self.device)
        received = torch.empty_like(sent)
        send(lambda: distributed.all_to_all_single(received, sent))
        nodes = list(received.view(self.count, piece)[:holders].unbind())
        while len(nodes) > 1:
            pairs = [nodes[i : i + 2] for i in range(0, len(nodes), 2)]
            nodes = [pair[0] + pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
        send(lambda: distributed.all_gather_into_tensor(sent, nodes[0].contiguous()))
        return touched.received(sent[:length].split([*map(len, parts)]), held, parameters), sums

    def _of_each(self, own: Tensor) -> Tensor:
        """(N,) on the CPU, of the same length in all ranks -> (count, N), of each of them."""
        received = own.new_empty(self.count * len(own))
        send(lambda: distributed.all_gather_into_tensor(received, own))
        return received.view(self.count, -1)

    def sum_of_parts(self, numbers: Sequence[float]) -> list[float]:
        """Of each number, the sum over ranks; exact where all ranks but one hold 0 there, and for whole numbers."""
        if self.count == 1:
            return list(numbers)
        summed = torch.tensor(numbers, dtype=torch.float64)
        send(lambda: distributed.all_reduce(summed))
        return summed.tolist()

    def wait(self) -> None:
        """Until all ranks have come here, however long one of them takes."""
        self.all_told({})

    def told(self, facts: Mapping[str, str]) -> dict[str, str]:
        """What the first rank says, to all of them, however long they wait for it."""
        return dict(facts) if self.count == 1 else _talk().turn(facts, range(1))[0]

    def all_told(self, facts: Mapping[str, str]) -> list[dict[str, str]]:
        """What each rank says, in their order, to all of them, however long they wait for it."""
        return [dict(facts)] if self.count == 1 else _talk().turn(facts, range(self.count))

    def end(self) -> None:
        """The last that is said: of the first rank, once all others have heard, in `told`, that there is nothing more to compute.
        Raises there what one of them has failed by."""
        if self.count > 1:
            _talk().end(self.count)

    def fail(self, sentence: str, mistake: bool) -> None:
        """Have the first rank tell why this one, another, ends now. mistake: whether it is one of the user's."""
        _talk().fail(sentence, mistake)

    def has_failed(self) -> bool:
        """Whether any rank has called `fail`."""
        return self.count > 1 and _talk().has_failed()

    def stay(self) -> None:
        """Wait a few seconds for the launcher to end this process, since another one's end says how the run has."""
        _talk().stay()

    def exchange(self, data: bytes) -> list[bytes]:
        """What each rank gives, to all of them, in the order of ranks."""
        if self.count == 1:
            return [data]
        sizes = self.sum_of_parts([len(data) if rank == self.rank else 0.0 for rank in range(self.count)])
        sent = torch.zeros(int(max(sizes)), dtype=torch.uint8)
        sent[: len(data)] = torch.from_numpy(np.frombuffer(data, dtype=np.uint8).copy())
        rows = self._of_each(sent).numpy()
        return [row[: int(size)].tobytes() for row, size in zip(rows, sizes, strict=True)]


def send(collective: Callable[[], T]) -> T:
    """What a call of torch.distributed gives. Raises what `Talk.failure` says where another process has ended."""
    try:
        return collective()
    except RuntimeError as error:
        raise _talk().failure() from error


class Store(Protocol):
    """What is used of torch's store, in which all processes find what each has written."""

    def set(self, key: str, value: str) -> None: ...
    def get(self, key: str) -> bytes: ...
    def check(self, keys: list[str]) -> bool: ...
    def compare_set(self, key: str, expected: str, wanted: str) -> bytes: ...


class Talk:
    """What the processes of a run say to each other besides numbers. No time is too long, since one of them may be preparing data
    for hours; where one has ended, the launcher ends them all."""

    def __init__(self, store: Store, rank: int) -> None:
        self._store, self._rank, self._turn = store, rank, 0

    def turn(self, facts: Mapping[str, str], speakers: range) -> list[dict[str, str]]:
        """What each of these ranks says this time. Raises as `failure` says."""
        self._turn += 1
        if self._rank in speakers:
            self._store.set(f"{self._turn}/{self._rank}", json.dumps(dict(facts)))
        try:
            return [self._heard(f"{self._turn}/{speaker}") for speaker in speakers]
        except RuntimeError as error:  # the store has ended
            raise RankFailed from error

    def _heard(self, key: str) -> dict[str, str]:
        pause = 0.001
        while not self._store.check([key]):
            if self.has_failed():
                raise self.failure()
            time.sleep(pause)
            pause = min(0.1, 2 * pause)
        return json.loads(self._store.get(key))

    def end(self, count: int) -> None:
        """See `Ranks.end`. Only the first process reads here, since it may hold the store."""
        if self._rank:
            self._store.set(f"end/{self._rank}", "{}")
            return
        self.turn({}, range(1))
        for rank in range(1, count):
            self._heard(f"end/{rank}")

    def fail(self, sentence: str, mistake: bool) -> None:
        """See `Ranks.fail`: what has failed first is told."""
        self._store.compare_set(FAILED, "", json.dumps([self._rank, sentence, mistake]))

    def has_failed(self) -> bool:
        """See `Ranks.has_failed`."""
        return self._store.check([FAILED])

    def stay(self) -> None:
        """See `Ranks.stay`. Not longer: others may wait for numbers from here, and notice by its end that there are none. It ends
        with the store, as where the launcher is on another machine."""
        deadline = time.monotonic() + LAST_SECONDS
        with contextlib.suppress(RuntimeError):
            while time.monotonic() < deadline:
                self.has_failed()
                time.sleep(0.1)

    def failure(self) -> Exception:
        """What is to be raised where another process doesn't go on: what it has left to be told, in the first process."""
        try:
            if self._rank == 0 and self.has_failed():
                rank, sentence, mistake = json.loads(self._store.get(FAILED))
                return (
                    UserError(sentence)
                    if mistake
                    else RankFailed(f"process {rank} of this run failed: {sentence}")
                )
        except RuntimeError:
            pass
        return RankFailed()


FAILED = "failed"
LAST_SECONDS = 5.0
"""In which the first process ends, where it is the one that has failed."""


@cache
def _talk() -> Talk:
    """Joins the others, once."""
    store, rank, count = next(rendezvous("env://", timeout=LONGEST_WAIT))
    distributed.init_process_group(store=store, rank=rank, world_size=count, timeout=LONGEST_WAIT)
    return Talk(store, rank)
