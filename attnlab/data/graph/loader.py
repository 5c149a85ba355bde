"""Graphs as sets of nodes without places, and the edges between them.

Prepared once: names, numbers, edges and structure of every graph. Who is trained on and who is tested is decided
when the data are opened, so that all folds share what was prepared.
"""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.attention_options import parse_structures
from attnlab.config import GraphData, former_names
from attnlab.data.contract import Data, Drawing, Split
from attnlab.data.graph import structure
from attnlab.data.graph.prepare import prepare
from attnlab.data.graph.source import TARGET
from attnlab.data.graph.sources import GRAPH_SOURCES
from attnlab.data.prep import crossval
from attnlab.data.prep.answers import NOT_SCORED, Answers, unseen_labels
from attnlab.data.prep.arrow import Columns
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.prep.cache import cache_folder, fingerprint
from attnlab.data.prep.splits import lacking, limited, too_few, with_held_out
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, Layout, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary

SPLITS = ("train", "validation", "test")
DEGREES = 8
"""Numbers of neighbours that the baseline tells apart."""


class Graphs(Data):
    """A prepared set of graphs.

    A node's features are its name among those of the training graphs (one-hot; a name never learned is all zeros),
    its numbers, and its structure. spec: of the data themselves, or that of a run, whose names, means and classes then
    hold. parts: never asked for; nodes are not made of smaller vectors.
    """

    def __init__(self, config: GraphData, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        self.config, self.seed = config, seed
        self.source = GRAPH_SOURCES[config.source](config)
        self.notice, self.commit = self.source.notice, None
        self.folder_of_rows = prepare(config, self.source)
        elsewhere = dict.fromkeys(
            ("cache", "path", "hub", "origin", "licence")
        )  # where the same data may come from
        settings = former_names(config) | elsewhere | {"rows": self.folder_of_rows.name, "seed": seed}
        self.fingerprint = fingerprint((), settings)
        # What depends on the split too, such as baselines, lies apart from what all splits share.
        self.folder = cache_folder(config.cache) / f"graph-{config.name}-{self.fingerprint}"
        self.folder.mkdir(exist_ok=True)
        self.meta = json.loads((self.folder_of_rows / "meta.json").read_text(encoding="utf-8"))
        self.columns = Columns(self.folder_of_rows / "graphs.arrow")
        self.keys, self.owners = self.columns.strings("key"), self.columns.strings("owner")
        self.counts = self.columns.numbers("nodes").astype(np.int64)
        self.edges, self.edge_labels = self.columns.ragged("edges"), self.columns.ragged("edge_labels")
        self.labels, self.edge_numbers = self.columns.ragged("labels"), self.columns.ragged("edge_numbers")
        self.numbers = self.columns.ragged("numbers")
        self.structures = parse_structures(self.meta["structure"])
        rows = self._rows(self.columns.strings("split"))
        self.spec = spec if spec is not None else self._spec(rows)
        self._refuse_other_data()
        self.answers = Answers(self.columns, TARGET, self.spec.target(TARGET), self.meta["answers"])
        self.splits = {name: GraphSplit(self, rows[name]) for name in SPLITS if len(rows[name])}
        self.warnings = [self.meta["bad"]] if self.meta["bad"] else []
        counts = (
            {name: _labels(split.gold(TARGET)) for name, split in self.splits.items()} if self._classes else {}
        )
        self.warnings += unseen_labels(
            self.source.kind, self.spec.targets[TARGET], counts, config.name, held_out=self._held_out
        )

    @classmethod
    def folds(cls, config: GraphData, seed: int) -> crossval.Folds:
        """What `data.folds` makes of these data."""
        assert config.folds is not None
        data = cls(replace(config, fold=None), seed)
        return crossval.divided(
            config.folds, data.keys, data.owners, data._strata(), data.keys, config.validation, config.split_seed
        )

    @property
    def _classes(self) -> bool:
        return self.source.kind in ("class", "vector_classes")

    def _strata(self) -> list[str]:
        """What folds have equally often: each class; nothing where answers are no classes."""
        answers = Answers(self.columns, TARGET, Target(self.source.kind), self.meta["answers"])
        return list(answers.gold()) if self.source.kind == "class" else [""] * len(self.keys)

    # --- who is trained on, who is tested ---------------------------------------------------------

    def _rows(self, given: list[str]) -> dict[str, Indices]:
        """The graphs of each split."""
        config = self.config
        if config.folds is not None and config.fold is not None:
            assigned = crossval.assign(config.folds, self.owners, self._strata(), self.keys, config.split_seed)
            split_of = crossval.fold_splits(
                config.folds, config.fold, assigned, self.owners, config.validation, config.split_seed
            )
        elif config.folds is not None:
            split_of = ["train"] * len(self.keys)  # opened only to be divided into folds
        else:
            split_of = with_held_out(
                given, self.owners, config.validation, config.test, config.split_seed, self._strata()
            )
            for name, share in lacking(config, {split or "train" for split in given}).items():
                if name not in split_of:
                    raise UserError(f"{config.path or f'data={config.name}'}: {too_few(name, share)}")
        self._held_out = set(split_of) - set(given)
        names = np.array(split_of)
        rows = {name: np.flatnonzero(names == name) for name in SPLITS}
        rows["train"] = limited(config.limit, rows["train"], self.keys, self._strata(), config.split_seed)
        return rows

    # --- what the data know -----------------------------------------------------------------------

    def _spec(self, rows: dict[str, Indices]) -> DataSpec:
        """Names, means and classes of the training graphs."""
        train = rows["train"]
        if not len(train):
            raise UserError(f"data={self.config.name}: there are no training graphs")
        vocabularies = {
            kind: self._vocabulary(kind, ids.take(train))
            for kind, ids in (("nodes", self.labels), ("edges", self.edge_labels))
            if self.meta["names"][kind]
        }
        numbers = self._numbers(train).astype(np.float64)
        means, spreads = numbers.mean(axis=0), numbers.std(axis=0)
        spreads = np.where(spreads < 1e-6, 1.0, np.maximum(spreads, 1e-2))  # what never varied is not made louder
        means[self._signed] = 0.0  # or flipped vectors would not be each other's negatives
        return DataSpec(
            modality="graph",
            num_coords=0,
            features=sum(len(v) - 1 for k, v in vocabularies.items() if k == "nodes") + len(means),
            targets={TARGET: self._target(train)},
            vocabularies=vocabularies,
            edge_features=(len(vocabularies["edges"]) - 1 if "edges" in vocabularies else 0)
            + self.meta["edge_attributes"],
            feature_mean=tuple(means.tolist()),
            feature_std=tuple(spreads.tolist()),
            structure=tuple(self.meta["structure"]),
        )

    def _vocabulary(self, kind: str, ids: NDArray[np.int32]) -> Vocabulary:
        names = self.meta["names"][kind]
        counts = np.bincount(ids, minlength=len(names))
        return Vocabulary.from_counts({name: int(n) for name, n in zip(names, counts, strict=True)})

    def _target(self, train: Indices) -> Target:
        kind = self.source.kind
        plain = Answers(self.columns, TARGET, Target(kind), self.meta["answers"])
        answers = plain.gold()
        gold = [answers[i] for i in train.tolist()]
        if kind == "number":
            return Target(kind, mean=float(np.mean(gold)), std=float(np.std(gold)) if np.ptp(gold) else 1.0)
        if kind == "classes":
            questions = tuple(str(i) for i in range(len(gold[0])))
            return Target(kind, questions, tuple(int(n) for n in (np.array(gold) == 1).sum(axis=0)))
        counts = _labels(gold)
        names = sorted(counts)
        return Target(kind, tuple(names), tuple(counts[name] for name in names))

    def _refuse_other_data(self) -> None:
        """Data whose nodes, edges or answers are of another kind than those that a run learned."""
        spec, target = self.spec, self.spec.target(TARGET)
        if target.kind != self.source.kind:
            raise UserError(
                f"data={self.config.name}: its {TARGET} is of kind `{self.source.kind}`, but the run learned "
                f"`{target.kind}`"
            )
        learned_structure = self.meta["structure"] if spec.structure is None else list(spec.structure)
        differing = {
            "names of nodes": (bool(self.meta["names"]["nodes"]), "nodes" in spec.vocabularies),
            "numbers of each node": (
                self.meta["attributes"],
                len(spec.feature_mean) - structure.width(parse_structures(learned_structure)),
            ),
            "structure": (self.meta["structure"], learned_structure),
        }
        if self.edges.lengths.any():
            names = bool(self.meta["names"]["edges"])
            differing["names of edges"] = names, "edges" in spec.vocabularies
            differing["numbers of each edge"] = self.meta["edge_attributes"], self.edge_attributes
        if target.kind == "classes":
            questions = self.columns.ragged(TARGET).lengths
            differing["questions"] = int(questions[0]), len(target.classes)
        for what, (here, learned) in differing.items():
            if here != learned:
                raise UserError(
                    f"data={self.config.name}: {what}: {_told(here)}, where the run learned {_told(learned)}; give it "
                    "data of the same kind"
                )

    @property
    def edge_attributes(self) -> int:
        """How many numbers an edge has, besides its name."""
        return (self.spec.edge_features or 0) - max(0, len(self.spec.vocabularies.get("edges", ())) - 1)

    @property
    def _signed(self) -> NDArray[np.int64]:
        """The columns of numbers that hold laplacian vectors."""
        found, column = [], self.meta["attributes"]
        for kind, size in self.structures:
            found += list(range(column, column + size)) if kind == "laplacian" else []
            column += size
        return np.array(found, dtype=np.int64)

    def _numbers(self, rows: Indices) -> NDArray[np.float32]:
        """(N, attributes + structure): as they were prepared."""
        width = self.meta["attributes"] + structure.width(self.structures)
        return self.numbers.take(rows).reshape(int(self.counts[rows].sum()), width)


class GraphSplit(Split):
    """Training, validation or test graphs. rows: their numbers among all that were prepared."""

    def __init__(self, data: Graphs, rows: Indices) -> None:
        self.data, self.rows = data, rows
        self.keys = [data.keys[i] for i in rows]
        self.lengths: NDArray[np.int64] = data.counts[rows]
        spec = data.spec
        self._codes = {kind: _one_hot(data.meta["names"][kind], v) for kind, v in spec.vocabularies.items()}
        self._means = np.array(spec.feature_mean, dtype=np.float32)
        self._rates = (1 / np.array(spec.feature_std)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Example:
        """One graph alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """These graphs, packed. With an epoch the signs of their laplacian vectors are drawn anew."""
        data, rows = self.data, self.rows[indices]
        layout = Layout.of(self.lengths[indices].tolist())
        numbers = (data._numbers(rows) - self._means) * self._rates
        signed = data._signed
        if epoch is not None and data.config.flip_signs and len(signed):
            draws = uniform(data.seed, epoch, rows[:, None], signed[None])  # (B, vectors)
            signs = np.where(draws < 0.5, -1, 1).astype(np.float32)
            numbers[:, signed] *= np.repeat(signs, self.lengths[indices], axis=0)
        values = np.concatenate([self._named("nodes", data.labels, rows, len(numbers)), numbers], axis=1)
        edges = data.edges.take(rows).reshape(-1, 2).astype(np.int64)
        sizes = data.edges.lengths[rows] // 2
        edges += np.repeat(np.array(layout.starts[:-1], dtype=np.int64), sizes)[:, None]
        edge_values = None
        if data.spec.edge_features:
            given = data.edge_numbers.take(rows).reshape(len(edges), data.edge_attributes)
            edge_values = torch.from_numpy(
                np.concatenate([self._named("edges", data.edge_labels, rows, len(edges)), given], axis=1)
            )
        inputs = VectorSets(
            torch.from_numpy(values), layout, edges=torch.from_numpy(edges.T.copy()), edge_values=edge_values
        )
        return Batch(inputs, {TARGET: data.answers.take(rows)}, tuple(self.keys[i] for i in indices))

    def _named(self, kind: str, ids: Any, rows: Indices, count: int) -> NDArray[np.float32]:
        """(N or E, names): one-hot; no columns where there are no names."""
        return self._codes[kind][ids.take(rows)] if kind in self._codes else np.zeros((count, 0), dtype=np.float32)

    def content(self, i: int) -> bytes:
        """What graph i consists of: graphs that are stored alike have equal contents."""
        data, row = self.data, int(self.rows[i])
        columns = (data.labels, data.numbers, data.edges, data.edge_labels, data.edge_numbers)
        return int(data.counts[row]).to_bytes(4, "little") + b"".join(column[row].tobytes() for column in columns)

    def show(self, i: int) -> dict[str, Any]:
        """The size of graph i; where it stands is its key."""
        return {"nodes": int(self.lengths[i]), "edges": int(self.data.edges.lengths[self.rows[i]] // 2)}

    def picture(self, i: int) -> Drawing:
        """The graph itself; nodes without names are numbered."""
        inputs, vocabularies = self[i].inputs, self.data.spec.vocabularies
        assert inputs.edges is not None
        names = [str(number) for number in range(len(inputs.values))]
        if "nodes" in vocabularies:
            words = vocabularies["nodes"].words
            one_hot = inputs.values[:, : len(words) - 1]
            names = [words[1 + int(row.argmax())] if row.any() else "?" for row in one_hot]
        return Drawing(names, inputs.edges.numpy().T)

    def gold(self, target: str) -> list[Any]:
        """The class, the number, the answers, or the label of each node; "" is not scored."""
        assert target == TARGET
        found = self.data.answers.gold()
        return [found[row] for row in self.rows]

    def bags(self) -> NDArray[np.float64]:
        """(graphs, F + 1): how often each name occurs, the mean of each attribute, and how many nodes there are."""
        found, own = [], self.data.meta["attributes"]
        for i, row in enumerate(self.rows):
            one = self.rows[i : i + 1]
            names = self._named("nodes", self.data.labels, one, int(self.data.counts[row])).sum(axis=0)
            found.append([*names, *self.data._numbers(one)[:, :own].mean(axis=0), self.lengths[i]])
        return np.array(found, dtype=np.float64)

    def degree_counts(self) -> NDArray[np.float64]:
        """(graphs, DEGREES + 1): how many nodes have 0, 1, 2, … or at least DEGREES neighbours."""
        found = []
        for row in self.rows:
            degrees = np.bincount(self.data.edges[row].reshape(-1, 2)[:, 1], minlength=int(self.data.counts[row]))
            found.append(np.bincount(np.minimum(degrees, DEGREES), minlength=DEGREES + 1))
        return np.array(found, dtype=np.float64)

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """None."""
        return {}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""
        return self.data.source.ceiling


def _one_hot(names: list[str], vocabulary: Vocabulary) -> NDArray[np.float32]:
    """(names of the data, names that were learned)."""
    return np.eye(len(vocabulary), dtype=np.float32)[vocabulary.encode(names)][:, 1:]


def _labels(gold: list[Any]) -> dict[str, int]:
    """How often each label occurs, of graphs or of nodes."""
    counts = Counter(label for answer in gold for label in ([answer] if isinstance(answer, str) else answer))
    counts.pop(NOT_SCORED, None)
    return dict(sorted(counts.items()))


def _told(value: bool | int | list[str]) -> str:
    if isinstance(value, bool):
        return "some" if value else "none"
    return str(value) if isinstance(value, int) else ", ".join(value) or "none"
