"""Generated sentences and reviews; the data are as fixed as those of a file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.synthetic import evidence, grammar, lexicon, reviews
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
