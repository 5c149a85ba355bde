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

Engine(Trainer())
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    step = [torch.zeros(1 << 20).add_(1) for _ in range(32)]
    del step
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators have other habits")
def test_what_a_step_frees_is_there_for_the_next():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    pages = (32 << 22) // 4096
    assert int(done.stdout) < pages / 10  # by itself glibc gives all of it back in most processes
