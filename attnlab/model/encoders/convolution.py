"""A fixed, shared pattern of neighbours: what attention learns to choose."""

import torch
from torch import Tensor, nn

from attnlab.config import ConvolutionEncoder
from attnlab.errors import UserError
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Convolution(Encoder):
    """depth × x + convolution(norm(x)) over a line (P=1) or a grid (P=2): (N, D) -> (N, D).

    Neighbours are those at neighbouring coordinates, whole numbers; cells without a vector are 0, so that sets of
    different sizes and shapes share a batch. Raises UserError where the data have other coordinates.
    """

    def __init__(self, config: ConvolutionEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.num_coords not in (1, 2):
            raise UserError(
                f"`encoder=convolution` needs vectors on a line or a grid (1 or 2 coordinates), these have "
                f"{spec.num_coords}; use encoder=attention"
            )
        convolution = nn.Conv1d if spec.num_coords == 1 else nn.Conv2d
        size = 2 * config.radius + 1
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.depth))
        self.layers = nn.ModuleList(
            convolution(config.width, config.width, size, padding=config.radius) for _ in range(config.depth)
        )
        self.dropout = Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        x = self.dropout(sets.values)
        if len(x):
            cells, shape = _grid(sets)
            for norm, layer in zip(self.norms, self.layers, strict=True):
                x = x + self.dropout(nn.functional.gelu(_convolved(norm(x), cells, shape, layer)))
        return sets.with_values(self.norm(x))


def _grid(sets: VectorSets) -> tuple[Tensor, list[int]]:
    """(N,) each vector's cell in a grid that holds all sets, and the grid's shape (B, size of each axis)."""
    assert sets.coords is not None and sets.known_coords is not None
    low = sets.known_coords.amin(0).round()
    sizes = [int(size) + 1 for size in (sets.known_coords.amax(0).round() - low).tolist()]
    index = (sets.coords.round() - low.to(sets.coords.device)).long()
    cells = sets.layout.set_index
    for axis, size in enumerate(sizes):
        cells = cells * size + index[:, axis]
    return cells, [len(sets), *sizes]


def _convolved(x: Tensor, cells: Tensor, shape: list[int], layer: nn.Module) -> Tensor:
    """(N, D) -> (N, D), by way of a grid (B, D, …)."""
    grid = x.new_zeros(int(torch.Size(shape).numel()), x.shape[1]).index_copy(0, cells, x)
    grid = layer(grid.view(*shape, -1).movedim(-1, 1)).movedim(1, -1)
    return grid.flatten(0, -2).index_select(0, cells)
