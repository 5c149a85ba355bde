"""Generated sentences and reviews."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.synthetic import grammar, lexicon, reviews
from attnlab.data.text.source import TextRow, TextSource


class Grammar(TextSource):
    """`data=grammar`: generated sentences; the data are as fixed as those of a file."""

    notice = (
        "These sentences are generated (data=grammar). For real ones: "
        "attnlab train task=pos data=ud_ewt data.path=FOLDER, with the .conllu files of a Universal "
        "Dependencies treebank in FOLDER."
    )
    slices = ("distant",)
    seeds: ClassVar = {"train": 1, "validation": 2, "test": 3}

    def __init__(self, config: TextData) -> None:
        self.targets = {"tags": "vector_classes"}
        # The generator is the source: another version of it makes other data.
        self.files = {"grammar": Path(grammar.__file__), "lexicon": Path(lexicon.__file__)}
        self.splits = tuple(grammar.SIZES)

    def rows(self, split: str, piece: Any, bad: BadRows) -> Iterator[TextRow]:
        for i, s in enumerate(grammar.sentences(grammar.SIZES[split], self.seeds[split])):
            slices = {"distant": s.distant}
            yield TextRow(s.words, {"tags": s.tags}, f"grammar-{split}-{i}", s.ceiling, slices)


class Reviews(TextSource):
    """`data=reviews`: generated reviews; the data are as fixed as those of a file."""

    notice = (
        "These reviews are generated (data=reviews). For real ones: "
        "attnlab train task=sentiment data=csv data.path=FILE data.text=COLUMN data.label=COLUMN, where FILE is a "
        ".csv, .tsv or .jsonl file with a text and its class in each row."
    )
    seeds: ClassVar = {"train": 1, "validation": 2, "test": 3}

    def __init__(self, config: TextData) -> None:
        self.targets = {"label": "class"}
        self.files = {"reviews": Path(reviews.__file__), "lexicon": Path(lexicon.__file__)}
        self.splits = tuple(reviews.SIZES)

    def rows(self, split: str, piece: Any, bad: BadRows) -> Iterator[TextRow]:
        for i, r in enumerate(reviews.reviews(reviews.SIZES[split], self.seeds[split])):
            yield TextRow(r.words, {"label": r.sentiment}, f"reviews-{split}-{i}", (r.ceiling,))
