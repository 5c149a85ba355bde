"""Graphs as sets of nodes without order, and the edges between them.

Which graphs are trained on is decided when the data are opened, so that all folds share what was prepared.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig, GraphData, former_names
from attnlab.config.data.graph import parse_structures
from attnlab.data.contract import Data, Drawing, Gold, Split
from attnlab.data.files.file_names import FileNames
from attnlab.data.graph.given import GraphReader
from attnlab.data.graph.jsonl import any_labelled
from attnlab.data.graph.pack import num_names, one_hot, packed
from attnlab.data.graph.prepare import PreparedGraphs, prepare, refuse_wide
from attnlab.data.graph.source import TARGET, GraphSource
from attnlab.data.prep.assign import Examples
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.prep.cache import cache_folder, fingerprint
from attnlab.data.prep.coverage import missing_classes
from attnlab.data.prep.crossval import Folds
from attnlab.data.prep.source import no_training, open_source
from attnlab.data.prep.splits import NAMES, Named, positions_of
from attnlab.disk import make_folder
from attnlab.errors import UserError
from attnlab.sets import Batch, Layout
from attnlab.spec import DataSpec, Target, Vocabulary
from attnlab.targets import unseen_labels

MAX_DEGREE = 8
"""Numbers of neighbours from which the baseline doesn't tell nodes apart."""
MAX_DRAWN = 500
"""Nodes of a graph that is drawn."""
SHOWN_NAMES = 8
"""Names that a warning lists."""


