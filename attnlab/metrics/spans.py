"""Spans of vectors that tags mark: IOB2 (B-PER, I-PER, O) and BILOU or BIOES, which mark ends (L-, E-) and single vectors
(U-, S-), too.

They are read as conlleval reads them (Tjong Kim Sang & Buchholz 2000), and seqeval in its default mode: a tag that cannot
continue the span before it, because there is none, it has ended or its type is another, begins a new one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from attnlab.metrics.tally import Tally, tallied

OUTSIDE = "O"
FIRST, INSIDE = "B", "I"
_CONTINUES, _ENDS = (INSIDE, "L", "E"), ("L", "E", "U", "S")
_PREFIXES = tuple(f"{letter}-" for letter in (FIRST, INSIDE, "L", "E", "U", "S"))

Span = tuple[str, int, int]
"""Its type, its first vector and its last."""


def are_tags(classes: Iterable[str]) -> bool:
    """Whether classes mark spans: each is O or begins with B-, I-, L-, E-, U- or S-, and one of them with B-."""
    names = [name for name in classes if name != OUTSIDE]
    return all(name.startswith(_PREFIXES) for name in names) and any(
        name.startswith(f"{FIRST}-") for name in names
    )


def spans(tags: Sequence[str]) -> Iterator[Span]:
    """Those of one set, in order. Whatever is no tag is outside, as O is."""
    kind, first = "", -1  # of the open span; −1: there is none
    for i, tag in enumerate([*tags, OUTSIDE]):
        letter, name = (tag[0], tag[2:]) if tag.startswith(_PREFIXES) else (OUTSIDE, "")
        if first >= 0 and not (letter in _CONTINUES and name == kind):
            yield kind, first, i - 1
            first = -1
        if letter != OUTSIDE and first < 0:
            kind, first = name, i
        if letter in _ENDS:
            yield kind, first, i
            first = -1


def in_each(
    right: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], unscored: str
) -> Iterator[tuple[set[Span], set[Span]]]:
    """The right spans of each set, and the predicted ones. A vector whose right tag is `unscored` is outside, whatever is
    predicted of it: it ends spans of both."""
    for tags, answers in zip(right, predicted, strict=True):
        seen = [OUTSIDE if tag == unscored else answer for tag, answer in zip(tags, answers, strict=True)]
        yield set(spans(tags)), set(spans(seen))


def by_type(right: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], unscored: str) -> dict[str, Tally]:
    """Of each type of span, in alphabetical order: a predicted one is right where a right one has its type, its first and
    its last vector. `unscored`: see `in_each`."""
    counts = Counter[str](), Counter[str](), Counter[str]()
    for truth, found in in_each(right, predicted, unscored):
        for count, group in zip(counts, (truth, found, truth & found), strict=True):
            count.update(kind for kind, _, _ in group)
    return dict(sorted(tallied(*counts).items()))


def unfounded(tags: Sequence[str], unscored: str) -> int:
    """How many of a set's tags I- stand behind neither B- nor I- of their type. Behind an unscored vector nothing is known."""
    pairs = zip([OUTSIDE, *tags], tags, strict=False)
    return sum(
        tag.startswith(f"{INSIDE}-") and before not in (unscored, tag, f"{FIRST}-{tag[2:]}")
        for before, tag in pairs
    )
