"""Graphs by what they are made of: their nodes in a bag, and how many neighbours nodes have."""

from attnlab.data.contract import GraphSummaries
from attnlab.registry import BASELINES
from attnlab.training.baselines.simple import Regression


@BASELINES.register("bag_of_nodes")
class BagOfNodes(Regression):
    """A logistic regression on how often each kind of node occurs, the mean of each of their numbers and how many they are."""

    split_type = GraphSummaries
    method = "bags"


@BASELINES.register("degree_counts")
class DegreeCounts(Regression):
    """A logistic regression on how many nodes have how many neighbours."""

    split_type = GraphSummaries
    method = "degree_counts"
