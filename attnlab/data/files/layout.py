"""Which of several files, folders or names is which split, and what is told of those that are none."""

import gzip
import os
import re
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from attnlab.config import DataConfig, HubDataConfig, ParallelData, TaggedData, TextData
from attnlab.config.data.base import by_ending
from attnlab.data.files.walk import few, is_note, listed
from attnlab.errors import UserError, near_name
from attnlab.local_files import is_regular, open_regular, user_path
from attnlab.plural import plural

NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
SHOWN = 8
"""Names that a refusal lists."""
PIECE = 1 << 20
"""Bytes of two files that are compared at a time."""
MEDIA = {
    "speech_folder": ("recording", (".wav", ".flac", ".ogg")),
    "image_folder": ("picture", (".png", ".jpg", ".jpeg")),
}
"""What folders of classes hold, by the choice of `data=` that reads it: in the singular, and how such files end."""
Reading = Callable[[str], str | None]
"""The split that a name stands for, or None."""


def split_of(name: str) -> str | None:
    """The split that the name of a file or folder stands for: one of NAMES, or one that ends so after `-ud-`, as those of
    treebanks do, in small or capital letters, whatever follows a dot."""
    stem = name.split(".")[0].lower().rpartition("-ud-")[2]
    return next((split for split, names in NAMES.items() if stem in names), None)


def resembled(name: str) -> str | None:
    """The split that a name was meant for, as far as a part of it tells: validation_matched, my-train, testset, val2017."""
    words = re.findall("[a-z]+", name.split(".")[0].lower())
    stems = {word.removesuffix("set").removesuffix("data").removesuffix("s") for word in words}
    return next((split for split, names in NAMES.items() if stems & set(names)), None)


# --- choosing ---------------------------------------------------------------------------------------


def choose(config: DataConfig, names: Sequence[str], what: str, reading: Reading = split_of) -> dict[str, str]:
    """By split, the one of these names that `data.train_name`, `data.validation_name` or `data.test_name` says, else the one
    that is called after the split.

    what: the names are of, in the plural. Raises UserError where a key names none of them, or where it isn't clear which of
    several is meant.
    """
    chosen = {split: _named(config, split, names, what) for split in named_splits(config)}
    if len(set(chosen.values())) < len(chosen):
        raise UserError(f"{_place(config)}: `{chosen.popitem()[1]}` is named for two splits; name one for each")
    for split in (split for split in NAMES if split not in chosen):
        matches = [name for name in names if reading(name) == split and name not in chosen.values()]
        if len(matches) > 1:
            choice = f"choose one by `data.{split}_name=`"
            raise UserError(f"{_place(config)}: several {split} {what} ({few(matches, SHOWN)}); {choice}")
        if matches:
            chosen[split] = matches[0]
    return {split: chosen[split] for split in NAMES if split in chosen}


def named_splits(config: DataConfig) -> list[str]:
    """The splits that a key names."""
    return [split for split in NAMES if getattr(config, f"{split}_name") is not None]


def _named(config: DataConfig, split: str, names: Sequence[str], what: str) -> str:
    """The name that a key means: as a whole, or without its ending."""
    wanted = getattr(config, f"{split}_name")
    matches = [name for name in names if name == wanted] or [name for name in names if wanted in _stems(name)]
    if len(matches) == 1:
        return matches[0]
    problem = f"there are {few(names, SHOWN) or f'no {what}'}"
    if matches:
        problem = f"it may be {few(matches, SHOWN)}; write the whole name"
    raise UserError(f"`data.{split}_name={wanted}`: {problem}")


def _stems(name: str) -> tuple[str, str]:
    """A file's name as it is unpacked, and that without its ending."""
    unpacked = name[:-3] if name.lower().endswith(".gz") else name
    return unpacked, os.path.splitext(unpacked)[0]


