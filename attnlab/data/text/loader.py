"""Sentences as sets of word ids with the word's number as coordinate, and what is to be said of them.

Prepared once: the rows of each split that the source has, in arrays on disk. Who of them is trained on and who is
tested is decided when the data are opened, from arrays alone, so that a set larger than memory can be opened too.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from attnlab.config import TextData, former_names
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length
from attnlab.data.files.layout import plain_suffix
from attnlab.data.prep.answers import Answers, unseen_labels
from attnlab.data.prep.arrow import Columns, write_batches
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.data.prep.pool import mapped, processes_for
from attnlab.data.prep.progress import counted
from attnlab.data.prep.splits import NAMES, divided, lacking, too_few
from attnlab.data.text.hub import HUB_SOURCES
from attnlab.data.text.numbering import Numbered, Numbers, PieceNumbering
from attnlab.data.text.pack import WordSets
from attnlab.data.text.source import TextSource
from attnlab.errors import UserError
from attnlab.registry import TEXT_SOURCES
from attnlab.sets import Batch, Example, Layout
from attnlab.spec import DataSpec, Target, Vocabulary

ELSEWHERE = {"cache", "path", "origin", "licence", "hub", "config", "revision"}
"""Keys that say where the rows are; the rows themselves are part of the fingerprint."""
LATER = ELSEWHERE | {"limit", "validation", "test", "min_count", "unknown"}
"""Keys that don't change what is prepared: they are applied when the data are opened."""


