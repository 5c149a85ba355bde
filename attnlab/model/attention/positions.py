"""How coordinates (N, P) enter; row numbers never do.

A position may be added to the vectors (`sinusoidal`, `learned`), rotate queries and keys (`rotary`), or add to the
scores of pairs (`alibi`, `relative`); the last two kinds depend on differences of coordinates alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from attnlab.attention_options import PositionKeys, parse_position
from attnlab.config import AttentionEncoder
from attnlab.errors import UserError
from attnlab.registry import POSITIONS
from attnlab.sets import VectorSets


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a kernel knows of the pairs for which it wants a bias.

    differences: (…, P) coordinates of the query − those of the key. edge_values: (…, F) of the edges between them.
    """

    differences: Tensor | None = None
    edge_values: Tensor | None = None


class PairBias(nn.Module):
    """Something added to the scores of pairs, evaluated by the kernel for the pairs that it computes."""

    def forward(self, pairs: Pairs) -> Tensor:
        """Pairs (…) -> (…, H)."""
        raise NotImplementedError


Biases = Sequence[PairBias]


def bias_sum(biases: Biases, pairs: Pairs) -> Tensor:
    """Pairs (…) -> (…, H): all biases of each pair, of which there is one at least."""
    return torch.stack([bias(pairs) for bias in biases]).sum(0)


class Rotation:
    """Number i of a vector's first half and number i of its second are a point, which is rotated by angle i.

    cos, sin: (N, 1, T/2); the first T numbers of each head are rotated, the rest stays.
    """

    def __init__(self, cos: Tensor, sin: Tensor) -> None:
        self.cos, self.sin, self.half = cos, sin, cos.shape[-1]

    def __call__(self, x: Tensor) -> Tensor:
        """(N, H, K) -> (N, H, K)."""
        a, b = x[..., : self.half], x[..., self.half : 2 * self.half]
        return torch.cat(
            [a * self.cos - b * self.sin, a * self.sin + b * self.cos, x[..., 2 * self.half :]], dim=-1
        )

    @cached_property
    def points(self) -> Tensor:
        """(N, T/2) complex numbers of size 1: what the points are multiplied by, seen as complex numbers."""
        return torch.complex(self.cos, self.sin).squeeze(1)


class Position(nn.Module):
    """The base of all positions, built from (its own keys, the encoder's keys, P); by itself `none`, which ignores
    coordinates: "A hit B" is "B hit A"."""

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__()

    def added(self, sets: VectorSets) -> Tensor:
        """(N, D) vectors -> (N, D): with what their coordinates add."""
        return sets.values

    def rotation(self, sets: VectorSets) -> Rotation | None:
        """The rotation of queries and keys, worked out once per batch; None: there is none."""
        return None

    def bias(self) -> PairBias | None:
        """What is added to scores; None: nothing."""
        return None


