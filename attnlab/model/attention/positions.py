"""Where does each vector stand? Places are coordinates (N, P), never row numbers."""

import math

import torch
from torch import Tensor, nn

from attnlab.config import AttentionEncoder
from attnlab.errors import UserError
from attnlab.sets import VectorSets


class NoPosition(nn.Module):
    """A set without order: "A hit B" is "B hit A"."""

    def __init__(self, config: AttentionEncoder, places: int) -> None:
        super().__init__()

    def forward(self, sets: VectorSets) -> Tensor:
        return sets.values


class Sinusoidal(nn.Module):
    """Adds sines and cosines of the place (Vaswani et al. 2017, section 3.5): (N, D) -> (N, D).

    D is split over the P axes; goes beyond trained places.
    """

    def __init__(self, config: AttentionEncoder, places: int) -> None:
        super().__init__()
        self.share = config.width // places // 2 * 2
        rates = torch.exp(torch.arange(0, self.share, 2) * (-math.log(10_000.0) / self.share))
        self.rates: Tensor
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, sets: VectorSets) -> Tensor:
        assert sets.coords is not None
        angles = sets.coords[:, :, None] * self.rates  # (N, P, share / 2)
        code = torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)  # (N, P · share)
        return sets.values + nn.functional.pad(code, (0, sets.values.shape[1] - code.shape[1]))


class LearnedPosition(nn.Module):
    """Adds a learned vector for each place along each axis: (N, D) -> (N, D).

    Refuses places beyond the trained ones.
    """

    def __init__(self, config: AttentionEncoder, places: int) -> None:
        super().__init__()
        self.limit = config.max_place
        self.tables = nn.ModuleList(nn.Embedding(config.max_place, config.width) for _ in range(places))
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.02)  # type: ignore[arg-type]

    def forward(self, sets: VectorSets) -> Tensor:
        assert sets.coords is not None
        # Word numbers are at most the longest length, which the host knows; only sets whose places are
        # given otherwise could reach further, and indexing would fail loudly there.
        if sets.layout.max_length > self.limit:
            raise UserError(
                f"a set of {sets.layout.max_length} vectors reaches beyond `encoder.max_place={self.limit}` "
                "learned places; raise it, or choose encoder.position=sinusoidal"
            )
        values = sets.values
        for axis, table in enumerate(self.tables):
            values = values + table(sets.coords[:, axis].long())
        return values


POSITIONS: dict[str, type[nn.Module]] = {
    "none": NoPosition,
    "sinusoidal": Sinusoidal,
    "learned": LearnedPosition,
}
