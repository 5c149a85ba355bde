"""Sentences as sets of word ids with the word's number as coordinate, and a label for each word."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.config import TextData
from attnlab.data.batching import Indices, uniform
from attnlab.data.prepare import Columns, cache_folder, fingerprint, prepared, write_rows
from attnlab.data.sources import NOT_SCORED, TEXT_SOURCES, TextRow
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, Layout, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary


class Text:
    """A prepared set of tagged sentences.

    spec: of the data themselves, or that of a run, whose vocabulary and classes then hold.
    parts: whether batches carry the characters of their words.
    """

    def __init__(self, config: TextData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed, self.parts = config, seed, parts
        self.source = TEXT_SOURCES[config.source](config)
        self.notice = self.source.notice
        settings = asdict(config) | {"cache": None, "path": None, "min_count": None, "unknown": None}
        self.fingerprint = fingerprint(self.source.files.values(), settings)
        self.folder = prepared(cache_folder(config.cache), f"text-{config.name}-{self.fingerprint}", self._write)
        self.forms = (self.folder / "forms.txt").read_text(encoding="utf-8").split("\n")[:-1]
        meta = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        self.labels: list[str] = meta["labels"]
        self.spec = spec if spec is not None else self._spec(meta)
        self.warnings = self._unseen_labels(meta)
        self.splits = {name: TextSplit(self, name) for name in self.source.splits}

    def _write(self, folder: Path) -> None:
        """Read every row once; words and labels become numbers in the order in which they appear."""
        from datasets import List, Value

        forms: dict[str, int] = {}
        labels: dict[str, int] = {NOT_SCORED: 0}
        counts: Counter[int] = Counter()
        label_splits: dict[str, list[str]] = {}
        columns = {"forms": List(Value("int32")), "tags": List(Value("int16")), "key": Value("string")}
        columns |= {"ceiling": List(Value("float32"))}
        columns |= {name: List(Value("bool")) for name in self.source.slices}

        def encoded(split: str) -> Iterator[dict[str, Any]]:
            for row in self._kept(split):
                ids = [forms.setdefault(word, len(forms)) for word in row.words]
                if split == "train":
                    counts.update(ids)
                tags = [labels.setdefault(tag, len(labels)) for tag in row.tags]
                seen.update(row.tags)
                yield {"forms": ids, "tags": tags, "key": row.key, "ceiling": row.ceiling} | row.slices

        for split in self.source.splits:
            seen: set[str] = set()
            number = write_rows(folder / f"{split}.arrow", columns, encoded(split))
            if number == 0:
                raise UserError(f"{self.source.files.get(split, self.config.name)}: no sentences in it")
            label_splits[split] = sorted(seen - {NOT_SCORED})
        (folder / "forms.txt").write_text("".join(f"{form}\n" for form in forms), encoding="utf-8", newline="\n")
        meta = {
            "labels": list(labels),
            "label_splits": label_splits,
            "counts": [counts[i] for i in range(len(forms))],
        }
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _kept(self, split: str) -> Iterator[TextRow]:
        """The rows of a split within `data.limit` and `data.max_length`."""
        longest, policy = self.config.max_length, self.config.too_long
        for i, row in enumerate(self.source.rows(split)):
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
                slices = {name: marks[:longest] for name, marks in row.slices.items()}
                row = TextRow(row.words[:longest], row.tags[:longest], row.key, row.ceiling[:longest], slices)
            yield row

    def _spec(self, meta: dict[str, Any]) -> DataSpec:
        """Vocabularies and classes, from the training split only."""
        if "train" not in self.source.splits:
            raise UserError(f"data={self.config.name}: there is no training file to learn from")
        counts = {form: n for form, n in zip(self.forms, meta["counts"], strict=True) if n}
        characters: Counter[str] = Counter()
        for form, n in counts.items():
            for character in form:
                characters[character] += n
        return DataSpec(
            modality="text",
            places=1,
            features=None,
            targets={"tags": Target("vector_classes", tuple(meta["label_splits"]["train"]))},
            vocabularies={
                "words": Vocabulary.from_counts(counts, self.config.min_count),
                "characters": Vocabulary.from_counts(characters),
            },
            slices=tuple(self.source.slices),
        )

    def _unseen_labels(self, meta: dict[str, Any]) -> list[str]:
        """A warning for each split with labels that training never saw: they are counted wrong."""
        known, warnings = set(self.spec.targets["tags"].classes), []
        for split, labels in meta["label_splits"].items():
            unseen = [label for label in labels if label not in known]
            if labels and len(unseen) == len(labels):
                raise UserError(
                    f"data={self.config.name}: no label of the {split} split ({', '.join(labels[:5])}, …) was "
                    f"learned; the run knows {', '.join(sorted(known)[:5])}, …"
                )
            if unseen:
                warnings.append(
                    f"labels of the {split} split never seen in training count as wrong: {', '.join(unseen)}"
                )
        return warnings


class TextSplit:
    """Training, validation or test sentences."""

    def __init__(self, data: Text, name: str) -> None:
        self.data, self.name = data, name
        columns = Columns(data.folder / f"{name}.arrow")
        self._forms, self._tags = columns.ragged("forms"), columns.ragged("tags")
        self._ceiling = columns.ragged("ceiling")
        self._slices = {mark: columns.ragged(mark) for mark in data.source.slices}
        self.keys = columns.strings("key")
        self.lengths = self._forms.lengths
        words, classes = data.spec.vocabularies["words"], data.spec.targets["tags"].classes
        self._word_of_form = np.array(words.encode(data.forms), dtype=np.int64)
        class_ids = {label: i for i, label in enumerate(classes)}
        self._class_of_label = np.array([class_ids.get(label, -1) for label in data.labels], dtype=np.int64)
        counts = np.array(words.counts, dtype=np.float64)
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
        words = self._word_of_form[forms]
        if epoch is not None:
            place = layout.place.numpy()
            chance = uniform(self.data.seed, epoch, indices[layout.set_index.numpy()], place)
            words = np.where(chance < self._drop[words], 0, words)
        parts = part_index = None
        if self.data.parts:
            distinct, inverse = np.unique(forms, return_inverse=True)
            parts, part_index = self._characters(distinct), torch.from_numpy(inverse.astype(np.int64))
        inputs = VectorSets(
            values=torch.from_numpy(words),
            layout=layout,
            coords=layout.place[:, None].float(),
            parts=parts,
            part_index=part_index,
        )
        tags = torch.from_numpy(self._class_of_label[self._tags.take(indices)])
        return Batch(inputs, {"tags": tags}, tuple(self.keys[i] for i in indices))

    def show(self, i: int) -> dict[str, list[str]]:
        """The words of sentence i, as they stand in the file."""
        return {"words": [self.data.forms[form] for form in self._forms[i]]}

    def gold(self, target: str) -> list[list[str]]:
        """The right answers in words; an empty string is not scored."""
        assert target == "tags"
        labels = self.data.labels
        return [[labels[tag] for tag in self._tags[i]] for i in range(len(self))]

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """Marks on the words of each sentence, for scores on the marked words alone."""
        marks = {name: [ragged[i] for i in range(len(self))] for name, ragged in self._slices.items()}
        unseen = self._word_of_form == 0
        return marks | {"unseen": [unseen[self._forms[i]] for i in range(len(self))]}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""
        chances = [self._ceiling[i] for i in range(len(self))]
        total = sum(len(c) for c in chances)
        return float(sum(c.sum(dtype=np.float64) for c in chances)) / total if total else None

    def _characters(self, forms: NDArray[np.int32]) -> VectorSets:
        """The characters of these distinct words as sets of ids."""
        values, offsets = self._spelling
        lengths = offsets[forms + 1] - offsets[forms]
        layout = Layout.of(lengths.tolist())
        rows = torch.from_numpy(offsets[forms])[layout.set_index] + layout.place
        return VectorSets(values[rows], layout, layout.place[:, None].float())

    @cached_property
    def _spelling(self) -> tuple[Tensor, NDArray[np.int64]]:
        """Character ids of all words end to end, and where each word begins."""
        characters = self.data.spec.vocabularies["characters"]
        spelled: list[Sequence[int]] = [characters.encode(form) for form in self.data.forms]
        offsets = np.cumsum([0, *(len(s) for s in spelled)]).astype(np.int64)
        return torch.tensor([c for s in spelled for c in s], dtype=torch.int64), offsets
