"""Which vectors attend to which: here the mask of every scope is made, a window's in `Window.within`.

A scope answers for pairs of vectors, from their coordinates or edges, never from row numbers. It belongs to one of three
families, by which kernels plan their work: `Everything`, `ByDifferences` of coordinates, `ByEdges`. Kernels ask it once
per batch and keep the answer in their plan.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from attnlab.attention_options import Family, ScopeKeys, WindowKeys, parse_scope, scope_problem
from attnlab.errors import UserError
from attnlab.registry import SCOPES
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Scope:
    """The base of the three families. Scopes are compared by value: layers with equal scopes share a plan."""

    @property
    def family(self) -> Family:
        """As in the scope's keys."""
        raise NotImplementedError

    @property
    def local(self) -> bool:
        """Whether a kernel may compute less than all pairs of a set."""
        return self.family in ("bounded_differences", "edges")

    @classmethod
    def of(cls, keys: ScopeKeys, spec: DataSpec) -> "Scope":
        """The scope with these keys, for these data. Raises UserError where they lack what it reads."""
        return cls()

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        """(Lq, Lk) bool, for one set of each: True where the query attends to the key."""
        raise NotImplementedError

    def __str__(self) -> str:
        return type(self).__name__.lower()


class Everything(Scope):
    """Every query attends to every key of its set."""

    family: Family = "everything"

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        return torch.ones(len(queries.values), len(keys.values), dtype=torch.bool, device=keys.values.device)


class ByDifferences(Scope):
    """A pair is allowed or not by the difference of its coordinates alone; a difference of 0 is."""

    causal: ClassVar[bool] = False
    """Whether allowed are exactly the differences from 0 on, along one coordinate."""

    @property
    def bound(self) -> float | None:
        """The largest difference along the first coordinate that is allowed, whatever its sign; None: there is none."""
        return None

    @property
    def family(self) -> Family:
        return "differences" if self.bound is None else "bounded_differences"

    def within(self, differences: Tensor) -> Tensor:
        """(…, P) coordinates of the query − those of the key -> (…) bool: True where the pair is allowed."""
        raise NotImplementedError

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        return self.within(coords_of(queries, self)[:, None] - coords_of(keys, self)[None])


class Neighbours(NamedTuple):
    """Allowed pairs in order of the queries. queries, keys: (E,) rows. edge_values: (E, …) or None."""

    queries: Tensor
    keys: Tensor
    edge_values: Tensor | None


class ByEdges(Scope):
    """A query attends to the vectors from which an edge leads to it, and to itself, unless `loops` is false."""

    loops: bool
    family: Family = "edges"

    def edges(self, sets: VectorSets) -> tuple[Tensor, Tensor | None]:
        """(2, E) rows, from and to, in any order; values of the first of them, (at most E, …), or None."""
        raise NotImplementedError

    def neighbours(self, sets: VectorSets) -> Neighbours:
        """Each pair once: an edge given several times counts once, with the sum of its values; one without values, and
        a loop that the data lack, has values of 0. Raises UserError where these vectors have no edges."""
        if sets.edges is None:
            raise UserError(f"scope `{self}`: these vectors have no edges; use scope full or window:RADIUS")
        rows = len(sets.values)
        (sources, targets), edge_values = self.edges(sets)
        if self.loops:
            itself = torch.arange(rows, device=sources.device)
            sources, targets = torch.cat([sources, itself]), torch.cat([targets, itself])
        pairs, number = torch.unique(targets * rows + sources, return_inverse=True)
        values = None
        if sets.edge_values is not None:
            edge_values = sets.edge_values[:0] if edge_values is None else edge_values
            values = sets.edge_values.new_zeros(len(pairs), *sets.edge_values.shape[1:])
            values = values.index_add(0, number[: len(edge_values)], edge_values)
        return Neighbours(pairs // max(rows, 1), pairs % max(rows, 1), values)

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        assert queries is keys, "edges lead from vectors of a set to vectors of the same set"
        pairs = self.neighbours(queries)
        allowed = torch.zeros(len(queries.values), len(keys.values), dtype=torch.bool, device=keys.values.device)
        allowed[pairs.queries, pairs.keys] = True
        return allowed


@dataclass(frozen=True)
class Full(Everything):
    """Every vector of the set."""


@dataclass(frozen=True)
class Window(ByDifferences):
    """Vectors no farther than `radius`; the distance is the largest difference over the axes, so that a window is a
    stretch of time for frames and a square of patches for a picture."""

    radius: float

    @classmethod
    def of(cls, keys: ScopeKeys, spec: DataSpec) -> "Window":
        assert isinstance(keys, WindowKeys)
        return cls(keys.radius.in_coordinates(spec.frame_seconds))

    @property
    def bound(self) -> float:
        return self.radius

    def within(self, differences: Tensor) -> Tensor:
        return (differences.abs() <= self.radius).all(-1)


@dataclass(frozen=True)
class Causal(ByDifferences):
    """Vectors that don't come later along the one axis."""

    causal = True

    def within(self, differences: Tensor) -> Tensor:
        return differences[..., 0] >= 0


@dataclass(frozen=True)
class Edges(ByEdges):
    """The vectors from which an edge of the data leads here; and oneself, unless `loops` is false."""

    loops: bool = True

    def edges(self, sets: VectorSets) -> tuple[Tensor, Tensor | None]:
        assert sets.edges is not None
        return sets.edges, sets.edge_values


def coords_of(sets: VectorSets, scope: Scope) -> Tensor:
    """(N, P) coordinates of these vectors. Raises UserError where they have none."""
    if sets.coords is None:
        raise UserError(f"scope `{scope}`: these vectors have no coordinates; use scope full or edges")
    return sets.coords


def scope_of(word: str, spec: DataSpec) -> Scope:
    """The scope that a word names, for these data. Raises UserError where they lack what it reads, and where the class of
    a plugin breaks the promises of its family."""
    problem = scope_problem(word, spec.num_coords, spec.edge_features is not None)
    if problem is not None:
        raise UserError(problem)
    keys = parse_scope(word)
    scope = SCOPES.get(word.partition(":")[0], Scope).of(keys, spec)
    if scope.family != keys.family:
        raise UserError(f"scope `{word}`: its class is planned by {scope.family}, its keys say {keys.family}")
    if isinstance(scope, ByDifferences) and not bool(scope.within(torch.zeros(spec.num_coords, device="cpu"))):
        raise UserError(
            f"scope `{word}`: a vector must attend to itself, so `within` must be true for differences of 0"
        )
    return scope
