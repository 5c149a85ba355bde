"""A source from outside: registered with its own keys, it is opened as those of the program are."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from attnlab.config import ParallelData, TextData, check, key, node_type
from attnlab.data import open_data
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.pairs.sources import PairSource, TextPair
from attnlab.data.prep.source import no_path, open_source, path_of
from attnlab.data.text.source import TextRow, TextSource
from attnlab.errors import UserError
from attnlab.registry import LOADERS, PAIR_SOURCES, TEXT_SOURCES


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What a test registers is known to itself alone."""
    kept = [(registry, dict(registry._entries)) for registry in (LOADERS, PAIR_SOURCES, TEXT_SOURCES)]
    yield
    for registry, entries in kept:
        registry._entries = entries


@dataclass
class PipedData(TextData):
    """Words and tags of a format of one's own."""

    loader: str = key("piped", "which loader reads it", choices=LOADERS)
    source: str = key("piped", "where the sentences come from", choices=TEXT_SOURCES)
    mark: str = key("|", "what stands between a word and its tag")


class Piped(TextSource[None]):
    """`word|TAG word|TAG` on each line."""

    needs = "a file with {mark} between words and tags"
    targets: ClassVar = {"tags": "vector_classes"}
    splits = ("train",)

    def __init__(self, config: PipedData) -> None:
        self.mark, self.files = config.mark, {"train": Path(path_of(config))}

    def rows(self, split: str, piece: None, bad: BadRows) -> Iterator[TextRow]:
        for number, line in enumerate(self.files[split].read_text().splitlines(), 1):
            cells = [cell.split(self.mark) for cell in line.split()]
            if any(len(cell) != 2 for cell in cells):
                bad.found(f"{self.files[split]}:{number}: a word without a tag")
            else:
                words, tags = zip(*cells, strict=True)
                yield TextRow(words, {"tags": tags}, f"line {number}")


def test_a_source_of_a_plugin_is_read_with_keys_of_its_own(tmp_path: Path) -> None:
    TEXT_SOURCES.register("piped", PipedData)(Piped)
    path = tmp_path / "own.txt"
    path.write_text("".join(f"they/PRON walk/VERB {i}/NUM\n" for i in range(40)))
    assert node_type("data", {"loader": "piped"}) is PipedData and LOADERS.plugin("piped") == __name__
    config = PipedData(name="mine", path=str(path), mark="/", cache=str(tmp_path / "cache"))
    check(config, "data.")
    data = open_data(config, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 32, "validation": 4, "test": 4}
    assert data.spec.targets["tags"].classes == ("NUM", "PRON", "VERB")
    path.write_text("they\n")
    with pytest.raises(UserError, match=r"own\.txt:1: a word without a tag"):
        open_data(config, seed=1)
    with pytest.raises(UserError, match="data=mine needs a file with / between words and tags"):
        open_data(PipedData(name="mine", mark="/"), seed=1)
    with pytest.raises(UserError, match=r"data\.source=piped is not read from the hub"):
        open_data(PipedData(name="mine", hub="somebody/words"), seed=1)


def test_a_source_without_keys_is_chosen_by_its_name(tmp_path: Path) -> None:
    @PAIR_SOURCES.register("doubled")
    class Doubled(PairSource):
        splits = ("train", "validation", "test")

        def rows(self, split: str, bad: BadRows) -> Iterator[TextPair]:
            for i in range(10):
                yield TextPair(f"dog {i}", f"dog {i} dog {i}", f"{split} {i}")

    assert "doubled" not in LOADERS
    config = ParallelData(name="toy", source="doubled", tokens="words", cache=str(tmp_path))
    data = open_data(config, seed=1)
    assert data.splits["test"].gold("translation")[3] == "dog 3 dog 3"


def test_a_source_must_be_of_the_loaders_kind() -> None:
    PAIR_SOURCES.register("wrong")(Piped)
    with pytest.raises(UserError, match=r"data\.source `wrong` must be a class derived from PairSource"):
        open_source(ParallelData(name="toy", source="wrong"), PairSource)


def test_where_the_data_are_to_be_had_is_said() -> None:
    config = ParallelData(name="toy", source="lines", source_language="fr", origin="somewhere.org")
    assert str(no_path(config, "; why not")) == (
        "`data.path` is missing: data=toy needs the folder that holds train.fr and train.de; "
        "the data are to be had from somewhere.org; why not"
    )