def key_for(split: str, name: str) -> str:
    """The word of a command line that makes a name a split's."""
    stem = _stems(name)[1] or name
    plain = re.fullmatch(r"[\w.+-]+", stem)
    return f"`data.{split}_name={stem}`" if plain else f"""`'data.{split}_name="{stem}"'`"""


def left_out(
    config: DataConfig, names: Sequence[str], chosen: dict[str, str], reading: Reading = split_of
) -> tuple[str, ...]:
    """A warning of names that are taken for no split, with the keys that would use them; none of those whose split the
    user named. chosen: what `choose` gave."""
    decided, unused = named_splits(config), dict[str, str | None]()
    for name in names:
        split = reading(name) or resembled(name)
        if name not in chosen.values() and split not in decided:
            unused[name] = split
    if not unused or len(decided) == len(NAMES):
        return ()
    fitting = {split: name for name, split in reversed(unused.items()) if split is not None}
    keys = [key_for(split, fitting[split]) for split in NAMES if split in fitting]
    others = [f"`data.{split}_name=`" for split in NAMES if split not in decided]
    use = " and ".join(keys) if keys else " or ".join(others)
    use += " would use " + ("it" if len(unused) == 1 else "them" if len(keys) == len(unused) else "some of them")
    shares = {"validation": config.validation, "test": config.test}
    lacking = [split for split, share in shares.items() if share and split in fitting and split not in chosen]
    instead = (
        f"; until then a share of the training examples is held out for {' and '.join(lacking)}" if lacking else ""
    )
    return (f"{_place(config)}: left out: {few(unused, SHOWN)}; {use}{instead if 'train' in chosen else ''}",)


def _place(config: DataConfig) -> str:
    if config.path is None and isinstance(config, HubDataConfig):
        return f"`data.hub={config.hub}`"
    return f"`data.path={config.path}`"


# --- files of splits --------------------------------------------------------------------------------


