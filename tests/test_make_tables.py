"""The made-up tables are the same on every call, and as hard as they say."""

import csv
import hashlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import pvariance

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_tables.py"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tables_are_the_same_again_and_their_pairs_are_told_by_order_alone(tmp_path: Path) -> None:
    for folder in ("first", "again"):
        subprocess.run([sys.executable, SCRIPT, tmp_path / folder], check=True)
    for name in ("twenty.csv", "one.csv"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    twenty, one = rows(tmp_path / "first" / "twenty.csv"), rows(tmp_path / "first" / "one.csv")
    assert (len(twenty), len({row["text"] for row in twenty})) == (4000, 4000)
    labels = Counter(row["label"] for row in twenty)
    assert len(labels) == 20 and min(labels.values()) > 180
    assert Counter(row["label"] for row in one) == {"new": 1000}
    in_pairs = [row for row in twenty if row["text"].split()[-4:-2:2] == ["not"]]
    assert 0.27 < len(in_pairs) / 4000 < 0.33
    # What the last word says is the label, but for three in a hundred: each word is of one class.
    votes: dict[str, Counter[str]] = {}
    for row in twenty:
        votes.setdefault(row["text"].split()[-1], Counter())[row["label"]] += 1
    assert len(votes) == 500
    right = sum(counts.most_common(1)[0][1] for counts in votes.values())
    assert 0.96 < right / 4000 < 0.98


def test_texts_with_numbers_are_the_same_again_and_as_noisy_as_they_say(tmp_path: Path) -> None:
    script = SCRIPT.with_name("make_numbers.py")
    for folder in ("first", "again"):
        subprocess.run([sys.executable, script, tmp_path / folder], check=True)
    for name, count in (("offers", 400), ("scores", 1000), ("marks", 4000)):
        made = (tmp_path / "first" / f"{name}.csv").read_bytes()
        assert made == (tmp_path / "again" / f"{name}.csv").read_bytes()
        texts = rows(tmp_path / "first" / f"{name}.csv")
        numbers = [float(row["label"]) for row in texts]
        assert len(texts) == count and len({row["text"] for row in texts}) > 0.5 * count
        if name != "offers":
            assert 0.005 < 0.5**2 / pvariance(numbers) < 0.03


def test_molecules_are_the_same_on_every_machine(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT.with_name("make_molecules.py"), tmp_path], check=True)
    digests = {}
    for kind in ("count", "presence"):
        text = (tmp_path / kind / "train.jsonl").read_text(encoding="utf-8")
        graphs = [json.loads(line) for line in text.splitlines()]
        assert len(graphs) == 3200 and min(len(graph["nodes"]) for graph in graphs) >= 5
        assert 0.4 < sum(graph["label"] == "yes" for graph in graphs) / 3200 < 0.55
        digests[kind] = hashlib.md5(text.encode()).hexdigest()[:8]
    assert digests == {"count": "214bd5e8", "presence": "5314cd74"}
