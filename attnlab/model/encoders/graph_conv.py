"""What attention along edges is compared with: the graph convolutions of PyTorch Geometric."""

from torch import nn

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
        edge_width = spec.edge_features if self.values else None
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.depth))
        self.layers = nn.ModuleList(convolution(config, edge_width) for _ in range(config.depth))
        self.dropout = Dropout(config.dropout)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, sets: VectorSets) -> VectorSets:
        assert sets.edges is not None, "refused when the model was built"
        x, edge_values = self.dropout(sets.values), {"edge_attr": sets.edge_values} if self.values else {}
        for norm, layer in zip(self.norms, self.layers, strict=True):
            x = x + self.dropout(nn.functional.relu(layer(norm(x), sets.edges, **edge_values)))
        return sets.with_values(self.norm(x))


def convolution(config: GraphConvEncoder, edge_width: int | None) -> nn.Module:
    """One layer: (N, D) and edges -> (N, D)."""
    from torch_geometric.nn import GATv2Conv, GCNConv, GINConv, GINEConv

    width = config.width
    if config.convolution == "gcn":
        return GCNConv(width, width)
    if config.convolution == "gatv2":
        return GATv2Conv(width, width // config.heads, config.heads, edge_dim=edge_width)
    layers = nn.Sequential(Linear(width, 2 * width), nn.LayerNorm(2 * width), nn.ReLU(), Linear(2 * width, width))
    if edge_width is None:
        return GINConv(layers, train_eps=True)
    return GINEConv(layers, train_eps=True, edge_dim=edge_width)
