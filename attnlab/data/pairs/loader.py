"""Sentence pairs: the source as a set of token ids with the token's number as coordinate, the target as a sequence.

Tokens are learned from the training pairs; what is prepared depends on them, too, so that other data can be split into
the tokens of a run.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from attnlab.codec import Codec, learn_codecs
from attnlab.config import DataConfig, ParallelData
from attnlab.data.contract import Data, Split
from attnlab.data.files.bad_rows import BadRows, beyond_length, longer_refused
from attnlab.data.files.file_names import FileNames
from attnlab.data.files.kept import Kept, Rows
from attnlab.data.pairs.given import SourceReader
from attnlab.data.pairs.sources import PairSource, TextPair
from attnlab.data.prep.arrow import Columns, write_rows
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.cache import cache_folder, fingerprint, prepared, settings_of
from attnlab.data.prep.crossval import Folds
from attnlab.data.prep.held_out import Division, divide_named
from attnlab.data.prep.sequences import Sequences, tokens_in_order
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES, Named, lacking, limited, position, positions_of, too_few
from attnlab.disk import make_folder, read_json
from attnlab.errors import UserError
from attnlab.sets import Batch
from attnlab.spec import DataSpec, Target, Vocabulary

TARGET = "translation"
"""The name of what is to be learned."""
LEFT_OUT = ""
"""The split of a pair that is in none."""


class Meta(TypedDict):
    """meta.json of prepared pairs. divided: a part of the fingerprint where earlier versions held out others, or
    read others."""

    warnings: list[str]
    divided: dict[str, str]


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
        # A fold is of the pairs of all files; else a part of the training file is held out for splits without one.
        in_fold = config.fold is not None
        self.fractions = {} if in_fold else lacking(config, self.source.splits)
        self.divided_files = self.source.splits if in_fold else ("train",)
        self.names = FileNames(self.source.files)
        splits = [name for name in NAMES if in_fold or name in (*self.source.splits, *self.fractions)]
        settings = settings_of(replace(config, limit=None))  # which is applied below, to what was prepared
        settings |= {"splits": splits, "files": list(self.source.files), "identity": self.source.identity}
        settings |= {} if self._fold is None else self._fold.settings  # a fold's pairs are prepared on their own
        texts = fingerprint(self.source.files.values(), settings)
        self.codecs = self._learned(texts) if spec is None else spec.codecs
        if "source" not in self.codecs:
            raise UserError(f"data={config.name}: the run did not learn from pairs of texts")
        tokens = json.dumps({name: codec.to_json() for name, codec in sorted(self.codecs.items())})
        digest = hashlib.blake2b(tokens.encode(), digest_size=12).hexdigest()
        examples = {"texts": texts, "codecs": digest}
        cache, prefix = cache_folder(config.cache), f"parallel-{config.name}-"
        folder = prepared(cache, prefix + fingerprint((), examples), lambda folder: self._write(folder, splits))
        meta = read_json(folder / "meta.json", Meta)
        limit = {} if config.limit is None else {"limit": config.limit, "limited": "by content"}
        self.fingerprint = fingerprint((), {**examples, **limit, **meta["divided"]})
        self.folder = cache / (prefix + self.fingerprint)
        make_folder(self.folder)
        self.warnings = [*self.source.warnings, *map(self.names.shown, meta["warnings"])]
        self.kept = Kept(config, cast(Rows, self.source))
        self.warnings += self.kept.warnings
        self.splits = {name: self._split(folder, name) for name in splits}
        self.spec = spec if spec is not None else self._spec()

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        assert isinstance(config, ParallelData) and config.folds is not None
        source = open_source(config, PairSource)
        return _examples(source, config).folds(config)

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> SourceReader:
        return SourceReader(config, spec)

    def _split(self, folder: Path, name: str) -> "ParallelSplit":
        """A split of the prepared pairs, within `data.limit` where it is for training."""
        columns = Columns(folder / f"{name}.arrow")
        rows = np.arange(len(columns))
        if name == "train" and self.config.limit is not None:
            texts = zip(columns.strings("source_text"), columns.strings("target_text"), strict=True)
            positions = np.array([position("\n".join(pair), self.config.split_seed) for pair in texts])
            rows = limited(self.config.limit, rows, positions, np.zeros_like(rows))
        return ParallelSplit(columns, rows, self.source, self.codecs, self.names, self.kept)

    # --- how text becomes tokens ------------------------------------------------------------------

    def _learned(self, texts: str) -> dict[str, Codec]:
        """Codecs learned once from all training pairs; texts: the fingerprint of those."""
        config = self.config
        if "train" not in self.source.splits:
            raise no_training(config, self.source, "training pairs")

        def learn(folder: Path) -> None:
            for name, codec in self._codecs(self._divided).items():
                codec.save(folder / f"codec-{name}.json")
            self.source.refuse_changed()

        folder = prepared(cache_folder(config.cache), f"codecs-{config.name}-{texts}", learn)
        return {name: Codec.load(folder / f"codec-{name}.json") for name in self._sides}

    @property
    def _sides(self) -> dict[str, tuple[str, ...]]:
        """The sides of the pairs from which each codec is learned."""
        if self.config.joint_vocabulary:
            return {"source": ("source", "target")}
        return {"source": ("source",), "target": ("target",)}

    def _codecs(self, divided: Sequence[str] | None) -> dict[str, Codec]:
        """Codecs learned from the training pairs; divided: see `_divided`."""
        config = self.config

        def training(sides: tuple[str, ...]) -> Iterator[str]:
            for pair in self._of_divided_files("train", divided, BadRows(config.skip_bad), []):
                yield from (getattr(pair, side) for side in sides)

        texts = {name: training(sides) for name, sides in self._sides.items()}
        return learn_codecs(texts, config.tokens, config.subwords)

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
        warnings = [] if self._fold is None else [*self._fold.warnings]
        unused, changes = 0, set[str]()  # pairs that were left out before others were held out

        for split in splits:
            bad, empty, longer = BadRows(self.config.skip_bad, "pair"), list[str](), list[str]()
            number = write_rows(
                folder / f"{split}.arrow", columns, self._encoded(self._pairs(split, bad, empty), longer)
            )
            changes |= bad.changes
            # What is held out was read, and warned of, with the training pairs.
            if split == "train" or self._has_own_file(split):
                warnings += bad.warnings()
                warnings += [_left_out(split, empty)] if empty else []
                unused += len(empty) if split == "train" else 0
            left_out = self._divided.count(LEFT_OUT) if split == "train" and self._divided is not None else 0
            limit = self.config.max_length, self.config.too_long
            warnings += beyond_length(len(longer) + left_out, f"pairs of the {split} split", *limit)
            unused += left_out
            if number == 0:
                nothing = f"no pairs of non-empty sentences for the {split} split"
                reason = too_few(split, self.fractions[split]) if split in self.fractions else nothing
                told = "".join(f"; {warning}" for warning in bad.warnings())
                raise UserError(f"{self.config.path or f'data={self.config.name}'}: {reason}{told}")
        self.source.refuse_changed()
        # Earlier versions counted such pairs among those that are held out.
        settings = {"divided": "what can be used"} if unused and self.fractions else {}
        settings |= {"changes": "; ".join(sorted(changes))} if changes else {}
        meta = {"warnings": [self.names.stored(warning) for warning in warnings], "divided": settings}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")

    def _has_own_file(self, split: str) -> bool:
        """Whether the source says which pairs a split has."""
        return split in self.source.splits and split not in self.divided_files

    def _pairs(self, split: str, bad: BadRows, empty: list[str]) -> Iterator[TextPair]:
        """The pairs of a split that have two sides; the keys of others in its file go to `empty`."""
        if self._has_own_file(split):
            return _with_two_sides(self.source, [split], bad, empty)
        return self._of_divided_files(split, self._divided, bad, empty)

    def _of_divided_files(
        self, split: str, divided: Sequence[str] | None, bad: BadRows, empty: list[str]
    ) -> Iterator[TextPair]:
        """The pairs of the files that are divided which are in a split; divided: see `_divided`."""
        pairs = _with_two_sides(self.source, self.divided_files, bad, empty)
        if divided is None:
            return pairs
        return (pair for pair, own in zip(pairs, divided, strict=True) if own == split)

    @cached_property
    def _divided(self) -> list[str] | None:
        """The split of each pair with two sides in the files that are divided; None where all are for training. Equal
        sources, but for white space, are held out together; LEFT_OUT are those that `data.too_long=drop` leaves out of the
        division, but for folds, which it makes smaller.

        How many tokens a text has is only known when tokens have been learned from training pairs. Those of a first
        division, of all pairs, decide who is too long; the run learns its own from the second.
        """
        if self._fold is not None:
            return [NAMES[split] for split in self._fold.splits.tolist()]
        if not self.fractions:
            return None
        owners = [
            _owner(pair)
            for pair in _with_two_sides(self.source, self.divided_files, BadRows(self.config.skip_bad), [])
        ]
        splits = self._held_out(owners)
        if self.config.too_long != "drop":
            return splits
        fits = self._fitting(self._codecs(splits))
        kept = iter(self._held_out([owner for owner, fitting in zip(owners, fits, strict=True) if fitting]))
        return [next(kept) if fitting else LEFT_OUT for fitting in fits]

    @cached_property
    def _fold(self) -> Division | None:
        """The splits of all pairs with two sides when a fold is tested; None where none is named."""
        if self.config.fold is None:
            return None
        return _examples(self.source, self.config).fold(self.config)

    def _held_out(self, owners: Sequence[str]) -> list[str]:
        division = divide_named(owners, [""] * len(owners), self.fractions, self.config.split_seed)
        return [NAMES[split] for split in division.splits.tolist()]

    def _fitting(self, codecs: dict[str, Codec]) -> list[bool]:
        """Whether each pair with two sides in the files that are divided is within `data.max_length`."""
        pairs = _with_two_sides(self.source, self.divided_files, BadRows(self.config.skip_bad), [])
        fits = list[bool]()
        while block := list(islice(pairs, 1000)):
            ids = self._ids(block, codecs)
            fits += [max(map(len, sides)) <= self.config.max_length for sides in ids]
        return fits

    def _ids(self, pairs: Sequence[TextPair], codecs: dict[str, Codec]) -> list[tuple[list[int], list[int]]]:
        """The tokens of both sides of each pair."""
        sources = codecs["source"].encode([pair.source for pair in pairs])
        targets = codecs.get("target", codecs["source"]).encode([pair.target for pair in pairs])
        return list(zip(sources, targets, strict=True))

    def _encoded(self, pairs: Iterator[TextPair], longer: list[str]) -> Iterator[dict[str, object]]:
        """Rows with the ids of both sides, within `data.max_length`; those beyond it go to `longer`, by their keys."""
        max_length, policy = self.config.max_length, self.config.too_long
        while block := list(islice(pairs, 1000)):
            for pair, (source, target) in zip(block, self._ids(block, self.codecs), strict=True):
                length = max(len(source), len(target))
                if length > max_length and policy == "refuse":
                    raise longer_refused(pair.key, f"{length:,} tokens", max_length)
                longer += [pair.key] if length > max_length else []
                if length <= max_length or policy == "cut":
                    ids = {"source": source[:max_length], TARGET: target[:max_length]}
                    key = self.names.stored_key(pair.key)
                    yield ids | {"key": key, "source_text": pair.source, "target_text": pair.target}


def _owner(pair: TextPair) -> str:
    """Pairs of one owner are held out together: those whose sources are equal, but for white space."""
    return " ".join(pair.source.split())


def _with_two_sides(
    source: PairSource, files: Iterable[str], bad: BadRows, empty: list[str]
) -> Iterator[TextPair]:
    """The pairs of the files of these splits but for those with an empty side, whose keys go to `empty`."""
    for pair in chain.from_iterable(source.rows(file, bad) for file in files):
        if pair.source and pair.target:
            yield pair
        else:
            empty.append(pair.key)


def _examples(source: PairSource, config: ParallelData) -> Examples:
    """What folds of all pairs with two sides depend on."""
    keys, owners = list[str](), list[str]()
    for pair in _with_two_sides(source, source.splits, BadRows(config.skip_bad), []):
        keys.append(pair.key)
        owners.append(_owner(pair))
    return Examples(
        keys=keys,
        splits=np.zeros(len(keys), dtype=np.int8),
        given=source.splits,
        positions=positions_of(owners, config.split_seed),
        classes=Named.alike(len(keys)),
    )


class ParallelSplit(Split):
    """Training, validation or test pairs. rows: their numbers among those that were prepared. pairs: where they are from.
    codecs: what their ids stand for. names: of the files. kept: what stands beside predictions."""

    def __init__(
        self, columns: Columns, rows: Indices, pairs: PairSource, codecs: Mapping[str, Codec], names: FileNames,
        kept: Kept,
    ) -> None:  # fmt: skip
        self.rows, self._pairs, self._codecs, self._kept = rows, pairs, codecs, kept
        self._source, self._target = columns.ragged("source"), columns.ragged(TARGET)
        self._targets = Sequences(self._target, self._target.lengths)
        self._texts, self._gold = (columns.strings_of(name, rows) for name in ("source_text", "target_text"))
        self.keys = columns.strings_of("key", rows, names.shown)
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

    def name(self, i: int) -> str:
        return self._kept.id(self.keys[i])

    def kept(self, i: int) -> dict[str, str]:
        return self._kept.beside(self.keys[i])

    def ceiling(self) -> float | None:
        return self._pairs.ceiling

    def evidence(self, i: int) -> NDArray[np.bool_] | None:
        """(M, L): of each token of the translation, the source tokens of the word that its word translates."""
        row = int(self.rows[i])
        source, target = self._codecs["source"], self._codecs.get("target", self._codecs["source"])
        words, word_of_token = words_of([source.tokens[id_] for id_ in self._source[row]])
        translated, translated_of_token = words_of([target.tokens[id_] for id_ in self._target[row]])
        links = self._pairs.links(words, translated)
        if links is None:
            return None
        of_tokens = links[translated_of_token][:, word_of_token]
        return np.concatenate(
            [of_tokens, np.zeros((1, len(word_of_token)), dtype=np.bool_)]
        )  # `</s>` translates nothing


def words_of(tokens: Sequence[str]) -> tuple[list[str], list[int]]:
    """Words and punctuation marks that tokens of a codec stand for, and of each token which of them it belongs to. A space
    between characters belongs to the word behind it."""
    words, numbers, closed = list[str](), list[int](), True
    for token in tokens:
        text = token.replace("▁", " ")
        mark = not any(letter.isalnum() or letter.isspace() for letter in text)
        if closed or mark or text[:1] == " ":
            words.append("")
        words[-1] += text.strip()
        numbers.append(len(words) - 1)
        closed = mark
    return words, numbers


def _left_out(split: str, empty: list[str]) -> str:
    """A warning."""
    if len(empty) == 1:
        return f"1 pair has an empty side in the {split} split and was left out: {empty[0]}"
    return f"{len(empty):,} pairs have an empty side in the {split} split and were left out: {empty[0]}, …"
