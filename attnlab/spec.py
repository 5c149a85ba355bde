"""What only the data know: vocabularies, widths, classes. Saved with every run, never typed in a config.

A `DataSpec` sizes the model, and turns predictions back into words, so that metrics and users see
plain lists of words and numbers.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from attnlab.codec import UNKNOWN, Codec
from attnlab.disk import parse_json, read_text, write_text
from attnlab.errors import Damaged, UserError
from attnlab.schema import Count, Finite, Size, Within, checked


@dataclass(frozen=True)
class Vocabulary:
    """Words and their ids 0, 1, …; word 0 is `<unk>`, which stands for every word not in the list. `counts[i]` says how
    often word i occurs in the training data, those of a run included whose embedding was taken (0 for `<unk>`)."""

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        assert len(self.words) == len(self.counts) and self.words[0] == UNKNOWN

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    def encode(self, words: Iterable[str]) -> list[int]:
        """The id of each word; 0 for unknown ones."""
        get = self.ids.get
        return [get(word, 0) for word in words]

    @classmethod
    def from_counts(cls, counts: dict[str, int], min_count: int = 1) -> "Vocabulary":
        """Words seen at least `min_count` times, frequent ones first, ties in alphabetical order."""
        kept = sorted((-n, word) for word, n in counts.items() if n >= min_count and word != UNKNOWN)
        return cls((UNKNOWN, *(word for _, word in kept)), (0, *(-n for n, _ in kept)))

    def save(self, path: Path) -> None:
        """One word and its count per line, separated by a tab. No word holds a line feed."""
        lines = (f"{word}\t{count}\n" for word, count in zip(self.words, self.counts, strict=True))
        write_text(path, "".join(lines))

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote. Raises UserError where something else lies there."""
        counts: dict[str, int] = {}
        # A word may hold a carriage return, or any other character that looks like a line's end.
        for number, line in enumerate(read_text(path).split("\n")[:-1], 1):
            word, tab, count = line.rpartition("\t")
            if not tab or not re.fullmatch("[0-9]{1,15}", count) or (number == 1 and word != UNKNOWN):
                raise Damaged(f"{path}:{number}: expected a word, a tab and a count")
            if word in counts:
                raise Damaged(f"{path}:{number}: a word that stands above already")
            counts[word] = int(count)
        if not counts:
            raise Damaged(f"{path}: empty vocabulary")
        return cls(tuple(counts), tuple(counts.values()))


@dataclass(frozen=True)
class Target:
    """One thing the data can teach. kind: see `attnlab.targets`. classes: their names; counts: how often each occurs in the
    training data; mean, std: of numbers there, in their unit. codec: of a sequence, the name of its codec."""

    kind: str
    classes: tuple[str, ...] = ()
    counts: tuple[Count, ...] = ()
    mean: Finite = 0.0
    std: Finite = 1.0
    codec: str = ""

    def problems(self) -> Iterator[str]:
        """What doesn't go together, as in a damaged spec.json."""
        if len(set(self.classes)) < len(self.classes):
            yield "a target has a class twice"
        if len(self.counts) not in (0, len(self.classes)):
            yield f"a target has {len(self.classes)} classes, but {len(self.counts)} counts"


FORMER_NAMES = {"places": "num_coords", "feature_spread": "feature_std", "spread": "std"}
"""What fields are called in the spec.json of earlier versions."""


