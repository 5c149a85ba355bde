"""What attention replaces: a fixed window of neighbours through one fully connected layer."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from attnlab.config import FullyConnectedEncoder
from attnlab.errors import UserError
from attnlab.model.coord_order import Order
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.model.linear import Linear
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class FullyConnected(Encoder):
    """depth × one layer over the 2·radius+1 neighbours in the order of `coords`: (N, D) -> (N, D).

    Beyond the ends of a set the neighbours are zeros. Raises UserError where the data have other than one coordinate.
    """

    def __init__(self, config: FullyConnectedEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.num_coords != 1:
            raise UserError(
                f"`encoder=fully_connected` needs vectors in a row (one coordinate), these have {spec.num_coords}; "
                "use encoder=attention"
            )
        self.radius = config.radius
        self.dropout = Dropout(config.dropout)
        window_width = (2 * config.radius + 1) * config.width
        self.layers = nn.ModuleList(Linear(window_width, config.width) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    def separate_layers(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def forward(self, sets: VectorSets) -> VectorSets:
        x = self.dropout(sets.values)
        neighbours = _neighbours(sets, self.radius)
        for layer in self.layers:
            padded = torch.cat([x, x.new_zeros(1, x.shape[1])])  # the last row: no neighbour
            window = nn.functional.embedding(neighbours, padded).flatten(1)  # (N, (2·radius+1) · D)
            x = self.dropout(nn.functional.gelu(layer(window)))
        return sets.with_values(self.norm(x))


def _neighbours(sets: VectorSets, radius: int) -> Tensor:
    """(N, 2·radius+1) row numbers of each vector's neighbours in order of the coordinates; N where there is none."""
    order = Order.of(sets)
    count = len(order.sets)
    unbounded = torch.arange(count)[:, None] + torch.arange(-radius, radius + 1)
    rows = unbounded.clamp(0, max(count - 1, 0))
    missing = (unbounded != rows) | (order.sets[rows] != order.sets[:, None])
    if order.rows is not None:
        rows, inverse_order = order.rows[rows], torch.argsort(order.rows)
        rows, missing = rows[inverse_order], missing[inverse_order]
    return rows.masked_fill(missing, count).to(sets.values.device)
