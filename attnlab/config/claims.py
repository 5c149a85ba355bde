"""The claims that `attnlab compare` knows, each in a sentence; what they are made of stands in `lab/compare/`."""

from attnlab.registry import CLAIMS


@CLAIMS.builtin("positions", "attnlab.lab.compare.positions:Positions")
class _Positions:
    """Self-attention knows no order: positions have to be added, and some kinds reach beyond trained lengths."""


@CLAIMS.builtin("distance", "attnlab.lab.compare.distance:Distance")
class _Distance:
    """Attention reaches any word in one step, recurrence in as many as lie between, a window never."""


@CLAIMS.builtin("length", "attnlab.lab.compare.length:Length")
class _Length:
    """Attention takes sets of any length with the same weights, and doesn't care about their order."""


@CLAIMS.builtin("convolution", "attnlab.lab.compare.convolution:Convolution")
class _Convolution:
    """A convolution is attention that looks at fixed neighbours; with few examples that helps."""


@CLAIMS.builtin("score", "attnlab.lab.compare.score:Score")
class _Score:
    """Dot products are as good as additive scores and cheaper, if they are divided by √K."""


@CLAIMS.builtin("cost", "attnlab.lab.compare.cost:Cost")
class _Cost:
    """Attention's time grows with the square of the length, that of recurrence, convolution and windows with the length."""


@CLAIMS.builtin("edges", "attnlab.lab.compare.edges:Edges")
class _Edges:
    """Without its edges a graph is a bag of nodes; attention along them, or features of structure, tell how nodes are connected."""


@CLAIMS.builtin("neighbours", "attnlab.lab.compare.neighbours:Neighbours")
class _Neighbours:
    """A fully connected layer sees a window of neighbours; words that are decided outside it are guessed, and attention tells them."""


@CLAIMS.builtin("heads", "attnlab.lab.compare.heads:Heads")
class _Heads:
    """Each head finds one relation: a task needs as many as it has relations at once, and others can be removed."""


@CLAIMS.builtin("window", "attnlab.lab.compare.window:Window")
class _Window:
    """Attention to a window of neighbours makes long sound affordable and loses little there; what lies outside is lost."""


@CLAIMS.builtin("embedding", "attnlab.lab.compare.embedding:Embedding")
class _Embedding:
    """One-hot words know no likeness; learned vectors have neighbours that are used alike, and characters tell of rare words."""


@CLAIMS.builtin("modalities", "attnlab.lab.compare.modalities:Modalities")
class _Modalities:
    """One encoder serves words, speech, pictures and graphs at once, with the parameters of one and little loss."""
