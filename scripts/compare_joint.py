"""One trunk for several tasks beside a trunk for each: test scores over several seeds.

    python scripts/compare_joint.py --updates 900 encoder.width=64
    python scripts/compare_joint.py --parts pos digits --updates 600 parts.pos.data=ud_ewt parts.pos.data.path=FOLDER

The words are those of `attnlab train task=joint`. An update has `--each` batches of every part. Four ways to spend them:

- joint: one trunk for all parts;
- alone: for each part a trunk of the same size, with as many updates of as many of its batches;
- alone, smaller: the same with trunks that have together about as many weights as the joint one;
- joint with noise: besides the parts, the trunk learns one more, sentences of random words (generated here) with labels drawn by
  chance, from which nothing can be learned.

A run is a folder below `--out`: what is finished is not repeated, what was stopped is continued. Each picks its weights on
validation data; the table (Markdown, written there, too) has test scores, accuracy where a part has it. A difference of 1.0 is a
point of a hundred.
"""

import argparse
import random
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from pathlib import Path

from trained import Mean, attnlab_train

from attnlab.disk import write_text
from attnlab.errors import UserError
from attnlab.metrics import JOINT_SCORE
from attnlab.runs import RunFolder

WAYS = ("joint", "alone", "alone, smaller", "joint with noise")
NOISE = "noise"
VALIDATIONS = 10
"""Of each run."""


def noise(folder: Path) -> list[str]:
    """The words of a part whose labels are drawn by chance; its data are written."""
    drawn = random.Random(0)
    lines = ["text,label"]
    for _ in range(2000):
        text = " ".join(f"word{drawn.randrange(200)}" for _ in range(drawn.randint(3, 20)))
        lines.append(f"{text},{drawn.choice('ab')}")
    path = folder / "noise.csv"
    write_text(path, "\n".join(lines) + "\n")
    words = ["task=sentiment", "data=csv", f"data.path={path}", "data.text=text", "data.label=label"]
    return [f"parts.{NOISE}.{word}" for word in words]


def smaller(width: int, heads: int, parts: int) -> int:
    """The width of trunks of which so many have together about as many weights as one, a multiple of the number of heads."""
    return max(1, round(width / sqrt(parts) / heads)) * heads


def trained(
    out: Path, parts: list[str], words: list[str], each: int, updates: int, width: int, heads: int, seed: int
) -> dict[str, list[RunFolder]]:
    """The runs of a seed, by way."""
    common = [
        "trainer.mixing=0", f"trainer.updates={updates}", f"trainer.validate_every={max(1, updates // VALIDATIONS)}",
        "trainer.patience=null", "trainer.threads=1", "baselines=false", f"seed={seed}",
    ]  # fmt: skip

    def run(name: str, of: list[str], width: int, *more: str) -> RunFolder:
        own = [word for word in words if not word.startswith("parts.") or word.split(".")[1] in of]
        return attnlab_train(
            out / f"seed-{seed}" / name, "task=joint", f"parts=[{','.join(of)}]", f"trainer.accumulate={each * len(of)}",
            *common, *own, f"encoder.width={width}", *more,
        )  # fmt: skip

    narrow = smaller(width, heads, len(parts))
    return {
        "joint": [run("joint", parts, width)],
        "alone": [run(part, [part], width) for part in parts],
        "alone, smaller": [run(f"{part}-{narrow}", [part], narrow) for part in parts],
        "joint with noise": [run("with-noise", [*parts, NOISE], width, *noise(out))],
    }


def score(runs: list[RunFolder], part: str) -> tuple[str, float]:
    """Which score is compared, and what the run has of it that learned the part."""
    (run,) = [run.part(part) for run in runs if run.part(part).path.exists()]
    results = run.read_results()
    name = "accuracy" if "accuracy" in results["test"] else results["train"]["monitor"]
    return name, results["test"][name]


def table(parts: list[str], of_seeds: list[dict[str, list[RunFolder]]]) -> str:
    """Markdown: a row for each part, then the weights of all models of a way together."""
    heads = ["part", "score", *WAYS, "joint − alone"]
    rows = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for part in parts:
        names = {score(runs[way], part)[0] for runs in of_seeds for way in WAYS}
        values = {way: [score(runs[way], part)[1] for runs in of_seeds] for way in WAYS}
        differences = [100 * (j - a) for j, a in zip(values["joint"], values["alone"], strict=True)]
        means = [str(Mean.of(values[way])) for way in WAYS]
        difference = Mean.of(differences)
        spread = "" if difference.error is None else f" ± {difference.error:.2f}"
        rows.append("| " + " | ".join([part, *names, *means, f"{difference.value:+.2f}{spread}"]) + " |")

    def total(way: str, of: Callable[[RunFolder], float]) -> float:
        return sum(of(run) for run in of_seeds[0][way])

    sizes = [f"{total(way, lambda run: run.read_results()['parameters']):,.0f}" for way in WAYS]
    seconds = [f"{total(way, lambda run: run.read_results()['train']['seconds']):,.0f}" for way in WAYS]
    rows.append("| " + " | ".join(["weights", "", *sizes, ""]) + " |")
    rows.append("| " + " | ".join(["seconds", "first seed", *seconds, ""]) + " |")
    return "\n".join(
        [
            *rows,
            "",
            f"test data, mean ± standard error over {len(of_seeds)} seeds; weights picked by {JOINT_SCORE}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--parts", nargs="+", default=["pos", "keywords", "digits", "graph"], help="of the joint run"
    )
    parser.add_argument("--updates", type=int, required=True, help="of each run")
    parser.add_argument("--each", type=int, default=2, help="batches of every part in an update")
    parser.add_argument("--seeds", type=int, default=3, help="runs with seeds 1, 2, …")
    parser.add_argument("--out", type=Path, default=Path("outputs/compare_joint"), help="where the runs lie")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at the same time, each on one core")
    parser.add_argument("--width", type=int, default=64, help="of the joint trunk")
    parser.add_argument("--heads", type=int, default=4, help="of all trunks")
    asked, words = parser.parse_known_args()
    words = [*words, f"encoder.heads={asked.heads}"]
    out = asked.out.absolute()
    with ThreadPoolExecutor(asked.jobs) as pool:
        seeds = range(1, asked.seeds + 1)
        of_seeds = list(
            pool.map(
                lambda seed: trained(
                    out, asked.parts, words, asked.each, asked.updates, asked.width, asked.heads, seed
                ),
                seeds,
            )
        )
    made = table(asked.parts, of_seeds)
    print(made)
    write_text(out / "table.md", made + "\n")


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"compare_joint: {error}")
