"""Sentences as sets of word ids with the word's number as coordinate, and the right answers about them.

Prepared once: the rows of each split that the source has, in arrays on disk. Which of them are for training, validation
and test is decided when the data are opened, from arrays alone, so that a set larger than memory can be opened too.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import DataConfig, TableData, TextData, former_names
from attnlab.data.contract import Data, Gold, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length
from attnlab.data.files.file_names import FileNames
from attnlab.data.files.kept import Kept, Rows
from attnlab.data.files.layout import plain_suffix
from attnlab.data.files.tables import columns_of_labels, has_columns, number_in, table_files, usable
from attnlab.data.files.times import moment
from attnlab.data.prep.arrow import Columns, write_batches
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.prep.cache import ELSEWHERE, cache_folder, fingerprint, prepared, settings_of
from attnlab.data.prep.coverage import missing_classes
from attnlab.data.prep.crossval import Folds
from attnlab.data.prep.pool import mapped, processes_for
from attnlab.data.prep.progress import counted
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES, TRAIN, Named, position
from attnlab.data.text.given import SentenceReader
from attnlab.data.text.numbering import Numbers, PieceNumbering
from attnlab.data.text.pack import WordSets
from attnlab.data.text.source import TextSource
from attnlab.disk import make_folder, read_json
from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED
from attnlab.sets import Batch, Layout
from attnlab.spec import DataSpec, Target, Vocabulary
from attnlab.targets import StoredAnswers, stored_answers, unseen_labels

LATER = {*ELSEWHERE, "limit", "validation", "test", "min_count", "unknown", "folds", "fold"}
"""Keys that don't change what is prepared: they are applied when the data are opened."""

FEW_NUMBERS = 20
"""Labels that are numbers, up to which they are taken for classes, such as stars and grades, without a word."""
FEW_ROWS = 50
"""Rows up to which labels that all differ may be an excerpt, and are not taken for ids."""


class Meta(TypedDict):
    """meta.json of prepared rows. targets: of each, the `labels` that its numbers stand for. changes: rules by which rows are
    others than an earlier version read."""

    targets: dict[str, dict[str, list[str]]]
    warnings: list[str]
    changes: list[str]


