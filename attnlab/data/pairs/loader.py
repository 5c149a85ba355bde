"""Sentence pairs: the source as a set of token ids with the token's number as coordinate, the target as a sequence.

How text is spelled is learned from the training pairs; what is prepared depends on that, too, so that other data can be
read as a run spells them.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnlab.codec import Codec
from attnlab.config import ParallelData, former_names
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length
from attnlab.data.pairs.sources import TextPair, parallel_source
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared
from attnlab.data.prep.sequences import Sequences, tokens_in_order
from attnlab.data.prep.splits import NAMES, lacking, too_few, with_held_out
from attnlab.errors import UserError
from attnlab.sets import Batch, Example
from attnlab.spec import DataSpec, Target, Vocabulary

TARGET = "translation"
"""The name of what is to be learned."""


class Parallel(Data):
    """A prepared set of sentence pairs.

    spec: of the data themselves, or that of a run, whose codecs then spell both sides.
    parts: whether the embedding looks into words, which tokens don't allow.
    """

    def __init__(self, config: ParallelData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        if parts:
            raise UserError(f"data={config.name}: tokens of parallel text have no parts; choose embedding=learned")
        self.config, self.seed = config, seed
        self.source = parallel_source(config)
        self.notice, self.commit = self.source.notice, self.source.commit
        self.shares = lacking(config, self.source.splits)
        splits = [name for name in NAMES if name in (*self.source.splits, *self.shares)]
        elsewhere = "cache path origin licence hub config revision".split()
        settings = former_names(config) | dict.fromkeys(elsewhere)
        settings |= {"splits": splits, "files": list(self.source.files), "identity": self.source.identity}
        texts = fingerprint(self.source.files.values(), settings)
        self.codecs = self._learned(texts) if spec is None else _codecs_of(spec, config)
        self.fingerprint = fingerprint((), {"texts": texts, "codecs": _digest(self.codecs)})
        self.folder = prepared(
            cache_folder(config.cache),
            f"parallel-{config.name}-{self.fingerprint}",
            lambda folder: self._write(folder, splits),
        )
        meta = json.loads((self.folder / "meta.json").read_text(encoding="utf-8"))
        self.warnings: list[str] = [*self.source.warnings, *meta["warnings"]]
        self.spec = spec if spec is not None else self._spec(meta["counts"])
        self.splits = {name: ParallelSplit(self, name) for name in splits}

    # --- how text is spelled ----------------------------------------------------------------------

    def _learned(self, texts: str) -> dict[str, Codec]:
        """Codecs learned once from the training pairs; texts: the fingerprint of those."""
        config = self.config
        if "train" not in self.source.splits:
            raise UserError(f"data={config.name}: there are no training pairs to learn from")

        def training(*sides: str) -> Iterator[str]:
            for pair in self._pairs("train", BadRows(config.skip_bad), []):
                yield from (getattr(pair, side) for side in sides)

        def learn(folder: Path) -> None:
            for name, sides in spelled.items():
                codec = Codec.learn(training(*sides), config.tokens, config.subwords)
                codec.save(folder / f"codec-{name}.json")

        apart = {"source": ("source",), "target": ("target",)}
        spelled = {"source": ("source", "target")} if config.joint_vocabulary else apart
        folder = prepared(cache_folder(config.cache), f"codecs-{config.name}-{texts}", learn)
        return {name: Codec.load(folder / f"codec-{name}.json") for name in spelled}

    def _spec(self, counts: list[int]) -> DataSpec:
        """counts: how often each token occurs in the training sources."""
        return DataSpec(
            modality="text",
            num_coords=1,
            features=None,
            targets={TARGET: Target("sequence", codec="target" if "target" in self.codecs else "source")},
            vocabularies={"words": Vocabulary(self.codecs["source"].tokens, tuple(counts))},
            codecs=self.codecs,
        )

    # --- preparation ------------------------------------------------------------------------------

    def _write(self, folder: Path, splits: list[str]) -> None:
        """Spell every pair once."""
        from datasets import List, Value

        columns = {"source": List(Value("int32")), TARGET: List(Value("int32"))}
        columns |= {name: Value("string") for name in ("key", "source_text", "target_text")}
        counts = np.zeros(len(self.codecs["source"]), dtype=np.int64)
        warnings: list[str] = []

        def encoded(split: str, bad: BadRows, empty: list[str], longer: list[str]) -> Iterator[dict[str, Any]]:
            for pair, source, target in self._spelled(self._pairs(split, bad, empty), longer):
                if split == "train":
                    np.add.at(counts, source, 1)
                yield {
                    "source": source, TARGET: target, "key": pair.key, "source_text": pair.source,
                    "target_text": pair.target,
                }  # fmt: skip

        for split in splits:
            bad, empty, longer = BadRows(self.config.skip_bad, "pair"), list[str](), list[str]()
            number = write_rows(folder / f"{split}.arrow", columns, encoded(split, bad, empty, longer))
            if split in self.source.splits:  # what is held out was read, and told, with the rest
                warnings += [bad.summary()] if bad.count else []
                warnings += [_left_out(split, empty)] if empty else []
            limit = self.config.max_length, self.config.too_long
            warnings += beyond_length(len(longer), f"pairs of the {split} split", *limit)
            if number == 0:
                raise UserError(self._nothing_in(split))
        meta = {"counts": counts.tolist(), "warnings": warnings}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _nothing_in(self, split: str) -> str:
        place = self.config.path or f"data={self.config.name}"
        if split in self.shares:
            return f"{place}: {too_few(split, self.shares[split])}"
        return f"{place}: no pairs of non-empty sentences for the {split} split"

    def _pairs(self, split: str, bad: BadRows, empty: list[str]) -> Iterator[TextPair]:
        """The pairs of a split within `data.limit`; those with an empty side go to `empty`, by their keys."""
        taken = 0
        for pair in self._rows(split, bad):
            if split == "train" and self.config.limit is not None and taken >= self.config.limit:
                return
            if pair.source and pair.target:
                taken += 1
                yield pair
            else:
                empty.append(pair.key)

    def _rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
        """The pairs of a split; equal sources, but for white space, are held out together."""
        if not self.shares or (split in self.source.splits and split != "train"):
            yield from self.source.rows(split, bad)
            return
        for pair, own in zip(self.source.rows("train", bad), self._divided, strict=True):
            if own == split:
                yield pair

    @cached_property
    def _divided(self) -> list[str]:
        """The split of each pair that the source has for training."""
        owners = [
            " ".join(pair.source.split()) for pair in self.source.rows("train", BadRows(self.config.skip_bad))
        ]
        validation, test = (self.shares.get(name, 0.0) for name in ("validation", "test"))
        return with_held_out([""] * len(owners), owners, validation, test, self.config.split_seed)

    def _spelled(
        self, pairs: Iterator[TextPair], longer: list[str]
    ) -> Iterator[tuple[TextPair, list[int], list[int]]]:
        """Each pair with the ids of both sides, within `data.max_length`; those beyond it go to `longer`, by their keys."""
        longest, policy = self.config.max_length, self.config.too_long
        source_codec = self.codecs["source"]
        target_codec = self.codecs.get("target", source_codec)
        while some := list(islice(pairs, 1000)):
            sources = source_codec.encode([pair.source for pair in some])
            targets = target_codec.encode([pair.target for pair in some])
            for pair, source, target in zip(some, sources, targets, strict=True):
                length = max(len(source), len(target))
                if length > longest and policy == "refuse":
                    raise UserError(
                        f"{pair.key}: {length:,} tokens, more than `data.max_length={longest}`; "
                        "raise it, or set `data.too_long=cut` or `drop`"
                    )
                longer += [pair.key] if length > longest else []
                if length <= longest or policy == "cut":
                    yield pair, source[:longest], target[:longest]


class ParallelSplit(Split):
    """Training, validation or test pairs."""

    def __init__(self, data: Parallel, name: str) -> None:
        self.data = data
        columns = Columns(data.folder / f"{name}.arrow")
        self._source, target = columns.ragged("source"), columns.ragged(TARGET)
        self._targets = Sequences(target, target.lengths)
        self._texts, self._gold = columns.strings("source_text"), columns.strings("target_text")
        self.keys = columns.strings("key")
        self.lengths: NDArray[np.int64] = np.stack([self._source.lengths, self._targets.lengths], axis=1)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> Example:
        """One pair alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """These pairs, packed; nothing is altered in training."""
        inputs = tokens_in_order(self._source.take(indices), self._source.lengths[indices])
        return Batch(inputs, {TARGET: self._targets.take(indices)}, tuple(self.keys[i] for i in indices))

    def gold(self, target: str) -> list[str]:
        """The translations as they stand in the file, even where `data.max_length` cuts what is learned."""
        if target != TARGET:
            raise UserError(f"`head.target={target}`: the data have {TARGET}")
        return self._gold

    def content(self, i: int) -> bytes:
        """What pair i consists of: equal pairs have equal contents."""
        return f"{self._texts[i]}\n{self._gold[i]}".encode()

    def show(self, i: int) -> dict[str, str]:
        """The text that is translated."""
        return {"source": self._texts[i]}

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """None."""
        return {}

    def ceiling(self) -> float | None:
        """How often a perfect translator says exactly what stands there, where the data know it."""
        return self.data.source.ceiling


def _codecs_of(spec: DataSpec, config: ParallelData) -> dict[str, Codec]:
    """A run's own, by which other data are read."""
    if "source" not in spec.codecs:
        raise UserError(f"data={config.name}: the run did not learn from pairs of texts")
    return spec.codecs


def _digest(codecs: dict[str, Codec]) -> str:
    """Equal for codecs that spell alike."""
    tokens = json.dumps({name: codec.to_json() for name, codec in sorted(codecs.items())})
    return hashlib.blake2b(tokens.encode(), digest_size=12).hexdigest()


def _left_out(split: str, empty: list[str]) -> str:
    """A warning."""
    were = "1 pair has" if len(empty) == 1 else f"{len(empty):,} pairs have"
    return (
        f"{were} an empty side in the {split} split and {'was' if len(empty) == 1 else 'were'} left out: {empty[0]}"
        + (", …" if len(empty) > 1 else "")
    )