@dataclass(frozen=True)
class DataSpec:
    """The sizes and codecs of one data set.

    features: F of float values, None where values are ids of `vocabulary`.
    num_coords: P, the number of coordinates of a vector; 0 where there is no order.
    vocabularies: "words" for ids, "characters" where vectors have parts, …
    codecs: how text is tokenised, where answers are text: "target", or "source" where sources and answers share one
    (whose tokens then are the vocabulary "words", too).
    slices: names of marks on vectors, for scores on those vectors alone.
    frame_seconds: how long one step of the coordinate lasts, where coordinates are time.
    edge_features: width of `edge_values`; 0 where edges have no values, None where there are no edges.
    feature_mean, feature_std: of each feature (pictures: each channel) in the training data, where values are
    measured by them.
    structure: of graphs, what was added to each node's features ("degree:1"); None where that isn't known.
    """

    modality: str
    num_coords: Size
    features: Size | None
    targets: dict[str, Target]
    vocabularies: dict[str, Vocabulary]
    slices: tuple[str, ...] = ()
    frame_seconds: Annotated[float, Within(1e-6, 1e6)] | None = None
    edge_features: Size | None = None
    feature_mean: tuple[Finite, ...] = ()
    feature_std: tuple[Finite, ...] = ()
    codecs: dict[str, Codec] = field(default_factory=dict)
    structure: tuple[str, ...] | None = None

    def target(self, name: str) -> Target:
        """Raises UserError where the data have no such target."""
        if name not in self.targets:
            raise UserError(f"`head.target={name}`: the data have {', '.join(self.targets) or 'no targets'}")
        return self.targets[name]

    def save(self, folder: Path) -> None:
        """Write spec.json and a file for each vocabulary and each codec."""
        for name, vocabulary in self.vocabularies.items():
            vocabulary.save(folder / f"vocabulary-{name}.tsv")
        for name, codec in self.codecs.items():
            codec.save(folder / f"codec-{name}.json")
        fields = asdict(replace(self, vocabularies={}, codecs={}))
        fields |= {"vocabularies": sorted(self.vocabularies), "codecs": sorted(self.codecs)}
        write_text(folder / "spec.json", json.dumps(fields, indent=1, ensure_ascii=False))

    @classmethod
    def load(cls, folder: Path) -> "DataSpec":
        """Read what `save` wrote. Raises UserError where something else lies there."""
        path = folder / "spec.json"
        where = f"{path}: not a data description written by attnlab"
        try:
            fields = _renamed(checked(dict[str, object], parse_json(read_text(path), where), where))
            if isinstance(targets := fields.get("targets"), dict):
                fields["targets"] = {n: _renamed(t) if isinstance(t, dict) else t for n, t in targets.items()}
            names, codecs = (
                checked(list[str], fields.pop(part, []), f"{where}: {part}") for part in ("vocabularies", "codecs")
            )
            if any(not name.isidentifier() for name in (*names, *codecs)):
                raise Damaged(f"{path}: the name of a vocabulary or codec must be a plain word")
            described = checked(cls, fields | {"vocabularies": {}}, where)
            vocabularies = {name: Vocabulary.load(folder / f"vocabulary-{name}.tsv") for name in names}
            loaded = {name: Codec.load(folder / f"codec-{name}.json") for name in codecs}
        except OSError as error:
            raise Damaged(f"{where} ({error.filename}: {error.strerror})") from error
        spec = replace(described, vocabularies=vocabularies, codecs=loaded)
        for problem in spec._contradictions():
            raise Damaged(f"{where}: {problem}")
        return spec

    def _contradictions(self) -> Iterator[str]:
        """What doesn't go together, as in a damaged spec.json."""
        words, source = self.vocabularies.get("words"), self.codecs.get("source")
        if self.features is None and words is None:
            yield "neither numbers nor a vocabulary of words"
        if self.features is None and words is not None and source is not None and len(words) != len(source):
            yield f"the vocabulary has {len(words)} words, but its codec {len(source)} tokens"
        if len(self.feature_mean) != len(self.feature_std):
            yield f"{len(self.feature_mean)} means of features, but {len(self.feature_std)} standard deviations"
        for name, target in self.targets.items():
            if target.codec and target.codec not in self.codecs:
                yield f"`targets.{name}`: there is no codec {target.codec!r}"
            if target.kind == "sequence" and not target.codec:
                yield f"`targets.{name}`: a sequence needs a codec"


def _renamed(fields: dict[str, object]) -> dict[str, object]:
    """The fields of a spec.json, also of one that an earlier version wrote, with their present names."""
    return {FORMER_NAMES.get(name, name): value for name, value in fields.items()}
