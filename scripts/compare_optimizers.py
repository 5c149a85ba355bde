"""Optimizers side by side at equal processor time: validation scores over several seeds.

    python scripts/compare_optimizers.py --seconds 300 experiment=ud_ewt data.path=FOLDER trainer.threads=1
    python scripts/compare_optimizers.py --seconds 600 --lr 0.001 0.003 0.01 experiment=multi30k data.path=FOLDER trainer.threads=1

The words are those of `attnlab train`; each row adds its own. Short trials tell how many updates fit into the time, as in
`compare_encoders.py`; the learning rate's schedule covers just these. Prints a table in Markdown, with no test scores: compare
the best rate of each optimizer, since they may want different ones.
"""

import argparse
from statistics import fmean, stdev

from compare_encoders import updates_within

from attnlab import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, required=True, help="processor time of each training")
    parser.add_argument("--optimizer", nargs="+", default=["adamw", "muon"], help="what is compared")
    parser.add_argument("--lr", nargs="+", default=[], help="learning rates; without it, that of the words")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each row, with seeds 1, 2, …")
    settings, words = parser.parse_known_args()
    print("| optimizer | learning rate | updates | score | validation, mean ± standard deviation | each seed |")
    print("|---|---|---|---|---|---|")
    for optimizer in settings.optimizer:
        chosen = [*words, f"optimizer={optimizer}", "baselines=false", "score_test=false"]
        updates = updates_within(settings.seconds, chosen)
        for rate in settings.lr or [None]:
            row = [*chosen, f"trainer.updates={updates}", *([f"optimizer.lr={rate}"] if rate else [])]
            runs = [train(*row, f"seed={seed}", quiet=True) for seed in range(1, settings.seeds + 1)]
            monitor = runs[0].results["train"]["monitor"]
            scores = [run.results["validation"][monitor] for run in runs]
            spread = f" ± {stdev(scores):.4f}" if len(scores) > 1 else ""
            each = ", ".join(f"{score:.4f}" for score in scores)
            cells = [
                optimizer,
                runs[0].config.optimizer.lr,
                updates,
                monitor,
                f"{fmean(scores):.4f}{spread}",
                each,
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
