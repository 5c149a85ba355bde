"""Which file of a user is which split."""

from collections.abc import Callable
from os.path import isdir, isfile  # False, where Path's raise OSError, of names longer than may be
from pathlib import Path

from attnlab.disk import user_path
from attnlab.errors import UserError

NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}


def split_files(given: str, fits: Callable[[Path], bool], kinds: str) -> dict[str, Path]:
    """The files of each split: one file, or those in a folder that are named after splits.

    Names are those of NAMES, or end so after `-ud-`, as treebanks do. A single file of another name is for
    training. fits: whether a file has the right ending, which `kinds` names. Raises UserError where there is no such
    file, or where it isn't clear which of several.
    """
    path = user_path(given)
    if isfile(path):
        if not fits(path):
            raise UserError(f"`data.path={given}`: its name must end in {kinds} (or .gz)")
        return {split_of(path) or "train": path}
    if not isdir(path):
        raise UserError(f"`data.path={given}`: no such file or folder")
    files: dict[str, Path] = {}
    for split in NAMES:
        matches = [p for p in sorted(path.iterdir()) if p.is_file() and fits(p) and split_of(p) == split]
        plain = [p for p in matches if p.suffix != ".gz"]
        matches = plain if len(plain) == 1 else matches  # packed and unpacked side by side are the same file
        if len(matches) > 1:
            names = ", ".join(p.name for p in matches)
            raise UserError(f"`data.path={given}`: several {split} files ({names}); keep one")
        if matches:
            files[split] = matches[0]
    if "train" not in files and "test" not in files:
        raise UserError(f"`data.path={given}`: no file called train or test there that ends in {kinds} (or .gz)")
    return files


HIDDEN = (".", "__MACOSX")
"""How names begin that belong to a file system's or a program's housekeeping."""


def class_files(given: str, endings: tuple[str, ...], what: str) -> dict[str, list[tuple[Path, str]]]:
    """By split, the files in a folder for each class, with their class; the only split is "" where folders of splits
    are missing. Hidden files and folders are passed over.

    endings: of the files' names; others in a class's folder are refused when they are read. what: the files are, in the
    plural. Raises UserError where a class has no files, or a file no class.
    """
    root = user_path(given)
    if not isdir(root):
        raise UserError(f"`data.path={given}`: no such folder")
    by_split: dict[str, list[tuple[Path, str]]] = {}
    for split, folder in _split_folders(root, endings).items():
        entries = [path for path in sorted(folder.iterdir()) if not path.name.startswith(HIDDEN)]
        classes = [path for path in entries if path.is_dir()]
        stray = [path for path in entries if path.suffix.lower() in endings and path not in classes]
        if stray:
            raise UserError(f"{stray[0]}: not inside the folder of a class; move it into one")
        if not classes:
            raise UserError(f"{folder}: no folders in it; every class needs one with its {what}")
        by_split[split] = []
        for class_folder in classes:
            files = visible_files(class_folder)
            if not files:
                raise UserError(
                    f"{class_folder}: no {what} in it; give class `{class_folder.name}` some or remove the folder"
                )
            by_split[split] += [(path, class_folder.name) for path in files]
    return by_split


def visible_files(folder: Path) -> list[Path]:
    """All files below a folder, in order, but for hidden ones. Raises UserError for a link to nothing."""
    files = [path for path in sorted(folder.rglob("*")) if not path.is_dir()]
    files = [path for path in files if not any(part.startswith(HIDDEN) for part in path.relative_to(folder).parts)]
    if broken := [path for path in files if not path.exists()]:
        raise UserError(f"{broken[0]}: a link to a file that is missing; remove it")
    return files


def _split_folders(root: Path, endings: tuple[str, ...]) -> dict[str, Path]:
    """The folders of splits, by NAMES in small or capital letters; where there are none, the folder itself as ""."""
    folders = [path for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(HIDDEN)]
    named = {path: split_of(path) for path in folders}
    if "train" not in named.values() and "test" not in named.values() and None in named.values():
        return {"": root}  # `dev` or `val` among others is a class
    by_split: dict[str, Path] = {}
    for path, split in named.items():
        if split is None:
            if not any(file.suffix.lower() in endings for file in visible_files(path)):
                continue  # notes and the like
            raise UserError(
                f"{path}: beside the folders of splits, so that it wouldn't be read; move it into one of them or elsewhere"
            )
        if split in by_split:
            raise UserError(f"{path}: a second folder of {split} examples beside {by_split[split].name}; keep one")
        by_split[split] = path
    return by_split or {"": root}


def split_of(path: Path) -> str | None:
    """The split that a file's name stands for."""
    stem = path.name.split(".")[0].lower().rpartition("-ud-")[2]
    return next((split for split, names in NAMES.items() if stem in names), None)


def plain_suffix(path: Path) -> str:
    """The ending of a file's name, whether packed or not."""
    return (Path(path.stem) if path.suffix == ".gz" else path).suffix
