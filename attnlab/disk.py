"""Files of our own: whole whatever happens, plain whoever put them there.

Files are written under a temporary name that nobody can foresee, flushed onto the disk and renamed. No link is followed
where one of our files should be, and only regular files are read: a folder may come from a stranger.
"""

import contextlib
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from filelock import BaseFileLock, FileLock

from attnlab.errors import Damaged, UserError
from attnlab.schema import DEPTH, DIGITS, checked, refuse_unsound

T = TypeVar("T")
LARGEST_TEXT = 1 << 30
"""Bytes of a file of JSON, or of lines, at the most."""
LARGEST_YAML = 1 << 20
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_UNFINISHED = ".new"
"""How the names of files end that are still being written; they begin with a dot."""


# --- what lies where --------------------------------------------------------------------------


def open_regular(path: Path, follow_links: bool = False) -> BinaryIO:
    """Open a file for reading. follow_links: for what a user names, such as data; never for what a run has written.

    Raises UserError for a pipe, a device, a link that isn't to be followed and everything else that is no regular file,
    without waiting for it; OSError where there is nothing, or nothing that may be read.
    """
    _refuse_special(path, path.stat() if follow_links else path.lstat())
    return _opened(path, os.O_RDONLY | _NO_WAIT | (0 if follow_links else _NO_LINK), "rb")


def refuse_special(path: Path) -> None:
    """Raises UserError where anything but a regular file stands in the place of one of ours; none may be there."""
    with contextlib.suppress(FileNotFoundError):
        _refuse_special(path, path.lstat())


def _opened(path: Path, flags: int, mode: str) -> BinaryIO:
    """What was checked before may be another file by now."""
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _link(path) from error
        raise
    try:
        _refuse_special(path, os.fstat(descriptor))
        return os.fdopen(descriptor, mode)  # type: ignore[return-value]  # of a mode that isn't written out
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_special(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _link(path)
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
        raise UserError(f"{path}: {kinds.get(stat.S_IFMT(status.st_mode), 'a device')} where a file should be")


def _link(path: Path) -> UserError:
    return UserError(f"{path}: a link; what attnlab writes are files and folders, and no link there is followed")


def make_folder(path: Path) -> None:
    """A folder of our own, unless it is there. Raises UserError where a link stands in its place."""
    path.mkdir(parents=True, exist_ok=True)
    refuse_link(path)


def refuse_link(folder: Path) -> None:
    """Raises UserError where a link stands in the place of a folder of ours; there may be none."""
    if folder.is_symlink():
        raise _link(folder)


def plain_files(folder: Path) -> list[Path]:
    """Every file below a folder, which itself may be a link, but for hidden ones, which are the system's. Raises UserError
    where one of them, or a folder, is a link, or no regular file."""
    found, folders = [], [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_symlink():
                    raise _link(path)
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                else:
                    _refuse_special(path, entry.stat(follow_symlinks=False))
                    found.append(path)
    return sorted(found)


def lock(path: Path) -> BaseFileLock:
    """A lock that ends with its process. Raises UserError where its file is a link, or no regular file."""
    refuse_special(path)
    return FileLock(path)


# --- writing ----------------------------------------------------------------------------------


def write_text(path: Path, text: str) -> None:
    """Write a file, as UTF-8, so that it is either the old one or the new one. Raises UserError where that fails."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: object) -> None:
    """As `write_text`, of anything that JSON can hold."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_bytes(path: Path, data: bytes) -> None:
    """As `write_text`, of any contents; UserError is raised there, too, and where a link stands in its place."""
    _write(path, [data])


def write_pieces(path: Path, pieces: Iterable[str]) -> None:
    """As `write_text`, of a text that is made while it is written, so that it need not be in memory as a whole."""
    _write(path, (piece.encode() for piece in pieces))


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        path.parent.mkdir(exist_ok=True)
        refuse_special(path)
        _write_flushed(unfinished, pieces)
        unfinished.replace(path)
    except OSError as error:
        _remove(unfinished)
        problem = f"{path}: could not be written ({error.strerror}); what was there before is unharmed"
        raise UserError(problem) from error
    except BaseException:  # of whoever makes the pieces
        _remove(unfinished)
        raise


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def write_flushed(path: Path, data: bytes) -> None:
    """Write a new file: it is on the disk at the end. Raises OSError, also where there is one of this name."""
    _write_flushed(path, [data])


def _write_flushed(path: Path, pieces: Iterable[bytes]) -> None:
    with _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK, "wb") as stream:
        for piece in pieces:
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())


