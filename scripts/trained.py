"""What the experiments of this folder have in common: runs below one folder, and means over seeds."""

import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

from attnlab.disk import read_yaml
from attnlab.errors import UserError
from attnlab.runs import RunFolder


def attnlab_train(folder: Path, *words: str) -> RunFolder:
    """A finished run in a folder: trained, continued, or found there. Raises UserError where a run of other words lies there."""
    run, words = RunFolder(folder), (*words, f"folder={folder}")
    if run.config.exists():
        if tuple(read_yaml(run.overrides, list[str])) != words:
            raise UserError(f"{folder}: a run of other settings; choose another folder by --out")
        if run.results.exists():
            return run
        words = (f"run={folder}",)
    print(shlex.join(["attnlab", "train", *words]), flush=True)
    command = [sys.executable, "-m", "attnlab", "train", *words]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise UserError(f"{folder}: {done.stderr.strip().splitlines()[-1]}")
    return run


@dataclass(frozen=True)
class Mean:
    """Over seeds. error: the standard error; None of one seed."""

    value: float
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        return cls(fmean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else None)

    def __str__(self) -> str:
        return f"{self.value:.4f}" + ("" if self.error is None else f" ± {self.error:.4f}")
