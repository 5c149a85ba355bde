"""What pretraining without labels is worth where few labels are known: words, sentences, recordings and pictures.

    python scripts/label_efficiency.py FOLDER
    python scripts/label_efficiency.py FOLDER --only sst2 fsdd --shares 0.05 1.0 --seeds 2 --out outputs/two

FOLDER holds the data sets: ud_english_ewt, sst2, fsdd and fashion_mnist, each as its `data=` reads it. For each of them and each seed
a run is trained on all training inputs by `task=masked`; for each share of the training labels (`data.limit`) three others:

- pretrained: starts from that run by `init=` and `init_embedding=true`;
- equal updates: from random weights, with as many updates;
- equal time: from random weights, with as many updates as fit into the time that pretraining and fine-tuning took together.

All have the same model and settings, and are validated equally often on the whole validation split, where the best weights are
picked and scored: scores are a little too high, in all columns alike. Test data are only read with `--test`. Every command is
printed before it runs. A run is a folder below `--out`: what is finished is not repeated, what was stopped is continued. The table
(Markdown) and the picture (SVG) are written there, too. Estimated from short trials of SST-2 alone, all of it takes two to three
hours on two idle cores; data sets one by one (`--only`) tell soon what they cost.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from math import sqrt
from pathlib import Path
from statistics import fmean

from trained import Mean, attnlab_train

from attnlab import load_run
from attnlab.disk import write_text
from attnlab.errors import UserError
from attnlab.pages.charts import Axis, Curve, lines
from attnlab.pages.page import FOLDER as PAGES
from attnlab.pages.page import visible
from attnlab.runs import RunFolder

VALIDATIONS = 8
"""Of each run."""
SCORE = "accuracy"
WAYS = ("pretrained", "equal updates", "equal time")


@dataclass(frozen=True)
class Setting:
    """A data set. folder: its name in FOLDER. words: of all its runs. labelled: of those that learn the labels besides. pretraining,
    updates: how many updates a masked run makes, and one on all labels."""

    name: str
    folder: str
    words: tuple[str, ...]
    labelled: tuple[str, ...]
    pretraining: int
    updates: int

    def updates_on(self, share: float) -> int:
        """On a share of the labels: a hundredth of them is trained on with a tenth of the updates."""
        return max(1, round(self.updates * sqrt(share)))


SETTINGS = {
    "ewt": Setting(
        "UD EWT, words",
        "ud_english_ewt",
        ("data=ud_ewt", "embedding=word_char", "encoder.width=64", "encoder.depth=2", "encoder.dropout=0.2"),
        ("task=pos",),
        pretraining=1500,
        updates=800,
    ),
    "sst2": Setting(
        "SST-2, sentences",
        "sst2",
        ("data=sst2", "embedding=word_char", "encoder.width=64", "encoder.depth=2", "encoder.dropout=0.3"),
        ("task=sentiment", "head.readout=mean", "data.unknown=4"),
        pretraining=1500,
        updates=500,
    ),
    "fsdd": Setting(
        "FSDD, recordings",
        "fsdd",
        (
            *("data=fsdd", "data.features=mfcc", "data.bands=24", "data.coefficients=13", "data.stack=3", "data.noise=20"),
            *("data.time_shift=50", "data.speed=0.1", "embedding=linear", "encoder=attention_no_positions", "encoder.width=64"),
        ),
        ("task=keywords",),
        pretraining=2000,
        updates=800,
    ),
    "fashion": Setting(
        "Fashion-MNIST, pictures",
        "fashion_mnist",
        (
            *("data=fashion_mnist", "data.patch=4", "embedding=linear", "encoder=attention_learned_positions"),
            *("encoder.width=64", "encoder.depth=3"),
        ),
        ("task=digits", "head.readout=mean"),
        pretraining=2000,
        updates=800,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What is asked for. work: by what all numbers of updates are multiplied."""

    shared: Path
    out: Path
    shares: tuple[float, ...]
    seeds: tuple[int, ...]
    work: float
    test: bool


