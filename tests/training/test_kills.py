"""A run that is killed again and again, and continued by another number of processes each time."""

import os
import signal
import time
from pathlib import Path
from random import Random, SystemRandom

import pytest
from conftest import write_treebank
from launched import left, processes_of, start

KILLS = int(os.environ.get("ATTNLAB_KILLS", "25"))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_random_kills_change_no_byte(part: int, tmp_path: Path) -> None:
    """`kill -9` of the launcher or of any process, at any instant, 25 times; runs that come to their end are compared, and begun anew.
    `ATTNLAB_SEED` repeats what a failure has printed."""
    seed = os.environ.get("ATTNLAB_SEED") or str(SystemRandom().randrange(10**6))
    print(f"ATTNLAB_SEED={seed}")
    random = Random(f"{seed} {part}")
    path = write_treebank(tmp_path / "treebank", train=120)
    words = [
        "data=ud_ewt", f"data.path={path}", "encoder.width=16", "encoder.depth=1", "encoder.heads=2", "trainer.threads=1",
        "trainer.batch_vectors=60", "trainer.accumulate=4", "trainer.epochs=60", "encoder.dropout=0.2", "baselines=false",
        "trainer.average_best=2", "trainer.restarts=0",
    ]  # fmt: skip
    began = time.monotonic()
    alone = start(*words, f"folder={tmp_path / 'alone'}")
    output, _ = alone.communicate()
    assert alone.returncode == 0, output
    longest = 1.5 * (time.monotonic() - began)
    kills, folder = 0, tmp_path / "0"
    while kills < KILLS or not (folder / "results.json").exists():
        goes_on = (folder / "config.yaml").exists()
        given = [f"run={folder}"] if goes_on else [*words, f"folder={folder}"]
        run = start(*given, f"trainer.ranks={random.choice([1, 2, 4])}")
        instant = time.monotonic() + random.uniform(0, longest)
        while kills < KILLS and run.poll() is None and time.monotonic() < instant:
            time.sleep(0.01)
        if kills < KILLS and run.poll() is None:
            others = processes_of(run)
            victim = random.choice([run.pid, *others])
            os.kill(victim, signal.SIGKILL)
            kills += 1
            output, _ = run.communicate(timeout=60)  # which the others have, too, until they end
            print(f"{kills}: {'launcher' if victim == run.pid else 'process'} of {len(others)} after {goes_on=}")
            continue
        output, _ = run.communicate(timeout=600)
        assert run.returncode == 0, output
        assert left(folder) == left(tmp_path / "alone")
        if kills < KILLS:
            folder = tmp_path / str(kills)
