"""Whether this version computes the same as another one, to the bit: scores, weights, and runs begun by the other.

    python scripts/same_results.py record FOLDER ../shared/data       # with the version before
    python scripts/same_results.py check FOLDER ../shared/data        # with this version

`record` trains the experiments below, and one run that it stops on the way. `check` trains them again, evaluates the
recorded runs, continues the stopped one, and prints what differs. Weights are compared by the contents of their tensors,
whatever their names. One thread each, so that other work on the machine changes nothing.
"""

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENTS = {
    "ud_ewt": ["ud_english_ewt"],
    "fsdd": ["fsdd/recordings"],
    "mutag": ["tu/MUTAG/raw"],
    "fashion_mnist": ["fashion_mnist", "trainer.epochs=1"],
    "multi30k": ["multi30k_en_de", "trainer.epochs=2"],
}
"""By name: the folder of its data, then the keys that it is given besides."""


def attnlab(*words: str) -> None:
    """Run a verb of this checkout to its end."""
    subprocess.run([sys.executable, "-m", "attnlab.cli", *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def weights(run: Path) -> str:
    """A digest of the contents of all tensors of a run's best weights."""
    tensors = load_file(run / "best" / "model.safetensors").values()
    each = sorted(hashlib.sha256(f"{t.dtype}{t.shape}".encode() + t.tobytes()).hexdigest() for t in tensors)
    return hashlib.sha256("".join(each).encode()).hexdigest()[:16]


def scores(run: Path) -> dict[str, dict[str, float]]:
    results = json.loads((run / "results.json").read_text())
    return {split: results[split] for split in ("test", "validation")}


def summary(run: Path) -> dict[str, object]:
    """What must be the same: the scores of a run or of each of its folds, and the digests of their weights."""
    runs = sorted(run.glob("fold-*")) or [run]
    return {own.name: {"weights": weights(own), **scores(own)} for own in runs}


def train_all(folder: Path, data: Path, names: list[str]) -> None:
    for name in names:
        place, *words = EXPERIMENTS[name]
        if (folder / name).exists():
            continue
        started = time.monotonic()
        attnlab(
            "train",
            f"experiment={name}",
            f"data.path={data / place}",
            *words,
            "trainer.threads=1",
            f"folder={folder / name}",
        )
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def start_and_stop(run: Path) -> None:
    """Train task=pos for three epochs, and interrupt it, as by Ctrl-C, after the first."""
    words = ["task=pos", "trainer.epochs=3", "trainer.threads=1", f"folder={run}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "attnlab.cli", "train", *words], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while not (run / "last" / "state.json").exists():
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    assert process.wait() == 130, "the run ended before it could be stopped"


def record(folder: Path, data: Path, names: list[str]) -> None:
    train_all(folder, data, names)
    if not (folder / "whole").exists():
        attnlab("train", "task=pos", "trainer.epochs=3", "trainer.threads=1", f"folder={folder / 'whole'}")
        start_and_stop(folder / "stopped")


def check(folder: Path, data: Path, names: list[str]) -> int:
    """Prints a line for each comparison; returns how many differ."""
    new, differences = folder / "checked", 0
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()

    def compare(what: str, before: object, now: object) -> None:
        nonlocal differences
        differences += before != now
        print(f"{what}: {'the same' if before == now else f'DIFFERS: {before} before, {now} now'}", flush=True)

    shutil.copytree(folder / "stopped", new / "stopped")
    attnlab("train", f"run={new / 'stopped'}")
    compare("a stopped run, continued", {"stopped": summary(folder / "whole")["whole"]}, summary(new / "stopped"))
    for name in [*names, "whole"]:
        shutil.copytree(folder / name, new / f"{name}-again")
        attnlab("eval", f"run={new / f'{name}-again'}", "trainer.threads=1")
        compare(f"{name}, evaluated again", scores(folder / name)["test"], scores(new / f"{name}-again")["test"])
    train_all(new, data, names)
    for name in names:
        compare(f"{name}, trained again", summary(folder / name), summary(new / name))
    return differences


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("record", "check"))
    parser.add_argument("folder", type=Path, help="where recorded runs lie")
    parser.add_argument("data", type=Path, help="the folder of real data")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    words = parser.parse_args()
    folder, data = words.folder.resolve(), words.data.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if words.what == "record":
        record(folder, data, words.only)
    else:
        sys.exit(1 if check(folder, data, words.only) else 0)


if __name__ == "__main__":
    main()
