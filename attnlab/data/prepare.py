"""Preparation, once: rows are streamed into memory-mapped Arrow under a fingerprint of what they depend on.

A prepared folder appears whole or not at all, and one that was damaged since is prepared anew; two processes that want
the same one wait for each other.
"""

import ctypes
import glob
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from filelock import FileLock
from numpy.typing import NDArray

from attnlab.errors import UserError

VERSION = 6
"""Of what preparation writes: a new one makes old folders unused."""
MANIFEST = "sizes.json"
"""The names and sizes of the files in a prepared folder."""
BUFFER = 1 << 26
"""Bytes of rows that wait to be written."""
Piece = TypeVar("Piece")
Result = TypeVar("Result")


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
    """The folder `cache/name`, filled by `make(folder)` if it isn't there yet, or not as it was left."""
    folder = cache / name
    if _whole(folder):
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not _whole(folder):
            for left in cache.glob(f"{glob.escape(name)}-*"):  # by a process that was killed
                shutil.rmtree(left)
            unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache))
            try:
                make(unfinished)
                _seal(unfinished)
                if folder.exists():
                    shutil.rmtree(folder)
                unfinished.rename(folder)
                flush(cache)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _seal(folder: Path) -> None:
    """Everything on the disk, and a manifest of it, before the folder gets its name."""
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    (folder / MANIFEST).write_text(json.dumps(sizes), encoding="utf-8")
    for path in folder.iterdir():
        flush(path)
    flush(folder)


def flush(path: Path) -> None:
    """What was written of a file, or of a folder's names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _whole(folder: Path) -> bool:
    """Whether all that was prepared is there; baselines may lie beside it."""
    try:
        sizes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all((folder / file).stat().st_size == size for file, size in sizes.items())
    except (OSError, ValueError):
        return False


def write_rows(path: Path, columns: dict[str, Any], rows: Iterable[dict[str, Any]]) -> int:
    """Stream rows into an Arrow file; `columns` are `datasets` features. Returns how many there were.

    Rows wait in memory until they are a thousand, or BUFFER bytes of numbers.
    """
    from datasets import Features
    from datasets.arrow_writer import ArrowWriter

    with ArrowWriter(path=str(path), features=Features(columns)) as writer:
        waiting = 0
        for row in rows:
            writer.write(row)
            waiting += sum(value.nbytes for value in row.values() if isinstance(value, np.ndarray))
            if waiting > BUFFER:
                writer.write_examples_on_file()
                waiting = 0
        count, _ = writer.finalize()
    return count


def write_batches(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Stream batches of rows into an Arrow file; returns how many rows there were."""
    count, writer = 0, None
    for batch in batches:
        if writer is None:
            writer = pa.RecordBatchStreamWriter(str(path), batch.schema)
        writer.write_batch(batch)
        count += batch.num_rows
    if writer is not None:
        writer.close()
    return count


# --- in several processes -------------------------------------------------------------------------


def mapped(work: Callable[[Piece], Result], pieces: Iterable[Piece], processes: int) -> Iterator[Result]:
    """`work` of each piece, in order, whatever the number of processes; only a few pieces are in memory.

    What goes wrong is told in order, too: first what a piece holds, then what kept the next one from being read.
    """
    if processes < 2:
        yield from map(work, pieces)
        return
    # A forked process has `work` already, and doesn't run the user's script once more.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(processes, context, _begin, (work, os.getpid())) as pool:
        waiting: deque[Future[Any]] = deque()
        unread: UserError | None = None
        upcoming = iter(pieces)
        try:
            while unread is None:
                try:
                    waiting.append(pool.submit(_do, next(upcoming)))
                except StopIteration:
                    break
                except UserError as error:
                    unread = error
                if len(waiting) > 2 * processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
            if unread is not None:
                raise unread
        finally:
            for future in waiting:
                future.cancel()


def processes_for(files: Iterable[Path]) -> int:
    """How many processes read these files best: one for each core, but one alone for what is soon read."""
    if sum(path.stat().st_size for path in files) < 1 << 24:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_work: Callable[[Any], Any]


def _begin(work: Callable[[Any], Any], parent: int) -> None:
    """What a process does first: it never outlives the one that started it, and leaves Ctrl-C to that one."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # it died in between
            os._exit(1)


def _do(piece: Any) -> Any:
    return _work(piece)


# --- read again -----------------------------------------------------------------------------------


class Columns:
    """The flat columns of a prepared Arrow file, mapped into memory and seen as numpy arrays."""

    def __init__(self, path: Path) -> None:
        self._table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()

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

    def strings_of(self, name: str, rows: NDArray[np.int64]) -> "Strings":
        """The strings of these rows, read when asked for."""
        return Strings(self._table.column(name), rows)


class Strings(Sequence[str]):
    """Strings in a mapped file, of some of its rows."""

    def __init__(self, column: Any, rows: NDArray[np.int64]) -> None:
        self._column, self._rows = column, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        return self._column[int(self._rows[i])].as_py()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


class Ragged:
    """A column of lists of numbers; row i is a view into the mapped file."""

    def __init__(self, chunks: Sequence[Any]) -> None:
        self._values = [_numpy(chunk.values) for chunk in chunks]
        self._bounds = [chunk.offsets.to_numpy() for chunk in chunks]
        self._first = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self._starts = np.concatenate([bounds[:-1] for bounds in self._bounds] or [np.zeros(0, dtype=np.int64)])
        self.lengths: NDArray[np.int64] = np.concatenate(
            [np.diff(bounds) for bounds in self._bounds] or [np.zeros(0)]
        ).astype(np.int64)

    def __getitem__(self, i: int) -> NDArray[Any]:
        chunk, start = int(np.searchsorted(self._first, i, side="right")) - 1, self._starts[i]
        return self._values[chunk][start : start + self.lengths[i]]

    def rows(self, indices: NDArray[np.int64]) -> list[NDArray[Any]]:
        """These rows. Where they lie is looked up for all at once, which takes a fraction of one after the other."""
        chunks = np.searchsorted(self._first, indices, side="right") - 1
        places = zip(chunks.tolist(), self._starts[indices].tolist(), self.lengths[indices].tolist(), strict=True)
        return [self._values[chunk][start : start + length] for chunk, start, length in places]

    def take(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """These rows, end to end."""
        return np.concatenate(self.rows(indices))

    def counts(self, rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
        """(size,): how often each number below it occurs in these rows, chunk by chunk."""
        wanted = np.zeros(len(self.lengths), dtype=bool)
        wanted[rows] = True
        found = np.zeros(size, dtype=np.int64)
        for values, bounds, start in zip(self._values, self._bounds, self._first, strict=False):
            kept = np.repeat(wanted[start : start + len(bounds) - 1], np.diff(bounds))
            found += np.bincount(values[bounds[0] : bounds[-1]][kept], minlength=size)
        return found


def _numpy(array: Any) -> NDArray[Any]:
    """Numbers without a copy; Arrow packs booleans into bits, which numpy cannot view."""
    return array.to_numpy(zero_copy_only=str(array.type) != "bool")
