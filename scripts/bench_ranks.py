"""Two processes with a thread each beside one process with two: `python scripts/bench_ranks.py SHARED [--pairs 5]`.

Both make the same updates of the same two batches, of UD EWT, SST-2, FSDD and Multi30k in SHARED, by their experiments. Each
pair trains one after the other, each as a command of its own; the figures are medians of the pairs' ratios, with the lowest and
highest: how many times as fast two processes are. updates: the time of the updates alone. command: from its start to its end,
with the validation after the last update.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXPERIMENTS = {
    "ud_ewt": ("ud_english_ewt", 200),
    "sst2": ("sst2", 300),
    "fsdd": ("fsdd/recordings", 300),
    "multi30k": ("multi30k_en_de", 60),
}
"""The data of each, and how many updates take some 15 to 30 seconds."""


def trained(experiment: str, path: Path, updates: int, words: list[str]) -> tuple[float, float]:
    """Seconds of the updates, and of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "attnlab", "train", f"experiment={experiment}", f"data.path={path}",
            "trainer.accumulate=2", f"trainer.updates={updates}", "trainer.patience=null", "score_test=false",
            "baselines=false", f"folder={folder}/run", *words,
        ]  # fmt: skip
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "2"})
        whole = time.perf_counter() - start
        return json.loads((Path(folder) / "run" / "results.json").read_text())["train"]["seconds"], whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", choices=EXPERIMENTS, nargs="*", default=list(EXPERIMENTS))
    arguments = parser.parse_args()
    print(f"{'':10} {'one process: s':>15} {'updates':>22} {'command':>22}")
    of_all = []
    for experiment in arguments.only:
        folder, updates = EXPERIMENTS[experiment]
        path, of_updates, of_command, single = arguments.shared / folder, [], [], []
        trained(experiment, path, 2, ["trainer.threads=2"])  # prepares the data
        for _ in range(arguments.pairs):
            one = trained(experiment, path, updates, ["trainer.threads=2"])
            two = trained(experiment, path, updates, ["trainer.ranks=2", "trainer.threads=1"])
            single.append(one[0])
            of_updates.append(one[0] / two[0])
            of_command.append(one[1] / two[1])
        shown = [f"{statistics.median(r):.2f} ({min(r):.2f} … {max(r):.2f})" for r in (of_updates, of_command)]
        print(f"{experiment:10} {statistics.median(single):15.1f} {shown[0]:>22} {shown[1]:>22}", flush=True)
        of_all.append(statistics.median(of_updates))
    print(f"mean of the medians, updates: {statistics.mean(of_all):.2f}")


if __name__ == "__main__":
    main()
