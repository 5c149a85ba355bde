"""What attention is put together from: scores, scopes and positions with their keys, and which kernel computes what.

Nothing here imports torch, so that a wrong combination is refused before anything heavy is loaded. Each part is chosen by
a word: its name, then the values of its keys after colons, as in `window:8` or `additive:leaky_relu`. What computes it
stands in `attnlab/model/attention/`; a plugin registers its own:

    @dataclass(frozen=True)
    class GaussianKeys(ScoreKeys):  # gaussian:0.5
        pairwise = True
        width: float = 1.0

    @SCORES.register("gaussian", GaussianKeys)
    class Gaussian(Score): ...
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from attnlab.choices import Choices, Distance
from attnlab.errors import UserError
from attnlab.registry import POSITIONS, SCOPES, SCORES

Family = Literal["everything", "differences", "bounded_differences", "edges"]
"""How a scope finds its pairs: all of a set; by differences of coordinates; by such with a bound; along edges."""
FAMILIES: tuple[Family, ...] = get_args(Family)


@dataclass(frozen=True)
class ScoreKeys:
    """How well two vectors match. pairwise: it looks at each pair; others are a scaled dot product of prepared vectors."""

    pairwise: ClassVar[bool] = False


@dataclass(frozen=True)
class AdditiveKeys(ScoreKeys):
    """w · activation(q + k)."""

    pairwise = True
    activation: Literal["tanh", "leaky_relu"] = "tanh"


@dataclass(frozen=True)
class ScopeKeys:
    """Which vectors a vector attends to. num_coords: how many coordinates it needs; None: any number above 0."""

    family: ClassVar[Family]
    num_coords: ClassVar[int | None] = None


class FullKeys(ScopeKeys):
    """All vectors of the set."""

    family = "everything"


@dataclass(frozen=True)
class WindowKeys(ScopeKeys):
    """Vectors no farther than the radius, along every coordinate."""

    family = "bounded_differences"
    radius: Distance


@dataclass(frozen=True)
class PositionKeys:
    """How coordinates enter.

    changes: what they change: the vectors, queries and keys (by a rotation), or scores; None: they are ignored.
    splits: the width that is split over the coordinates, two numbers for each at least; None: no width is.
    """

    changes: ClassVar[Literal["vectors", "queries and keys", "scores"] | None] = None
    splits: ClassVar[Literal["width", "head_width"] | None] = None


def _keys(base: type, sentence: str, **traits: object) -> type:
    """The keys of a part that takes no values after its name."""
    return type(base.__name__, (base,), {"__doc__": sentence, "__module__": __name__, **traits})


for _name, _part, _score in (
    ("scaled_dot", "ScaledDot", _keys(ScoreKeys, "q · k / √K.")),
    ("dot", "Dot", _keys(ScoreKeys, "q · k.")),
    ("bilinear", "Bilinear", _keys(ScoreKeys, "qᵀ W k, with a matrix for each head.")),
    ("cosine", "Cosine", _keys(ScoreKeys, "τ cos(q, k), with a learned τ for each head.")),
    ("additive", "Additive", AdditiveKeys),
):
    SCORES.builtin(_name, f"attnlab.model.attention.scores:{_part}")(_score)
for _name, _part, _scope in (
    ("full", "Full", FullKeys),
    ("window", "Window", WindowKeys),
    (
        "edges",
        "Edges",
        _keys(ScopeKeys, "Vectors from which an edge leads here, and the vector itself.", family="edges"),
    ),
    ("causal", "Causal", _keys(ScopeKeys, "Vectors that don't come later.", family="differences", num_coords=1)),
):
    SCOPES.builtin(_name, f"attnlab.model.attention.scopes:{_part}")(_scope)
for _name, _part, _changes, _splits, _sentence in (
    ("none", "Position", None, None, "Not at all."),
    ("sinusoidal", "Sinusoidal", "vectors", "width", "Sines and cosines, added to the vectors."),
    ("learned", "LearnedPosition", "vectors", None, "A learned vector for each position, added to the vectors."),
    ("rotary", "Rotary", "queries and keys", "head_width", "Rotations of queries and keys."),
    ("alibi", "Alibi", "scores", None, "The distance times a fixed slope, taken off the scores."),
    ("relative", "Relative", "scores", None, "A learned number for each difference, added to the scores."),
):
    _position = _keys(PositionKeys, _sentence, changes=_changes, splits=_splits)
    POSITIONS.builtin(_name, f"attnlab.model.attention.positions:{_part}")(_position)

SCORE_CHOICES = Choices(SCORES, ScoreKeys)
SCOPE_CHOICES = Choices(SCOPES, ScopeKeys, lists=True)
POSITION_CHOICES = Choices(POSITIONS, PositionKeys, auto=True)
parse_score, parse_scope, parse_position = SCORE_CHOICES.parse, SCOPE_CHOICES.parse, POSITION_CHOICES.parse


def scope_problem(word: str, num_coords: int, edges: bool) -> str | None:
    """Why data with so many coordinates, and with edges or without, cannot have a scope, and which they can."""
    problem = _missing(parse_scope(word), num_coords, edges)
    if problem is None:
        return None
    others = [name for name in SCOPES if _missing(SCOPE_CHOICES.keys(name), num_coords, edges) is None]
    forms = [form for name in others for form in SCOPE_CHOICES.forms(name)]
    return f"scope `{word}`: {problem}; use scope {' or '.join(forms)}"


def _missing(keys: ScopeKeys | type[ScopeKeys], num_coords: int, edges: bool) -> str | None:
    if keys.family == "edges":
        return None if edges else "these data have no edges"
    if keys.family == "everything" or num_coords == (keys.num_coords or max(1, num_coords)):
        return None
    if num_coords == 0:
        return "these data have no coordinates"
    return f"these vectors have {num_coords} coordinates, it needs {keys.num_coords}"


@dataclass(frozen=True)
class KernelSupport:
    """What a kernel computes; `does` and `cost` say it in words. pairwise: also scores that look at each pair. cross: also
    attention from one set to another. num_coords: how many coordinates it needs, None: any number."""

    pairwise: bool
    families: tuple[Family, ...]
    cross: bool
    does: str
    cost: str
    num_coords: int | None = None

    def computes(self, score: ScoreKeys | type[ScoreKeys], scope: ScopeKeys | type[ScopeKeys]) -> bool:
        return (self.pairwise or not score.pairwise) and scope.family in self.families


KERNELS: dict[str, KernelSupport] = {
    "reference": KernelSupport(True, FAMILIES, True, "the textbook's steps, set after set; gives weights", "O(ΣL²)"),
    "dense": KernelSupport(False, FAMILIES, True, "PyTorch's fused product over whole sets", "O(B·L²)"),
    "blocked": KernelSupport(
        True, ("everything", "differences", "bounded_differences"), True,
        "blocks of queries, recomputed in backward", "O(L·block) memory",
    ),
    "banded": KernelSupport(
        False, ("bounded_differences",), False, "windows over one coordinate, block by block", "O(N·radius)", 1
    ),
    "edgewise": KernelSupport(
        True, ("bounded_differences", "edges"), False, "lists of neighbours, a softmax for each", "O(E)"
    ),
}  # fmt: skip


def refusal(kernel: str, score: str, scope: str, position: str = "none") -> str | None:
    """Why this combination cannot be computed and what would work; None where it can be."""
    score_keys, scope_keys = parse_score(score), parse_scope(scope)
    rotates = position != "auto" and parse_position(position).changes == "queries and keys"
    if rotates and score_keys.pairwise:
        dots = [name for name in SCORES if not SCORE_CHOICES.keys(name).pairwise]
        biases = [name for name in POSITIONS if POSITION_CHOICES.keys(name).changes == "scores"]
        return (
            f"position {position} rotates queries and keys, which only a product reads as a difference of coordinates; "
            f"with score {score} use position {' or '.join(biases)}, or one of the scores {', '.join(dots)}"
        )
    able = [name for name, support in KERNELS.items() if support.computes(score_keys, scope_keys)]
    if kernel == "auto" or kernel in able:
        return None
    support = KERNELS[kernel]
    reason = f"score {score}" if scope_keys.family in support.families else f"scope {scope}"
    return f"kernel {kernel} cannot compute {reason} ({support.does}); use kernel auto, or {' or '.join(able)}"


def check_num_coords(kernel: str, num_coords: int) -> None:
    """Raises UserError where a kernel needs another number of coordinates."""
    support = KERNELS.get(kernel)  # none of `auto`
    if support is not None and support.num_coords not in (None, num_coords):
        others = [n for n, s in KERNELS.items() if s.num_coords is None and {*support.families} <= {*s.families}]
        raise UserError(
            f"kernel {kernel} needs vectors along one coordinate, these have {num_coords}; use kernel {' or '.join(others)}"
        )


def fitting_position(position: str, score: str) -> str:
    """What `auto` stands for: rotary, or relative where the score looks at each pair; other positions as they are."""
    if position != "auto":
        return position
    return "relative" if parse_score(score).pairwise else "rotary"


def kernel_table() -> str:
    """Which kernel computes which score, scope and bias: a table of text."""
    head = ("kernel", "scores", "scopes", "alibi, relative", "edge values", "dropout", "cross", "cost", "does")
    rows: list[tuple[str, ...]] = [head, ()]
    pairwise = [name for name in SCORES if SCORE_CHOICES.keys(name).pairwise]
    for name, support in KERNELS.items():
        scores = "all" if support.pairwise else f"all but {', '.join(pairwise)}"
        scopes = [scope for scope in SCOPES if SCOPE_CHOICES.keys(scope).family in support.families]
        allowed = "all" if len(scopes) == len(SCOPES) else ", ".join(scopes)
        allowed += " (one coordinate)" if support.num_coords == 1 else ""
        computed = (True, "edges" in support.families, True, support.cross)
        answers = ["yes" if answer else "refused" for answer in computed]
        rows.append((name, scores, allowed, *answers, support.cost, support.does))
    widths = [max(len(row[i]) for row in rows if row) for i in range(len(head))]
    rows[1] = tuple("-" * width for width in widths)
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)
