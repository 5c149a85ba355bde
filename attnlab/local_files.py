"""A user's own files: nothing but regular ones is ever opened, and links are followed."""

import os
import stat
from io import BufferedReader
from pathlib import Path

from attnlab.errors import UserError

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def user_path(text: str) -> Path:
    """A path as somebody typed it: `~` is their home folder, `~name` is text where nobody has that name."""
    return Path(os.path.expanduser(text))


def is_regular(path: Path) -> bool:
    """Whether a file is there that can be read to its end; not a folder.

    Raises UserError for a pipe, a socket and a device, which might be waited for without end, for a link to nothing, and
    where one may not look.
    """
    try:
        mode = os.stat(path).st_mode
    except PermissionError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except (OSError, ValueError) as error:
        if os.path.islink(path):
            raise UserError(f"{path}: a link to a file that is missing; remove it") from error
        return False
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return stat.S_ISREG(mode)
    raise _irregular(path, mode)


def open_regular(path: Path) -> BufferedReader:
    """The bytes of a file. Raises UserError where it is missing, may not be read, or is no regular file."""
    if not is_regular(path):
        raise UserError(f"{path}: {'a folder, not a file' if os.path.isdir(path) else 'no such file'}")
    try:
        # Without waiting: a pipe may have taken its place.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(mode := os.fstat(descriptor).st_mode):
        stream.close()
        raise _irregular(path, mode)
    return stream


def read_regular(path: Path) -> bytes:
    """All bytes of a file. Raises UserError as `open_regular` does."""
    with open_regular(path) as stream:
        return stream.read()


def name_text(name: str) -> str:
    """The name of a file as text that can be stored: bytes that are no UTF-8 are written as in `\\xe9`."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _irregular(path: Path, mode: int) -> UserError:
    kind = KINDS.get(stat.S_IFMT(mode), "no file")
    return UserError(f"{path}: {kind}, which is never read; give a regular file in its place, or remove it")
