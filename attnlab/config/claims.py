"""The claims that `attnlab compare` knows, each in a sentence; what they are made of stands in `lab/compare/`."""

from attnlab.registry import CLAIMS


@CLAIMS.builtin("positions", "attnlab.lab.compare.positions:Positions")
class _Positions:
    """Self-attention knows no order: positions have to be added, and some kinds reach beyond trained lengths."""


@CLAIMS.builtin("distance", "attnlab.lab.compare.distance:Distance")
class _Distance:
    """Attention reaches any word in one step, recurrence in as many as lie between, a window never."""
