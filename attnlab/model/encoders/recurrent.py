"""Before attention: recurrent networks along the vectors, in both directions."""

import re

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from attnlab.config import RecurrentEncoder
from attnlab.errors import UserError
from attnlab.model.coord_order import Order
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec


class Recurrent(Encoder):
    """depth × a bidirectional LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014) in order of the coordinates
    (pictures: row after row): (N, D) -> (N, D). Only their order counts, not how far apart they are. Raises UserError
    where the data have no coordinates."""

    def __init__(self, config: RecurrentEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.num_coords == 0:
            raise UserError(
                "`encoder=recurrent` needs vectors with coordinates, these have none; use encoder=attention"
            )
        cell = nn.LSTM if config.cell == "lstm" else nn.GRU
        between = config.dropout if config.depth > 1 else 0.0
        self.cells = cell(
            config.width, config.width // 2, config.depth, batch_first=True, dropout=between, bidirectional=True
        )
        self.dropout = Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)

    def layer_of(self, name: str) -> int | None:
        found = re.match(r"cells\.\w+_l(\d+)", name)  # as in `cells.weight_ih_l0_reverse`
        return int(found[1]) if found else None

    def forward(self, sets: VectorSets) -> VectorSets:
        x = self.dropout(sets.values)
        rows = Order.of(sets).rows
        if rows is None:
            x = self._recur(x, sets.layout)
        else:
            rows = rows.to(x.device)
            x = self._recur(x[rows], sets.layout)[torch.argsort(rows)]
        return sets.with_values(self.norm(self.dropout(x)))

    def _recur(self, x: Tensor, layout: Layout) -> Tensor:
        """(N, D) in order of the coordinates -> (N, D)."""
        lengths = [length for length in layout.lengths if length]
        if not lengths:
            return x
        if len(lengths) < len(layout):  # PyTorch's packed sequences may not be empty
            layout = Layout.of(lengths).to(x.device)
        packed = pack_padded_sequence(layout.pad(x), torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.cells(packed)[0], batch_first=True)
        return layout.pack(states)
