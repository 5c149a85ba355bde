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
    names = [f"{name} ({of})" for of, tensors in learned.items() for name in tensors]
    own = b"".join(_digest(tensor) for tensors in learned.values() for tensor in tensors.values())
    first, *others = ranks.exchange(own)
    for rank, found in enumerate(others, 1):
        for number, name in enumerate(names):
            here = slice(SIZE * number, SIZE * (number + 1))
            if found[here] != first[here]:
                raise RankFailed(
                    f"process {rank} has drifted apart in {name}: it no longer computes what the first one does, which memory at "
                    "fault or another machine's libraries may cause; what was saved before is not affected"
                )


def _digest(tensor: Tensor) -> bytes:
    data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return blake2b(data.data, digest_size=SIZE).digest()
