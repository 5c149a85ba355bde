"""More text than anybody wants in memory: it is prepared in a stream, by all cores, and trained on from disk."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from attnlab import compose
from attnlab.data.text import loader as text
from attnlab.text_files import STRETCH

SENTENCES = 5_000_000
WORDS = 50_000
GIB = 2**30


def write_sentences(path: Path, sentences: int) -> None:
    """Sentences of 3 to 9 words with their tags, a word and its tag on each line; frequent words are many."""
    random = np.random.default_rng(0)
    lines = [f"w{i}\t{'ABCDEFGH'[i % 8]}\n".encode() for i in range(WORDS)]
    with path.open("wb") as stream:
        for start in range(0, sentences, 100_000):
            for length in random.integers(3, 10, min(100_000, sentences - start)).tolist():
                ids = (WORDS ** random.random(length)).astype(int) - 1
                stream.write(b"".join([lines[i] for i in ids.tolist()]) + b"\n")


def test_however_many_processes_read_it_the_rows_are_the_same(tmp_path: Path, monkeypatch) -> None:
    write_sentences(tmp_path / "train.txt", 100_000)
    assert (tmp_path / "train.txt").stat().st_size > STRETCH, "several pieces"
    folders = []
    for processes in (1, 3):
        monkeypatch.setattr(text, "processes_for", lambda files, processes=processes: processes)
        words = [
            "task=pos",
            "data=tagged",
            f"data.path={tmp_path / 'train.txt'}",
            f"data.cache={tmp_path / str(processes)}",
        ]
        folders.append(text.Text(compose.compose(words).data, seed=1).folder_of_rows)
    one, several = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert one == several and len(one["train.arrow"]) > 10**6


@pytest.mark.parametrize("processes", [1, 2])
def test_the_first_mistake_is_told_whoever_finds_it(processes: int, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "train.txt"
    write_sentences(path, 100_000)
    lines = path.read_bytes().split(b"\n")
    for number in (50_000, 600_000, len(lines) - 3):
        lines[number - 1] = b"one word too many here"
    path.write_bytes(b"\n".join(lines))
    monkeypatch.setattr(text, "processes_for", lambda files: processes)
    words = ["task=pos", "data=tagged", f"data.path={path}", f"data.cache={tmp_path}"]
    with pytest.raises(ValueError, match=r"train\.txt:50000: 1 column"):
        text.Text(compose.compose(words).data, seed=1)
    skipped = text.Text(compose.compose([*words, "data.skip_bad=true"]).data, seed=1)
    assert skipped.warnings[0].startswith("3 bad rows were left out") and ":50000:" in skipped.warnings[0]


@pytest.mark.slow
def test_five_million_sentences_are_prepared_and_trained_on_within_four_gib(tmp_path: Path) -> None:
    write_sentences(tmp_path / "train.txt", SENTENCES)
    words = [
        "task=pos", "data=tagged", f"data.path={tmp_path / 'train.txt'}", f"data.cache={tmp_path / 'cache'}",
        f"outputs={tmp_path / 'outputs'}", "encoder.width=32", "encoder.depth=1", "trainer.updates=200",
        "data.validation=0.01", "data.test=0.01",
    ]  # fmt: skip
    done = subprocess.run([sys.executable, "-m", "attnlab", "train", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "4,900,000 train, 50,000 validation, 50,000 test" in done.stdout
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert largest < 4 * GIB, f"{largest / GIB:.2f} GiB"