@dataclass(frozen=True)
class Scored:
    """The runs of a seed on a share of the labels. labels: examples. scores: of each way. pretraining, fine_tuning: seconds."""

    labels: int
    scores: dict[str, float]
    pretraining: float
    fine_tuning: float


def scored(plan: Plan, key: str, seed: int) -> list[Scored]:
    """The runs of one seed on a data set, share by share."""
    setting, folder = SETTINGS[key], plan.out / key / f"seed-{seed}"
    common = [
        f"data.path={plan.shared / setting.folder}", *setting.words, f"seed={seed}", "trainer.threads=1", "baselines=false",
        "score_test=false", "defaults=plain",
    ]  # fmt: skip

    def run(name: str, updates: int, *words: str) -> RunFolder:
        counts = [f"trainer.updates={updates}", f"trainer.validate_every={max(1, updates // VALIDATIONS)}"]
        return attnlab_train(folder / name, *common, *counts, *words)

    masked = run("masked", max(1, round(setting.pretraining * plan.work)), "task=masked")
    inputs = masked.read_results()["examples"]["train"]
    found = []
    for share in plan.shares:
        updates = max(1, round(setting.updates_on(share) * plan.work))
        labels = max(1, round(share * inputs))
        words = [*setting.labelled, f"data.limit={labels}"]
        init = [f"init={masked.path}", "init_embedding=true"]
        tuned = run(f"{share:g}-pretrained", updates, *words, *init)
        scratch = run(f"{share:g}-equal-updates", updates, *words)
        pretraining, fine_tuning, alone = (
            of.read_results()["train"]["seconds"] for of in (masked, tuned, scratch)
        )
        longer = max(updates, round(updates * (pretraining + fine_tuning) / alone))
        equal_time = run(f"{share:g}-equal-time", longer, *words)
        scores = {way: _score(of, plan.test) for way, of in zip(WAYS, (tuned, scratch, equal_time), strict=True)}
        found.append(Scored(labels, scores, pretraining, fine_tuning))
    return found


def _score(run: RunFolder, test: bool) -> float:
    return load_run(run.path).evaluate("test").scores[SCORE] if test else run.read_results()["validation"][SCORE]


def verdict(mean: Mean, other: Mean) -> str:
    """Whether it is better than another one by more than two standard errors of the difference, or worse."""
    if mean.error is None or other.error is None:
        return "–"
    error, difference = sqrt(mean.error**2 + other.error**2), mean.value - other.value
    return "no" if abs(difference) <= 2 * error else "yes" if difference > 0 else "worse"


def means(runs: Sequence[Scored]) -> dict[str, Mean]:
    return {way: Mean.of([one.scores[way] for one in runs]) for way in WAYS}


Found = dict[str, dict[float, list[Scored]]]
"""By data set and share, the runs of each seed."""


def table(found: Found, split: str) -> str:
    """Markdown; a row for each data set and share."""
    heads = ["data", "labels", *WAYS, *(f"better than {way}?" for way in WAYS[1:]), "pretraining + fine-tuning, s"]
    rows = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for key, shares in found.items():
        for share, runs in shares.items():
            mean = means(runs)
            times = [fmean(getattr(one, part) for one in runs) for part in ("pretraining", "fine_tuning")]
            cells = [SETTINGS[key].name, f"{runs[0].labels:,} ({share:g})", *(str(mean[way]) for way in WAYS)]
            cells += [verdict(mean["pretrained"], mean[way]) for way in WAYS[1:]]
            rows.append("| " + " | ".join([*cells, f"{times[0]:.0f} + {times[1]:.0f}"]) + " |")
    seeds = max(len(runs) for shares in found.values() for runs in shares.values())
    return "\n".join(
        [*rows, "", f"{SCORE} on {split} data, mean ± standard error over {seeds} seeds; better: by two of them"]
    )