class Graphs(Data):
    """A prepared set of graphs. A node's features are its name among those of the training graphs (one-hot; a name never
    learned is all zeros), its numbers, and its structure."""

    def __init__(self, config: GraphData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed = config, seed
        self.source = open_source(config, GraphSource)
        self.notice, self.commit = self.source.notice, self.source.commit
        name, folder = prepare(config, self.source, learned=spec is not None)
        self.graphs = graphs = PreparedGraphs(folder, FileNames(self.source.files))
        if spec is None:
            refuse_wide(graphs.structures, graphs.num_nodes.tolist())
        self.examples = self._examples()
        chosen = self.examples.chosen(config)
        # The same data may come from elsewhere.
        settings = former_names(config) | dict.fromkeys(("cache", "path", "hub", "origin", "licence"))
        settings |= {"changed": graphs.changed} if graphs.changed else {}
        self.fingerprint = fingerprint((), settings | {"rows": name, "seed": seed} | chosen.settings)
        # What depends on the split too, such as baselines, lies apart from what all splits share.
        self.folder = cache_folder(config.cache) / f"graph-{config.name}-{self.fingerprint}"
        make_folder(self.folder)
        self.unnamed = self.source.unnamed and set(graphs.splits) <= {"", "train"}
        rows = chosen.rows
        self.spec = spec if spec is not None else self._spec(rows["train"])
        target = self.spec.targets.get(TARGET)
        self._refuse_other_data(target)
        self.answers = None if target is None else graphs.answers(target)
        self.splits = {name: GraphSplit(self, rows[name]) for name in NAMES if len(rows[name])}
        self.warnings = [*self.source.warnings, *graphs.warnings, *chosen.warnings]
        if target is not None and self.answers is not None:
            counts = {name: self.answers.counts(rows[name]) for name in self.splits}
            held_out = chosen.held_out | (set(self.splits) - set(graphs.splits))
            self.warnings += unseen_labels(target, counts, config.name, held_out)
            self.warnings += missing_classes(target, counts) if target.kind == "class" else []
        self.warnings += self._unnamed(rows)

    @classmethod
    def unlabelled(cls, config: DataConfig) -> DataConfig:
        assert isinstance(config, GraphData)
        labelled = config.source != "jsonl" or config.path is None or any_labelled(config)
        return config if labelled else replace(config, target_kind="none")

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        assert isinstance(config, GraphData) and config.folds is not None
        return cls(replace(config, fold=None), seed).examples.folds(config)

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> GraphReader:
        return GraphReader(config, spec)

    def _examples(self) -> Examples:
        """What the splits depend on."""
        graphs, seed = self.graphs, self.config.split_seed
        given = [split or "train" for split in graphs.splits]
        classes = self.source.kind == "class"
        return Examples(
            keys=graphs.keys,
            splits=np.array([NAMES.index(split) for split in given], dtype=np.int8),
            given=tuple(dict.fromkeys(given)),
            positions=positions_of(graphs.owners, seed),
            classes=Named.of(graphs.answers(Target("class")).gold()) if classes else Named.alike(len(given)),
            limit_settings={} if graphs.owners == graphs.keys else {"limited": "by content"},
        )

    def _spec(self, train: Indices) -> DataSpec:
        """Names, means and classes of the training graphs. Raises UserError where there are none."""
        if not len(train):
            raise no_training(self.config, self.source, "training graphs")
        graphs, kind = self.graphs, self.source.kind
        vocabularies = {}
        for part, names in graphs.names.items():
            if names:
                counts = graphs.labels[part].counts(train, len(names)).tolist()
                vocabularies[part] = Vocabulary.from_counts(dict(zip(names, counts, strict=True)))
        numbers = graphs.numbers(train).astype(np.float64)
        means, stds = numbers.mean(axis=0), numbers.std(axis=0)
        stds = np.where(stds < 1e-6, 1.0, np.maximum(stds, 1e-2))  # what never varied is not magnified
        means[graphs.laplacian_columns] = 0.0  # or flipped vectors would not be each other's negatives
        questions = range(graphs.columns.ragged(TARGET).lengths[0]) if kind == "classes" else ()
        return DataSpec(
            modality="graph",
            num_coords=0,
            features=num_names(vocabularies, "nodes") + len(means),
            targets={TARGET: graphs.answers(Target(kind)).learned(train, tuple(map(str, questions)))}
            if self.config.target_kind != "none"
            else {},
            vocabularies=vocabularies,
            edge_features=num_names(vocabularies, "edges") + graphs.edge_attributes,
            feature_mean=tuple(means.tolist()),
            feature_std=tuple(stds.tolist()),
            structure=tuple(graphs.structure),
        )

    def _unnamed(self, rows: Mapping[str, Indices]) -> Iterator[str]:
        """A warning for each split with names of nodes or edges that were never learned."""
        for split, part in itertools.product(self.splits, ("nodes", "edges")):
            names, learned = self.graphs.names[part], self.spec.vocabularies.get(part)
            if not names or learned is None:
                continue
            counts = self.graphs.labels[part].counts(rows[split], len(names)).tolist()
            lost = {name: n for name, n in zip(names, counts, strict=True) if n and name not in learned.ids}
            if lost:
                # Training examples with such names are other ones than the run was trained on.
                whose = "these data" if split == "train" else f"the {split} split"
                shown = sorted(lost, key=lambda name: (-lost[name], name))
                which = ", ".join(shown[:SHOWN_NAMES]) + ", …" * (len(shown) > SHOWN_NAMES)
                share = f"{sum(lost.values()):,} of {sum(counts):,} {part} of {whose}"
                yield f"{share} have names never seen in training, and count as nameless: {which}"

    def _refuse_other_data(self, target: Target | None) -> None:
        """Raises UserError where nodes, edges or answers are of another kind than those that a run learned."""
        spec, graphs = self.spec, self.graphs
        if target is not None and target.kind != self.source.kind:
            raise UserError(
                f"data={self.config.name}: its {TARGET} is of kind `{self.source.kind}`, but the run learned `{target.kind}`"
            )
        learned_structure = graphs.structure if spec.structure is None else list(spec.structure)
        learned_attributes = len(spec.feature_mean) - sum(size for _, size in parse_structures(learned_structure))
        differing: dict[str, tuple[object, object]] = {
            "names of nodes": (bool(graphs.names["nodes"]), "nodes" in spec.vocabularies),
            "numbers of each node": (graphs.attributes, learned_attributes),
            "structure": (graphs.structure, learned_structure),
        }
        if graphs.num_edges.any():
            differing["names of edges"] = bool(graphs.names["edges"]), "edges" in spec.vocabularies
            differing["numbers of each edge"] = graphs.edge_attributes, self.edge_attributes
        if target is not None and target.kind == "classes":
            differing["questions"] = int(graphs.columns.ragged(TARGET).lengths[0]), len(target.classes)
        for what, (here, learned) in differing.items():
            if here != learned:
                unlike = f"{_in_words(here)}, where the run learned {_in_words(learned)}"
                raise UserError(f"data={self.config.name}: {what}: {unlike}; give it data of the same kind")

    @property
    def edge_attributes(self) -> int:
        """How many numbers of an edge the model takes, besides its name."""
        return (self.spec.edge_features or 0) - num_names(self.spec.vocabularies, "edges")


class GraphSplit(Split):
    """Training, validation or test graphs. rows: their numbers among all that were prepared."""

    def __init__(self, data: Graphs, rows: Indices) -> None:
        self.data, self.graphs, self.rows = data, data.graphs, rows
        self.keys = [data.graphs.keys[i] for i in rows]
        self.lengths, spec = data.graphs.num_nodes[rows], data.spec
        self._codes = {part: one_hot(data.graphs.names[part], v) for part, v in spec.vocabularies.items()}
        self._means = np.array(spec.feature_mean, dtype=np.float32)
        self._rates = (1 / np.array(spec.feature_std)).astype(np.float32)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of graphs -> their nodes (N, F), edges (2, E) and answers. With an epoch, signs of laplacian vectors
        are drawn anew."""
        data, graphs, rows = self.data, self.graphs, self.rows[indices]
        layout = Layout.of(self.lengths[indices].tolist())
        numbers = (graphs.numbers(rows) - self._means) * self._rates
        signed = graphs.laplacian_columns
        if epoch is not None and data.config.flip_signs and len(signed):
            draws = uniform(data.seed, epoch, rows[:, None], signed[None])  # (B, vectors)
            signs = np.where(draws < 0.5, -1, 1).astype(np.float32)
            numbers[:, signed] *= np.repeat(signs, self.lengths[indices], axis=0)
        edges = graphs.edges.take(rows).reshape(-1, 2).astype(np.int64)
        edge_values = None
        if data.spec.edge_features:
            edge_numbers = graphs.edge_numbers.take(rows).reshape(len(edges), data.edge_attributes)
            edge_values = np.concatenate([self._named("edges", rows, len(edges)), edge_numbers], axis=1)
        values = np.concatenate([self._named("nodes", rows, len(numbers)), numbers], axis=1)
        inputs = packed(values, layout, edges, graphs.num_edges[rows], edge_values)
        targets = {} if data.answers is None else {TARGET: data.answers.take(rows)}
        return Batch(inputs, targets, tuple(self.keys[i] for i in indices))

    def _named(self, part: str, rows: Indices, count: int) -> NDArray[np.float32]:
        """(N or E, names): one-hot; no columns where there are no names. part: nodes or edges; count: of them."""
        if part not in self._codes:
            return np.zeros((count, 0), dtype=np.float32)
        return self._codes[part][self.graphs.labels[part].take(rows)]

    def content(self, i: int) -> bytes:
        """What graph i consists of: graphs that are stored alike have equal contents."""
        graphs, row = self.graphs, self.rows[i : i + 1]
        columns = (graphs.labels["nodes"], graphs.edges, graphs.labels["edges"], graphs.edge_numbers)
        labels, *others = (column.take(row).tobytes() for column in columns)
        size = int(self.lengths[i]).to_bytes(4, "little")
        return b"".join([size, labels, graphs.numbers(row).tobytes(), *others])

    def show(self, i: int) -> dict[str, object]:
        """The size of graph i; where it stands is its key."""
        return {"nodes": int(self.lengths[i]), "edges": int(self.graphs.num_edges[self.rows[i]])}

    def picture(self, i: int) -> Drawing | None:
        """The graph itself; nodes without names are numbered. None where it is too large to be looked at."""
        if self.lengths[i] > MAX_DRAWN:
            return None
        inputs, vocabularies = self[i].inputs, self.data.spec.vocabularies
        assert inputs.edges is not None
        names = [str(number) for number in range(len(inputs.values))]
        if "nodes" in vocabularies:
            words = vocabularies["nodes"].words
            one_hot = inputs.values[:, : len(words) - 1]
            names = [words[1 + int(row.argmax())] if row.any() else "?" for row in one_hot]
        return Drawing(names, inputs.edges.numpy().T)

    def gold(self, target: str) -> Sequence[Gold]:
        self.data.spec.target(target)
        assert self.data.answers is not None, "there are such targets"
        return self.data.answers.gold(self.rows)

    def bags(self) -> NDArray[np.float64]:
        """(graphs, F + 1): how often each name occurs, the mean of each attribute, and how many nodes there are."""
        bags = []
        for row, length in zip(self.rows[:, None], self.lengths.tolist(), strict=True):
            names = self._named("nodes", row, length).sum(axis=0)
            bags.append([*names, *self.graphs.numbers(row)[:, : self.graphs.attributes].mean(axis=0), length])
        return np.array(bags, dtype=np.float64)

    def degree_counts(self) -> NDArray[np.float64]:
        """(graphs, MAX_DEGREE + 1): to how many nodes 0, 1, 2, … or at least MAX_DEGREE edges lead."""
        counts = []
        for row, length in zip(self.rows.tolist(), self.lengths.tolist(), strict=True):
            degrees = np.bincount(self.graphs.edges[row].reshape(-1, 2)[:, 1], minlength=length)
            counts.append(np.bincount(np.minimum(degrees, MAX_DEGREE), minlength=MAX_DEGREE + 1))
        return np.array(counts, dtype=np.float64)

    def ceiling(self) -> float | None:
        return self.data.source.ceiling


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "some" if value else "none"
    return (", ".join(value) or "none") if isinstance(value, list) else str(value)
