"""What a page needs to draw one set of vectors, whatever they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from attnlab.data.contract import Split
from attnlab.pages.page import Array, Json
from attnlab.sets import VectorSets
from attnlab.training.run import Run


@dataclass(frozen=True, eq=False)
class Drawn:
    """One set as `scripts/view.js` draws it. kind: which script does; labels: a text for each of the L vectors. facts, arrays: what
    else that script needs."""

    kind: str
    labels: list[str]
    facts: Mapping[str, Json] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


Drawer = Callable[[Run, Split, int, VectorSets], Drawn]


def readable(token: str) -> str:
    """A word or token as a page shows it: without the mark of a word's beginning, and what would be nothing but white space as ␣, so
    that it can be seen and chosen."""
    text = token.removeprefix("▁")
    return text if text.strip() else "␣"
