"""Files that are whole whatever happens: written under a temporary name, flushed onto the disk and renamed."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from attnlab.errors import UserError


def user_path(text: str) -> Path:
    """A path as somebody typed it: `~` is their home folder, `~name` is text where nobody has that name."""
    return Path(os.path.expanduser(text))


def write_text(path: Path, text: str) -> None:
    """Write a file, as UTF-8, so that it is either the old one or the new one. Raises UserError where that fails."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """As `write_text`, of anything that JSON can hold."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_bytes(path: Path, data: bytes) -> None:
    """As `write_text`, of any contents; UserError is raised there, too."""
    unfinished = path.with_name(path.name + ".new.txt")
    try:
        path.parent.mkdir(exist_ok=True)
        write_flushed(unfinished, data)
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        problem = f"{path}: could not be written ({error.strerror}); what was there before is unharmed"
        raise UserError(problem) from error


def write_flushed(path: Path, data: bytes) -> None:
    """Write a file inside a folder that nobody reads yet: it is on the disk at the end. Raises OSError."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def flush(path: Path) -> None:
    """What was written of a file, or of a folder's names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> Any:
    """Raises UserError where the file is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not valid JSON ({error})") from error


def read_jsonl(path: Path) -> list[Any]:
    """The whole lines of a file, or nothing where there is none; the last one may still be being written."""
    if not path.exists():
        return []
    # splitlines would also split at a U+2028 inside a word.
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]
