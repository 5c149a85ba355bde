"""Whether the processes of a run still have learned the same: a faulty memory, or a library that computes otherwise on one machine,
would part them silently."""

from collections.abc import Mapping
from hashlib import blake2b

import torch
from torch import Tensor

from attnlab.errors import RankFailed
from attnlab.training.ranks import Ranks

SIZE = 16
"""Bytes of a digest."""


def refuse_drift(learned: Mapping[str, Mapping[str, Tensor]], ranks: Ranks) -> None:
    """Raises RankFailed, in all ranks, where one has other bits than the first; it names the first tensor that differs. learned:
    tensors by what they belong to, then by name."""
    if ranks.count == 1:
        return
    # Sorted, since a file of tensors is read in any order.
    names = [(of, name) for of, tensors in learned.items() for name in sorted(tensors)]
    first, *others = ranks.exchange(b"".join(_digest(learned[of][name]) for of, name in names))
    for rank, found in enumerate(others, 1):
        for number, (of, name) in enumerate(names):
            here = slice(SIZE * number, SIZE * (number + 1))
            if found[here] != first[here]:
                raise RankFailed(
                    f"process {rank} has drifted apart in {name} ({of}): it no longer computes what the first one does, which memory at "
                    "fault or another machine's libraries may cause; what was saved before is not affected"
                )


def _digest(tensor: Tensor) -> bytes:
    data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return blake2b(data.data, digest_size=SIZE).digest()
