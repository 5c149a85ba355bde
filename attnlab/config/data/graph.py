"""Keys of `data=` for graphs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from attnlab.config.data.base import CrossValidated, embedded_problems
from attnlab.config.keys import LARGEST, key
from attnlab.errors import UserError, suggestion
from attnlab.registry import GRAPH_SOURCES, LOADERS, SourceRegistry

STRUCTURES = ("laplacian", "random_walk", "degree", "size")
WIDEST_STRUCTURE = 1000
ONE_NUMBER = ("degree", "size")
"""Structures that are a single number, written without a width."""


@dataclass
@LOADERS.builtin("graph", "attnlab.data.graph.loader:Graphs")
@GRAPH_SOURCES.builtin("molecules", "attnlab.data.graph.sources:Molecules")
@GRAPH_SOURCES.builtin("karate", "attnlab.data.graph.sources:Karate")
@GRAPH_SOURCES.builtin("tu", "attnlab.data.graph.tu:Tu")
@GRAPH_SOURCES.builtin("molecule_net", "attnlab.data.graph.molecule_net:MoleculeNet")
@GRAPH_SOURCES.builtin("jsonl", "attnlab.data.graph.jsonl:Jsonl")
class GraphData(CrossValidated):
    """Graphs: nodes with features, and the edges between them."""

    sources: ClassVar[SourceRegistry] = GRAPH_SOURCES

    name: str = key("???", "the data set's name; of TU sets that of their files, as in MUTAG_A.txt")
    source: str = key("???", "where the graphs come from", choices=GRAPH_SOURCES)
    path: str | None = key(
        None, "folder of a TU set, table of MoleculeNet, or .jsonl file; null for generated data and downloads"
    )
    download: str | None = key(
        None,
        "tu, molecule_net: a set to download, such as ENZYMES or ESOL, where there is no data.path",
        was="hub",
    )
    limit: int | None = key(
        None, "number of training graphs that are used, each class in proportion; null: all", min=1, max=LARGEST
    )
    target_kind: str = key(
        "class",
        "jsonl: what a label is: class, number, classes (a list of 1 yes, 0 no, null unknown) or vector_classes (a class for each "
        "node); none: there is no label, for task=masked",
        choices=("class", "number", "classes", "vector_classes", "none"),
    )
    directed: bool = key(False, "jsonl: whether an edge leads only from its first node to its second")
    structure: Any = key(
        None,
        "features that tell where a node stands in its graph, joined to its own: laplacian:8, random_walk:16, degree, size (of its graph) or a "
        "list; null: none, or degree where nodes have no features",
    )
    flip_signs: bool = key(
        True, "training: whether the signs of laplacian vectors, which are arbitrary, are flipped at random"
    )
    labelled: int = key(
        4, "source=karate: number of nodes on each side whose label is trained on", min=1, max=LARGEST
    )
    # Part of fingerprints from the first, where those of other data are not.
    folds: str | None = key(
        None, "cross-validation: a number of folds, at least 3", values="a whole number, at least 3"
    )
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(0, "random seed of held-out examples, folds and labelled nodes", min=0, max=LARGEST)

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        if settings.get("source") == "karate":
            return ("social",)
        return ("tagging",) if settings.get("target_kind") == "vector_classes" else ("graph",)

    def __post_init__(self) -> None:
        self.name = self.name or self.download or ""

    def problems(self) -> Iterator[str]:
        if not self.name:
            yield f"`data.name` is missing: which set of data={self.source}; set it with `data.name=…`, or by `data.download=…`"
        if self.download is not None:
            yield from self._download_problems(self.download)
        yield from super().problems()
        yield from embedded_problems(self, ("molecules", "karate"), "graph_jsonl")
        if self.folds is not None and self.source == "karate":
            yield "`data.folds` divides graphs, and data=karate is a single one"
        try:
            parse_structures(self.structure)
        except UserError as error:
            yield str(error)

    def _download_problems(self, download: str) -> Iterator[str]:
        if self.source not in ("tu", "molecule_net"):
            yield f"`data.download={download}`: only sets of data=tu and data=molecule_net are downloaded by name"
        elif self.name != download:
            yield f"`data.download={download} data.name={self.name}`: two names; give one"
        elif not re.fullmatch(r"\w[\w.-]*", download):
            yield f"`data.download={download}`: write the name of a set, such as ENZYMES"


def parse_structures(words: object) -> tuple[tuple[str, int], ...]:
    """(name, width) of each structure, as `data.structure` lists them. Raises UserError for other words."""
    listed = [] if words is None else list(words) if isinstance(words, list | tuple) else [words]
    structures = []
    for word in listed:
        kind, colon, width = str(word).partition(":")
        if kind not in STRUCTURES:
            raise UserError(f"`data.structure={word}`: no such structure; {suggestion(kind, STRUCTURES)}")
        if (kind in ONE_NUMBER) == bool(colon) or (
            colon and not (width.isdecimal() and 0 < int(width[:9]) <= WIDEST_STRUCTURE)
        ):
            raise UserError(
                f"`data.structure={word}`: write laplacian:8 or random_walk:16 (any number from 1 to {WIDEST_STRUCTURE}), "
                "degree or size"
            )
        structures.append((kind, int(width or 1)))
    return tuple(structures)
