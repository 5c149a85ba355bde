"""Sentences as sets of word ids with the word's number as coordinate, and what is to be said of them."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnlab.config import TextData
from attnlab.data.answers import RECORDS, Answers, learned_target, unseen_labels
from attnlab.data.batching import Indices, uniform
from attnlab.data.prepare import Columns, cache_folder, fingerprint, prepared, write_rows
from attnlab.data.reading import BadRows
from attnlab.data.rows import TextRow
from attnlab.data.sources import TEXT_SOURCES
from attnlab.data.splits import held_out
from attnlab.data.words import WordSets
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, Layout
from attnlab.spec import DataSpec, Vocabulary


class Text:
    """A prepared set of sentences with the targets that its source gives.

    spec: of the data themselves, or that of a run, whose vocabulary and classes then hold.
    parts: whether batches carry the characters of their words.
    """

    def __init__(self, config: TextData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed, self.parts = config, seed, parts
        self.source = TEXT_SOURCES[config.source](config)
        self.notice = self.source.notice
        self.holds_out = config.validation > 0 and "train" in self.source.splits
        self.holds_out &= "validation" not in self.source.splits
        splits = [*self.source.splits, *(["validation"] if self.holds_out else [])]
        settings = asdict(config) | {"cache": None, "path": None, "min_count": None, "unknown": None}
        self.fingerprint = fingerprint(self.source.files.values(), settings | {"splits": splits})
        self.folder = prepared(
            cache_folder(config.cache), f"text-{config.name}-{self.fingerprint}", lambda f: self._write(f, splits)
        )
        # Words may hold any character but a line feed, so no reader may take another for a line's end.
        self.forms = (self.folder / "forms.txt").read_bytes().decode().split("\n")[:-1]
        self.meta = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        self.spec = spec if spec is not None else self._spec()
        self.warnings = list(self.meta["skipped"])
        for name, kind in self.source.targets.items():
            target = self.spec.targets.get(name)
            if target is not None and target.kind != kind:
                raise UserError(
                    f"data={config.name}: its {name} is of kind `{kind}`, but the run learned `{target.kind}`"
                )
            if target is not None:
                self.warnings += unseen_labels(name, kind, target, self.meta["targets"][name], config.name)
        self.splits = {name: TextSplit(self, name) for name in splits}

    def _write(self, folder: Path, splits: list[str]) -> None:
        """Read every row once; words and labels become numbers in the order in which they appear."""
        from datasets import List, Value

        forms: dict[str, int] = {}
        counts: Counter[int] = Counter()
        records = {name: RECORDS[kind](kind) for name, kind in self.source.targets.items()}
        columns = {"forms": List(Value("int32")), "key": Value("string"), "ceiling": List(Value("float32"))}
        columns |= {name: record.column for name, record in records.items()}
        columns |= {name: List(Value("bool")) for name in self.source.slices}

        def encoded(split: str, bad: BadRows) -> Iterator[dict[str, Any]]:
            for row in self._kept(split, bad):
                ids = [forms.setdefault(word, len(forms)) for word in row.words]
                if split == "train":
                    counts.update(ids)
                stored = {name: record.stored(row.targets[name], split) for name, record in records.items()}
                yield {"forms": ids, "key": row.key, "ceiling": row.ceiling} | stored | row.slices

        skipped = []
        for split in splits:
            bad = BadRows(self.config.skip_bad)
            number = write_rows(folder / f"{split}.arrow", columns, encoded(split, bad))
            if bad.count and split in self.source.splits:  # what is held out was read, and told, with the rest
                skipped.append(bad.summary())
            if number == 0:
                raise UserError(self._nothing_in(split, bad))
        (folder / "forms.txt").write_text("".join(f"{form}\n" for form in forms), encoding="utf-8", newline="\n")
        meta = {
            "targets": {name: record.meta() for name, record in records.items()},
            "counts": [counts[i] for i in range(len(forms))],
            "skipped": skipped,
        }
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _nothing_in(self, split: str, bad: BadRows) -> str:
        if self.holds_out and split != "test":
            return (
                f"{self.source.files['train']}: with `data.validation={self.config.validation}` of its texts held out, "
                f"none is left for the {split} split; choose another share, or give a validation file"
            )
        place = self.source.files.get(split) or f"data={self.config.name}: the {split} split"
        return f"{place}: no sentences in it{'; ' + bad.summary() if bad.count else ''}"

    def _kept(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        """The rows of a split within `data.limit` and `data.max_length`."""
        longest, policy = self.config.max_length, self.config.too_long
        for i, row in enumerate(self._rows(split, bad)):
            if split == "train" and self.config.limit is not None and i >= self.config.limit:
                return
            if len(row.words) > longest:
                if policy == "refuse":
                    raise UserError(
                        f"{row.key}: {len(row.words)} words, more than `data.max_length={longest}`; "
                        "raise it, or set `data.too_long=cut` or `drop`"
                    )
                if policy == "drop":
                    continue
                row = self._cut(row)
            yield row

    def _rows(self, split: str, bad: BadRows) -> Iterator[TextRow]:
        """The rows of a split; equal texts are held out together."""
        if not self.holds_out or split not in ("train", "validation"):
            yield from self.source.rows(split, bad)
            return
        for row in self.source.rows("train", bad):
            if held_out(" ".join(row.words), self.config.validation) == (split == "validation"):
                yield row

    def _cut(self, row: TextRow) -> TextRow:
        """The first `data.max_length` words, with what belongs to them."""
        longest = self.config.max_length
        labelled = [name for name, kind in self.source.targets.items() if kind == "vector_classes"]
        return replace(
            row,
            words=row.words[:longest],
            targets=row.targets | {name: row.targets[name][:longest] for name in labelled},
            ceiling=row.ceiling[:longest],
            slices={name: marks[:longest] for name, marks in row.slices.items()},
        )

    def _spec(self) -> DataSpec:
        """Vocabularies and classes, from the training split only."""
        if "train" not in self.source.splits:
            raise UserError(f"data={self.config.name}: there is no training file to learn from")
        counts = {form: n for form, n in zip(self.forms, self.meta["counts"], strict=True) if n}
        characters: Counter[str] = Counter()
        for form, n in counts.items():
            for character in form:
                characters[character] += n
        targets = self.meta["targets"]
        return DataSpec(
            modality="text",
            places=1,
            features=None,
            targets={
                name: learned_target(kind, targets[name], self.source.questions)
                for name, kind in self.source.targets.items()
            },
            vocabularies={
                "words": Vocabulary.from_counts(counts, self.config.min_count),
                "characters": Vocabulary.from_counts(characters),
            },
            slices=tuple(self.source.slices),
        )


class TextSplit:
    """Training, validation or test sentences."""

    def __init__(self, data: Text, name: str) -> None:
        self.data, self.name = data, name
        columns = Columns(data.folder / f"{name}.arrow")
        self._forms, self._ceiling = columns.ragged("forms"), columns.ragged("ceiling")
        self._answers = {
            target: Answers(columns, target, data.spec.targets[target], data.meta["targets"][target])
            for target in data.source.targets
            if target in data.spec.targets
        }
        self._slices = {mark: columns.ragged(mark) for mark in data.source.slices}
        self.keys = columns.strings("key")
        self.lengths = self._forms.lengths
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
        forms = self._forms.take(indices)
        layout = Layout.of(self.lengths[indices].tolist())
        words = self._sets.word_of_form[forms]
        if epoch is not None:
            place = layout.place.numpy()
            chance = uniform(self.data.seed, epoch, indices[layout.set_index.numpy()], place)
            words = np.where(chance < self._drop[words], 0, words)
        inputs = self._sets.pack(forms, layout, words)
        targets = {name: answers.take(indices) for name, answers in self._answers.items()}
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, list[str]]:
        """The words of sentence i, as they stand in the file."""
        return {"words": [self.data.forms[form] for form in self._forms[i]]}

    def gold(self, target: str) -> list[Any]:
        """The right answers in words or numbers; an empty string is not scored."""
        if target not in self._answers:
            raise UserError(
                f"`head.target={target}`: the data have {', '.join(self._answers) or 'no such targets'}"
            )
        return self._answers[target].gold()

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """Marks on the words of each sentence, for scores on the marked words alone."""
        marks = {name: [ragged[i] for i in range(len(self))] for name, ragged in self._slices.items()}
        unseen = self._sets.word_of_form == 0
        return marks | {"unseen": [unseen[self._forms[i]] for i in range(len(self))]}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""
        chances = [self._ceiling[i] for i in range(len(self))]
        total = sum(len(c) for c in chances)
        return float(sum(c.sum(dtype=np.float64) for c in chances)) / total if total else None