def append_text(path: Path, text: str) -> None:
    """Add to the end of a file of UTF-8, or begin one. Raises UserError for a link and everything else that is no regular
    file."""
    refuse_special(path)
    with _opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NO_LINK | _NO_WAIT, "ab") as stream:
        if os.fstat(stream.fileno()).st_nlink == 1:
            stream.write(text.encode())
            return
    # Another folder has the same file by a hard link, and must not grow with ours.
    write_bytes(path, read_bytes(path) + text.encode())


def unfinished_files(folder: Path) -> list[Path]:
    """What is being written in a folder, or was when its process was killed."""
    return [path for path in folder.glob(f".*{_UNFINISHED}") if not path.is_dir()]


def flush(path: Path) -> None:
    """What was written of a file, or of a folder's names, onto the disk."""
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- reading ----------------------------------------------------------------------------------


def read_bytes(path: Path, most: int = LARGEST_TEXT) -> bytes:
    """All of a regular file. Raises UserError for any other, Damaged where it is larger than `most` bytes, and OSError."""
    with open_regular(path) as stream:
        if os.fstat(stream.fileno()).st_size > most:
            raise Damaged(f"{path}: larger than {most:,} bytes, which no such file of a run is")
        return stream.read()


def read_text(path: Path, most: int = LARGEST_TEXT) -> str:
    """As `read_bytes`, of UTF-8; Damaged is raised where it isn't."""
    try:
        return read_bytes(path, most).decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error


def read_json(path: Path, kind: type[T]) -> T:
    """What a file of JSON holds, as its schema says (`attnlab.schema`). Raises Damaged where it holds anything else."""
    return checked(kind, parse_json(read_text(path), path), path)


def read_jsonl(path: Path, kind: type[T]) -> list[T]:
    """As `read_json`, of each whole line of a file, or nothing where there is none; the last line may still be being
    written. Raises Damaged with the line's number."""
    if not os.path.lexists(path):
        return []
    # splitlines would also split at a U+2028 inside a word.
    lines = read_text(path).split("\n")[:-1]
    places = (f"{path}:{number}" for number in range(1, len(lines) + 1))
    return [checked(kind, parse_json(line, place), place) for line, place in zip(lines, places, strict=True)]


def read_yaml(path: Path, kind: type[T]) -> T:
    """As `read_json`, of a file of YAML."""
    return checked(kind, parse_yaml(read_text(path, LARGEST_YAML), path), path)


def parse_json(text: str, where: object) -> object:
    """The value of a text. where: the file, for the message. Raises Damaged for what is no JSON, and for what no file of
    ours holds: deep nesting, numbers of many digits, half characters."""
    try:
        value = json.loads(text, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{where}: not valid JSON ({_reason(error)})") from error
    refuse_unsound(value, where)
    return value


def parse_yaml(text: str, where: object) -> object:
    """As `parse_json`, of YAML without aliases and tags."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _refuse_unsound_events(yaml.parse(text, loader))
        value = yaml.load(text, loader)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise Damaged(f"{where}: not valid YAML ({_reason(error)})") from error
    refuse_unsound(value, where)
    return value


def _refuse_unsound_events(events: Iterator[Any]) -> None:
    """Raises ValueError for what a loader would take too long for, or too much of the stack. events: of PyYAML."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        if depth > DEPTH:
            raise ValueError("nested too deeply")
        if name == "AliasEvent" or getattr(event, "tag", None):
            raise ValueError("an alias or a tag")
        if name == "ScalarEvent" and event.implicit[0] and _is_long_number(event.value):
            raise ValueError("a whole number of too many digits")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    mark = getattr(error, "problem_mark", None)  # of PyYAML, whose messages take several lines
    return str(error).splitlines()[0] if mark is None else f"{error.problem} in line {mark.line + 1}"  # type: ignore[attr-defined]


def _whole_number(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError("a whole number of too many digits")
    return int(digits)


def _is_long_number(text: str) -> bool:
    return len(text) > 2 * DIGITS and not text.strip("0123456789+-_:.")
