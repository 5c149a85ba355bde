"""What words say of a text by themselves, beside what the encoder makes of them together."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from attnlab.config import ClassificationHead, HeadConfig
from attnlab.errors import UserError
from attnlab.model.readout import set_sum
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec


class Bag(nn.Module):
    """A vote of each word for each class, added up over the text: the wide part beside a deep one (Cheng et al. 2016,
    section 3.1)."""

    def __init__(self, num_words: int, num_classes: int) -> None:
        super().__init__()
        self.votes = nn.Embedding(num_words, num_classes)
        nn.init.zeros_(self.votes.weight)

    def forward(self, sets: VectorSets) -> Tensor:
        """(N,) ids -> (B, C)."""
        return set_sum(self.votes(sets.values), sets.layout)

    def start(self, votes: Iterable[Tensor]) -> None:
        """Put in (R, C) votes of one stretch of the vocabulary after the other."""
        first = 0
        with torch.no_grad():
            for stretch in votes:
                self.votes.weight[first : first + len(stretch)] = stretch
                first += len(stretch)


def bag_for(config: HeadConfig, spec: DataSpec) -> Bag | None:
    """The bag that `head.bag` asks for. Raises UserError where data are no texts of one class each."""
    if not isinstance(config, ClassificationHead) or config.bag is None:
        return None
    target = spec.target(config.target or "")
    if target.kind != "class" or spec.modality != "text":
        what = (
            f"`{config.target}` is of kind {target.kind}"
            if spec.modality == "text"
            else f"these are {spec.modality} data"
        )
        raise UserError(f"`head.bag={config.bag:g}`: only for texts of one class each; {what}")
    return Bag(len(spec.vocabularies["words"]), len(target.classes))
