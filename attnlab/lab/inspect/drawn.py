"""What a page needs to draw one set of vectors, whatever they are: words here, the other modalities in files of their own."""

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


def words(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """Words as they were written, or the tokens that a codec made of them. facts: `unknown`, the numbers of those that training
    never saw; `continued`, of those that go on with the word before."""
    ids = inputs.values.tolist()
    shown = split.show(row).get("words")
    if isinstance(shown, list):
        labels, continued = [str(word) for word in shown], list[int]()
    else:
        tokens = [run.spec.codecs["source"].tokens[i] for i in ids]
        pieces = any(token.startswith("▁") for token in tokens)
        labels = [token.removeprefix("▁") or token for token in tokens]
        continued = [i for i, token in enumerate(tokens) if i and pieces and not token.startswith("▁")]
    unknown = [i for i, word in enumerate(ids) if word == 0]
    return Drawn("words", labels, {"unknown": unknown, "continued": continued})


DRAWERS: dict[str, Drawer] = {"text": words}
"""By `DataSpec.modality`."""


def drawn(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """Example `row` of a split, whose vectors are `inputs`: one set, as the model takes it."""
    return DRAWERS[run.spec.modality](run, split, row, inputs)
