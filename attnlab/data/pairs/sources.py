"""Where sentence pairs come from: each source yields texts with their translations, and names the files it reads."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, zip_longest
from os.path import isdir
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ParallelData
from attnlab.config.data.base import listed as columns_of
from attnlab.data.files.bad_rows import BadRows, without_mark
from attnlab.data.files.hub import HubSource
from attnlab.data.files.layout import choose, key_for, left_out, no_folder, split_of, without_packed_copies
from attnlab.data.files.tables import nested, plain, read_table, table_files
from attnlab.data.files.walk import few, listed
from attnlab.data.prep.source import Source, path_of
from attnlab.data.synthetic import bilingual, evidence, lexicon
from attnlab.data.synthetic.bilingual import sentences
from attnlab.errors import UserError
from attnlab.local_files import is_regular, user_path
from attnlab.text_files import text_lines, unreadable

TOGETHER = "translation"
"""The object in a row of .jsonl, or the column on the hub, that may hold both languages."""
LANGUAGE_KEYS = "`data.source_language=` and `data.target_language=`"


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

    def links(self, source: Sequence[str], target: Sequence[str]) -> NDArray[np.bool_] | None:
        """(words of the translation, words of the source): which translates which; None where the source of the pairs doesn't
        know it."""
        return None


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

    def links(self, source: Sequence[str], target: Sequence[str]) -> NDArray[np.bool_]:
        return evidence.links(source, target)

    @cached_property
    def _pairs(self) -> list[tuple[str, str]]:
        """Of all splits, one after the other: none occurs twice."""
        return list(islice(sentences.pairs(), sum(sentences.SIZES.values())))


class HubPairs(HubSource, PairSource):
    """A column for each language on the hub, or one called `translation` that holds both."""

    def __init__(self, config: ParallelData) -> None:
        languages = [config.source_language, config.target_language]
        beside = [str(column) for column in (*columns_of(config.id), *columns_of(config.keep))]
        super().__init__(config, languages, languages[0], TOGETHER, beside)

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
    has_names = True
    hub = HubPairs

    def __init__(self, config: ParallelData) -> None:
        self.config = config
        folder = user_path(path_of(config))
        if not isdir(folder):
            raise no_folder(config)
        self.languages = (config.source_language, config.target_language)
        there = [path for path in listed(folder) if is_regular(path)]
        self.pairs = self._pairs(
            folder, without_packed_copies([path for path in there if self._stem(path)]), there
        )
        self.splits = tuple(self.pairs)
        self.files = {f"{split} {side.name}": side for split, sides in self.pairs.items() for side in sides}

    def _stem(self, path: Path) -> tuple[str, str] | None:
        """(name of the set, language) of a file; None where its ending is none of both languages."""
        match = re.fullmatch(rf"(.+)\.({'|'.join(map(re.escape, self.languages))})(\.gz)?", path.name, re.DOTALL)
        return None if match is None else (match[1], match[2])

    def _pairs(self, folder: Path, files: Sequence[Path], there: Sequence[Path]) -> dict[str, tuple[Path, Path]]:
        """Both files of each split. files: in these languages, of all that are there."""
        sets = dict[str, dict[str, Path]]()
        for path in files:
            stem, language = self._stem(path) or ("", "")
            other = sets.setdefault(stem, {}).setdefault(language, path)
            if other != path:
                raise UserError(f"{folder}: {other.name} and {path.name} differ; keep one")
        chosen = choose(self.config, list(sets), "sets", _split_of)
        for stem in chosen.values():
            if missing := [language for language in self.languages if language not in sets[stem]]:
                raise UserError(
                    f"{folder}: no {stem}.{missing[0]} (or .gz); each split has a file for each language"
                )
        self.warnings = (
            *left_out(self.config, list(sets), chosen, _split_of),
            *self._other_languages(chosen, there),
        )
        if "train" not in chosen and "test" not in chosen:
            wanted = " and ".join(f"train.{language}" for language in self.languages)
            seen = f"; seen are {few(path.name for path in files or there)}: name two {wanted}" if there else ""
            key = (
                f", or choose them by {key_for('train', next(iter(sets))) if files else LANGUAGE_KEYS}"
                if there
                else ""
            )
            raise UserError(f"`data.path={self.config.path}`: no {wanted} (or .gz) there{seen}{key}")
        source, target = self.languages
        return {split: (sets[stem][source], sets[stem][target]) for split, stem in chosen.items()}

    def _other_languages(self, chosen: dict[str, str], there: Sequence[Path]) -> Iterator[str]:
        """A warning of the files that have a split's name and the ending of another language."""
        stems = tuple(f"{stem}." for stem in chosen.values())
        others = [path.name for path in there if path.name.startswith(stems) and not self._stem(path)]
        if others:
            languages = " and ".join(self.languages)
            yield f"left out: {few(others)}, which are not in {languages}; {LANGUAGE_KEYS} choose the languages"

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        """The pairs of a split. Raises UserError where its two files have different numbers of lines."""
        source, target = self.pairs[split]
        encoding, counts = self.config.encoding, [0, 0]
        lines = zip_longest(text_lines(source, encoding), text_lines(target, encoding))
        for number, sides in enumerate(lines, 1):
            for i, side in enumerate(sides):
                counts[i] += side is not None
            if None in sides:
                continue
            places = [f"{path}:{number}" for path in (source, target)]
            text, translation = (
                without_mark(side, bad, place).strip() for side, place in zip(sides, places, strict=True)
            )
            if problem := unreadable(text, encoding):
                bad.found(f"{places[0]}: {problem}")
            elif problem := unreadable(translation, encoding):
                bad.found(f"{places[1]}: {problem}")
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
    has_names = True
    hub = HubPairs

    def __init__(self, config: ParallelData) -> None:
        self.languages = [config.source_language, config.target_language]
        self.encoding, self.separator = config.encoding, config.separator
        self.files, self.warnings = table_files(config)
        self.splits = tuple(self.files)

    def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        path = self.files[split]
        for line, (source, target) in read_table(
            path, self.languages, bad, TOGETHER, self.encoding, self.separator
        ):
            yield TextPair(source.strip(), target.strip(), f"{path.name}:{line}")

    def cells(self, split: str, columns: Sequence[str | int], bad: BadRows) -> Iterator[tuple[int, list[str]]]:
        """(line, cells of these columns) of each row of a split, for what stands beside predictions."""
        return read_table(self.files[split], columns, bad, None, self.encoding, self.separator)


def _split_of(stem: str) -> str | None:
    """The split that a file's name stands for; any name that begins with `test` is a test set."""
    return "test" if stem.lower().startswith("test") else split_of(stem)
