"""Where sentences come from: each source yields plain rows for each split, and names the files it reads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from attnlab.config import TextData
from attnlab.data.conllu import Conllu
from attnlab.data.hub import HubTable, HubTagged
from attnlab.data.reading import BadRows
from attnlab.data.rows import TextRow, TextSource
from attnlab.data.synthetic import grammar, lexicon, reviews
from attnlab.data.tables import Table
from attnlab.data.tagged import Tagged


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


TEXT_SOURCES: dict[str, Callable[[TextData], TextSource]] = {
    "grammar": Grammar,
    "reviews": Reviews,
    "conllu": Conllu,
    "tagged": Tagged,
    "table": Table,
}
HUB_SOURCES: dict[str, Callable[[Any], TextSource]] = {
    "conllu": HubTagged,
    "tagged": HubTagged,
    "table": HubTable,
}
"""Where the same data are had from the hub."""


def text_source(config: TextData) -> TextSource:
    """The user's own files come first, then the hub."""
    on_hub = config.path is None and config.hub is not None
    return (HUB_SOURCES if on_hub else TEXT_SOURCES)[config.source](config)
