"""What attention replaces: a fixed window of neighbours through one fully connected layer."""

import torch
from torch import Tensor, nn

from attnlab.config import FullyConnectedEncoder
from attnlab.errors import UserError
from attnlab.model.interfaces import Encoder
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec


class FullyConnected(Encoder):
    """depth × one layer over the 2·radius+1 neighbours in the order of `coords`: (N, D) -> (N, D).

    Beyond the ends of a set the neighbours are zeros.
    """

    def __init__(self, config: FullyConnectedEncoder, spec: DataSpec) -> None:
        super().__init__()
        if spec.places != 1:
            raise UserError(
                f"`encoder=fully_connected` needs vectors in a row (one coordinate); these have {spec.places}"
            )
        self.radius = config.radius
        self.dropout = nn.Dropout(config.dropout)
        wide = (2 * config.radius + 1) * config.width
        self.layers = nn.ModuleList(nn.Linear(wide, config.width) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        assert sets.coords is not None
        x = self.dropout(sets.values)
        neighbours = _neighbours(sets.layout, sets.coords[:, 0], self.radius)
        for layer in self.layers:
            padded = torch.cat([x, x.new_zeros(1, x.shape[1])])  # the last row stands for "nobody"
            x = self.dropout(nn.functional.gelu(layer(padded[neighbours].flatten(1))))
        return sets.with_values(self.norm(x))


def _neighbours(layout: Layout, coords: Tensor, radius: int) -> Tensor:
    """(N, 2·radius+1) row numbers of each vector's neighbours in the order of places; N for nobody."""
    rows = len(coords)
    order = torch.argsort(coords, stable=True)
    order = order[torch.argsort(layout.set_index[order], stable=True)]  # by set, then by place
    rank = torch.empty_like(order)
    rank[order] = torch.arange(rows, device=order.device)
    steps = torch.arange(-radius, radius + 1, device=order.device)
    near = rank[:, None] + steps
    inside = (near >= 0) & (near < rows)
    found = order[near.clamp(0, rows - 1)]
    same_set = layout.set_index[found] == layout.set_index[:, None]
    return torch.where(inside & same_set, found, rows)
