"""The central types: sets of vectors of varying size, packed end to end without padding.

Letters: B sets in the batch · N vectors in all its sets together · L vectors in the longest set ·
F features of a vector before embedding · D model width · P coordinates · E edges · U distinct parts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Layout:
    """Which rows belong to which set. lengths: the number of vectors of each of the B sets, known to the host, so that
    nothing in the model has to ask the device; all else follows from them. `set_index` and `position` are on the device
    of the values."""

    lengths: tuple[int, ...]
    set_index: Tensor = field(repr=False)  # (N,) int64: the set that owns each row
    position: Tensor = field(repr=False)  # (N,) int64: the row's number within its set

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Layout":
        """That of B sets with these lengths, on the host."""
        counts = np.array(lengths, dtype=np.int64)  # a tenth of the time of PyTorch's operations on so few numbers
        set_index = np.repeat(np.arange(len(counts)), counts)
        position = np.arange(len(set_index)) - np.repeat(counts.cumsum() - counts, counts)
        return cls(tuple(lengths), torch.from_numpy(set_index), torch.from_numpy(position))

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def max_length(self) -> int:
        return max(self.lengths, default=0)

    @cached_property
    def size(self) -> int:
        """N, the number of all vectors."""
        return sum(self.lengths)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The first row of each set, and N at the end: B+1 numbers."""
        return tuple(accumulate(self.lengths, initial=0))

    @cached_property
    def counts(self) -> Tensor:
        """(B,) int64: the lengths, where the values live."""
        return torch.tensor(self.lengths, dtype=torch.int64, device=self.position.device)

    @cached_property
    def pad_index(self) -> Tensor:
        """(N,): each row's number in the padded view (B·L, …)."""
        return self.set_index * self.max_length + self.position

    @cached_property
    def mask(self) -> Tensor:
        """(B, L): True where there is a vector, False at padding."""
        return self.pad(torch.ones(self.size, dtype=torch.bool, device=self.position.device), fill=False)

    def pad(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """(N, …) -> (B, L, …)."""
        padded = rows.new_full((len(self) * self.max_length, *rows.shape[1:]), fill)
        padded = padded.index_copy(0, self.pad_index, rows)
        return padded.view(len(self), self.max_length, *rows.shape[1:])

    def pack(self, padded: Tensor) -> Tensor:
        """(B, L, …) -> (N, …): the inverse of `pad`."""
        return padded.flatten(0, 1).index_select(0, self.pad_index)

    def to(self, device: torch.device) -> "Layout":
        if self.position.device == device:
            return self
        return Layout(self.lengths, self.set_index.to(device), self.position.to(device))


@dataclass(frozen=True, eq=False)
class VectorSets:
    """A batch of sets of vectors, end to end.

    values: (N,) int64 ids, or (N, F) float.
    coords: (N, P) float coordinates (word or frame number; patch row and column), or None: no order.
    edges: (2, E) int64 rows of `values`, from and to, in order of the sets; edge_values (E, …).
    parts, part_index: each vector may itself be a set (the characters of a word), one level deep:
    `parts` holds the U distinct ones, `part_index` (N,) says which of them each vector is made of.
    host_coords: `coords` as they were before `to` moved them to another device, so that plans which depend
    on coordinates are made without asking that device. Whoever changes `coords` changes both.
    hidden: (N,) bool, of vectors that a model is asked about: it sees that they are there, and where, but not what they
    are. None: all are seen.
    """

    values: Tensor
    layout: Layout
    coords: Tensor | None = None
    edges: Tensor | None = None
    edge_values: Tensor | None = None
    parts: "VectorSets | None" = None
    part_index: Tensor | None = None
    host_coords: Tensor | None = None
    hidden: Tensor | None = None

    def __post_init__(self) -> None:
        assert len(self.values) == self.layout.size, "lengths must add up to the number of rows"
        assert self.coords is None or len(self.coords) == len(self.values)
        assert self.host_coords is None or self.coords is None or self.host_coords.shape == self.coords.shape
        assert (self.parts is None) == (self.part_index is None)
        assert self.parts is None or self.parts.parts is None, "parts are one level deep"
        assert self.hidden is None or self.hidden.shape == (len(self.values),)

    @classmethod
    def of(
        cls, values: Tensor, lengths: Sequence[int] | None = None, *, coords: Tensor | None = None,
        edges: Tensor | None = None, edge_values: Tensor | None = None,
        parts: "VectorSets | None" = None, part_index: Tensor | None = None,
    ) -> "VectorSets":  # fmt: skip
        """Sets with these lengths; without lengths, one set."""
        layout = Layout.of([len(values)] if lengths is None else lengths)
        return cls(values, layout, coords, edges, edge_values, parts, part_index)

    def __len__(self) -> int:
        return len(self.layout)

    @property
    def lengths(self) -> tuple[int, ...]:
        return self.layout.lengths

    @property
    def known_coords(self) -> Tensor | None:
        """(N, P) coordinates where the host can read them."""
        return self.coords if self.host_coords is None else self.host_coords

    def with_values(self, values: Tensor) -> "VectorSets":
        """The same sets of other vectors (N, …), without the parts that the old ones were made of."""
        return replace(self, values=values, parts=None, part_index=None)

    def pad(self) -> tuple[Tensor, Tensor]:
        """(B, L, …) values and the (B, L) mask, True where there is a vector."""
        return self.layout.pad(self.values), self.layout.mask

    @classmethod
    def collate(cls, sets: Sequence["VectorSets"]) -> "VectorSets":
        """Put sets end to end; `unbind` takes them apart again."""
        parts = [item.parts for item in sets if item.parts is not None]
        return cls(
            values=torch.cat([item.values for item in sets]),
            layout=Layout.of([length for item in sets for length in item.lengths]),
            coords=_joined([item.coords for item in sets]),
            edges=_joined([item.edges for item in sets], [len(item.values) for item in sets], dim=1),
            edge_values=_joined([item.edge_values for item in sets]),
            parts=cls.collate(parts) if parts else None,
            part_index=_joined([item.part_index for item in sets], list(map(len, parts))),
            hidden=_joined([item.hidden for item in sets]),
        )

    def unbind(self) -> list["VectorSets"]:
        """The B sets, one by one."""
        return [self._single(b) for b in range(len(self))]

    def _single(self, b: int) -> "VectorSets":
        first, last = self.layout.starts[b], self.layout.starts[b + 1]
        edges = edge_values = parts = part_index = None
        if self.edges is not None:
            in_set = self.layout.set_index[self.edges[0]] == b
            edges = self.edges[:, in_set] - first
            edge_values = None if self.edge_values is None else self.edge_values[in_set]
        if self.parts is not None and self.part_index is not None:
            used, part_index = self.part_index[first:last].unique(return_inverse=True)
            singles = self.parts.unbind()
            empty = VectorSets.of(self.parts.values[:0], [])
            parts = VectorSets.collate([singles[i] for i in used.tolist()]) if len(used) else empty
        coords = None if self.coords is None else self.coords[first:last]
        hidden = None if self.hidden is None else self.hidden[first:last]
        layout = Layout.of([last - first])
        return VectorSets(
            self.values[first:last], layout, coords, edges, edge_values, parts, part_index, hidden=hidden
        )

    def by_length(self) -> "Sorted | None":
        """The same sets, the shortest first; None where they are in this order already."""
        lengths = np.array(self.lengths, dtype=np.int64)
        if not (lengths[1:] < lengths[:-1]).any():
            return None
        order = np.argsort(lengths, kind="stable")
        starts = np.array(self.layout.starts[:-1], dtype=np.int64)[order]
        layout = Layout.of(lengths[order].tolist())
        old = torch.from_numpy(np.repeat(starts, lengths[order])) + layout.position  # where each row was
        new, sets = torch.empty_like(old), torch.empty(len(order), dtype=torch.int64)
        new[old] = torch.arange(len(old))
        sets[torch.from_numpy(order)] = torch.arange(len(order))
        device = self.values.device
        layout, rows, new = layout.to(device), old.to(device), new.to(device)
        edges = edge_values = None
        if self.edges is not None:
            moved = new[self.edges]
            by_set = torch.argsort(layout.set_index[moved[0]], stable=True)
            edges = moved[:, by_set]
            edge_values = None if self.edge_values is None else self.edge_values[by_set]

        def reordered(tensor: Tensor | None, rows: Tensor) -> Tensor | None:
            return None if tensor is None else tensor.index_select(0, rows)

        moved_sets = VectorSets(
            self.values.index_select(0, rows), layout, reordered(self.coords, rows), edges, edge_values,
            self.parts, reordered(self.part_index, rows), reordered(self.host_coords, old), reordered(self.hidden, rows),
        )  # fmt: skip
        return Sorted(moved_sets, tuple(sets.tolist()), new)

    def to(self, device: torch.device) -> "VectorSets":
        if self.values.device == device:
            return self

        def move(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else tensor.to(device)

        return VectorSets(
            self.values.to(device), self.layout.to(device), move(self.coords), move(self.edges), move(self.edge_values),
            None if self.parts is None else self.parts.to(device), move(self.part_index), self.known_coords,
            move(self.hidden),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sorted:
    """Sets in another order: what was set i is number inverse_order[i] in it, and what was row i is row rows[i]."""

    sets: VectorSets
    inverse_order: tuple[int, ...]
    rows: Tensor


def _joined(tensors: Sequence[Tensor | None], counts: Sequence[int] | None = None, dim: int = 0) -> Tensor | None:
    """All of them end to end; indices are raised by how many each set before counts. None where the sets have none."""
    present = [tensor for tensor in tensors if tensor is not None]
    if not present:
        return None
    assert len(present) == len(tensors), "either all sets have it or none"
    if counts is not None:
        present = [tensor + shift for tensor, shift in zip(present, accumulate(counts, initial=0), strict=False)]
    return torch.cat(present, dim=dim)


Targets = Mapping[str, Tensor | VectorSets]
"""What is to be learned of a batch, by the target's name: sequences are `VectorSets`, all others a `Tensor`."""
Answer = str | float | Sequence[str] | Sequence[float] | NDArray[np.float32]
"""An answer for one set, in words or numbers: one, or a sequence with one for each vector or question; of hidden vectors of
numbers, (H, F)."""
Probability = float | Sequence[float] | Sequence[float | None] | None
"""What the model gives an answer, alike in shape; None where answers are numbers, or where nothing is asked."""


@dataclass(frozen=True, eq=False)
class Example:
    """One set with what is to be learned of it; `key` says where it came from."""

    inputs: VectorSets
    targets: Targets
    key: str


@dataclass(frozen=True, eq=False)
class Batch:
    """Sets to compute together. Targets of vectors are packed as the vectors are: (N,). Targets that are sequences are sets
    of ids, each closed by `</s>`, with their positions as coordinates."""

    inputs: VectorSets
    targets: Targets
    keys: tuple[str, ...]

    def to(self, device: torch.device) -> "Batch":
        targets = {name: target.to(device) for name, target in self.targets.items()}
        return Batch(self.inputs.to(device), targets, self.keys)


class Ranked:
    """The most probable classes of the R rows of a batch. They are looked for once somebody asks, since that takes as long as
    everything else about an answer.

    classes: the names of all C. outputs: (R, C) logits, or logarithms of probabilities. most: how many are wanted of each
    row, the best first; None: the rows are answers to C yes-or-no questions, and the probabilities of yes to all are wanted,
    in their order. per_vector: whether rows are vectors of sets; otherwise each is a set.
    """

    KEPT = 64
    """Classes from which outputs would take too much memory until somebody asks."""

    def __init__(
        self, classes: Sequence[str], outputs: Tensor, most: int | None, per_vector: bool = False
    ) -> None:
        self.classes, self.most, self.per_vector = classes, most, per_vector
        self._outputs: Tensor | None = outputs.detach()
        self._best: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None
        if len(classes) > self.KEPT:
            self._found()
        else:
            self._outputs = self._outputs.cpu()

    def named(self, first: int, end: int) -> list[dict[str, float]]:
        """Of rows from `first` to before `end`, the probabilities by the names of the classes."""
        ids, probabilities = (found.tolist() for found in self.best(first, end))
        return [
            {self.classes[i]: p for i, p in zip(*row, strict=True)} for row in zip(ids, probabilities, strict=True)
        ]

    def best(self, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Of these rows, (rows, k) numbers of classes, and their probabilities."""
        ids, probabilities = self._found()
        return ids[first:end], probabilities[first:end]

    def tensors(self) -> dict[str, Tensor]:
        """What `restored` makes the same object of, in another process."""
        if self._outputs is not None:
            return {"outputs": self._outputs.contiguous()}
        ids, probabilities = self._found()
        return {"ids": torch.from_numpy(np.array(ids)), "probabilities": torch.from_numpy(probabilities)}

    @classmethod
    def restored(
        cls, classes: Sequence[str], tensors: Mapping[str, Tensor], most: int | None, per_vector: bool
    ) -> "Ranked":
        """What gave these `tensors`."""
        if "outputs" in tensors:
            return cls(classes, tensors["outputs"], most, per_vector)
        ranked = cls(classes, torch.empty(0, len(classes)), most, per_vector)
        ranked._outputs, ranked._best = None, (tensors["ids"].numpy(), tensors["probabilities"].numpy())
        return ranked

    def _found(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(R, k) numbers of classes, and their probabilities."""
        if self._best is None:
            assert self._outputs is not None, "kept until now"
            outputs, self._outputs = self._outputs.float(), None
            if self.most is None:
                values = outputs.sigmoid().cpu().numpy()
                self._best = np.broadcast_to(np.arange(len(self.classes)), values.shape), values
            else:
                best = outputs.softmax(-1).topk(min(self.most, len(self.classes)), dim=-1)
                self._best = best.indices.cpu().numpy(), best.values.cpu().numpy()
        return self._best


class RankedRows(NamedTuple):
    """Rows of a batch, from `first` to before `end`: those of one set."""

    ranked: Ranked
    first: int
    end: int


@dataclass(frozen=True)
class Prediction:
    """A head's answer for one set, in words or numbers. alternatives: other answers with their probabilities, best first,
    where the head offers them. complete: False where the answer was cut because it became too long. ranked: what
    `probabilities` is made of."""

    value: Answer
    probability: Probability
    alternatives: tuple[tuple[Answer, Probability], ...] = ()
    complete: bool = True
    ranked: RankedRows | None = field(default=None, compare=False, repr=False)

    @property
    def probabilities(self) -> Mapping[str, float] | Sequence[Mapping[str, float]] | None:
        """Of classes, the probability of each by its name, or of the most probable ones, best first: of the set, or of each
        of its vectors; of yes-or-no questions, that each is answered by yes. None where answers are numbers or texts."""
        if self.ranked is None:
            return None
        named = self.ranked.ranked.named(self.ranked.first, self.ranked.end)
        return named if self.ranked.ranked.per_vector else named[0]


@dataclass(frozen=True, eq=False)
class Loss:
    """A summed loss and what it is summed over; divided once per update, over batches and ranks."""

    total: Tensor  # ()
    count: Tensor  # ()