WIDTH, HEIGHT, TITLE = 480, 300, 26


def picture(found: Found, split: str) -> str:
    """An SVG file: for each data set the score against the number of labels; bands are standard errors."""
    panels = []
    for number, (key, shares) in enumerate(found.items()):
        labels = [float(runs[0].labels) for runs in shares.values()]
        of_shares = [means(runs) for runs in shares.values()]
        curves = [_curve(way, labels, [mean[way] for mean in of_shares]) for way in WAYS]
        ticks = [(count, f"{count:,.0f}") for count in labels]
        x, y = Axis("labels", log=True, ticks=ticks), Axis(f"{SCORE}, {split}")
        drawn = re.sub("</?div[^>]*>", "", lines(curves, SETTINGS[key].name, x, y, WIDTH, HEIGHT))
        place = f"translate({number % 2 * (WIDTH + 20) + 10},{number // 2 * (HEIGHT + TITLE + 10) + 40})"
        title = f'<text class="name" y="14">{SETTINGS[key].name}</text>'
        panels.append(f'<g transform="{place}">{title}<g transform="translate(0,{TITLE})">{drawn}</g></g>')
    legend = [
        f'<circle class="point s{i + 1}" cx="{16 + 150 * i}" cy="16" r="5"/><text x="{26 + 150 * i}" y="20">{way}</text>'
        for i, way in enumerate(WAYS)
    ]
    style = (PAGES / "style.css").read_text(encoding="utf-8").replace("&", "&amp;").replace("<", "&lt;")
    size = (min(2, len(found)) * (WIDTH + 20), -(-len(found) // 2) * (HEIGHT + TITLE + 10) + 50)
    beginning = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" font-size="12">'
    whole = ["<style>", style, '</style><g class="chart">', *legend, *panels, "</g></svg>"]
    return visible("".join([beginning, *whole]))


def _curve(way: str, labels: list[float], of_shares: list[Mean]) -> Curve:
    values, errors = [mean.value for mean in of_shares], [mean.error or 0.0 for mean in of_shares]
    low = [value - error for value, error in zip(values, errors, strict=True)]
    high = [value + error for value, error in zip(values, errors, strict=True)]
    return Curve(way, labels, values, low, high, colour=WAYS.index(way) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, metavar="FOLDER", help="where the data sets lie")
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="these data sets")
    parser.add_argument("--shares", nargs="+", type=float, default=[0.01, 0.05, 0.2, 1.0], help="of the labels")
    parser.add_argument("--seeds", type=int, default=3, help="runs with seeds 1, 2, …")
    parser.add_argument("--out", type=Path, default=Path("outputs/label_efficiency"), help="where the runs lie")
    parser.add_argument("--jobs", type=int, default=2, help="runs at the same time, each on one core")
    parser.add_argument("--work", type=float, default=1.0, help="a part of the updates, for a trial")
    parser.add_argument("--test", action="store_true", help="score on test data instead of validation data")
    asked = parser.parse_args()
    shares = tuple(sorted(set(asked.shares)))
    if not shares or shares[0] <= 0 or shares[-1] > 1:
        parser.error("--shares: above 0, and 1 for all labels")
    seeds = tuple(range(1, asked.seeds + 1))
    plan = Plan(asked.shared.absolute(), asked.out.absolute(), shares, seeds, asked.work, asked.test)
    each = list(product(asked.only, seeds))
    with ThreadPoolExecutor(asked.jobs) as pool:
        done = dict(zip(each, pool.map(lambda one: scored(plan, *one), each), strict=True))
    found: Found = {
        key: {share: [done[key, seed][i] for seed in seeds] for i, share in enumerate(shares)}
        for key in asked.only
    }
    split = "test" if asked.test else "validation"
    made = table(found, split)
    print(made)
    write_text(plan.out / f"{split}.md", made + "\n")
    write_text(plan.out / f"{split}.svg", picture(found, split))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"label_efficiency: {error}")
