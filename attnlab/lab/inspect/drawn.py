"""Any set of vectors as a page draws it: words here, the other modalities in files of their own."""

from attnlab.data.contract import Split
from attnlab.lab.inspect.drawn_graph import graph
from attnlab.lab.inspect.drawn_picture import picture
from attnlab.lab.inspect.drawn_set import Drawer, Drawn, readable
from attnlab.lab.inspect.drawn_sound import sound
from attnlab.sets import VectorSets
from attnlab.training.run import Run

__all__ = ["DRAWERS", "Drawn", "drawn", "words"]


def words(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """Words as they were written, or the tokens that a codec made of them. facts: `unknown`, the numbers of those that training
    never saw; `continued`, of those that go on with the word before."""
    ids = inputs.values.tolist()
    shown = split.show(row).get("words")
    if isinstance(shown, list):
        labels, continued = [readable(str(word)) for word in shown], list[int]()
    else:
        tokens = [run.spec.codecs["source"].tokens[i] for i in ids]
        pieces = any(token.startswith("▁") for token in tokens)
        labels = [readable(token) for token in tokens]
        continued = [i for i, token in enumerate(tokens) if i and pieces and not token.startswith("▁")]
    unknown = [i for i, word in enumerate(ids) if word == 0]
    return Drawn("words", labels, {"unknown": unknown, "continued": continued})


DRAWERS: dict[str, Drawer] = {"text": words, "speech": sound, "image": picture, "graph": graph}
"""By `DataSpec.modality`."""


def drawn(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """Example `row` of a split, whose vectors are `inputs`: one set, as the model takes it."""
    return DRAWERS[run.spec.modality](run, split, row, inputs)
