"""Where sentence pairs come from: each source yields texts with their translations, and names the files it reads."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path

from attnlab.config import ParallelData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.hub import HubSource
from attnlab.data.files.layout import NAMES
from attnlab.data.files.tables import nested, plain, read_table, table_files
from attnlab.data.prep.source import Source, path_of
from attnlab.data.synthetic import bilingual, lexicon
from attnlab.data.synthetic.bilingual import sentences
from attnlab.disk import user_path
from attnlab.errors import UserError
from attnlab.text_files import text_lines, unreadable

TOGETHER = "translation"
"""The object in a row of .jsonl, or the column on the hub, that may hold both languages."""


@dataclass(frozen=True)
class TextPair:
    """A text, its translation, and where they stand. Either may be empty."""

    source: str
    target: str
    key: str


class PairSource(Source):
    """Texts with their translations. ceiling: how often a perfect translator gives exactly the right answer."""

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        """The pairs of a split; what is wrong with others goes to `bad`, which may raise UserError."""
        raise NotImplementedError


class Bilingual(PairSource):
    """`data=bilingual`: generated sentences, as fixed as those of a file. Raises UserError for other languages."""

    notice = (
        "These sentences are generated (data=bilingual). For real ones: attnlab train task=translation data=parallel "
        "data.path=FOLDER, with the files train.en and train.de in FOLDER, line by line translations of each other, "
        "and such files called validation and test."
    )
    splits = tuple(sentences.SIZES)
    ceiling = 1.0  # no sentence has two translations

    def __init__(self, config: ParallelData) -> None:
        if (config.source_language, config.target_language) != ("en", "de"):
            raise UserError(
                "data=bilingual is English to German: `data.source_language=en data.target_language=de`"
            )
        # The generator is the source: another version of it makes other data.
        modules = [*sorted(Path(bilingual.__path__[0]).glob("*.py")), Path(lexicon.__file__)]
        self.files = {path.stem: path for path in modules}

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        first = sum(list(sentences.SIZES.values())[: self.splits.index(split)])
        for i, (source, target) in enumerate(self._pairs[first : first + sentences.SIZES[split]]):
            yield TextPair(source, target, f"bilingual-{split}-{i}")

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        """Of all splits, one after the other: none occurs twice."""
        return list(islice(sentences.pairs(), sum(sentences.SIZES.values())))


class HubPairs(HubSource, PairSource):
    """A column for each language on the hub, or one called `translation` that holds both."""

    def __init__(self, config: ParallelData) -> None:
        languages = [config.source_language, config.target_language]
        super().__init__(config, languages, languages[0], TOGETHER)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        for piece in self.set.pieces(split):
            for key, sides in self.set.rows(split, piece):
                if problem := nested(self.set.columns, sides):
                    bad.found(f"{key}: {problem}")
                    continue
                source, target = (plain(side).strip() for side in sides)
                yield TextPair(source, target, key)


class Lines(PairSource):
    """Two files for each split, train.en and train.de, plain or .gz: line i of one translates line i of the other.

    Raises UserError where one of them is missing, where there are several, or where one has more lines.
    """

    needs = "the folder that holds train.{source_language} and train.{target_language}"
    hub = HubPairs

    def __init__(self, config: ParallelData) -> None:
        self.config = config
        folder = user_path(path_of(config))
        if not folder.is_dir():
            raise UserError(f"`data.path={config.path}`: no such folder")
        self.pairs = self._files_of(folder)
        self.splits = tuple(self.pairs)
        self.files = {f"{split} {side.name}": side for split, sides in self.pairs.items() for side in sides}

    def _files_of(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Both files of each split."""
        config, sides = self.config, []
        for language in (config.source_language, config.target_language):
            named: dict[str, Path] = {}
            for path in sorted(folder.iterdir()):
                match = re.fullmatch(rf"(.+)\.{re.escape(language)}(\.gz)?", path.name)
                if match and match[1] in named:
                    raise UserError(f"{folder}: both {named[match[1]].name} and {path.name}; keep one")
                if match:
                    named[match[1]] = path
            sides.append(named)
        stems = {stem: _split_of(stem) for stem in sorted({*sides[0], *sides[1]})}
        files: dict[str, tuple[Path, Path]] = {}
        for split in NAMES:
            stem = self._chosen(split, [stem for stem, stem_split in stems.items() if stem_split == split])
            if stem is None:
                continue
            for language, named in zip((config.source_language, config.target_language), sides, strict=True):
                if stem not in named:
                    raise UserError(
                        f"{folder}: no {stem}.{language} (or .gz); each split has a file for each language"
                    )
            files[split] = (sides[0][stem], sides[1][stem])
        if "train" not in files and "test" not in files:
            languages = f"train.{config.source_language} and train.{config.target_language}"
            raise UserError(f"`data.path={config.path}`: no {languages} (or .gz) there")
        return files

    def _chosen(self, split: str, stems: list[str]) -> str | None:
        """The name of the split's files among these. Raises UserError where it cannot be told."""
        wanted = self.config.test_name if split == "test" else None
        if wanted is not None:
            if wanted not in stems:
                raise UserError(f"`data.test_name={wanted}`: the test sets there are {', '.join(stems) or 'none'}")
            return wanted
        if len(stems) > 1:
            choice = "choose one by `data.test_name=`" if split == "test" else "keep one"
            raise UserError(f"`data.path={self.config.path}`: several {split} sets ({', '.join(stems)}); {choice}")
        return stems[0] if stems else None

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        source, target = self.pairs[split]
        encoding, counts = self.config.encoding, [0, 0]
        lines = zip_longest(text_lines(source, encoding), text_lines(target, encoding))
        for number, sides in enumerate(lines, 1):
            for i, side in enumerate(sides):
                counts[i] += side is not None
            if None in sides:
                continue
            text, translation = (side.strip() for side in sides)
            if problem := unreadable(text, encoding):
                bad.found(f"{source}:{number}: {problem}")
            elif problem := unreadable(translation, encoding):
                bad.found(f"{target}:{number}: {problem}")
            else:
                yield TextPair(text, translation, f"{source.name}:{number}")
        if counts[0] != counts[1]:
            raise UserError(
                f"{source} has {counts[0]:,} lines, but {target} has {counts[1]:,}; line i of one must be the translation "
                "of line i of the other"
            )


class PairTable(PairSource):
    """A .csv, .tsv or .jsonl file, or those of a folder, with a column for each language.

    A row of .jsonl may hold both in an object called `translation`.
    """

    needs = "a .csv, .tsv or .jsonl file, or a folder with train, validation and test files"
    hub = HubPairs

    def __init__(self, config: ParallelData) -> None:
        self.languages, self.encoding = [config.source_language, config.target_language], config.encoding
        self.files = table_files(config)
        self.splits = tuple(self.files)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        path = self.files[split]
        for line, (source, target) in read_table(path, self.languages, bad, TOGETHER, self.encoding):
            yield TextPair(source.strip(), target.strip(), f"{path.name}:{line}")


def _split_of(stem: str) -> str | None:
    """The split that a file's name stands for; any name that begins with `test` is a test set."""
    if stem.lower().startswith("test"):
        return "test"
    return next((split for split, names in NAMES.items() if stem.lower() in names), None)
