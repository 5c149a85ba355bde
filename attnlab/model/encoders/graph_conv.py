"""What attention along edges is compared with: the graph convolutions of PyTorch Geometric."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from attnlab.config import GraphConvEncoder
from attnlab.errors import UserError
from attnlab.model.dropout import Dropout
from attnlab.model.interfaces import Encoder
from attnlab.model.linear import Linear
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class GraphConv(Encoder):
    """depth × x + convolution(norm(x), edges): (N, D) -> (N, D).

    gin: a sum over neighbours through two layers (Xu et al. 2019, eq. 4.1; with edge values Hu et al. 2020, eq. 1) ·
    gatv2: additive attention along edges (Brody et al. 2022, eq. 7) · gcn: a mean weighted by degrees (Kipf & Welling
    2017, eq. 2). Raises UserError where the data have no edges.
    """

    def __init__(self, config: GraphConvEncoder, spec: DataSpec) -> None:
        super().__init__(config, spec)
        if spec.edge_features is None:
            raise UserError("`encoder=graph_conv` needs edges, these data have none; use encoder=attention")
        self.values = config.convolution != "gcn" and bool(spec.edge_features)
        self.loops = config.convolution == "gatv2"
        edge_width = spec.edge_features if self.values else None
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.depth))
        self.layers = nn.ModuleList(convolution(config, edge_width) for _ in range(config.depth))
        self.dropout = Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)

    def separate_layers(self) -> Sequence[nn.Module]:
        return list(self.layers)

    def forward(self, sets: VectorSets) -> VectorSets:
        assert sets.edges is not None, "refused when the model was built"
        x, edges, values = self.dropout(sets.values), sets.edges, sets.edge_values if self.values else None
        if self.loops:
            edges, values = with_loops(edges, values, len(x))
        edge_values = {} if values is None else {"edge_attr": values}
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + self.dropout(nn.functional.relu(layer(norm(x), edges, **edge_values)))
        return sets.with_values(self.norm(x))


def with_loops(edges: Tensor, values: Tensor | None, nodes: int) -> tuple[Tensor, Tensor | None]:
    """(2, E) edges, (E, …) values or None -> the same, and an edge from each node to itself where it has none, with the
    mean value of the edges that lead to it."""
    alone = torch.ones(nodes, dtype=torch.bool, device=edges.device)
    alone[edges[0, edges[0] == edges[1]]] = False
    itself = torch.nonzero(alone).T.expand(2, -1)
    if values is not None:
        sums = values.new_zeros(nodes, *values.shape[1:]).index_add(0, edges[1], values)
        means = sums / torch.bincount(edges[1], minlength=nodes).clamp_min(1)[:, None]
        values = torch.cat([values, means[alone]])
    return torch.cat([edges, itself], dim=1), values


def convolution(config: GraphConvEncoder, edge_width: int | None) -> nn.Module:
    """One layer: (N, D) and edges -> (N, D)."""
    from torch_geometric.nn import GATv2Conv, GCNConv, GINConv, GINEConv

    width = config.width
    if config.convolution == "gcn":
        return GCNConv(width, width)
    if config.convolution == "gatv2":
        # Its own loops would take the place of those that the data have.
        return GATv2Conv(width, width // config.heads, config.heads, edge_dim=edge_width, add_self_loops=False)
    layers = nn.Sequential(Linear(width, 2 * width), nn.LayerNorm(2 * width), nn.ReLU(), Linear(2 * width, width))
    if edge_width is None:
        return GINConv(layers, train_eps=True)
    return GINEConv(layers, train_eps=True, edge_dim=edge_width)