class Text(Data):
    """A prepared set of sentences with the targets that its source gives."""

    splits: dict[str, "TextSplit"]

    def __init__(self, config: TextData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed, self.parts = config, seed, parts
        self.source = open_source(config, TextSource)
        if spec is not None:
            self.source.answer_for(spec)
        self.notice, self.commit, self.unnamed = self.source.notice, self.source.commit, self.source.unnamed
        self.names = FileNames(self.source.files)
        name = self._rows_name()
        self.folder_of_rows = prepared(cache_folder(config.cache), name, self._write)
        self.meta = read_json(self.folder_of_rows / "meta.json", Meta)
        # Words may hold any character but a line feed, so no reader may take another for a line's end.
        self.forms = (self.folder_of_rows / "forms.txt").read_bytes().decode().split("\n")[:-1]
        self.columns = Columns(*(self.folder_of_rows / f"{name}.arrow" for name in self.source.splits))
        if spec is None:
            self._refuse_ids()
        self.kept = Kept(config, cast(Rows, self.source)) if isinstance(config, TableData) else None
        self.examples = self._examples()
        chosen = self.examples.chosen(config)
        self.held_out, rows = chosen.held_out, chosen.rows
        # A run of an earlier version must not go on with examples that are others now; without changes, it may.
        changes = {"changes": self.meta["changes"]} if self.meta["changes"] else {}
        self.fingerprint = fingerprint((), settings_of(config) | {"rows": name} | changes | chosen.settings)
        # What depends on the split too, such as baselines, lies apart from what all splits share.
        self.folder = cache_folder(config.cache) / f"text-{config.name}-{self.fingerprint}"
        make_folder(self.folder)
        self.spec = spec if spec is not None else self._spec(rows["train"])
        self.splits = {name: TextSplit(self, rows[name]) for name in NAMES if len(rows[name])}
        self.warnings = [*self.source.warnings, *map(self.names.shown, self.meta["warnings"])]
        self.warnings += [] if self.kept is None else self.kept.warnings
        self.warnings += [] if spec is not None else self._number_labels()
        self.warnings += [*chosen.warnings, *self._unfitting()]

    @classmethod
    def unlabelled(cls, config: DataConfig) -> DataConfig:
        if not isinstance(config, TableData) or config.path is None:
            return config
        files, _ = table_files(config)
        settings = config.encoding, config.separator
        there = any(has_columns(path, [label], *settings) for path in files.values() for label in config.labels)
        return config if there else replace(config, label=None)

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        assert isinstance(config, TextData) and config.folds is not None
        return cls(replace(config, fold=None), seed).examples.folds(config)

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> SentenceReader:
        return SentenceReader(config, spec, parts)

    # --- preparation ------------------------------------------------------------------------------

    def _rows_name(self) -> str:
        """Of the folder of all rows, which all ways of dividing them share."""
        config, files = self.config, self.source.files
        settings = {name: value for name, value in former_names(config).items() if name not in LATER}
        # The same bytes may be a .csv or a .tsv file.
        kinds = [(split, plain_suffix(path)) for split, path in files.items()]
        name = fingerprint(files.values(), settings | {"splits": kinds, "identity": self.source.identity})
        return f"rows-{config.name}-{name}"

    def _write(self, folder: Path) -> None:
        """Read every row once; words and labels become numbers in the order in which they appear."""
        numbers, warnings, changes = Numbers(), list[str](), set[str]()
        for split in self.source.splits:
            bad, longer, max_length = BadRows(self.config.skip_bad), list[int](), self.config.max_length
            if write_batches(folder / f"{split}.arrow", self._batches(split, numbers, bad, longer)) == 0:
                location = self.source.files.get(split) or f"data={self.config.name}: the {split} split"
                what = "rows" if isinstance(self.config, TableData) else "sentences"
                within = f" of at most `data.max_length={max_length}` words" if sum(longer) else ""
                left_out = "".join(f"; {warning}" for warning in bad.warnings())
                raise UserError(f"{location}: no {what}{within} in it{left_out}")
            warnings += bad.warnings()
            changes |= bad.changes
            whose = f"sentences of the {split} split"
            warnings += beyond_length(sum(longer), whose, max_length, self.config.too_long)
        self.source.refuse_changed()
        text = "".join(f"{form}\n" for form in numbers.forms)
        (folder / "forms.txt").write_text(text, encoding="utf-8", newline="\n")
        labels = {name: {"labels": list(ids)} for name, ids in numbers.labels.items()}
        meta = Meta(
            targets={name: labels.get(name, {}) for name in self.source.targets},
            warnings=[self.names.stored(warning) for warning in warnings],
            changes=sorted(changes),
        )
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _batches(self, split: str, numbers: Numbers, bad: BadRows, longer: list[int]) -> Iterator[pa.RecordBatch]:
        """The rows of a split, read by as many processes as that is worth. Those that are bad are added to `bad`, how many
        are beyond `data.max_length` to `longer`, piece by piece."""
        tasks = ((split, piece) for piece in self.source.pieces(split))
        processes = processes_for(self.source.files.values())
        done = 0
        with counted(f"preparing {self.config.name}, {split}") as progress:
            for numbered in mapped(PieceNumbering(self.source, self.config), tasks, processes):
                bad.merge(numbered.bad)
                longer.append(numbered.longer)
                batch = numbers.translated(numbered)
                done += batch.num_rows
                progress(done)
                if batch.num_rows:
                    yield batch

    # --- which rows are trained on, which are tested ----------------------------------------------

    def _examples(self) -> Examples:
        """What the splits depend on, of all rows, file by file."""
        columns, config, source = self.columns, self.config, self.source
        splits = np.repeat(np.array([NAMES.index(name) for name in source.splits], dtype=np.int8), columns.sizes)
        classes = Named.alike(len(columns))
        if source.targets.get("label") == "class":
            numbers = columns.numbers("label").astype(np.int64)
            classes = Named(numbers, self.meta["targets"]["label"]["labels"])
        group = config.group if isinstance(config, TableData) else None
        positions, order = columns.numbers("position"), None
        if config.folds is not None:
            positions = self._positions(splits)
        elif config.limit is not None:
            order = columns.numbers("content")
        return Examples(
            keys=columns.strings_of("key", np.arange(len(columns)), self.names.shown),
            splits=splits,
            given=source.splits,
            positions=positions,
            classes=classes,
            groups=None if group is None else columns.named("group"),
            group="" if group is None else str(group),
            grouped=group is not None,
            times=self._times() if source.timed else None,
            time=config.time if isinstance(config, TableData) else None,
            order=order,
        )

    def _positions(self, splits: NDArray[np.int8]) -> NDArray[np.float64]:
        """(rows,): those of owners, also of rows that are not from the training file, for which they aren't prepared."""
        positions = self.columns.numbers("position").copy()
        others, forms = np.flatnonzero(splits != TRAIN), self.columns.ragged("forms")
        groups = self.columns.strings_of("group", others) if self.source.grouped else None
        for i, row in enumerate(others.tolist()):
            owner = " ".join(self.forms[form] for form in forms[row]) if groups is None else groups[i]
            positions[row] = position(owner, self.config.split_seed)
        return positions

    def _times(self) -> NDArray[np.float64]:
        """(rows,): when each is from. Raises UserError where some are dates and others numbers."""
        cells = self.columns.named("time")
        moments = [moment(cell) for cell in cells.names]
        kinds = np.array([found.is_date for found in moments if found is not None])
        assert len(kinds) == len(moments), "others were refused when they were read"
        if len(set(kinds.tolist())) > 1:
            of_rows, keys = (
                kinds[cells.numbers],
                self.columns.strings_of("key", np.arange(len(self.columns)), self.names.shown),
            )
            first = [int(np.flatnonzero(of_rows == kind)[0]) for kind in (True, False)]
            date, number = (f"{keys[row]} has `{cells.names[cells.numbers[row]]}`" for row in first)
            assert isinstance(self.config, TableData)
            raise UserError(
                f"`data.time={self.config.time}`: {date}, a date, but {number}, a number; write all in one way"
            )
        return np.array([found.value for found in moments if found is not None])[cells.numbers]

    # --- what the data know -----------------------------------------------------------------------

    def answers(self, name: str, target: Target) -> StoredAnswers:
        """The answers of one target in all prepared rows."""
        return stored_answers(self.columns, name, target, self.meta["targets"][name].get("labels", ()))

    def _spec(self, train: Indices) -> DataSpec:
        """Vocabularies and classes, from the training split only."""
        if not len(train):
            raise no_training(self.config, self.source, "training texts")
        frequencies = self.columns.ragged("forms").counts(train, len(self.forms)).tolist()
        counts = {form: n for form, n in zip(self.forms, frequencies, strict=True) if n}
        characters: Counter[str] = Counter()
        for form, n in counts.items():
            for character in form:
                characters[character] += n
        targets = {
            name: self.answers(name, Target(kind)).learned(train, self.source.questions)
            for name, kind in (self.source.targets.items() if self.source.answered else ())
        }
        words = Vocabulary.from_counts(counts, self.config.min_count)
        vocabularies = {"words": words, "characters": Vocabulary.from_counts(characters)}
        return DataSpec(
            modality="text", num_coords=1, features=None, targets=targets, vocabularies=vocabularies,
            slices=tuple(self.source.slices),
        )  # fmt: skip

    def _refuse_ids(self) -> None:
        """Raises UserError where every label of many rows is another one, and none is a number: then no example is like any
        that was learned from."""
        config, source = self.config, self.source
        if not isinstance(config, TableData) or source.targets.get("label") != "class":
            return
        rows = len(self.columns)
        labels = [label for label in self.meta["targets"]["label"]["labels"] if label != NOT_SCORED]
        if rows <= FEW_ROWS or len(labels) < rows or all(usable(number_in(label)) for label in labels):
            return
        path = next(iter(source.files.values()), None)
        likely = [] if path is None else columns_of_labels(path, config.encoding, config.separator)
        listed = ", ".join(f"`{name}` ({count} values)" for name, count in likely[:8])
        right = f"; columns that look like labels: {listed}" if likely else "; name the column of the label"
        raise UserError(
            f"`data.label={config.label}`: each of its {rows:,} values occurs once, as in a column of ids, so there is "
            f"nothing to learn{right}"
        )

    def _number_labels(self) -> list[str]:
        """A warning of classes that look like measurements."""
        if (
            not isinstance(self.config, TableData)
            or self.config.target_kind != "class"
            or not self.source.answered
        ):
            return []
        classes = self.spec.targets["label"].classes
        numbers = [number_in(name) for name in classes]
        if not all(map(usable, numbers)) or len(classes) <= FEW_NUMBERS:
            return []
        first, last = min(numbers), max(numbers)
        if all(map(float.is_integer, numbers)) and first in (0, 1) and last - first == len(classes) - 1:
            return []  # they count classes
        told = f"`data.label={self.config.label}`: {len(classes):,} different numbers"
        return [f"{told}, each a class of its own; did you mean data.target_kind=number?"]

    def _unfitting(self) -> list[str]:
        """Warnings of labels that the run cannot know. Raises UserError for answers of another kind than it learned."""
        warnings = []
        for name, kind in self.source.targets.items():
            target = self.spec.targets.get(name)
            if target is None:
                continue
            if target.kind != kind:
                raise UserError(
                    f"data={self.config.name}: its {name} is of kind `{kind}`, but the run learned `{target.kind}`"
                )
            if kind == "classes" and len(self.source.questions) != len(target.classes):
                raise UserError(
                    f"data={self.config.name}: {_several(self.source.questions)}, but the run learned "
                    f"{_several(target.classes)}; name as many columns by `data.label=`"
                )
            counts = {key: split.answers[name].counts(split.rows) for key, split in self.splits.items()}
            warnings += unseen_labels(target, counts, self.config.name, self.held_out)
            warnings += missing_classes(target, counts) if kind == "class" else []
        return warnings


def _several(questions: Sequence[str]) -> str:
    return f"{len(questions)} question{'s' if len(questions) > 1 else ''} ({', '.join(questions)})"


class TextSplit(Split):
    """Training, validation or test sentences. rows: their numbers among all that were prepared."""

    def __init__(self, data: Text, rows: Indices) -> None:
        self.data, self.rows, columns = data, rows, data.columns
        self.answered = data.source.answered
        self._forms, self._ceiling = columns.ragged("forms"), columns.ragged("ceiling")
        self.answers = {
            target: data.answers(target, data.spec.targets[target])
            for target, kind in data.source.targets.items()
            if target in data.spec.targets and data.spec.targets[target].kind == kind
        }
        self._slices = {mark: columns.ragged(mark) for mark in data.source.slices}
        self.keys = columns.strings_of("key", rows, data.names.shown)
        self.lengths = self._forms.lengths[rows]
        self._sets = WordSets(data.forms, data.spec, data.parts)
        counts = np.array(data.spec.vocabularies["words"].counts, dtype=np.float64)
        self._drop = data.config.unknown / np.maximum(data.config.unknown + counts, 1e-9)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of sentences -> these, packed: values (N,) ids of words, coords (N, 1).

        With an epoch, rare words are sometimes replaced by `<unk>`, as a function of (seed, epoch, index), so that the
        unknown word's vector is learned.
        """
        rows = self.rows[indices]
        forms = self._forms.take(rows)
        layout = Layout.of(self.lengths[indices].tolist())
        words = self._sets.word_of_form[forms]
        if epoch is not None:
            positions = layout.position.numpy()
            chance = uniform(self.data.seed, epoch, indices[layout.set_index.numpy()], positions)
            words = np.where(chance < self._drop[words], 0, words)
        inputs = self._sets.pack(forms, layout, words)
        targets = {name: answers.take(rows) for name, answers in self.answers.items()}
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, object]:
        """The words of sentence i, as they stand in the file."""
        return {"words": [self.data.forms[form] for form in self._forms[int(self.rows[i])]]}

    def name(self, i: int) -> str:
        kept = self.data.kept
        return self.keys[i] if kept is None else kept.id(self.keys[i])

    def kept(self, i: int) -> dict[str, str]:
        kept = self.data.kept
        return {} if kept is None else kept.beside(self.keys[i])

    def unknown(self, i: int) -> float:
        forms = self._forms[int(self.rows[i])]
        return round(float((self._sets.word_of_form[forms] == 0).mean()), 4)

    def gold(self, target: str) -> Sequence[Gold]:
        """The right answers of each sentence. Raises UserError where the data have no such target."""
        if target not in self.answers:
            targets = ", ".join(self.answers) or "no such targets"
            raise UserError(f"`head.target={target}`: the data have {targets}")
        return self.answers[target].gold(self.rows)

    def content(self, i: int) -> bytes:
        return self._forms[int(self.rows[i])].tobytes()

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """The source's marks on the words, and `unseen`: words that are not in the vocabulary."""
        marks = {name: [ragged[row] for row in self.rows] for name, ragged in self._slices.items()}
        unseen = self._sets.word_of_form == 0
        return marks | {"unseen": [unseen[self._forms[row]] for row in self.rows]}

    def ceiling(self) -> float | None:
        if not self._ceiling.lengths[self.rows].any():
            return None
        return float(self._ceiling.take(self.rows).mean(dtype=np.float64))

    def evidence(self, i: int) -> NDArray[np.bool_] | None:
        marks, length = self.data.source.evidence(self.keys[i]), int(self.lengths[i])
        return (
            None if marks is None else marks[(slice(length),) * marks.ndim]
        )  # as `data.max_length` cut the words