def split_files(
    config: DataConfig, given: str, fits: Callable[[Path], bool], kinds: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """(the file of each split, warnings): one file, or those of a folder that `choose` finds.

    given: `data.path`. A single file of another name is for training. fits: whether a file has the right ending, which `kinds` names. Raises
    UserError where there is no such file, or where it isn't clear which of several.
    """
    path = user_path(given)
    if is_regular(path):
        if not fits(path):
            raise UserError(
                f"`data.path={given}`: its name must end in {kinds} (or .gz){_other_data(config, path)}"
            )
        named = next(
            (s for s in named_splits(config) if getattr(config, f"{s}_name") in (path.name, *_stems(path.name))),
            None,
        )
        return {named or split_of(path.name) or "train": path}, ()
    if not os.path.isdir(path):
        raise UserError(f"`data.path={given}`: no such file or folder{near_file(path)}")
    entries = listed(path)
    files = without_packed_copies([entry for entry in entries if fits(entry) and is_regular(entry)])
    by_name = {file.name: file for file in files}
    chosen = choose(config, list(by_name), "files")
    if "train" not in chosen and "test" not in chosen:
        raise _no_split(config, path, files, fits, kinds)
    warnings = left_out(config, [name for name in by_name if not is_note(name)], chosen)
    unread = [e.name for e in entries if not fits(e) and split_of(e.name) in NAMES.keys() - chosen.keys()]
    if unread:
        warnings += (f"{_place(config)}: left out: {few(unread)}; files of splits end in {kinds} (or .gz)",)
    return {split: by_name[name] for split, name in chosen.items()}, warnings


def no_folder(config: DataConfig) -> UserError:
    """What to say where `data.path` should be a folder and isn't one."""
    given = f"`data.path={config.path}`"
    path = user_path(str(config.path))
    if not is_regular(path):
        return UserError(f"{given}: no such folder{near_file(path)}")
    right = (
        _table_of_pairs(config, path)
        or by_ending(path.name)
        or f"write the folder that it lies in, data.path={path.parent}"
    )
    for name, (what, endings) in MEDIA.items():
        if path.suffix.lower() in endings:
            right = f"data={name} reads {what}s from the folder that holds their classes, such as data.path={path.parent.parent}"
    return UserError(f"{given}: a file, where a folder is needed; {right}")


def _table_of_pairs(config: DataConfig, path: Path) -> str:
    """What to write for translations that stand in the columns of one file; "" for other data, and for other files."""
    is_table = isinstance(config, ParallelData) and plain_suffix(path) in (".csv", ".tsv", ".jsonl")
    return "for a table with a column for each language add data.source=table" if is_table else ""


def by_contents(files: Sequence[Path]) -> str:
    """What to choose for a folder that holds recordings or pictures, as in "; it holds 20 recordings, which data=speech_folder
    reads"; "" for one that holds neither."""
    for name, (what, endings) in MEDIA.items():
        if count := sum(file.suffix.lower() in endings for file in files):
            return f"; it holds {plural(count, what)}, which data={name} reads"
    return ""


def near_file(path: Path) -> str:
    """The file beside a path that isn't there, of which its name is a typing mistake; "" where there is none."""
    try:
        near = near_name(path.name, os.listdir(path.parent))
    except OSError:
        return ""
    return f"; did you mean `{path.parent / near}`?" if near else ""


def _other_data(config: DataConfig, path: Path) -> str:
    """Which data set reads texts in a file with this ending, if one does."""
    right = by_ending(path.name)
    for name, (what, endings) in MEDIA.items():
        if path.suffix.lower() in endings:
            right = f"for {what}s choose data={name}, and give the folder of their classes"
    if isinstance(config, TaggedData) and plain_suffix(path) == ".conllu":
        right += " (its tags are those of column 4), or name the columns of words and tags, as in data.words=2 data.tags=10"
    return f"; {right}" if isinstance(config, TextData) and right else ""


def _no_split(
    config: DataConfig, folder: Path, files: list[Path], fits: Callable[[Path], bool], kinds: str
) -> UserError:
    """What to say of a folder in which no file is for training or testing."""
    seen = [file for file in files if not is_note(file.name)]
    if seen:
        likely = next((file for file in seen if resembled(file.name) == "train"), seen[0])
        name = f"train{plain_suffix(likely)}"
        return UserError(
            f"{_place(config)}: there is no training file; seen are {few((f.name for f in seen), SHOWN)}: name one {name}, "
            f"choose it by {key_for('train', likely.name)}, or give it alone as `data.path={likely}`"
        )
    inside = [entry for entry in listed(folder) if os.path.isdir(entry)]
    deeper = next((f for f in inside if any(fits(file) and split_of(file.name) for file in listed(f))), None)
    hint = "" if deeper is None else f"; `data.path={deeper}`?"
    hint = hint or by_contents([*listed(folder), *(file for entry in inside for file in listed(entry))])
    return UserError(f"{_place(config)}: no file called train or test there that ends in {kinds} (or .gz){hint}")


def without_packed_copies(files: Sequence[Path]) -> list[Path]:
    """These files but for each .gz that holds the same as an unpacked one beside it."""
    names = {file.name for file in files}
    return [
        file
        for file in files
        if not (
            is_packed(file) and file.name[:-3] in names and same_contents(file.with_name(file.name[:-3]), file)
        )
    ]


def same_contents(plain: Path, packed: Path) -> bool:
    """Whether a .gz holds what another file is."""
    with open_regular(plain) as one, open_regular(packed) as stream, gzip.GzipFile(fileobj=stream) as other:
        try:
            while (piece := one.read(PIECE)) == other.read(PIECE):
                if not piece:
                    return True
        except (OSError, EOFError, zlib.error):
            pass
    return False


def is_packed(path: Path) -> bool:
    """Whether a file is a .gz by its name."""
    return path.suffix.lower() == ".gz"


def plain_suffix(path: Path) -> str:
    """The ending of a file's name in small letters, whether packed or not."""
    return (Path(path.stem) if is_packed(path) else path).suffix.lower()
