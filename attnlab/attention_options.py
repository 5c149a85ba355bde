"""What attention can be put together from, in words: scores, scopes, positions, and which kernel computes what.

Nothing here imports torch, so that a wrong combination is refused before anything heavy is loaded.
`attnlab/model/attention/` holds what the words stand for.
"""

import re
from dataclasses import dataclass

from attnlab.errors import UserError, suggestion

DOT_SCORES = ("scaled_dot", "dot", "bilinear", "cosine")
PAIRWISE_SCORES = ("additive", "additive:tanh", "additive:leaky_relu")
SCORES = DOT_SCORES + PAIRWISE_SCORES
SCOPES = ("full", "window", "edges", "causal")
STRUCTURES = ("laplacian", "random_walk", "degree", "size")
ONE_NUMBER = ("degree", "size")
"""Structures that are a single number, written without a width."""
POSITIONS = ("none", "sinusoidal", "learned", "rotary", "alibi", "relative")


@dataclass(frozen=True)
class Ability:
    """What a kernel computes. `does` and `cost` are for people."""

    scores: tuple[str, ...]
    scopes: tuple[str, ...]
    edge_values: bool
    cross: bool
    does: str
    cost: str


KERNELS: dict[str, Ability] = {
    "reference": Ability(SCORES, SCOPES, True, True, "the textbook's steps, set after set; gives weights", "O(ΣL²)"),
    "dense": Ability(DOT_SCORES, SCOPES, True, True, "PyTorch's fused product over whole sets", "O(B·L²)"),
    "blocked": Ability(
        SCORES, ("full", "window", "causal"), False, True, "blocks of queries, recomputed in backward",
        "O(L·block) memory",
    ),
    "banded": Ability(
        DOT_SCORES, ("window",), False, False, "windows over one coordinate, block by block", "O(N·radius)"
    ),
    "edgewise": Ability(SCORES, ("window", "edges"), True, False, "lists of neighbours, a softmax for each", "O(E)"),
}  # fmt: skip


@dataclass(frozen=True)
class ScopeWord:
    """A scope as written. radius: of a window, in coordinates, or in seconds where `seconds` is true."""

    kind: str
    radius: float = 0.0
    seconds: bool = False

    def __str__(self) -> str:
        return f"window:{self.radius:g}{'s' * self.seconds}" if self.kind == "window" else self.kind

    def in_coordinates(self, frame_seconds: float | None) -> float:
        """The radius in coordinates, where a frame lasts so long; refuses where nobody knows how long."""
        if not self.seconds:
            return self.radius
        if frame_seconds is None:
            raise UserError(
                f"scope `{self}`: these data don't know how long a frame lasts; write the radius in coordinates, "
                "as in window:8"
            )
        # 0.29 s in frames of 0.01 s must be 29 frames, not 28.999….
        return round(self.radius / frame_seconds, 6)


def parse_scope(word: object) -> ScopeWord:
    """`full`, `window:8`, `window:40ms`, `window:0.5s`, `edges` or `causal`."""
    kind, colon, radius = str(word).partition(":")
    if kind not in SCOPES:
        raise UserError(f"scope `{word}`: no such scope; {suggestion(kind, SCOPES)}")
    if kind != "window":
        if colon:
            raise UserError(f"scope `{word}`: only a window has a radius; write `{kind}`")
        return ScopeWord(kind)
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(ms|s)?", radius)
    if not found:
        raise UserError(f"scope `{word}`: a window needs a radius, as in window:8 or window:40ms")
    number, unit = float(found[1]), found[2]
    return ScopeWord(kind, number / 1000 if unit == "ms" else number, unit is not None)


def parse_scopes(words: object) -> tuple[ScopeWord, ...]:
    """One scope, or a list that is cycled over the layers."""
    listed = list(words) if isinstance(words, list | tuple) else [words]
    if not listed:
        raise UserError("name at least one scope")
    return tuple(parse_scope(word) for word in listed)


def parse_structures(words: object) -> tuple[tuple[str, int], ...]:
    """What tells a node's role in its graph, with its width: `laplacian:8`, `random_walk:16`, `degree`, `size`, or a
    list."""
    listed = [] if words is None else list(words) if isinstance(words, list | tuple) else [words]
    found = []
    for word in listed:
        kind, colon, width = str(word).partition(":")
        if kind not in STRUCTURES:
            raise UserError(f"`data.structure={word}`: no such structure; {suggestion(kind, STRUCTURES)}")
        if (kind in ONE_NUMBER) == bool(colon) or (colon and not (width.isdecimal() and int(width) > 0)):
            raise UserError(
                f"`data.structure={word}`: write laplacian:8 or random_walk:16 (any number from 1), degree or size"
            )
        found.append((kind, int(width or 1)))
    return tuple(found)


def refusal(kernel: str, score: str, scope: ScopeWord, position: str = "none") -> str | None:
    """Why this combination cannot be computed and what would work; None where it can be."""
    if position == "rotary" and score in PAIRWISE_SCORES:
        return (
            f"position rotary turns queries and keys, which only a product reads as a difference of places; with "
            f"score {score} use position alibi or relative, or one of the scores {', '.join(DOT_SCORES)}"
        )
    able = [name for name, it in KERNELS.items() if score in it.scores and scope.kind in it.scopes]
    if kernel == "auto" or kernel in able:
        return None
    ability = KERNELS[kernel]
    reason = f"scope {scope}" if scope.kind not in ability.scopes else f"score {score}"
    return f"kernel {kernel} cannot compute {reason} ({ability.does}); use kernel auto, or {' or '.join(able)}"


def parse_count(text: object) -> int:
    """A number of parameters: 250000, 250k or 1.5M."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?)([kKmM]?)", str(text).strip())
    if not found:
        raise UserError(f"`encoder.parameters={text}`: write a number such as 250k or 1M")
    return round(float(found[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[found[2].lower()])


def kernel_table() -> str:
    """Which kernel computes which score, scope and bias: a table of text."""
    head = ("kernel", "scores", "scopes", "alibi, relative", "edge values", "dropout", "cross", "cost", "does")
    rows: list[tuple[str, ...]] = [head, ()]
    for name, it in KERNELS.items():
        scores = "all" if it.scores == SCORES else "all but additive"
        scopes = "all" if it.scopes == SCOPES else ", ".join(it.scopes)
        if name == "banded":
            scopes = "window (one coordinate)"
        answers = ["yes" if answer else "refused" for answer in (True, it.edge_values, True, it.cross)]
        rows.append((name, scores, scopes, *answers, it.cost, it.does))
    widths = [max(len(row[i]) for row in rows if row) for i in range(len(head))]
    rows[1] = tuple("-" * width for width in widths)
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)