class Text(Data):
    """A prepared set of sentences with the targets that its source gives.

    spec: of the data themselves, or that of a run, whose vocabulary and classes then hold.
    parts: whether batches carry the characters of their words.
    """

    def __init__(self, config: TextData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed, self.parts = config, seed, parts
        self.source = text_source(config)
        self.notice, self.commit = self.source.notice, self.source.commit
        self.shares = lacking(config, self.source.splits)
        self.folder_of_rows = self._prepared()
        settings = former_names(config) | dict.fromkeys(ELSEWHERE)
        self.fingerprint = fingerprint((), settings | {"rows": self.folder_of_rows.name})
        # What depends on the split too, such as baselines, lies apart from what all splits share.
        self.folder = cache_folder(config.cache) / f"text-{config.name}-{self.fingerprint}"
        self.folder.mkdir(exist_ok=True)
        # Words may hold any character but a line feed, so no reader may take another for a line's end.
        self.forms = (self.folder_of_rows / "forms.txt").read_bytes().decode().split("\n")[:-1]
        self.meta = json.loads((self.folder_of_rows / "meta.json").read_text(encoding="utf-8"))
        self.columns = {name: Columns(self.folder_of_rows / f"{name}.arrow") for name in self.source.splits}
        rows = self._rows()
        self.spec = spec if spec is not None else self._spec(rows)
        self.splits = {name: TextSplit(self, self._file_of(name), rows[name]) for name in NAMES if name in rows}
        self.warnings = [*self.source.warnings, *self.meta["warnings"], *self._unfitting()]

    def _prepared(self) -> Path:
        """The folder of all rows, shared by all ways of dividing them."""
        config, files = self.config, self.source.files
        settings = {name: value for name, value in former_names(config).items() if name not in LATER}
        if config.limit is not None and not self.shares:  # then the rest of the file needn't be read
            settings["limit"] = config.limit
        # The same bytes may be a .csv or a .tsv file.
        kinds = [(split, plain_suffix(path)) for split, path in files.items()]
        name = fingerprint(files.values(), settings | {"splits": kinds, "identity": self.source.identity})
        return prepared(cache_folder(config.cache), f"rows-{config.name}-{name}", self._write)

    def _write(self, folder: Path) -> None:
        """Read every row once; words and labels become numbers in the order in which they appear."""
        numbers, warnings = Numbers(), []
        for split in self.source.splits:
            told = _Told()
            if write_batches(folder / f"{split}.arrow", self._batches(split, numbers, told)) == 0:
                place = self.source.files.get(split) or f"data={self.config.name}: the {split} split"
                bad = f"; {told.bad(self.config.skip_bad)}" if told.count else ""
                longer = f" of at most `data.max_length={self.config.max_length}` words" if told.longer else ""
                raise UserError(f"{place}: no sentences{longer} in it{bad}")
            warnings += told.warnings(split, self.config)
        text = "".join(f"{form}\n" for form in numbers.forms)
        (folder / "forms.txt").write_text(text, encoding="utf-8", newline="\n")
        labels = {name: {"labels": list(own)} for name, own in numbers.labels.items()}
        meta = {"targets": {name: labels.get(name, {}) for name in self.source.targets}, "warnings": warnings}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _batches(self, split: str, numbers: Numbers, told: "_Told") -> Iterator[pa.RecordBatch]:
        """The rows of a split, read by as many processes as that is worth."""
        limit = self.config.limit if split == "train" and not self.shares else None
        tasks = ((split, piece) for piece in self.source.pieces(split))
        processes = 1 if limit is not None else processes_for(self.source.files.values())
        done = 0
        with counted(f"preparing {self.config.name}, {split}") as progress:
            for numbered in mapped(PieceNumbering(self.source, self.config), tasks, processes):
                told.add(numbered)
                batch = numbers.of_the_whole(numbered)
                batch = batch if limit is None else batch.slice(0, limit - done)
                done += batch.num_rows
                progress(done)
                if batch.num_rows:
                    yield batch
                if limit is not None and done >= limit:
                    return

    # --- who is trained on, who is tested ---------------------------------------------------------

    def _file_of(self, split: str) -> str:
        return split if split in self.source.splits else "train"

    def _rows(self) -> dict[str, Indices]:
        """The rows of each split in the file that it comes from."""
        rows = {name: np.arange(len(columns)) for name, columns in self.columns.items()}
        shares = self.shares
        if shares:
            columns = self.columns["train"]
            strata = np.zeros(len(columns), dtype=np.int64)
            if self.source.targets.get("label") == "class":
                strata = columns.numbers("label").astype(np.int64)
            found = divided(
                columns.numbers("position"), strata, shares.get("validation", 0.0), shares.get("test", 0.0)
            )
            rows |= {name: np.flatnonzero(found == NAMES.index(name)) for name in ("train", *shares)}
            for name in shares:
                if not len(rows[name]):
                    place = self.source.files.get("train", self.config.name)
                    raise UserError(f"{place}: {too_few(name, shares[name])}")
        if "train" in rows:
            rows["train"] = rows["train"][: self.config.limit]
        return rows

    # --- what the data know -----------------------------------------------------------------------

    def _answers(self, name: str, file: str, target: Target) -> Answers:
        return Answers(self.columns[file], name, target, self.meta["targets"][name])

    def _spec(self, rows: dict[str, Indices]) -> DataSpec:
        """Vocabularies and classes, from the training split only."""
        if "train" not in rows:
            raise UserError(f"data={self.config.name}: there is no training file to learn from")
        found = self.columns["train"].ragged("forms").counts(rows["train"], len(self.forms)).tolist()
        counts = {form: n for form, n in zip(self.forms, found, strict=True) if n}
        characters: Counter[str] = Counter()
        for form, n in counts.items():
            for character in form:
                characters[character] += n
        return DataSpec(
            modality="text",
            num_coords=1,
            features=None,
            targets={
                name: self._answers(name, "train", Target(kind)).learned(rows["train"], self.source.questions)
                for name, kind in self.source.targets.items()
            },
            vocabularies={
                "words": Vocabulary.from_counts(counts, self.config.min_count),
                "characters": Vocabulary.from_counts(characters),
            },
            slices=tuple(self.source.slices),
        )

    def _unfitting(self) -> list[str]:
        """What the data have that the run cannot know; refuses answers of another kind."""
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
            counts = {split: data.answers[name].counts(data.rows) for split, data in self.splits.items()}
            warnings += unseen_labels(kind, target, counts, self.config.name, self.shares)
        return warnings


def text_source(config: TextData) -> TextSource:
    """The user's own files come first, then the hub."""
    if config.path is None and config.hub is not None:
        return HUB_SOURCES[config.source](config)
    return TEXT_SOURCES.get(config.source, TextSource)(config)


def _several(questions: Sequence[str]) -> str:
    return f"{len(questions)} question{'s' if len(questions) > 1 else ''} ({', '.join(questions)})"


class _Told:
    """What is to be told of a split's rows."""

    def __init__(self) -> None:
        self.count, self.first, self.longer = 0, "", 0

    def add(self, numbered: Numbered) -> None:
        self.count += numbered.bad
        self.first = self.first or numbered.first_bad
        self.longer += numbered.longer

    def bad(self, skip: bool) -> str:
        rows = BadRows(skip)
        rows.add(self.count, self.first)
        return rows.summary()

    def warnings(self, split: str, config: TextData) -> list[str]:
        found = [self.bad(config.skip_bad)] if self.count else []
        whose = f"sentences of the {split} split"
        return found + beyond_length(self.longer, whose, config.max_length, config.too_long)


class TextSplit(Split):
    """Training, validation or test sentences. rows: their numbers in the file that they come from."""

    def __init__(self, data: Text, file: str, rows: Indices) -> None:
        self.data, self.rows = data, rows
        columns = data.columns[file]
        self._forms, self._ceiling = columns.ragged("forms"), columns.ragged("ceiling")
        self.answers = {
            target: data._answers(target, file, data.spec.targets[target])
            for target, kind in data.source.targets.items()
            if target in data.spec.targets and data.spec.targets[target].kind == kind
        }
        self._slices = {mark: columns.ragged(mark) for mark in data.source.slices}
        self.keys = columns.strings_of("key", rows)
        self.lengths = self._forms.lengths[rows]
        self._sets = WordSets(data.forms, data.spec, data.parts)
        counts = np.array(data.spec.vocabularies["words"].counts, dtype=np.float64)
        self._drop = data.config.unknown / np.maximum(data.config.unknown + counts, 1e-9)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> Example:
        """One sentence alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """These sentences, packed. With an epoch, rare words are sometimes replaced by `<unk>`,
        as a function of (seed, epoch, index), so that the unknown word's vector is learned."""
        rows = self.rows[indices]
        forms = self._forms.take(rows)
        layout = Layout.of(self.lengths[indices].tolist())
        words = self._sets.word_of_form[forms]
        if epoch is not None:
            place = layout.position.numpy()
            chance = uniform(self.data.seed, epoch, indices[layout.set_index.numpy()], place)
            words = np.where(chance < self._drop[words], 0, words)
        inputs = self._sets.pack(forms, layout, words)
        targets = {name: answers.take(rows) for name, answers in self.answers.items()}
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, list[str]]:
        """The words of sentence i, as they stand in the file."""
        return {"words": [self.data.forms[form] for form in self._forms[int(self.rows[i])]]}

    def gold(self, target: str) -> Sequence[Any]:
        """The right answers in words or numbers; an empty string is not scored."""
        if target not in self.answers:
            raise UserError(
                f"`head.target={target}`: the data have {', '.join(self.answers) or 'no such targets'}"
            )
        return self.answers[target].gold(self.rows)

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """Marks on the words of each sentence, for scores on the marked words alone."""
        marks = {name: [ragged[row] for row in self.rows] for name, ragged in self._slices.items()}
        unseen = self._sets.word_of_form == 0
        return marks | {"unseen": [unseen[self._forms[row]] for row in self.rows]}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""
        if not self._ceiling.lengths[self.rows].any():
            return None
        return float(self._ceiling.take(self.rows).mean(dtype=np.float64))

    def content(self, i: int) -> bytes:
        """What sentence i consists of: equal sentences have equal contents."""
        return self._forms[int(self.rows[i])].tobytes()
