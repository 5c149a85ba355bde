"""Before attention: a memory that walks along the vectors, in both directions."""

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
    """depth × a bidirectional LSTM (Hochreiter & Schmidhuber 1997) or GRU (Cho et al. 2014) in order of places
    (pictures: as one reads, row after row): (N, D) -> (N, D). Places give the order alone; that two are far apart is
    not seen."""

    def __init__(self, config: RecurrentEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.num_coords == 0:
            raise UserError(
                "`encoder=recurrent` needs vectors with places, these have none; use encoder=attention"
            )
        cell = nn.LSTM if config.cell == "lstm" else nn.GRU
        between = config.dropout if config.depth > 1 else 0.0
        self.cells = cell(
            config.width, config.width // 2, config.depth, batch_first=True, dropout=between, bidirectional=True
        )
        self.dropout = Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        x = self.dropout(sets.values)
        rows = Order.of(sets).rows
        if rows is None:
            x = self._walk(x, sets.layout)
        else:
            rows = rows.to(x.device)
            x = self._walk(x[rows], sets.layout)[torch.argsort(rows)]
        return sets.with_values(self.norm(self.dropout(x)))

    def _walk(self, x: Tensor, layout: Layout) -> Tensor:
        """(N, D) in order of places -> (N, D)."""
        present = [length for length in layout.lengths if length]
        if not present:
            return x
        if len(present) < len(layout):  # the packed form of torch knows no empty sets
            layout = Layout.of(present).to(x.device)
        packed = pack_padded_sequence(layout.pad(x), torch.tensor(present), batch_first=True, enforce_sorted=False)
        walked, _ = pad_packed_sequence(self.cells(packed)[0], batch_first=True)
        return layout.pack(walked)
