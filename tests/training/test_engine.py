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
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step = [torch.zeros(1 << 24).add_(1) for _ in range(2)]  # blocks that glibc by itself always gives back
    del step  # the first few find their places
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other habits")
def test_what_a_step_frees_is_there_for_the_next():
    def faults(engine: bool) -> int:
        code = STEPS.format(engine=engine)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults(engine=True) < faults(engine=False) / 4
