"""Damaged files of every format: they are read, or refused in one sentence, and never take long."""

import signal
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
from conftest import write_pairs, write_tables, write_treebank

from attnlab import compose
from attnlab.data import open_data
from attnlab.errors import UserError

MUTATIONS = 100
SECONDS = 10
"""For one file; most take a hundredth of a second."""


@dataclass(frozen=True)
class Format:
    """write: puts a small valid data set into a folder and returns `data.path`. words: choose it; `{path}` stands for that."""

    write: Callable[[Path], Path]
    words: str


def columns(folder: Path, name: str, separator: str = "\t") -> Path:
    words = [("I", "PRON"), ("saw", "VERB"), ("Ünal's", "PROPN"), ("#dog", "NOUN")]
    groups = [[*words[: 1 + i % 4], (f"end{i}", f"T{i % 7}")] for i in range(40)]
    text = "\n".join("".join(f"{word}{separator}{tag}\n" for word, tag in group) for group in groups)
    (folder / name).write_text(f"# sent_id = 1\n{text}", encoding="utf-8")
    return folder / name


def sentences(folder: Path) -> Path:
    rows = [f'{{"words": ["I", "s{i}"], "tags": ["A", null]}}\n' for i in range(40)]
    (folder / "x.jsonl").write_text("".join(rows))
    return folder / "x.jsonl"


def table(folder: Path, name: str, row: Callable[[int], str], header: str = "") -> Path:
    (folder / name).write_text(header + "".join(row(i) + "\n" for i in range(40)), encoding="utf-8")
    return folder / name


FORMATS = {
    "csv": Format(lambda folder: write_tables(folder), "task=sentiment data=csv data.path={path}"),
    "quoted csv": Format(
        lambda folder: table(folder, "x.csv", lambda i: f'"a, ""b"" {i}\né",{i % 3},0.{i}', "text,label,score\n"),
        "task=sentiment data=csv data.path={path}",
    ),
    "numbers in csv": Format(
        lambda folder: table(folder, "x.csv", lambda i: f"a b{i},{i}.5e-1", "text,label\n"),
        "task=sentiment data=csv data.path={path} data.target_kind=number",
    ),
    "tsv": Format(
        lambda folder: table(folder, "x.tsv", lambda i: f"très {i}\t{i % 2}"),
        "task=sentiment data=csv data.path={path} data.text=1 data.label=2 data.tokens=characters",
    ),
    "jsonl": Format(
        lambda folder: table(folder, "x.jsonl", lambda i: f'{{"text": "a \\u00e9 {i}", "label": {i % 2}}}'),
        "task=sentiment data=csv data.path={path}",
    ),
    "questions in jsonl": Format(
        lambda folder: table(folder, "x.jsonl", lambda i: f'{{"text": "a {i}", "a": {i % 2}, "b": null}}'),
        "task=sentiment data=csv data.path={path} data.target_kind=classes data.label=[a,b]",
    ),
    "conllu": Format(lambda folder: write_treebank(folder), "task=pos data=ud_ewt data.path={path}"),
    "two columns": Format(
        lambda folder: columns(folder, "x.tags"), "task=pos data=tagged data.path={path}"
    ),
    "two columns by spaces": Format(
        lambda folder: columns(folder, "x.txt", "  "), "task=pos data=tagged data.path={path} data.words=1 data.tags=2"
    ),
    "tagged jsonl": Format(sentences, "task=pos data=tagged data.path={path}"),
    "pairs of files": Format(
        lambda folder: write_pairs(folder), "task=translation data=parallel data.path={path} data.tokens=words"
    ),
    "pairs in jsonl": Format(
        lambda folder: table(folder, "x.jsonl", lambda i: f'{{"en": "a {i}", "de": "ä {i}"}}'),
        "task=translation data=parallel data.source=table data.path={path} data.tokens=characters",
    ),
}  # fmt: skip
"""Formats of every modality by name; one more is one more line here."""

NASTY = [
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xcc\x81", b"\r", b"\n",
    b"\n\n", b"\t", b" ", b'"', b",", b"#", b"-DOCSTART- O\n", b"1-2", b"8.1", b"_", b"nan", b"-1", b"1e999", b"9" * 5000,
    b"null", b"true", b"{}", b"[", b"[" * 100_000, b'"\\ud800"', b"\\u0000", b"a" * 70_000, b"\x1f\x8b", b"\x85", b"\x0b\x0c",
]  # fmt: skip


def mutated(content: bytes, random: Random) -> bytes:
    """With one to three pieces cut, doubled, moved, or replaced by what readers stumble over."""
    for _ in range(random.randint(1, 3)):
        start = random.randrange(len(content) + 1)
        end = min(len(content), start + random.choice([0, 1, 3, 20, 300]))
        piece = content[start:end]
        match random.randrange(5):
            case 0:
                piece = random.choice(NASTY)
            case 1:
                piece += piece
            case 2:
                piece = b""
            case 3:
                piece = bytes(random.randrange(256) for _ in piece[:20]) + piece[20:]
            case 4:
                piece = piece.swapcase()[::-1]
        content = content[:start] + piece + content[end:]
    return content


def late(*_: object) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    random = Random(zlib.crc32(name.encode()))
    path = FORMATS[name].write(tmp_path)
    config = compose.compose(FORMATS[name].words.format(path=path).split())
    config.data.cache = str(tmp_path / "cache")
    open_data(config.data, 1)
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    files = [file for file in files if "cache" not in file.parts]
    before = signal.signal(signal.SIGALRM, late)
    read = 0
    try:
        for number in range(MUTATIONS):
            file = random.choice(files)
            content = file.read_bytes()
            file.write_bytes(mutated(content, random))
            config.data.skip_bad = number % 2 == 1
            signal.alarm(SECONDS)
            try:
                data = open_data(config.data, 1)
                for split in data.splits.values():
                    split.batch(np.arange(len(split)))
                read += 1
            except UserError as error:
                assert "\n" not in str(error), str(error)
            except Exception as error:
                kept = tmp_path / f"mutation-{number}{file.suffix}"
                kept.write_bytes(file.read_bytes())
                raise AssertionError(
                    f"{name}, mutation {number} (skip_bad={config.data.skip_bad}): {kept}"
                ) from error
            finally:
                signal.alarm(0)
                file.write_bytes(content)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert 0 < read < MUTATIONS, "some are harmless, some are not"
