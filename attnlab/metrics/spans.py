"""Spans of vectors that tags mark: IOB2 (B-PER, I-PER, O) and BILOU or BIOES, which mark ends (L-, E-) and single vectors
(U-, S-), too.

They are read as conlleval reads them (Tjong Kim Sang & Buchholz 2000), and seqeval in its default mode: a tag that cannot
continue the span before it, because there is none, it has ended or its type is another, begins a new one. In a valid sequence
no span begins so, and none is left without its end.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from attnlab.metrics.tally import Tally, tallied

OUTSIDE = "O"
FIRST, INSIDE = "B", "I"
_OPEN, _CONTINUES, _ENDS = ("B-", "I-"), ("I-", "L-", "E-"), ("L-", "E-", "U-", "S-")
_PREFIXES = tuple(f"{letter}-" for letter in (FIRST, INSIDE, "L", "E", "U", "S"))

Span = tuple[str, int, int]
"""Its type, its first vector and its last."""


def are_tags(classes: Iterable[str]) -> bool:
    """Whether classes mark spans: each is O or begins with B-, I-, L-, E-, U- or S-, and one of them with B-."""
    names = [name for name in classes if name != OUTSIDE]
    return all(name.startswith(_PREFIXES) for name in names) and any(
        name.startswith(f"{FIRST}-") for name in names
    )


def continues(before: str, tag: str) -> bool:
    """Whether a tag goes on with the span of the tag before it: I-, L- or E- behind B- or I- of its type."""
    return tag[:2] in _CONTINUES and before[:2] in _OPEN and before[2:] == tag[2:]


def types_with_ends(classes: Iterable[str]) -> set[str]:
    """The types whose spans are closed by L- or E-, as in BILOU and BIOES; those of IOB2 end without a word."""
    return {name[2:] for name in classes if name.startswith(("L-", "E-"))}


def may_follow(before: str, tag: str, with_ends: Collection[str]) -> bool:
    """Whether a tag stands behind another in valid sequences. Before the first vector of a set, and behind its last, is O.

    with_ends: see `types_with_ends`.
    """
    unended = before[:2] in _OPEN and before[2:] in with_ends
    return continues(before, tag) or not (unended or tag[:2] in _CONTINUES)


def spans(tags: Sequence[str]) -> Iterator[Span]:
    """Those of one set, in order. Whatever is no tag is outside, as O is."""
    kind, first, before = "", -1, OUTSIDE  # of the open span; −1: there is none
    for i, tag in enumerate([*tags, OUTSIDE]):
        if first >= 0 and not continues(before, tag):
            yield kind, first, i - 1
            first = -1
        if first < 0 and tag.startswith(_PREFIXES):
            kind, first = tag[2:], i
        if tag.startswith(_ENDS):
            yield kind, first, i
            first = -1
        before = tag


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
        tag.startswith(f"{INSIDE}-") and before != unscored and not continues(before, tag) for before, tag in pairs
    )
