"""Where examples come from: each source yields plain rows for each split, and names the files it reads."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from attnlab.config import TextData
from attnlab.data.synthetic import grammar, lexicon
from attnlab.errors import UserError

NOT_SCORED = ""
"""The label of a vector that no score looks at."""


@dataclass(frozen=True)
class TextRow:
    """A sentence: its words, a label for each, marks for separate scores, and where it stands."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    key: str
    ceiling: tuple[float, ...] = ()
    slices: dict[str, tuple[bool, ...]] = field(default_factory=dict)


class TextSource(Protocol):
    """Rows of text. Built from the data's configuration; refuses a missing folder or file."""

    notice: str
    slices: tuple[str, ...]
    """Names of the marks that rows carry."""
    splits: tuple[str, ...]
    files: dict[str, Path]
    """What the rows are read from: their contents are the data's fingerprint."""

    def rows(self, split: str) -> Iterator[TextRow]: ...


class Grammar:
    """`data=grammar`: generated sentences; the data are as fixed as those of a file."""

    notice = (
        "These sentences are generated (data=grammar). For real ones: "
        "attnlab train task=pos data=ud_ewt data.path=FOLDER, with the .conllu files of a Universal "
        "Dependencies treebank in FOLDER."
    )
    slices: tuple[str, ...] = ("distant",)
    seeds: ClassVar = {"train": 1, "validation": 2, "test": 3}

    def __init__(self, config: TextData) -> None:
        # The generator is the source: another version of it makes other data.
        self.files = {"grammar": Path(grammar.__file__), "lexicon": Path(lexicon.__file__)}
        self.splits = tuple(grammar.SIZES)

    def rows(self, split: str) -> Iterator[TextRow]:
        for i, s in enumerate(grammar.sentences(grammar.SIZES[split], self.seeds[split])):
            slices = {"distant": s.distant}
            yield TextRow(s.words, s.tags, f"grammar-{split}-{i}", s.ceiling, slices)


class Conllu:
    """CoNLL-U files of one folder, named as Universal Dependencies names them: *-ud-train.conllu, …"""

    notice = ""
    slices: tuple[str, ...] = ()
    endings: ClassVar = {"train": "train", "validation": "dev", "test": "test"}

    def __init__(self, config: TextData) -> None:
        if config.path is None:
            raise UserError(
                f"`data.path` is missing: data={config.name} needs the folder that holds the .conllu files"
            )
        folder = Path(config.path).expanduser()
        if not folder.is_dir():
            raise UserError(f"`data.path={config.path}`: no such folder")
        self.files = {}
        for split, ending in self.endings.items():
            found = sorted(folder.glob(f"*-ud-{ending}.conllu")) or sorted(folder.glob(f"*-ud-{ending}.conllu.gz"))
            if len(found) > 1:
                names = ", ".join(path.name for path in found)
                raise UserError(f"`data.path={config.path}`: several {split} files ({names}); keep one treebank")
            if found:
                self.files[split] = found[0]
        if "train" not in self.files and "test" not in self.files:
            raise UserError(f"`data.path={config.path}`: no file ending in -ud-train.conllu there")
        self.splits = tuple(self.files)

    def rows(self, split: str) -> Iterator[TextRow]:
        return read_conllu(self.files[split])


TEXT_SOURCES: dict[str, Callable[[TextData], TextSource]] = {"grammar": Grammar, "conllu": Conllu}


def read_conllu(path: Path) -> Iterator[TextRow]:
    """Sentences of a CoNLL-U file: form and universal tag of each syntactic word.

    Multi-word ranges (`1-2`) and empty nodes (`8.1`) are no syntactic words; a tag `_` is not scored.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    words: list[str] = []
    tags: list[str] = []
    start = 1
    with opener(path, "rt", encoding="utf-8") as lines:
        try:
            for number, line in enumerate(lines, 1):
                line = line.rstrip("\r\n")
                if not line:
                    if words:
                        yield TextRow(tuple(words), tuple(tags), f"{path.name}:{start}")
                    words, tags = [], []
                    continue
                if line.startswith("#"):
                    continue
                columns = line.split("\t")
                if len(columns) != 10:
                    raise UserError(f"{path}:{number}: {len(columns)} columns; CoNLL-U has 10, separated by tabs")
                if "-" in columns[0] or "." in columns[0]:
                    continue
                if not columns[0].isdecimal():
                    raise UserError(f"{path}:{number}: word id `{columns[0]}` is no number")
                if not columns[1] or not columns[3]:
                    raise UserError(f"{path}:{number}: a word without form or universal tag")
                if not words:
                    start = number
                words.append(columns[1])
                tags.append(NOT_SCORED if columns[3] == "_" else columns[3])
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from error
    if words:
        yield TextRow(tuple(words), tuple(tags), f"{path.name}:{start}")
