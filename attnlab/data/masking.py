"""Hidden vectors, and the question what they were: the same for words, frames, patches and nodes, whatever reads them.

Which vectors are hidden is a pure function of (seed, epoch, index of the example, place). Evaluation has a seed of its own, so
that scores repeat. What is hidden is taken out of the batch, so that nothing can leak from it.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.data.contract import Data, Gold, Picture, Playback, Split
from attnlab.data.prep.batching import Indices, uniform
from attnlab.data.prep.cache import fingerprint
from attnlab.disk import make_folder
from attnlab.metrics import NOT_SCORED
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary
from attnlab.targets.base import ReadRows

TARGET = "vectors"
"""What hidden vectors are, as a target: of kind `hidden_words`, (N,) ids, −1 where nothing is asked; of kind
`hidden_numbers`, (N, F), NaN where nothing is asked."""
FIRST_DRAW = 1 << 40
"""Draws of augmentation, which may have the same seed, lie below."""
PLACES = 1 << 20
"""Along one coordinate."""
EVALUATION = 0
"""The seed, and the epoch, of what is hidden where nothing is trained."""


@dataclass(frozen=True)
class Masking:
    """share: of the vectors that are hidden, on average. span: hidden vectors lie in spans of so many along each coordinate,
    blocks where there are two; 1: each by itself. seed: of training."""

    share: float
    span: int
    seed: int

    def hidden(self, sets: VectorSets, indices: Indices, epoch: int | None) -> NDArray[np.bool_]:
        """(N,): which vectors of B sets are hidden, at least one of each set. indices: (B,) numbers of the examples.

        A span may begin at any place, also before the first, each with the same probability p, and spans may overlap (wav2vec
        2.0, Baevski et al. 2020, section 3.1). So a vector is seen with probability (1 − p) ^ number of the places at which a
        span that holds it may begin, from which p follows; it is the same at the borders.
        """
        seed, epoch = (EVALUATION, EVALUATION) if epoch is None else (self.seed, epoch)
        set_index = sets.layout.set_index.numpy()
        coords = sets.layout.position[:, None] if sets.coords is None else sets.coords
        places = coords.numpy().astype(np.int64) + self.span
        least = np.ones(len(places))  # of the draws of all places at which a span that holds the vector may begin
        for offsets in itertools.product(range(self.span), repeat=places.shape[1]):
            draw = FIRST_DRAW + (places - offsets) @ np.array([PLACES**i for i in range(places.shape[1])])
            least = np.minimum(least, uniform(seed, epoch, indices[set_index], draw))
        p = 1 - (1 - self.share) ** (1 / self.span ** places.shape[1])
        least_of_sets = np.minimum.reduceat(least, np.array(sets.layout.starts[:-1]))
        return least <= np.maximum(p, least_of_sets)[set_index]


class Masked(Data):
    """A data set of which vectors are hidden; what else there was to be learned is left out."""

    def __init__(self, data: Data, masking: Masking) -> None:
        self.notice, self.commit, self.unnamed = data.notice, data.commit, data.unnamed
        self.warnings, self.fingerprint = data.warnings, data.fingerprint
        words = asked_words(data.spec)
        self.folder = (
            data.folder / f"hidden-{masking.share:g}-{masking.span}{_digest(words)}"
        )  # baselines depend on it
        make_folder(self.folder)
        kind = "hidden_numbers" if words is None else "hidden_words"
        self.spec = replace(data.spec, targets={TARGET: Target(kind)}, slices=())
        self.splits = {name: MaskedSplit(split, masking, self.spec) for name, split in data.splits.items()}


class MaskedSplit(Split):
    """The examples of another split, with hidden vectors."""

    def __init__(self, split: Split, masking: Masking, spec: DataSpec) -> None:
        self.split, self.masking, self.words = split, masking, asked_words(spec)
        self.of_names = spec.features is not None
        self.lengths = split.lengths.reshape(len(split), -1)[:, 0]  # without those of answers that are sequences
        self.keys = split.keys

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of examples -> the inner split's batch with (N,) `hidden` marks, zeros (of words, id 0) as the values of
        hidden vectors, and `TARGET`.

        Of words, ids of the vocabulary; those that training never saw are hidden, but not asked for. Of nodes with names, the
        ids of these names. Of patches that overlap, the pixels that no patch shows.
        """
        batch = self.split.batch(indices, epoch)
        inputs = batch.inputs
        hidden = torch.from_numpy(self.masking.hidden(inputs, indices, epoch))
        ids = self.ids(inputs)
        if ids is None:
            asked = inputs.values.float().masked_fill(~hidden[:, None], torch.nan)
            if (shown := self.split.shown_beside(inputs, hidden.numpy())) is not None:
                asked.masked_fill_(torch.from_numpy(shown), torch.nan)
        else:
            asked = ids.masked_fill(~hidden | (ids == 0), -1)
        rows = hidden if inputs.values.ndim == 1 else hidden[:, None]
        # Every word has some characters; those of a hidden word are not read.
        part_index = None if inputs.part_index is None else inputs.part_index.masked_fill(hidden, 0)
        inputs = replace(inputs, values=inputs.values.masked_fill(rows, 0), part_index=part_index, hidden=hidden)
        return Batch(inputs, {TARGET: asked}, batch.keys)

    def ids(self, inputs: VectorSets) -> Tensor | None:
        """(N,): the id of each word, or of each node's name; 0 of unknown ones. None where vectors are numbers alone."""
        if self.words is None:
            return None
        if not self.of_names:
            return inputs.values
        one_hot = inputs.values[:, : len(self.words) - 1]
        return torch.where(one_hot.any(1), one_hot.argmax(1) + 1, 0)

    def gold(self, target: str) -> Sequence[Gold]:
        """Of each example, as evaluation hides its vectors: of words, a list with each hidden word, "" elsewhere; of numbers,
        those of the hidden vectors, (H, F), NaN where one is not asked for."""
        return HiddenAnswers(self)

    def answer(self, i: int) -> Gold:
        """The right answer of example i, see `gold`."""
        batch = self.batch(np.array([i]))
        asked, hidden = batch.targets[TARGET], batch.inputs.hidden
        assert isinstance(asked, Tensor) and hidden is not None
        if self.words is None:
            return asked[hidden].numpy()
        return [NOT_SCORED if i < 0 else self.words.words[i] for i in asked.tolist()]

    def content(self, i: int) -> bytes:
        return self.split.content(i)

    def show(self, i: int) -> dict[str, object]:
        return self.split.show(i)

    def name(self, i: int) -> str:
        return self.split.name(i)

    def kept(self, i: int) -> dict[str, str]:
        return self.split.kept(i)

    def unknown(self, i: int) -> float | None:
        return self.split.unknown(i)

    def picture(self, i: int) -> Picture | None:
        return self.split.picture(i)

    def playback(self, i: int) -> Playback | None:
        return self.split.playback(i)


class HiddenAnswers(ReadRows[Gold]):
    """The right answers of a split, each made when it is asked for."""

    def __init__(self, split: MaskedSplit) -> None:
        super().__init__(np.arange(len(split)))
        self._split = split

    def read(self, row: int) -> Gold:
        return self._split.answer(row)


def _digest(words: Vocabulary | None) -> str:
    """A name for a vocabulary, which with the same data may also be that of the run that a run has started from."""
    return "" if words is None else "-" + fingerprint((), {"words": words.words, "counts": words.counts})


def asked_words(spec: DataSpec) -> Vocabulary | None:
    """What is asked for where it has names: words, or the names of nodes. None where vectors are numbers alone."""
    return spec.vocabularies.get("words" if spec.features is None else "nodes")
