"""Where to compute."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource
import torch
from attnlab.config import Trainer
from attnlab.training.engine import Engine

if {engine}:
    Engine(Trainer())
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step = [torch.zeros(1 << 20).add_(1) for _ in range(32)]
    del step
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other habits")
def test_what_a_step_frees_is_there_for_the_next():
    def faults(engine: bool) -> int:
        done = subprocess.run(
            [sys.executable, "-c", STEPS.format(engine=engine)], capture_output=True, text=True, check=True
        )
        return int(done.stdout)

    assert faults(engine=True) < faults(engine=False) / 4
