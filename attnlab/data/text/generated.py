"""Generated sentences, reviews and sequences; the data are as fixed as those of a file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.config import CopyingData, RecallData, TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.synthetic import copying, evidence, grammar, lexicon, recall, reviews
from attnlab.data.text.source import TextRow, TextSource

SEEDS = {"train": 1, "validation": 2, "test": 3}


class Grammar(TextSource[None]):
    """`data=grammar`: generated sentences."""

    notice = (
        "These sentences are generated (data=grammar). For real ones: "
        "attnlab train task=pos data=ud_ewt data.path=FOLDER, with the .conllu files of a Universal "
        "Dependencies treebank in FOLDER."
    )
    targets: Mapping[str, str] = {"tags": "vector_classes"}
    slices = ("distant",)
    splits = tuple(grammar.SIZES)

    def __init__(self, config: TextData) -> None:
        # The generator is the source: another version of it makes other data.
        self.files = {"grammar": Path(grammar.__file__), "lexicon": Path(lexicon.__file__)}

    def rows(self, split: str, piece: None, bad: BadRows) -> Iterator[TextRow]:
        for i, s in enumerate(grammar.sentences(grammar.SIZES[split], SEEDS[split])):
            slices = {"distant": s.distant}
            yield TextRow(s.words, {"tags": s.tags}, f"grammar-{split}-{i}", s.ceiling, slices)

    def evidence(self, key: str) -> NDArray[np.bool_] | None:
        _, split, number = key.split("-")
        return evidence.of_sentence(split, int(number), SEEDS[split])


class Reviews(TextSource[None]):
    """`data=reviews`: generated reviews."""

    notice = (
        "These reviews are generated (data=reviews). For real ones: "
        "attnlab train task=sentiment data=csv data.path=FILE data.text=COLUMN data.label=COLUMN, where FILE is a "
        ".csv, .tsv or .jsonl file with a text and its class in each row."
    )
    targets: Mapping[str, str] = {"label": "class"}
    splits = tuple(reviews.SIZES)

    def __init__(self, config: TextData) -> None:
        self.files = {"reviews": Path(reviews.__file__), "lexicon": Path(lexicon.__file__)}

    def rows(self, split: str, piece: None, bad: BadRows) -> Iterator[TextRow]:
        for i, r in enumerate(reviews.reviews(reviews.SIZES[split], SEEDS[split])):
            yield TextRow(r.words, {"label": r.sentiment}, f"reviews-{split}-{i}", (r.ceiling,))

    def evidence(self, key: str) -> NDArray[np.bool_]:
        _, split, number = key.split("-")
        return evidence.of_review(split, int(number), SEEDS[split])


HELD_OUT = 500
"""Sequences of a validation and of a test split."""


def _draws(draw: int, split: str) -> int:
    """The seed of a split: no two splits of any draws share one."""
    return len(SEEDS) * draw + SEEDS[split]


class Recall(TextSource[None]):
    """`data=recall`: pairs of keys and values among other words, and questions for the value of a key."""

    targets: Mapping[str, str] = {"tags": "vector_classes"}
    splits = tuple(SEEDS)

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, RecallData)
        self.config, self.files = config, {"recall": Path(recall.__file__)}
        self.distances = dict.fromkeys(SEEDS, config.distances) | {"test": config.tested}
        listed = sorted({*config.distances, *config.tested})
        self.slices = tuple(f"distance_{distance}" for distance in listed)

    def rows(self, split: str, piece: None, bad: BadRows) -> Iterator[TextRow]:
        count = self.config.sequences if split == "train" else HELD_OUT
        drawn = recall.sequences(count, _draws(self.config.draw, split), self.distances[split], self.config.pairs)
        for i, s in enumerate(drawn):
            slices = {
                name: tuple(distance == int(name.rpartition("_")[2]) for distance in s.distances)
                for name in self.slices
            }
            ceiling = tuple(1.0 for answer in s.answers if answer)
            yield TextRow(s.words, {"tags": s.answers}, f"recall-{split}-{i}", ceiling, slices)


class Copying(TextSource[None]):
    """`data=copying`: the tag of each word is the word some places before it."""

    targets: Mapping[str, str] = {"tags": "vector_classes"}
    splits = tuple(SEEDS)

    def __init__(self, config: TextData) -> None:
        assert isinstance(config, CopyingData)
        self.config, self.files = config, {"copying": Path(copying.__file__)}
        trained = list(range(config.lengths[0], config.lengths[1] + 1))
        self.lengths = dict.fromkeys(SEEDS, trained) | {"test": config.tested or trained}
        self.slices = tuple(f"length_{length}" for length in config.tested)

    def rows(self, split: str, piece: None, bad: BadRows) -> Iterator[TextRow]:
        config, count = self.config, self.config.sequences if split == "train" else HELD_OUT
        seed, lengths = _draws(config.draw, split), self.lengths[split]
        for i, s in enumerate(copying.sequences(count, seed, lengths, config.shifts, config.symbols)):
            slices = {name: (name == f"length_{len(s.words)}",) * len(s.words) for name in self.slices}
            ceiling = tuple(1.0 for tag in s.tags if tag)
            yield TextRow(s.words, {"tags": s.tags}, f"copying-{split}-{i}", ceiling, slices)
