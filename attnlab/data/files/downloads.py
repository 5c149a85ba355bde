"""Files that are fetched once, by an address that a library names, and kept in the cache."""

import hashlib
import shutil
import sys
import zipfile
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.request import urlopen

from attnlab.data.prep.cache import MANIFEST, cache_folder, made_once
from attnlab.errors import UserError

PATIENCE = 20
"""Seconds to wait for the server."""


def downloaded(cache: str | None, url: str, key: str, by_hand: str) -> Path:
    """The folder with the file of this address; of a .zip, with the text files in it, whatever folders they lie in.

    key, by_hand: the user's key that asked for it, and what to do where it cannot be had: then UserError is raised.
    """
    name = PurePosixPath(url).name

    def fetch(folder: Path) -> None:
        print(f"attnlab: downloading {url}", file=sys.stderr)
        try:
            with urlopen(url, timeout=PATIENCE) as answer, (folder / name).open("wb") as file:
                shutil.copyfileobj(answer, file)
            if name.endswith(".zip"):
                _unpack(folder / name)
        except (OSError, HTTPException, zipfile.BadZipFile) as error:
            missing = isinstance(error, HTTPError) and error.code == 404
            reason = "no such file there" if missing else getattr(error, "reason", error)
            raise UserError(f"{key}: {url} could not be had ({reason}); {by_hand}") from error

    folder = cache_folder(cache) / f"{name}-{hashlib.blake2b(url.encode(), digest_size=6).hexdigest()}"
    if folder.is_dir() and not (folder / MANIFEST).exists():
        return folder  # fetched before there were manifests
    return made_once(folder, fetch)


def _unpack(archive: Path) -> None:
    with zipfile.ZipFile(archive) as files:
        for entry in files.infolist():
            # Only the last part of a name counts, so that nothing is written outside the folder.
            target = PurePosixPath(entry.filename).name
            if target.endswith(".txt"):
                with files.open(entry) as source, (archive.parent / target).open("wb") as file:
                    shutil.copyfileobj(source, file)
    archive.unlink()
