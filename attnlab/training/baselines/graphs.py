"""Graphs by what they are made of: their nodes in a bag, and how many neighbours nodes have."""

import numpy as np
from numpy.typing import NDArray

from attnlab.data.contract import GraphSummaries, Split
from attnlab.registry import BASELINES
from attnlab.training.baselines.simple import Regression


@BASELINES.register("bag_of_nodes")
class BagOfNodes(Regression):
    """A logistic regression on the nodes of each graph in a bag."""

    split_type = GraphSummaries

    def numbers(self, split: Split) -> NDArray[np.floating]:
        assert isinstance(split, GraphSummaries)
        return split.bags()


@BASELINES.register("degree_counts")
class DegreeCounts(Regression):
    """A logistic regression on how many nodes have how many neighbours."""

    split_type = GraphSummaries

    def numbers(self, split: Split) -> NDArray[np.floating]:
        assert isinstance(split, GraphSummaries)
        return split.degree_counts()
