"""What lies in a user's folders: links are followed, each folder is read once, and what systems leave there is no example."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text

HIDDEN = (".", "__MACOSX", "~$")
"""How names begin that belong to a file system's or a program's housekeeping."""
HOUSEKEEPING = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "@eadir", "lost+found", "$recycle.bin", "system volume information",
}  # fmt: skip
"""Such names as a whole, in small letters."""
NOTES = ("readme", "license", "licence", "copying", "changelog", "citation")
"""How names begin, in small letters, of what is written about a data set."""
SHOWN = 3
"""Names that a warning lists."""


def is_housekeeping(name: str) -> bool:
    """Whether a file or folder of this name was left by a system or a program."""
    return name.startswith(HIDDEN) or name.lower() in HOUSEKEEPING


def is_note(name: str) -> bool:
    """Whether a file of this name says something about a data set."""
    return name.lower().startswith(NOTES)


def listed(folder: Path) -> list[Path]:
    """What lies in a folder, in order, but for housekeeping. Raises UserError where it may not be read."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}") from error
    return sorted(folder / name for name in names if not is_housekeeping(name))


def files_below(root: Path) -> list[Path]:
    """All files below a folder, in order, but for housekeeping.

    Raises UserError for a link to nothing or to a folder that it lies in, for a folder that is reached by two names, for
    what is no regular file, and where something may not be read.
    """
    files, folders, seen = list[Path](), [root], dict[tuple[int, int], Path]()
    while folders:
        folder = folders.pop()
        _refuse_twice(folder, seen)
        for path in listed(folder):
            files += [path] if is_regular(path) else []
            folders += [path] if os.path.isdir(path) else []
    return sorted(files)


def _refuse_twice(folder: Path, seen: dict[tuple[int, int], Path]) -> None:
    """seen: the folders that were met before, by what is the same for all names of one."""
    status = os.stat(folder)
    first = seen.setdefault((status.st_dev, status.st_ino), folder)
    if first is folder:
        return
    if folder.is_relative_to(first):
        raise UserError(f"{folder}: a link to {first}, a folder that it lies in itself; remove the link")
    raise UserError(
        f"{folder} and {first} are the same folder, by a link; remove one, or its files would count twice"
    )


def few(names: Iterable[str], shown: int = SHOWN) -> str:
    """The first of some names, for a sentence."""
    listed = [_in_a_line(name) for name in names]
    return ", ".join(listed[:shown]) + (", …" if len(listed) > shown else "")


def _in_a_line(name: str) -> str:
    """A name without line feeds and other characters that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name_text(name))


def passed_over(root: Path, files: Sequence[Path], what: str) -> tuple[str, ...]:
    """A warning of files below a folder that are no examples; none of notes. what: the examples are, in the plural."""
    names = [path.relative_to(root).as_posix() for path in files if not is_note(path.name)]
    if not names:
        return ()
    number = (
        f"1 file that is none of the {what} was"
        if len(names) == 1
        else f"{len(names):,} files that are no {what} were"
    )
    return (f"{number} passed over: {few(names)}",)
