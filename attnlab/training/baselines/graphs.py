"""Graphs by what they are made of: their nodes in a bag, and how many neighbours nodes have."""

import numpy as np
from numpy.typing import NDArray

from attnlab.data.graph.loader import GraphSplit
from attnlab.registry import BASELINES
from attnlab.training.baselines.base import Baseline, Problem
from attnlab.training.baselines.simple import most_probable


class GraphRegression(Baseline):
    """A logistic regression on some numbers of each graph."""

    def numbers(self, split: GraphSplit) -> NDArray[np.float64]:
        """(graphs, numbers)."""
        raise NotImplementedError

    def fits(self, problem: Problem) -> bool:
        is_graph = problem.kind == "class" and isinstance(problem.train, GraphSplit)
        return is_graph and len(set(problem.learned)) > 1

    def scores(self, problem: Problem) -> dict[str, float]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        train, test = problem.train, problem.test
        assert isinstance(train, GraphSplit) and isinstance(test, GraphSplit)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(self.numbers(train), problem.learned)
        return problem.measure(most_probable(model.classes_, model.predict_proba(self.numbers(test))))


@BASELINES.register("bag_of_nodes")
class BagOfNodes(GraphRegression):
    """A logistic regression on the nodes of each graph in a bag."""

    def numbers(self, split: GraphSplit) -> NDArray[np.float64]:
        return split.bags()


@BASELINES.register("degree_counts")
class DegreeCounts(GraphRegression):
    """A logistic regression on how many nodes have how many neighbours."""

    def numbers(self, split: GraphSplit) -> NDArray[np.float64]:
        return split.degree_counts()
