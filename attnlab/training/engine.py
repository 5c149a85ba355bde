"""Where and how exactly to compute: device, precision, threads, random numbers, and among how many processes."""

import contextlib
import ctypes
import os
import sys
from hashlib import blake2b

import torch

from attnlab.config import Trainer
from attnlab.config.keys import refuse_beyond_machine
from attnlab.errors import UserError
from attnlab.training.ranks import Ranks


class Engine:
    """ranks: this process among those that compute together."""

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
        if self.device.type == "cuda" and "LOCAL_RANK" in os.environ:
            self.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
            torch.cuda.set_device(self.device)
        self.ranks = Ranks()

    @classmethod
    def joined(cls, config: Trainer) -> "Engine":
        """With the others that torch's launcher has started, as it says in the environment; alone where there are none. What is
        computed with it, all of them compute. Raises UserError as the constructor does."""
        engine = cls(config)
        engine.ranks = Ranks.joined(engine.device)
        return engine

    def autocast(self) -> contextlib.AbstractContextManager:
        """bf16 matrix products where asked for; everything else stays fp32."""
        if self.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return contextlib.nullcontext()

    def seed(self, *numbers: int) -> None:
        """Let what torch draws from here on depend on these numbers alone, such as the run's seed, the update and the number of
        the batch in it: so it doesn't depend on what was computed before, nor where."""
        text = ",".join(map(str, numbers)).encode()
        seed = int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
        torch.random.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)


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
