"""How fast a trained run writes: beams with a cache beside reading the prefix again at each step.

python scripts/bench_decoding.py RUN --sentences 200 --beams 1 5: sentences per second, medians of interleaved rounds.
Both write the same sentences, which is checked.
"""

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
import torch

from attnlab.data.batching import Batching
from attnlab.model.decoder import Cache, Rewriting
from attnlab.training.run import load_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--vectors", type=int, default=2000, help="vectors of sources and answers that are decoded together"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    run = load_run(words.run)
    model, split = run.model.eval(), run.data().splits["test"]
    lengths = split.lengths[: words.sentences]
    batches = [split.batch(indices).inputs for indices in Batching(lengths, words.vectors, 0).in_order()]
    for beam in words.beams:
        model.head.config = replace(model.head.config, beam=beam)
        seconds: dict[str, list[float]] = {}
        for _ in range(words.rounds):
            written = {}
            for name, writer in (("with a cache", Cache), ("prefix read again", Rewriting)):
                started = time.perf_counter()
                with torch.no_grad():
                    written[name] = [
                        h for sets in batches for h in model.head.hypotheses(model.encode(sets), writer=writer)
                    ]
                seconds.setdefault(name, []).append(time.perf_counter() - started)
            (one, other) = ([own[0].ids for own in found] for found in written.values())
            assert one == other, "the cache changed what is written"
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name, median in medians.items():
            print(f"beam {beam}, {name}: {len(lengths) / median:.1f} sentences/s")
        ratio = np.divide(*(medians[name] for name in ("prefix read again", "with a cache")))
        print(f"beam {beam}: {ratio:.2f} times as fast with a cache")


if __name__ == "__main__":
    main()
