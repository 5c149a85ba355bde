"""Preparation, once: rows are streamed into memory-mapped Arrow under a fingerprint of what they depend on.

A prepared folder appears whole or not at all, and one that was damaged since is prepared anew; two processes that want
the same one wait for each other.
"""

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from filelock import FileLock

from attnlab.config import DataConfig, former_names
from attnlab.disk import flush

VERSION = 6
"""Of all fingerprints: with a new one no run can be continued that began before."""
READING = 3
"""Of how files are read and written: a new one makes prepared folders unused, while fingerprints stay. Where the same files
give other examples than before, the source's `identity` says so, which changes the fingerprint."""
MANIFEST = "sizes.json"
"""The names and sizes of the files in a prepared folder."""
ELSEWHERE = ("cache", "path", "origin", "licence", "hub", "config", "revision")
"""Keys that say where the examples are; what they are is part of the fingerprint."""


def cache_folder(configured: str | None) -> Path:
    """Where prepared data lie."""
    return Path(configured or os.environ.get("ATTNLAB_CACHE") or "~/.cache/attnlab").expanduser()


def settings_of(config: DataConfig) -> dict[str, object]:
    """What the examples depend on besides the contents of files: the keys, by the names that they had first."""
    settings = former_names(config) | dict.fromkeys(ELSEWHERE)
    # Earlier versions took others: a run that one of them began must not go on with these.
    return settings if settings.get("limit") is None else settings | {"limited": "by content"}


def fingerprint(files: Iterable[Path | bytes], settings: Mapping[str, object]) -> str:
    """A name for what preparation would make: of the files' contents, the settings and `VERSION`.

    files: bytes are the digest of something that is no file, such as a rule in the program.
    """
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps([VERSION, settings], sort_keys=True).encode())
    for file in files:
        digest.update(file if isinstance(file, bytes) else _digest(file))
    return digest.hexdigest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "blake2b").digest()


def prepared(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of prepared data called `name`, filled by `make(folder)` unless it is there and whole."""
    return made_once(cache / f"{name}.{READING}", make)


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, filled by `make(folder)` unless it is there and whole."""
    if _whole(folder):
        return folder
    cache, name = folder.parent, folder.name
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{name}.lock"):
        if not _whole(folder):
            for remains in cache.glob(f"{glob.escape(name)}-*"):  # of a process that was killed
                shutil.rmtree(remains)
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


def _whole(folder: Path) -> bool:
    """Whether all that was prepared is there; baselines may lie beside it."""
    try:
        sizes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return all((folder / file).stat().st_size == size for file, size in sizes.items())
    except (OSError, ValueError):
        return False