class Sinusoidal(Position):
    """Adds sines and cosines of each coordinate (Vaswani et al. 2017, section 3.5).

    D is split over the P axes; also for coordinates beyond those of training.
    """

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__(keys, config, num_coords)
        self.rates: Tensor
        self.register_buffer("rates", _rates(config.width // num_coords // 2 * 2), persistent=False)

    def added(self, sets: VectorSets) -> Tensor:
        assert sets.coords is not None
        angles = sets.coords[:, :, None] * self.rates  # (N, P, D / 2P)
        code = torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (N, D)
        return sets.values + nn.functional.pad(code, (0, sets.values.shape[1] - code.shape[1]))


class LearnedPosition(Position):
    """Adds a learned vector for each whole number along each axis. Raises UserError for coordinates that have none."""

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__(keys, config, num_coords)
        self.limit = config.max_position
        self.tables = nn.ModuleList(nn.Embedding(config.max_position, config.width) for _ in range(num_coords))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.02)  # type: ignore[arg-type]

    def added(self, sets: VectorSets) -> Tensor:
        assert sets.coords is not None and sets.known_coords is not None
        if len(sets.values):
            low, high = sets.known_coords.aminmax()
            if low < 0 or high > self.limit - 1:
                raise UserError(
                    f"position {float(low if low < 0 else high):g} lies outside the {self.limit} learned positions from 0 "
                    "on, which a trained model keeps; give it shorter sets"
                )
        values = sets.values
        for axis, table in enumerate(self.tables):
            values = values + table(sets.coords[:, axis].round().long())
        return values


class Rotary(Position):
    """Rotates pairs of a query's and a key's numbers by angles that grow with the coordinate, so that their product
    depends on the difference of coordinates (Su et al. 2021, eq. 34). K is split over the P axes."""

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__(keys, config, num_coords)
        self.rates: Tensor
        self.register_buffer("rates", _rates(config.width_of_head // num_coords // 2 * 2), persistent=False)

    def rotation(self, sets: VectorSets) -> Rotation:
        assert sets.coords is not None
        angles = (sets.coords[:, :, None] * self.rates).flatten(1)  # (N, T / 2)
        return Rotation(angles.cos()[:, None], angles.sin()[:, None])


class Alibi(Position, PairBias):
    """Takes slope · distance off the score, with a fixed slope for each head (Press et al. 2022, section 3).

    The distance is the largest difference over the axes; slopes fall geometrically from 2^(-8/H) to 2^-8. In the
    paper attention is causal. Here what stands later counts twice as far in every other head and half as far in the
    rest: with the same distance both ways, "A hit B" would be "B hit A" again.
    """

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__(keys, config, num_coords)
        heads = torch.arange(config.heads)
        self.slopes: Tensor
        self.later: Tensor
        self.register_buffer("slopes", torch.exp2(-8 * (heads + 1) / config.heads), persistent=False)
        self.register_buffer("later", torch.where(heads % 2 == 0, 2.0, 0.5), persistent=False)

    def bias(self) -> PairBias:
        return self

    def forward(self, pairs: Pairs) -> Tensor:
        assert pairs.differences is not None
        earlier = pairs.differences.clamp_min(0).amax(-1, keepdim=True)
        later = (-pairs.differences).clamp_min(0).amax(-1, keepdim=True)
        return -torch.maximum(earlier, later * self.later) * self.slopes


class Relative(Position, PairBias):
    """Adds a learned number for each head and difference of coordinates, summed over the axes (Raffel et al. 2020,
    section 2.1). Differences up to 16 have a number each, larger ones one for a range of logarithms; those beyond 512
    share a number, so that any coordinates may be given."""

    max_exact, max_distance, num_log_buckets = 16, 512, 16

    def __init__(self, keys: PositionKeys, config: AttentionEncoder, num_coords: int) -> None:
        super().__init__(keys, config, num_coords)
        self.max_bucket = self.max_exact + self.num_log_buckets
        self.tables = nn.ModuleList(nn.Embedding(2 * self.max_bucket + 1, config.heads) for _ in range(num_coords))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.02)  # type: ignore[arg-type]

    def bias(self) -> PairBias:
        return self

    def bucket(self, differences: Tensor) -> Tensor:
        """(…) -> (…) int64: the row of a table for each difference; the middle one for 0."""
        size = differences.abs()
        beyond = torch.log(size.clamp_min(self.max_exact) / self.max_exact)
        beyond = beyond / math.log(self.max_distance / self.max_exact)
        logarithmic = self.max_exact + (beyond * self.num_log_buckets).ceil().clamp(max=self.num_log_buckets)
        steps = torch.where(size <= self.max_exact, size.round(), logarithmic)
        return (steps * differences.sign()).long() + self.max_bucket

    def forward(self, pairs: Pairs) -> Tensor:
        assert pairs.differences is not None
        buckets = self.bucket(pairs.differences)
        return torch.stack([table(buckets[..., axis]) for axis, table in enumerate(self.tables)]).sum(0)


class EdgeBias(PairBias):
    """Pairs (…) -> (…, H): a learned linear function of the edge's values; 0 for edges without values."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(features, heads, bias=False)

    def forward(self, pairs: Pairs) -> Tensor:
        assert pairs.edge_values is not None
        return self.weigh(pairs.edge_values.to(self.weigh.weight.dtype))


def _rates(width: int) -> Tensor:
    """(width / 2,) angles per step of the coordinate, from 1 down to nearly 1 / 10,000."""
    return torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))


def position_of(config: AttentionEncoder, num_coords: int, owner: str = "encoder") -> Position:
    """The position that `config` names, for vectors with so many coordinates.

    owner: whose keys it comes from, `encoder` or `head`. Raises UserError where vectors have no coordinates, or are too
    narrow for it.
    """
    keys, key = parse_position(config.position), f"`{owner}.position={config.position}`"
    if keys.changes is not None and num_coords == 0:
        raise UserError(f"{key}: these data have no coordinates; use {owner}.position=none")
    width, meaning = {
        "width": (config.width, "encoder.width is"),
        "head_width": (config.width_of_head, f"with {owner}.heads={config.heads} the width of a head is"),
        None: (2 * num_coords, ""),
    }[keys.splits]
    if width < 2 * num_coords:
        raise UserError(
            f"{key} needs two numbers for each of {num_coords} coordinates, {meaning} {width}; "
            f"make it wider or use {owner}.position=relative"
        )
    return POSITIONS.get(config.position.partition(":")[0], Position)(keys, config, num_coords)
