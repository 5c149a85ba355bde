"""N→1 for graphs: what `classification` does, under the name that a task on graphs calls it by."""

from attnlab.model.heads.classification import Classification


class Graph(Classification):
    """Read the nodes out into one vector, by default their sum, which answers for the graph (Xu et al. 2019)."""
