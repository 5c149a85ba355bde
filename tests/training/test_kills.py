"""A run whose processes are killed again and again, and that is continued by another number of them each time."""

import os
import time
from pathlib import Path
from random import Random, SystemRandom

import pytest
from conftest import write_treebank
from crew import crew, start
from launched import left

KILLS = int(os.environ.get("ATTNLAB_KILLS", "25"))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_random_kills_change_no_byte(part: int, tmp_path: Path) -> None:
    """`kill -9` of one process, or of all as where their launcher is killed, at any instant, 25 times; a run that comes to its end is
    compared, and another is begun. `ATTNLAB_SEED` repeats what a failure has printed."""
    seed = os.environ.get("ATTNLAB_SEED") or str(SystemRandom().randrange(10**6))
    print(f"ATTNLAB_SEED={seed}")
    random = Random(f"{seed} {part}")
    path = write_treebank(tmp_path / "treebank", train=120)
    words = [
        "task=pos", "data=ud_ewt", f"data.path={path}", "encoder.width=16", "encoder.depth=1", "encoder.heads=2",
        "trainer.threads=1", "trainer.batch_vectors=60", "trainer.accumulate=4", "trainer.epochs=12",
        "encoder.dropout=0.2", "baselines=false", "trainer.average_best=2",
    ]  # fmt: skip
    began = time.monotonic()
    ((code, said),) = crew(1, "train", *words, f"folder={tmp_path / 'alone'}")
    assert code == 0, said
    longest = time.monotonic() - began
    kills, folder = 0, tmp_path / "run-0"
    while kills < KILLS or not (folder / "results.json").exists():
        goes_on = (folder / "config.yaml").exists()
        count = random.choice([1, 2, 4])
        members = start(
            count, ["train", *([] if goes_on else words), f"{'run' if goes_on else 'folder'}={folder}"], tmp_path
        )
        started = time.monotonic()
        instant = started + random.uniform(0, longest)
        while kills < KILLS and members[0].is_alive() and time.monotonic() < instant:
            time.sleep(0.01)
        if kills < KILLS and members[0].is_alive():
            victims = random.choice([members, *([member] for member in members)])
            for member in victims:
                member.kill()
            kills += 1
            print(f"{kills}: {len(victims)} of {count}, {'continued' if goes_on else 'new'}", flush=True)
            for member in members:  # then their launcher ends them
                member.terminate()
            for member in members:
                member.join(60)
            assert not any(member.is_alive() for member in members)
            continue
        for member in members:
            member.join(600)
        assert [member.exitcode for member in members] == [0] * count, (tmp_path / "0").read_text()
        assert left(folder) == left(tmp_path / "alone")
        print("the same", flush=True)
        if not goes_on:  # the first may have run on a machine that was busier
            longest = min(longest, time.monotonic() - started)
        if kills < KILLS:
            folder = tmp_path / f"run-{kills}"
