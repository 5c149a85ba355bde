"""Gradients of a group of batches: added in a fixed order, and which of their numbers need not be sent to other processes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

Gradients = list[Tensor | None]
"""Of each trained parameter; None where no batch so far has touched it."""


class TreeSum:
    """Gradients of one batch after the other, added in pairs: (0 + 1) + (2 + 3), … The sum of a block whose size is a power of
    two is one node of the tree, so that blocks may be summed by different processes. Of n batches, at most log2(n) + 1 sums
    are kept."""

    def __init__(self) -> None:
        self._blocks: list[tuple[int, Gradients]] = []  # (size, sum), the largest first

    def add(self, gradients: Gradients) -> None:
        """The gradients of the next batch; they now belong to the sum."""
        size = 1
        while self._blocks and self._blocks[-1][0] == size:
            gradients = _added(self._blocks.pop()[1], gradients)
            size *= 2
        self._blocks.append((size, gradients))

    def total(self) -> Gradients | None:
        """The sum of all; None where nothing was added."""
        total: Gradients | None = None
        while self._blocks:
            block = self._blocks.pop()[1]
            total = block if total is None else _added(block, total)
        return total


def _added(left: Gradients, right: Gradients) -> Gradients:
    """left + right, in the memory of left."""
    both = [(a, b) for a, b in zip(left, right, strict=True) if a is not None and b is not None]
    if both:
        torch._foreach_add_([a for a, _ in both], [b for _, b in both])
    return [b if a is None else a for a, b in zip(left, right, strict=True)]


LONG = 1024
"""Rows from which on a matrix is worth a look at which of them are zero: tables of embeddings, of which a batch has few words."""


@dataclass(frozen=True)
class Touched:
    """What of the gradients is not zero. flags: (numbers of parameters + rows of long matrices) uint8: 1 for each parameter that
    has a gradient, then for each such row in which a bit is set (-0.0 has one); after a maximum over ranks, of any of them."""

    flags: Tensor

    @classmethod
    def of(cls, held: Gradients, parameters: Sequence[Tensor]) -> "Touched":
        """Of what one process holds."""
        flags = [torch.tensor([gradient is not None for gradient in held])]
        for gradient, parameter in zip(held, parameters, strict=True):
            if not _is_long(parameter):
                continue
            if gradient is None:
                flags.append(torch.zeros(len(parameter), dtype=torch.bool))
            else:
                flags.append(gradient.contiguous().view(torch.uint8).any(dim=1).cpu())
        return cls(torch.cat(flags).to(torch.uint8))

    def _rows(self, parameters: Sequence[Tensor]) -> list[Tensor | None]:
        """Of each parameter, the numbers of the touched rows where it is long, else None."""
        lengths = [len(p) if _is_long(p) else 0 for p in parameters]
        flags = self.flags[len(parameters) :].split(lengths)
        return [f.nonzero()[:, 0].to(p.device) if len(f) else None for f, p in zip(flags, parameters, strict=True)]

    def sent(self, held: Gradients, parameters: Sequence[Tensor]) -> list[Tensor]:
        """A vector of each parameter: its gradient, or of a long matrix those rows of it."""
        vectors = []
        for gradient, parameter, rows in zip(held, parameters, self._rows(parameters), strict=True):
            if gradient is None:  # of IEEE numbers, -0.0 is the one that changes no other when it is added
                shape = parameter.shape if rows is None else (len(rows), parameter.shape[1])
                vectors.append(torch.full(shape, -0.0, dtype=parameter.dtype, device=parameter.device).flatten())
            else:
                vectors.append(gradient.flatten() if rows is None else gradient[rows].flatten())
        return vectors

    def received(self, vectors: Sequence[Tensor], held: Gradients, parameters: Sequence[Tensor]) -> Gradients:
        """The gradients of which these are the vectors. held: as in `sent`; other rows than the sent ones are zero in it."""
        gradients: Gradients = []
        for number, (parameter, rows) in enumerate(zip(parameters, self._rows(parameters), strict=True)):
            vector, gradient = vectors[number].to(parameter.device), held[number]
            if not self.flags[number]:
                gradients.append(None)
            elif rows is None:
                gradients.append(vector.view_as(parameter))
            else:
                whole = torch.zeros_like(parameter) if gradient is None else gradient
                gradients.append(whole.index_copy_(0, rows, vector.view(len(rows), -1)))
        return gradients


def _is_long(parameter: Tensor) -> bool:
    return parameter.dim() == 2 and len(parameter) >= LONG
