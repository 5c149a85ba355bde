"""Sentence pairs: the source as a set of token ids with the token's number as coordinate, the target as a sequence.

Tokens are learned from the training pairs; what is prepared depends on them, too, so that other data can be split into
the tokens of a run.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.codec import Codec, learn_codecs
from attnlab.config import ParallelData
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length, longer_refused
from attnlab.data.pairs.sources import PairSource, TextPair
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared, settings_of
from attnlab.data.prep.sequences import Sequences, tokens_in_order
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES, lacking, limited, too_few, with_held_out
from attnlab.disk import make_folder, read_json
from attnlab.errors import UserError
from attnlab.sets import Batch
from attnlab.spec import DataSpec, Target, Vocabulary

TARGET = "translation"
"""The name of what is to be learned."""


class Parallel(Data):
    """A prepared set of sentence pairs; the codecs of `spec`, or learned ones, split both sides into tokens.

    Raises UserError where `spec` has none, and for `parts`, which tokens don't have.
    """

    splits: dict[str, "ParallelSplit"]

    def __init__(self, config: ParallelData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        if parts:
            raise UserError(f"data={config.name}: tokens of parallel text have no parts; choose embedding=learned")
        self.config, self.seed = config, seed
        self.source = open_source(config, PairSource)
        self.notice, self.commit, self.unnamed = self.source.notice, self.source.commit, self.source.unnamed
        self.fractions = lacking(config, self.source.splits)
        splits = [name for name in NAMES if name in (*self.source.splits, *self.fractions)]
        settings = settings_of(replace(config, limit=None))  # which is applied below, to what was prepared
        settings |= {"splits": splits, "files": list(self.source.files), "identity": self.source.identity}
        texts = fingerprint(self.source.files.values(), settings)
        self.codecs = self._learned(texts) if spec is None else spec.codecs
        if "source" not in self.codecs:
            raise UserError(f"data={config.name}: the run did not learn from pairs of texts")
        tokens = json.dumps({name: codec.to_json() for name, codec in sorted(self.codecs.items())})
        digest = hashlib.blake2b(tokens.encode(), digest_size=12).hexdigest()
        examples = {"texts": texts, "codecs": digest}
        cache, prefix = cache_folder(config.cache), f"parallel-{config.name}-"
        folder = prepared(cache, prefix + fingerprint((), examples), lambda folder: self._write(folder, splits))
        limit = {} if config.limit is None else {"limit": config.limit}
        self.fingerprint = fingerprint((), {**examples, **limit})
        self.folder = cache / (prefix + self.fingerprint)
        make_folder(self.folder)
        self.warnings = [*self.source.warnings, *read_json(folder / "meta.json", dict[str, list[str]])["warnings"]]
        self.splits = {name: self._split(folder, name) for name in splits}
        self.spec = spec if spec is not None else self._spec()

    def _split(self, folder: Path, name: str) -> "ParallelSplit":
        """A split of the prepared pairs, within `data.limit` where it is for training."""
        columns = Columns(folder / f"{name}.arrow")
        rows = np.arange(len(columns))
        if name == "train" and self.config.limit is not None:
            strata = np.zeros_like(rows)
            rows = limited(self.config.limit, rows, columns.strings("key"), strata, self.config.split_seed)
        return ParallelSplit(columns, rows, self.source.ceiling)

    # --- how text becomes tokens ------------------------------------------------------------------

    def _learned(self, texts: str) -> dict[str, Codec]:
        """Codecs learned once from all training pairs; texts: the fingerprint of those."""
        config = self.config
        if "train" not in self.source.splits:
            raise no_training(config, self.source, "training pairs")

        def training(*sides: str) -> Iterator[str]:
            for pair in self._pairs("train", BadRows(config.skip_bad), []):
                yield from (getattr(pair, side) for side in sides)

        def learn(folder: Path) -> None:
            texts = {name: training(*sides) for name, sides in sides_of.items()}
            for name, codec in learn_codecs(texts, config.tokens, config.subwords).items():
                codec.save(folder / f"codec-{name}.json")
            self.source.refuse_changed()

        apart = {"source": ("source",), "target": ("target",)}
        sides_of = {"source": ("source", "target")} if config.joint_vocabulary else apart
        folder = prepared(cache_folder(config.cache), f"codecs-{config.name}-{texts}", learn)
        return {name: Codec.load(folder / f"codec-{name}.json") for name in sides_of}

    def _spec(self) -> DataSpec:
        """The codecs, and how often each token occurs in the training sources."""
        tokens = self.codecs["source"].tokens
        counts = self.splits["train"].counts(len(tokens))
        return DataSpec(
            modality="text",
            num_coords=1,
            features=None,
            targets={TARGET: Target("sequence", codec="target" if "target" in self.codecs else "source")},
            vocabularies={"words": Vocabulary(tokens, tuple(counts.tolist()))},
            codecs=self.codecs,
        )

    # --- preparation ------------------------------------------------------------------------------

    def _write(self, folder: Path, splits: list[str]) -> None:
        """Split every pair into tokens once."""
        from datasets import List, Value

        columns = {"source": List(Value("int32")), TARGET: List(Value("int32"))}
        columns |= {name: Value("string") for name in ("key", "source_text", "target_text")}
        warnings: list[str] = []

        for split in splits:
            bad, empty, longer = BadRows(self.config.skip_bad, "pair"), list[str](), list[str]()
            number = write_rows(
                folder / f"{split}.arrow", columns, self._encoded(self._pairs(split, bad, empty), longer)
            )
            if split in self.source.splits:  # what is held out was read, and warned of, with the rest
                warnings += bad.warnings()
                warnings += [_left_out(split, empty)] if empty else []
            limit = self.config.max_length, self.config.too_long
            warnings += beyond_length(len(longer), f"pairs of the {split} split", *limit)
            if number == 0:
                nothing = f"no pairs of non-empty sentences for the {split} split"
                reason = too_few(split, self.fractions[split]) if split in self.fractions else nothing
                left_out = "".join(f"; {warning}" for warning in bad.warnings())
                raise UserError(f"{self.config.path or f'data={self.config.name}'}: {reason}{left_out}")
        self.source.refuse_changed()
        (folder / "meta.json").write_text(json.dumps({"warnings": warnings}), encoding="utf-8")

    def _pairs(self, split: str, bad: BadRows, empty: list[str]) -> Iterator[TextPair]:
        """The pairs of a split; those with an empty side go to `empty`, by their keys."""
        for pair in self._rows(split, bad):
            if pair.source and pair.target:
                yield pair
            else:
                empty.append(pair.key)

    def _rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        """The pairs of a split; equal sources, but for white space, are held out together."""
        if not self.fractions or (split in self.source.splits and split != "train"):
            yield from self.source.rows(split, bad)
            return
        for pair, pair_split in zip(self.source.rows("train", bad), self._divided, strict=True):
            if pair_split == split:
                yield pair

    @cached_property
    def _divided(self) -> list[str]:
        """The split of each pair that the source has for training."""
        pairs = self.source.rows("train", BadRows(self.config.skip_bad))
        owners = [" ".join(pair.source.split()) for pair in pairs]
        validation, test = (self.fractions.get(name, 0.0) for name in ("validation", "test"))
        return with_held_out([""] * len(owners), owners, validation, test, self.config.split_seed)

    def _encoded(self, pairs: Iterator[TextPair], longer: list[str]) -> Iterator[dict[str, object]]:
        """Rows with the ids of both sides, within `data.max_length`; those beyond it go to `longer`, by their keys."""
        max_length, policy = self.config.max_length, self.config.too_long
        source_codec = self.codecs["source"]
        target_codec = self.codecs.get("target", source_codec)
        while block := list(islice(pairs, 1000)):
            sources = source_codec.encode([pair.source for pair in block])
            targets = target_codec.encode([pair.target for pair in block])
            for pair, source, target in zip(block, sources, targets, strict=True):
                length = max(len(source), len(target))
                if length > max_length and policy == "refuse":
                    raise longer_refused(pair.key, f"{length:,} tokens", max_length)
                longer += [pair.key] if length > max_length else []
                if length <= max_length or policy == "cut":
                    ids = {"source": source[:max_length], TARGET: target[:max_length]}
                    yield ids | {"key": pair.key, "source_text": pair.source, "target_text": pair.target}


class ParallelSplit(Split):
    """Training, validation or test pairs. rows: their numbers among those that were prepared."""

    def __init__(self, columns: Columns, rows: Indices, ceiling: float | None) -> None:
        self.rows, self._ceiling = rows, ceiling
        self._source, target = columns.ragged("source"), columns.ragged(TARGET)
        self._targets = Sequences(target, target.lengths)
        texts = (columns.strings_of(name, rows) for name in ("source_text", "target_text", "key"))
        self._texts, self._gold, self.keys = texts
        self.lengths = np.stack([self._source.lengths, self._targets.lengths], axis=1)[rows]

    def counts(self, size: int) -> NDArray[np.int64]:
        """(size,): how often each token occurs in the sources."""
        return self._source.counts(self.rows, size)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of pairs -> these, packed: inputs (N,) ids, and answers (M,) ids that end with `</s>`.

        Nothing is altered in training.
        """
        rows = self.rows[indices]
        inputs = tokens_in_order(self._source.take(rows), self._source.lengths[rows])
        return Batch(inputs, {TARGET: self._targets.take(rows)}, tuple(self.keys[i] for i in indices))

    def gold(self, target: str) -> Sequence[str]:
        """The translations as they stand in the file, even where `data.max_length` cuts what is learned. Raises UserError
        for another target."""
        if target != TARGET:
            raise UserError(f"`head.target={target}`: the data have {TARGET}")
        return self._gold

    def content(self, i: int) -> bytes:
        return f"{self._texts[i]}\n{self._gold[i]}".encode()

    def show(self, i: int) -> dict[str, object]:
        """The text that is translated."""
        return {"source": self._texts[i]}

    def ceiling(self) -> float | None:
        return self._ceiling


def _left_out(split: str, empty: list[str]) -> str:
    """A warning."""
    if len(empty) == 1:
        return f"1 pair has an empty side in the {split} split and was left out: {empty[0]}"
    return f"{len(empty):,} pairs have an empty side in the {split} split and were left out: {empty[0]}, …"
