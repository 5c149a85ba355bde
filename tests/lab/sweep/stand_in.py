"""Stands in for `attnlab train` in tests of what a sweep does with its runs: it writes what a run writes, in no time.

The score is a function of optimizer.lr, encoder.depth and seed; lr above 0.5 fails, and above $STAND_IN_LOSS_ABOVE the
score is called loss. It continues where it was.
An epoch takes 20 ms.
"""

import json
import math
import os
import sys
import time
from pathlib import Path


def main() -> int:
    words = dict(word.split("=", 1) for word in sys.argv[1:])
    if "run" in words:
        folder = Path(words["run"])
        words = json.loads((folder / "config.yaml").read_text())
    else:
        folder = Path(words["folder"].strip('"'))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "overrides.yaml").write_text(json.dumps(sys.argv[1:]))
        (folder / "config.yaml").write_text(json.dumps(words))
    with (folder / "started.jsonl").open("a") as stream:
        stream.write("1\n")
    rate, depth = float(words["optimizer.lr"]), int(words.get("encoder.depth", 1))
    if rate > 0.5:
        print("attnlab: the loss became nan; try a lower `optimizer.lr`", file=sys.stderr)
        return 2
    final = 1 - 0.05 * abs(math.log10(rate) + 2.3) - 0.02 * abs(depth - 3) - 0.001 * int(words["seed"])
    monitor = "loss" if rate > float(os.environ.get("STAND_IN_LOSS_ABOVE", "1")) else "accuracy"
    epochs = int(words.get("trainer.epochs", 4))
    metrics = folder / "metrics.jsonl"
    done = len(metrics.read_text().splitlines()) if metrics.exists() else 0
    for epoch in range(done + 1, epochs + 1):
        time.sleep(0.02)
        line = {
            "update": epoch,
            "epoch": epoch,
            monitor: final * epoch / epochs,
            "monitor": monitor,
            "done": epoch == epochs,
        }
        with metrics.open("a") as stream:
            stream.write(json.dumps(line) + "\n")
    results = {"validation": {monitor: final}, "train": {"monitor": monitor, "wall_seconds": 0.1}}
    (folder / "results.json").write_text(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
