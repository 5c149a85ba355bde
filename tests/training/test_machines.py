"""`scripts/slurm.sh`, whose two machines are both this one."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import write_treebank
from launched import await_save, last_save
from loops import weights

from attnlab.cli import main

SCRIPT = Path(__file__).parents[2] / "scripts" / "slurm.sh"
SRUN = f"""#!{sys.executable}
# One task on each machine; where one of them fails, the other is ended.
import os, pathlib, signal, subprocess, sys, time
assert sys.argv[1] == "--kill-on-bad-exit=1"
tasks = [subprocess.Popen(sys.argv[2:]) for machine in range(2)]
signal.signal(signal.SIGTERM, lambda *_: [task.terminate() for task in tasks])
pathlib.Path(os.environ["STEPS"]).open("a").write(f"{{tasks[1].pid}}\\n")
while any(task.poll() is None for task in tasks):
    if any(task.poll() for task in tasks):
        for task in tasks:
            task.terminate()
    time.sleep(0.1)
sys.exit(int(any(task.returncode for task in tasks)))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What Slurm gives to a job of two machines."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/sh\necho 127.0.0.1\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    job = {"JOB_ID": "7", "JOB_NUM_NODES": "2", "JOB_NODELIST": "a,b", "CPUS_PER_TASK": "1"}
    return {
        **os.environ, **{f"SLURM_{name}": value for name, value in job.items()},
        "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}", "PORT": str(port),
        "PROCESSES_PER_NODE": "1", "STEPS": str(tmp_path / "steps"),
    }  # fmt: skip


@pytest.mark.slow
def test_the_same_bytes_on_two_machines_of_which_one_is_lost(environment: dict[str, str], tmp_path: Path) -> None:
    """The launcher of the second is killed; then the job is asked to stop, and submitted again."""
    path = write_treebank(tmp_path / "treebank", train=120)
    words = [
        "data=ud_ewt", f"data.path={path}", "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.threads=1",
        "trainer.batch_vectors=60", "trainer.accumulate=2", "trainer.epochs=60", "encoder.dropout=0.2", "baselines=false",
    ]  # fmt: skip
    assert main(["train", *words, f"folder={tmp_path / 'one'}"]) == 0
    folder, steps = tmp_path / "two", tmp_path / "steps"

    def submit() -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", str(SCRIPT), *words, f"folder={folder}"], env=environment, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    job = submit()
    await_save(folder, job)
    os.kill(int(steps.read_text().split()[-1]), signal.SIGKILL)
    await_save(folder, job, after=last_save(folder))
    job.terminate()
    output, _ = job.communicate(timeout=300)
    assert job.returncode == 1 and "saved." in output, output
    assert len(steps.read_text().split()) == 2, (
        "the step was tried again after the first failure, not after the request to stop"
    )
    job = submit()
    output, _ = job.communicate(timeout=300)
    assert job.returncode == 0, output
    assert weights(folder) == weights(tmp_path / "one")
    for name in ("predictions-test.jsonl", "predictions-test.csv"):
        assert (folder / name).read_bytes() == (tmp_path / "one" / name).read_bytes()
