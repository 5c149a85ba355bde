"""A training step beside those of other libraries, in turn, on the same batches of the same real lengths.

    pip install attnlab[bench]
    python scripts/bench_peers.py FOLDER [--sections tagging,dropout,…] [--pairs 7] [--threads 2] [--json FILE]

FOLDER holds ud_english_ewt/, fsdd/, tu/PROTEINS/ and multi30k_en_de/. A pair is ours and the peer on one batch, one after
the other; told are medians over pairs of the peer's time by ours, and what oneDNN's products alone are worth (`MKL`: ours
without them); at the end, a table of what was to be reached. Times are those of the process where there is one thread, so
that others on the machine disturb less. Peers that are not installed are left out, and said to be. All models have the same
width, depth, heads, feed-forward and optimizer. What each section compares is told in `peers/`.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from peers.common import Bench, Goal
from peers.graphs import graphs
from peers.images import images
from peers.loop import loop
from peers.sequences import bf16, dropped, plain, prediction, speech, wide
from peers.translation import translation
from peers.window import window

from attnlab.config import Trainer
from attnlab.lab.bench.command import machine
from attnlab.training.engine import Engine

SECTIONS: dict[str, Callable[[Bench], None]] = {
    "tagging": plain,
    "dropout": dropped,
    "bf16": bf16,
    "wide": wide,
    "prediction": prediction,
    "speech": speech,
    "window": window,
    "images": images,
    "graphs": graphs,
    "translation": translation,
    "loop": loop,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the real data lie")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--pairs", type=int, default=9, help="rounds of each race")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", default="", help="data.cache")
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    names = options.sections.split(",")
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f"--sections {unknown[0]}: choose from {', '.join(SECTIONS)}")
    Engine(Trainer(threads=options.threads))  # threads and kept memory are the process's: peers have them, too
    torch.manual_seed(1)
    bench = Bench(options)
    for name in names:
        SECTIONS[name](bench)
    print(f"\n{'section':34} {'against':44} {'seen':>6}  {'must':>6}  {'aim':>6}  reached")
    print("\n".join(map(Goal.told, bench.goals)))
    if options.json:
        found = {
            "machine": asdict(machine()),
            "ratios": bench.ratios,
            "totals": bench.totals,
            "speeds": bench.speeds,
        }
        found |= {"goals": [asdict(goal) for goal in bench.goals]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
