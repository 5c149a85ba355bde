"""Answers of batches that several processes have read, brought together in each of them: as JSON and tensors, never as code."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from attnlab.sets import Prediction, Ranked, RankedRows
from attnlab.training.ranks import Ranks


@dataclass(frozen=True)
class Read:
    """One batch, read by a model. number: of the batch; total: its summed loss, count: what it is summed over; answers: one for
    each set."""

    number: int
    total: float
    count: int
    answers: Sequence[Prediction]


def gathered(read: Sequence[Read], ranks: Ranks, classes: Sequence[str]) -> list[Read]:
    """The batches that all ranks have read, in their order. classes: of the head."""
    if ranks.count == 1:
        return list(read)
    everybodys = (_unpacked(data, classes) for data in ranks.exchange(_packed(read)))
    of_each = {batch.number: batch for batch in chain.from_iterable(everybodys)}  # the last, by several
    return [of_each[number] for number in sorted(of_each)]


def _packed(read: Sequence[Read]) -> bytes:
    """Eight bytes of length, JSON, and the tensors of what ranks classes."""
    tensors, described = dict[str, Tensor](), []
    for batch in read:
        ranked = batch.answers[0].ranked if batch.answers else None
        if ranked is not None:
            tensors |= {f"{batch.number}.{name}": tensor for name, tensor in ranked.ranked.tensors().items()}
        values = [answer.value for answer in batch.answers]
        if arrays := [torch.from_numpy(value) for value in values if isinstance(value, np.ndarray)]:
            tensors[f"{batch.number}.arrays"] = torch.cat(arrays)
            values = [[len(array)] for array in arrays]
        answers = [
            (value, a.probability, a.alternatives, a.complete, a.ranked and (a.ranked.first, a.ranked.end))
            for value, a in zip(values, batch.answers, strict=True)
        ]
        how = ranked and (ranked.ranked.most, ranked.ranked.per_vector)
        described.append((batch.number, batch.total, batch.count, how, answers))
    text = json.dumps(described).encode()
    return len(text).to_bytes(8, "little") + text + save(tensors)


def _unpacked(data: bytes, classes: Sequence[str]) -> list[Read]:
    size = 8 + int.from_bytes(data[:8], "little")
    described, tensors, read = json.loads(data[8:size]), load(data[size:]), []
    for number, total, count, how, answers in described:
        prefix = f"{number}."
        of_batch = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
        ranked = Ranked.restored(classes, of_batch, *how) if how else None
        values = [value for value, *_ in answers]
        if "arrays" in of_batch:
            values = [array.numpy() for array in of_batch["arrays"].split([rows for (rows,) in values])]
        read.append(Read(number, total, count, [
            Prediction(value, probability, tuple(map(tuple, alternatives)), complete,
                       RankedRows(ranked, *rows) if ranked and rows else None)
            for value, (_, probability, alternatives, complete, rows) in zip(values, answers, strict=True)
        ]))  # fmt: skip
    return read
