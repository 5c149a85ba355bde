"""Who may look at whom?

A scope answers for pairs of vectors, from their coordinates or edges, never from row numbers. Kernels ask it
once per batch and keep the answer in their plan. Every vector may see itself.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from attnlab.attention_options import ScopeWord
from attnlab.errors import UserError
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


@dataclass(frozen=True)
class Full:
    """Every vector of the set."""

    kind = "full"

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        """(Lq, Lk) bool, for one set of each: True where the query may look at the key."""
        return torch.ones(len(queries.values), len(keys.values), dtype=torch.bool, device=keys.values.device)


class _ByPlace:
    """A scope that depends on differences of places alone."""

    def within(self, differences: Tensor) -> Tensor:
        """(…, P) place of the query − place of the key -> (…) bool."""
        raise NotImplementedError

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        """(Lq, Lk) bool, for one set of each: True where the query may look at the key."""
        query_coords, key_coords = coords_of(queries, str(self)), coords_of(keys, str(self))
        return self.within(query_coords[:, None] - key_coords[None])


@dataclass(frozen=True)
class Window(_ByPlace):
    """Vectors no farther than `radius`; the distance is the largest difference over the axes, so that a window is a
    stretch of time for frames and a square of patches for a picture."""

    radius: float
    kind = "window"

    def within(self, differences: Tensor) -> Tensor:
        return (differences.abs() <= self.radius).all(-1)

    def __str__(self) -> str:
        return f"window:{self.radius:g}"


@dataclass(frozen=True)
class Causal(_ByPlace):
    """Vectors that don't come later along the one axis."""

    kind = "causal"

    def within(self, differences: Tensor) -> Tensor:
        return differences[..., 0] >= 0

    def __str__(self) -> str:
        return "causal"


class Neighbours(NamedTuple):
    """Pairs that may look, in order of the queries. queries, keys: (E,) rows. edge_values: (E, …) or None."""

    queries: Tensor
    keys: Tensor
    edge_values: Tensor | None


@dataclass(frozen=True)
class Edges:
    """The vectors from which an edge leads here; and oneself, unless `loops` is false."""

    loops: bool = True
    kind = "edges"

    def neighbours(self, sets: VectorSets) -> Neighbours:
        """Each pair once: an edge given several times counts once, with the sum of its values; a loop that the
        data lack has values of 0."""
        if sets.edges is None:
            raise UserError("scope `edges`: these vectors have no edges; use scope full or window:RADIUS")
        rows = len(sets.values)
        sources, targets = sets.edges
        if self.loops:
            itself = torch.arange(rows, device=sources.device)
            sources, targets = torch.cat([sources, itself]), torch.cat([targets, itself])
        pairs, place = torch.unique(targets * rows + sources, return_inverse=True)
        values = None
        if sets.edge_values is not None:
            values = sets.edge_values.new_zeros(len(pairs), *sets.edge_values.shape[1:])
            values = values.index_add(0, place[: len(sets.edge_values)], sets.edge_values)
        return Neighbours(pairs // max(rows, 1), pairs % max(rows, 1), values)

    def allows(self, queries: VectorSets, keys: VectorSets) -> Tensor:
        """(L, L) bool, for one set: True where the query may look at the key."""
        assert queries is keys, "edges lead from vectors of a set to vectors of the same set"
        found = self.neighbours(queries)
        allowed = torch.zeros(len(queries.values), len(keys.values), dtype=torch.bool, device=keys.values.device)
        allowed[found.queries, found.keys] = True
        return allowed


Scope = Full | Window | Causal | Edges


def coords_of(sets: VectorSets, scope: str) -> Tensor:
    """The places of these vectors; refuses sets without."""
    if sets.coords is None:
        raise UserError(f"scope `{scope}`: these vectors have no places; use scope full or edges")
    return sets.coords


def scope_of(word: ScopeWord, spec: DataSpec) -> Scope:
    """The scope that a word means for these data; refuses what they cannot have."""
    if word.kind == "edges":
        if spec.edge_features is None:
            other = " or window:RADIUS" if spec.num_coords else ""
            raise UserError(f"scope `edges`: these data have no edges; use scope full{other}")
        return Edges()
    if word.kind == "full":
        return Full()
    if spec.num_coords == 0:
        other = " or edges" if spec.edge_features is not None else ""
        raise UserError(f"scope `{word}`: these data have no places; use scope full{other}")
    if word.kind == "causal":
        if spec.num_coords > 1:
            raise UserError(
                f"scope `causal`: these vectors have {spec.num_coords} coordinates, so none comes later; "
                "use scope full or window:RADIUS"
            )
        return Causal()
    return Window(word.in_coordinates(spec.frame_seconds))
