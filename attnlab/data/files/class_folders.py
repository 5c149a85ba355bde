"""A folder of files for each class, below folders of splits or not: which file is of which class and split."""

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path

from attnlab.config import DataConfig
from attnlab.data.files.layout import by_contents, choose, key_for, named_splits, no_folder, resembled, split_of
from attnlab.data.files.names import class_name
from attnlab.data.files.walk import few, files_below, listed, passed_over
from attnlab.data.prep.source import path_of
from attnlab.errors import UserError
from attnlab.local_files import name_text, user_path

Classes = dict[Path, list[Path]]
"""The files of each class, by its folder."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind, by the endings of their names. what: they are, in the plural; read: endings of those that are read;
    unread: of other formats for the same."""

    what: str
    read: tuple[str, ...]
    unread: tuple[str, ...]

    def fits(self, path: Path) -> bool:
        """Whether a file is of this kind, in whatever format; others beside it are notes and the like."""
        return path.suffix.lower() in (*self.read, *self.unread)

    def problem(self, path: Path) -> str:
        """Why a file of this kind cannot be read; "" where it can."""
        if path.suffix.lower() in self.read:
            return ""
        return f"{path}: {self.what} are not read from {path.suffix} files; convert it to {' or '.join(self.read[:2])}"


@dataclass(frozen=True)
class ClassFolders:
    """The files of each split with their classes; the only split is "" where there are no folders of splits.

    warnings: what the user should know. identity: what labels depend on besides the names of files.
    """

    splits: dict[str, list[tuple[Path, str]]]
    warnings: tuple[str, ...]
    identity: str


def class_folders(config: DataConfig, kind: Kind) -> ClassFolders:
    """What lies at `data.path`. Files of another kind are passed over, and counted in a warning.

    Raises UserError where a class has no files, a file no class, or a folder no split, where one folder holds all classes,
    and as `files_below` does.
    """
    root = user_path(path_of(config))
    if not isdir(root):
        raise no_folder(config)
    below = files_below(root)
    files = [path for path in below if kind.fits(path)]
    if lonely := [path for path in files if path.parent == root]:
        raise UserError(f"{lonely[0]}: not inside the folder of a class; move it into one")
    folders = _split_folders(config, root, files)
    classes = {split: _classes(folder, files, kind) for split, folder in folders.items()}
    _refuse_too_high(config, classes)
    warnings = passed_over(root, [path for path in below if not kind.fits(path)], kind.what)
    warnings += _taken_for_classes(classes.get("", {}))
    names = [folder.name for of_split in classes.values() for folder in of_split]
    splits = {
        split: [(path, class_name(name_text(folder.name))) for folder, paths in of_split.items() for path in paths]
        for split, of_split in classes.items()
    }
    identity = "" if names == [*map(class_name, names)] else "names of classes in NFC"
    return ClassFolders(splits, (*warnings, *_alike(names)), identity)


def in_class_folders(config: DataConfig, kind: Kind) -> bool:
    """Whether the files at `data.path` lie in folders of classes, so that `class_folders` can be asked."""
    try:
        return bool(class_folders(config, kind).splits)
    except UserError:
        return False


def unlabelled_files(config: DataConfig, kind: Kind) -> ClassFolders:
    """What lies at `data.path` or, where there are such, in folders of splits, whatever folders the files lie in; of no class.
    Raises UserError as `class_folders` does, but for what classes lack."""
    root = user_path(path_of(config))
    if not isdir(root):
        raise no_folder(config)
    below = files_below(root)
    files = [path for path in below if kind.fits(path)]
    warnings = passed_over(root, [path for path in below if not kind.fits(path)], kind.what)
    splits = {
        split: [(path, "") for path in files if folder in path.parents]
        for split, folder in _split_folders(config, root, files).items()
    }
    return ClassFolders(splits, warnings, "without classes")


def _inside(folder: Path, files: Sequence[Path]) -> Classes:
    """The files below a folder, by the folder in it that they lie in, or by themselves."""
    depth, groups = len(folder.parts), Classes()
    for path in files:
        if path.parts[:depth] == folder.parts:
            groups.setdefault(folder / path.parts[depth], []).append(path)
    return groups


def _classes(folder: Path, files: Sequence[Path], kind: Kind) -> Classes:
    """The files of each class in a folder."""
    groups, folders = _inside(folder, files), [path for path in listed(folder) if isdir(path)]
    if stray := [path for path in groups if path not in folders]:
        raise UserError(f"{stray[0]}: not inside the folder of a class; move it into one")
    if not folders:
        raise UserError(
            f"{folder}: no folders in it; every class needs one with its {kind.what}{by_contents(listed(folder))}"
        )
    if unnamed := [path for path in folders if not class_name(path.name)]:
        raise UserError(f"{unnamed[0]}: a name of white space alone is no name of a class")
    if empty := [path for path in folders if path not in groups]:
        remedy = by_contents(files_below(empty[0])) or (
            f"; give class `{empty[0].name}` some, or keep the folder somewhere else if it is no class"
        )
        raise UserError(f"{empty[0]}: no {kind.what} in it ({', '.join(kind.read)}){remedy}")
    return groups


