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

from attnlab.config import DataConfig, former_names
from attnlab.disk import flush, lock, plain_files, read_json, refuse_link, write_flushed
from attnlab.errors import Damaged
from attnlab.local_files import open_regular, user_path
from attnlab.schema import Count

VERSION = 6
"""Of all fingerprints: with a new one no run can be continued that began before."""
READING = 5
"""Of how files are read and written: a new one makes prepared folders unused, while fingerprints stay. Where the same files
give other examples than before, the source's `identity` says so, which changes the fingerprint."""
MANIFEST = "sizes.json"
"""The names and sizes of the files in a prepared folder."""
ELSEWHERE = ("cache", "path", "origin", "licence", "hub", "config", "revision")
"""Keys that say where the examples are; what they are is part of the fingerprint."""


def cache_folder(configured: str | None) -> Path:
    """Where prepared data lie."""
    return user_path(configured or os.environ.get("ATTNLAB_CACHE") or "~/.cache/attnlab")


def settings_of(config: DataConfig) -> dict[str, object]:
    """What the examples depend on besides the contents of files: the keys, by the names that they had first."""
    settings = former_names(config) | dict.fromkeys(ELSEWHERE)
    # Earlier versions took others: a run that one of them began must not go on with these.
    return settings if settings.get("limit") is None else settings | {"limited": "by content"}


def fingerprint(files: Iterable[Path | bytes], settings: Mapping[str, object]) -> str:
    """A name for what preparation would make: of the files' contents, the settings and `VERSION`.

    files: bytes are the digest of something that is no file, such as a rule in the program. Raises UserError for a file that
    cannot be read, and for what is no regular file.
    """
    digest = hashlib.blake2b(digest_size=12)
    digest.update(json.dumps([VERSION, settings], sort_keys=True).encode())
    for file in files:
        digest.update(file if isinstance(file, bytes) else _digest(file))
    return digest.hexdigest()


def _digest(path: Path) -> bytes:
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "blake2b").digest()


def prepared(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of prepared data called `name`, filled by `make(folder)` unless it is there and whole."""
    return made_once(cache / f"{name}.{READING}", make)


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder, filled by `make(folder)` unless it is there and whole. Raises UserError where a link, or what is no
    regular file, lies there."""
    if _whole(folder):
        return folder
    cache, name = folder.parent, folder.name
    cache.mkdir(parents=True, exist_ok=True)
    with lock(cache / f"{name}.lock"):
        if not _whole(folder):
            for remains in cache.glob(f"{glob.escape(name)}-*"):  # of a process that was killed
                refuse_link(remains)
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
    write_flushed(folder / MANIFEST, json.dumps(sizes).encode())
    for path in folder.iterdir():
        flush(path)
    flush(folder)


def _whole(folder: Path) -> bool:
    """Whether all that was prepared is there; baselines may lie beside it. Raises UserError for links, and for what is no
    regular file."""
    refuse_link(folder)
    try:
        found = {path.name: path.lstat().st_size for path in plain_files(folder)}
        sizes = read_json(folder / MANIFEST, dict[str, Count])
    except (OSError, Damaged):
        return False
    return all(found.get(name) == size for name, size in sizes.items())
