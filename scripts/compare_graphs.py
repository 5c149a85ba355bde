"""Attention on graphs, beside what knows less of their edges: cross-validated on one data set.

    python scripts/compare_graphs.py experiment=mutag data.path=FOLDER trainer.threads=1
    python scripts/compare_graphs.py --row edges --row GIN experiment=proteins data.path=FOLDER

The words are those of `attnlab train`; each row adds its own. Prints a table in Markdown: the mean over folds of
accuracy in test and validation, the standard deviation over folds (±) and the standard error of the mean (± / √folds).
"""

import argparse
from math import sqrt

from attnlab.training.train import train

ROWS = {
    "full, no structure": ["encoder.scope=full", "data.structure=null"],
    "full": ["encoder.scope=full"],
    "edges, no structure": ["encoder.scope=edges", "data.structure=null"],
    "edges": ["encoder.scope=edges"],
    "[edges,full]": ["encoder.scope=[edges,full]"],
    "GIN, no structure": ["encoder=graph_conv", "data.structure=null"],
    "GIN": ["encoder=graph_conv"],
}
SIMPLE = ("most_frequent_class", "bag_of_nodes", "degree_counts")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", action="append", choices=ROWS, help="only this one; may be given again")
    settings, words = parser.parse_known_args()
    print("| encoder | test | ± | standard error | validation | parameters | seconds |\n" + "|---" * 7 + "|")
    simple: dict[str, float] = {}
    for name in settings.row or ROWS:
        results = train(*words, *ROWS[name], quiet=True).results
        simple = {key: results["baselines"][key]["accuracy"] for key in SIMPLE if key in results["baselines"]}
        deviation = results["standard_deviation"]["accuracy"]
        cells = [
            f"{results['test']['accuracy']:.3f}",
            f"{deviation:.3f}",
            f"{deviation / sqrt(len(results['folds'])):.3f}",
        ]
        cells += [f"{results['validation']['accuracy']:.3f}", f"{results['parameters']:,}"]
        print(f"| {name} | {' | '.join(cells)} | {results['train']['wall_seconds']:.0f} |", flush=True)
    for name, score in simple.items():
        print(f"| {name.replace('_', ' ')} | {score:.3f} | | | | | |")


if __name__ == "__main__":
    main()
