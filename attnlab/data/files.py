"""Which file of a user is which split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from attnlab.errors import UserError

NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test",),
}


def split_files(given: str, fits: Callable[[Path], bool], kinds: str) -> dict[str, Path]:
    """The files of each split: one file, or those in a folder that are named after splits.

    Names are train, validation (or valid, val, dev) and test, or end so after `-ud-`, as treebanks do. A single file
    of another name is for training. fits: whether a file has the right ending, which `kinds` tells.
    """
    path = Path(given).expanduser()
    if path.is_file():
        if not fits(path):
            raise UserError(f"`data.path={given}`: its name must end in {kinds} (or .gz)")
        return {split_of(path) or "train": path}
    if not path.is_dir():
        raise UserError(f"`data.path={given}`: no such file or folder")
    files: dict[str, Path] = {}
    for split in NAMES:
        found = [p for p in sorted(path.iterdir()) if p.is_file() and fits(p) and split_of(p) == split]
        plain = [p for p in found if p.suffix != ".gz"]
        found = plain if len(plain) == 1 else found  # packed and unpacked side by side are the same file
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise UserError(f"`data.path={given}`: several {split} files ({names}); keep one")
        if found:
            files[split] = found[0]
    if "train" not in files and "test" not in files:
        raise UserError(f"`data.path={given}`: no file called train or test there that ends in {kinds} (or .gz)")
    return files


def split_of(path: Path) -> str | None:
    """The split that a file's name speaks of."""
    stem = path.name.split(".")[0].lower().rpartition("-ud-")[2]
    return next((split for split, names in NAMES.items() if stem in names), None)


def plain_suffix(path: Path) -> str:
    """The ending of a file's name, whether packed or not."""
    return (Path(path.stem) if path.suffix == ".gz" else path).suffix


NEEDS = {
    "conllu": "a .conllu file, or the folder of a treebank's",
    "tagged": "a file of words and tags, or a folder with train, validation and test files",
    "table": "a .csv, .tsv or .jsonl file, or a folder with train, validation and test files",
    "lines": "the folder that holds train.{source_language} and train.{target_language}",
    "folder": "a folder that holds a folder for each class",
    "idx": "the folder that holds its files",
    "cifar10": "the folder that holds its files",
    "fsdd": "the folder that holds its recordings",
    "speech_commands": "the folder that holds its recordings",
    "manifest": "a .csv, .tsv or .jsonl file with the path of each recording",
}
"""What `data.path` has to name, by `data.source`."""


def no_path(config: Any, reason: str = "") -> UserError:
    """What to say where neither `data.path` nor the hub gives anything; reason: why the hub doesn't."""
    needs = NEEDS[config.source].format(**vars(config))
    where = f"; the data are to be had from {config.origin}" if config.origin else ""
    return UserError(f"`data.path` is missing: data={config.name} needs {needs}{where}{reason}")
