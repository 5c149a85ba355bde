"""What only the data know: vocabularies, widths, classes. Saved with every run, never typed in a config.

A `DataSpec` sizes the model, and turns predictions back into words, so that metrics and users see
plain lists of words and numbers.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from attnlab.codec import UNKNOWN, Codec
from attnlab.errors import UserError


@dataclass(frozen=True)
class Vocabulary:
    """Words and their ids 0, 1, …; word 0 is `<unk>`, which stands for every word not in the list. `counts[i]` says how
    often word i occurs in the training data (0 for `<unk>`)."""

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
        path.write_text("".join(lines), encoding="utf-8", newline="\n")

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote. Raises UserError where something else lies there."""
        words, counts = [], []
        # A word may hold a carriage return, which reading as text would make a line feed of.
        for number, line in enumerate(path.read_bytes().decode().split("\n")[:-1], 1):
            word, tab, count = line.rpartition("\t")
            if not tab or not count.isdigit() or (number == 1 and word != UNKNOWN):
                raise UserError(f"{path}:{number}: expected a word, a tab and a count")
            words.append(word)
            counts.append(int(count))
        if not words:
            raise UserError(f"{path}: empty vocabulary")
        return cls(tuple(words), tuple(counts))


@dataclass(frozen=True)
class Target:
    """One thing the data can teach. kind: see `attnlab.targets`. classes: their names; counts: how often each occurs in the
    training data; mean, std: of numbers there, in their unit. codec: of a sequence, the name of its codec."""

    kind: str
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    mean: float = 0.0
    std: float = 1.0
    codec: str = ""


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
    num_coords: int
    features: int | None
    targets: dict[str, Target]
    vocabularies: dict[str, Vocabulary]
    slices: tuple[str, ...] = ()
    frame_seconds: float | None = None
    edge_features: int | None = None
    feature_mean: tuple[float, ...] = ()
    feature_std: tuple[float, ...] = ()
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
        (folder / "spec.json").write_text(json.dumps(fields, indent=1, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "DataSpec":
        """Read what `save` wrote. Raises UserError where something else lies there."""
        path = folder / "spec.json"
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            names = [str(name) for name in fields.pop("vocabularies")]
            codecs = [str(name) for name in fields.pop("codecs", ())]
            if any(not name.isidentifier() for name in (*names, *codecs)):
                raise UserError(f"{path}: the name of a vocabulary or codec must be a plain word")
            targets = {name: Target(**_renamed(target)) for name, target in fields.pop("targets").items()}
            vocabularies = {name: Vocabulary.load(folder / f"vocabulary-{name}.tsv") for name in names}
            loaded = {name: Codec.load(folder / f"codec-{name}.json") for name in codecs}
            return cls(**_renamed(fields), targets=targets, vocabularies=vocabularies, codecs=loaded)
        except (OSError, AttributeError, KeyError, TypeError, json.JSONDecodeError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a data description written by attnlab ({error})") from error


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a spec.json, also of one that an earlier version wrote, with their present names and types."""
    return {FORMER_NAMES.get(k, k): tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
