"""Preparation, once: rows are streamed into memory-mapped Arrow under a fingerprint of what they depend on.

A prepared folder appears whole or not at all; two processes that want the same one wait for each other.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

VERSION = 3
"""Of what preparation writes: a new one makes old folders unused."""


def cache_folder(configured: str | None) -> Path:
    """Where prepared data lie."""
    place = configured or os.environ.get("ATTNLAB_CACHE") or "~/.cache/attnlab"
    return Path(place).expanduser()


def fingerprint(files: Iterable[Path], settings: dict[str, Any]) -> str:
    """A name for what preparation would make: of the files' contents, the settings and our version."""
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps([VERSION, settings], sort_keys=True).encode())
    for path in files:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "blake2b").digest())
    return digest.hexdigest()


def prepared(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `cache/name`, filled by `make(folder)` if it isn't there yet."""
    folder = cache / name
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not folder.is_dir():
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache))
            try:
                make(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def write_rows(path: Path, columns: dict[str, Any], rows: Iterable[dict[str, Any]]) -> int:
    """Stream rows into an Arrow file; `columns` are `datasets` features. Returns how many there were."""
    from datasets import Features
    from datasets.arrow_writer import ArrowWriter

    with ArrowWriter(path=str(path), features=Features(columns)) as writer:
        for row in rows:
            writer.write(row)
        count, _ = writer.finalize()
    return count


class Columns:
    """The flat columns of a prepared Arrow file, mapped into memory and seen as numpy arrays."""

    def __init__(self, path: Path) -> None:
        from datasets import Dataset

        self._table = Dataset.from_file(str(path)).data

    def __len__(self) -> int:
        return self._table.num_rows

    def ragged(self, name: str) -> "Ragged":
        """A column of lists."""
        return Ragged(self._table.column(name).chunks)

    def numbers(self, name: str) -> NDArray[Any]:
        """A column with a number in each row."""
        return self._table.column(name).to_numpy()

    def strings(self, name: str) -> list[str]:
        return self._table.column(name).to_pylist()


class Ragged:
    """A column of lists of numbers; row i is a view into the mapped file."""

    def __init__(self, chunks: Sequence[Any]) -> None:
        self._values = [_numpy(chunk.values) for chunk in chunks]
        self._bounds = [chunk.offsets.to_numpy() for chunk in chunks]
        self._first = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self.lengths: NDArray[np.int64] = np.concatenate(
            [np.diff(bounds) for bounds in self._bounds] or [np.zeros(0)]
        ).astype(np.int64)

    def __getitem__(self, i: int) -> NDArray[Any]:
        chunk = int(np.searchsorted(self._first, i, side="right")) - 1
        bounds, row = self._bounds[chunk], i - self._first[chunk]
        return self._values[chunk][bounds[row] : bounds[row + 1]]

    def take(self, indices: Iterable[int]) -> NDArray[Any]:
        """These rows, end to end."""
        return np.concatenate([self[int(i)] for i in indices])


def _numpy(array: Any) -> NDArray[Any]:
    """Numbers without a copy; Arrow packs booleans into bits, which numpy cannot view."""
    return array.to_numpy(zero_copy_only=str(array.type) != "bool")