# --- folders of splits ------------------------------------------------------------------------------


def _split_folders(config: DataConfig, root: Path, files: Sequence[Path]) -> dict[str, Path]:
    """The folders of splits; where there are none, the folder itself as ""."""
    names, filled = [path.name for path in listed(root) if isdir(path)], _inside(root, files)
    readings = {split_of(name) for name in names}
    if not named_splits(config) and not readings & {"train", "test"} and (None in readings or not names):
        _refuse_unnamed(config, filled)
        return {"": root}  # `dev` or `val` among others is a class
    chosen = choose(config, names, "folders")
    for name in names:
        meant = split_of(name) or resembled(name)
        if name not in chosen.values() and root / name in filled and meant not in named_splits(config):
            remedy = f"move it into one of them or elsewhere, or choose it by {key_for(meant or 'train', name)}"
            raise UserError(f"{root / name}: beside the folders of splits, so that it wouldn't be read; {remedy}")
    return {split: root / name for split, name in chosen.items()}


def _refuse_unnamed(config: DataConfig, classes: Classes) -> None:
    """Raises UserError where all folders look like splits and hold nothing but folders, which are then the classes."""
    meant = {folder.name: resembled(folder.name) for folder in classes}
    if len(classes) < 2 or None in meant.values() or not _all_deep(classes):
        return
    first = {split: name for name, split in reversed(meant.items()) if split is not None}
    keys = " and ".join(key_for(split, name) for split, name in sorted(first.items(), key=lambda item: item[1]))
    raise UserError(
        f"`data.path={config.path}`: there is no folder called train; seen are {few(meant)}: rename them train, validation "
        f"and test, or choose by {keys}"
    )


def _all_deep(classes: Classes) -> bool:
    """Whether all files lie in folders of the classes' folders."""
    return all(path.parent != folder for folder, files in classes.items() for path in files)


# --- what may be meant otherwise --------------------------------------------------------------------


def _refuse_too_high(config: DataConfig, classes: dict[str, Classes]) -> None:
    """Raises UserError where there is one class, and nothing but folders in it, which are likely to be the classes."""
    names = {folder.name for of_split in classes.values() for folder in of_split}
    if len(names) != 1 or not all(map(_all_deep, classes.values())):
        return
    inside = next(iter(classes.values()))
    while len(inside) == 1 and _all_deep(inside):
        (folder, files), *_ = inside.items()
        inside = _inside(folder, files)
    found = f"one class, `{name_text(names.pop())}`, all of whose files lie in folders of it ({few(p.name for p in inside)})"
    remedy = f"where these are the classes, `data.path={folder}`" if "" in classes else "move these up by one"
    raise UserError(f"`data.path={config.path}`: {found}; {remedy}")


def _taken_for_classes(classes: Classes) -> tuple[str, ...]:
    """Warnings of folders that are classes, as there are no folders of splits, though they may be meant otherwise."""
    nested = {folder for folder, files in classes.items() if _all_deep({folder: files})}
    splits = {f.name: split_of(f.name) or (resembled(f.name) if f in nested else None) for f in classes}
    warnings = tuple(
        f"`{name_text(name)}` is a class, as no folder beside it is called train or test; if it holds a split, lay the classes "
        "into such folders"
        for name, split in splits.items()
        if split is not None
    )
    if classes and not warnings and len(nested) == len(classes):
        (folder, files), *_ = classes.items()
        inner = next(iter(_inside(folder, files)))
        example = name_text(f"{folder.name}/{inner.name}")
        return (
            f"the classes are {few(f.name for f in classes)}, and all files lie in folders of these, such as {example}; where "
            "those are the classes, give `data.path=` one of the upper folders",
        )
    return warnings


def _alike(names: Sequence[str]) -> tuple[str, ...]:
    """Warnings of folders that become one class, and of classes that differ in capital letters alone."""
    spellings, folded = dict[str, set[str]](), dict[str, str]()
    for name in map(name_text, names):
        spellings.setdefault(class_name(name), set()).add(name)
    one = tuple(
        f"{len(written)} folders are one class, `{name}`: their names differ in how accents are written (NFC, NFD), or in spaces "
        "at the ends, alone"
        for name, written in spellings.items()
        if len(written) > 1
    )
    pairs = [(folded.setdefault(name.casefold(), name), name) for name in spellings]
    two = tuple(
        f"`{a}` and `{b}` are two classes, which differ in capital letters alone" for a, b in pairs if a != b
    )
    return one + two
