"""Encoders side by side at equal parameters, and at equal time where `--seconds` is given.

    python scripts/compare_encoders.py task=pos encoder.parameters=400k
    python scripts/compare_encoders.py --seconds 120 task=pos data=ud_ewt data.path=FOLDER encoder.parameters=400k

The words are those of `attnlab train`; each row adds its own. With `--seconds`, two short trials tell how many updates
an encoder does in so much processor time (which, unlike the clock, doesn't depend on what else runs), and so many are
its training: use `trainer.threads=1`. Prints a table in Markdown, with test scores.
"""

import argparse
import tempfile
import time

from attnlab import train

ROWS = {
    "attention, full": ["encoder=attention", "encoder.scope=full"],
    "attention, window:3": ["encoder=attention", "encoder.scope=window:3"],
    "recurrent (LSTM)": ["encoder=recurrent"],
    "convolution, 4 × radius 1": ["encoder=convolution"],
    "fully_connected, radius 3": ["encoder=fully_connected"],
}
TRIALS = (10, 40)
"""Updates of the two trials: in their difference is neither a start nor a validation."""


def updates_within(seconds: float, words: list[str]) -> int:
    """How many updates fit into so many seconds of processor time."""
    costs = []
    for updates in (TRIALS[0], *TRIALS):  # the first pays for what is done once: imports, preparation
        with tempfile.TemporaryDirectory() as folder:
            started = time.process_time()
            train(*words, f"outputs={folder}", f"trainer.updates={updates}", "score_test=false", quiet=True)
            costs.append(time.process_time() - started)
    return max(1, round((TRIALS[1] - TRIALS[0]) * seconds / (costs[2] - costs[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="processor time of each encoder's training")
    parser.add_argument("--row", action="append", choices=ROWS, help="only this one; may be given again")
    settings, words = parser.parse_known_args()
    shown = None
    for name in settings.row or ROWS:
        overrides = [*words, *ROWS[name], "baselines=false"]
        if settings.seconds:
            overrides.append(f"trainer.updates={updates_within(settings.seconds, overrides)}")
        started = time.process_time()
        run = train(*overrides, quiet=True)
        spent = time.process_time() - started
        results, encoder = run.results, run.model.encoder
        scores = {key: value for key, value in results["test"].items() if key != "loss"}
        size = sum(p.numel() for p in encoder.parameters())
        if shown is None:
            shown = list(scores)
            print(f"| encoder | D | parameters of it | updates | processor seconds | {' | '.join(shown)} |")
            print("|---" * (5 + len(shown)) + "|")
        cells = [name, run.config.encoder.width, f"{size:,}", results["train"]["updates"], f"{spent:.0f}"]
        cells += [f"{scores[key]:.4f}" for key in shown]
        print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
