"""Where and how exactly to compute: device, precision, threads, and the seam to torch.distributed."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable

import torch
import torch.distributed
from torch import Tensor

from attnlab.config import Trainer
from attnlab.config.keys import refuse_beyond_machine
from attnlab.errors import UserError


class Engine:
    """rank, ranks: this process among those that share every batch (0 of 1 without torch.distributed)."""

    def __init__(self, config: Trainer) -> None:
        """Raises UserError where a GPU is asked for and there is none, and for more threads than can be meant."""
        if config.device == "cuda" and not torch.cuda.is_available():
            raise UserError("`trainer.device=cuda`: no GPU is visible to torch; use trainer.device=cpu")
        chosen = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(chosen)
        self.precision = config.precision
        if config.threads is not None:
            refuse_beyond_machine("trainer.threads", config.threads)
            torch.set_num_threads(config.threads)
        _keep_freed_memory()
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = torch.distributed.get_rank() if distributed else 0
        self.ranks = torch.distributed.get_world_size() if distributed else 1

    def autocast(self) -> contextlib.AbstractContextManager:
        """bf16 matrix products where asked for; everything else stays fp32."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def sum_over_ranks(self, tensors: Iterable[Tensor]) -> None:
        """Add up in place what each rank holds."""
        if self.ranks > 1:
            for tensor in tensors:
                torch.distributed.all_reduce(tensor)

    def random_state(self) -> dict[str, Tensor]:
        """Of torch's random generators, by kind of device."""
        cuda = {"cuda": torch.cuda.get_rng_state()} if self.device.type == "cuda" else {}
        return {"cpu": torch.get_rng_state()} | cuda

    def set_random_state(self, state: dict[str, Tensor]) -> None:
        """Put back what `random_state` gave, on a GPU or elsewhere."""
        torch.set_rng_state(state["cpu"])
        if "cuda" in state and self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"])


def memory_bytes() -> int:
    """What this machine's memory holds."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _keep_freed_memory() -> None:
    """Let this process keep what a step frees for the next one. By default glibc gives most of it back to the system, and
    every page that the next step touches costs a fault: up to a fifth of a step, more or less from run to run."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # another libc than glibc has none
        mallopt(-1, -1)  # M_TRIM_THRESHOLD: endless
        mallopt(-4, 0)  # M_MMAP_MAX: no block is taken from the system by itself
