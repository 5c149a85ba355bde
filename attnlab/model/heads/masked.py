"""N→N: what stood at hidden places, for pretraining without labels."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from attnlab.config import MaskedHead
from attnlab.metrics import NOT_SCORED
from attnlab.model.embeddings import table
from attnlab.model.interfaces import Head
from attnlab.model.linear import Linear, affine
from attnlab.model.vocabulary import ROWS, vocabulary_loss
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Masked(Head):
    """Of hidden words, or nodes with names, the probability of each word of the vocabulary (Devlin et al. 2019, section 3.1);
    of other vectors their numbers (frames: Liu et al. 2020, "Mockingjay"; patches: Xie et al. 2022, "SimMIM", section 3.4).

    A hidden vector is always replaced by the mark. BERT leaves a tenth of the words that it asks for in place, and replaces
    another tenth by others, since its fine-tuning never sees the mark; its own trials (appendix C.2) find little difference
    where all weights are fine-tuned, and frames and patches have nothing like it.
    """

    kinds = ("hidden_words", "hidden_numbers")
    hides = True

    def __init__(
        self, config: MaskedHead, spec: DataSpec, width: int, source_table: nn.Embedding | None = None
    ) -> None:
        super().__init__(config, spec, width)
        self.monitor = "loss"
        self.output: WordOutput | NumberOutput
        if self.kind == "hidden_words":
            words = spec.vocabularies["words" if spec.features is None else "nodes"].words
            self.output = WordOutput(words, width, source_table)
        else:
            assert spec.features is not None, "vectors of numbers"
            self.output = NumberOutput(spec.features, width)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """(N, D) and what is asked of the N vectors -> () sum over what is asked, and () how many words or numbers that are."""
        asked = targets[self.target]
        assert isinstance(asked, Tensor), "targets of vectors are no sequences"
        return self.output.loss(encoded.values, asked)

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        """(N, D) -> for each of the B sets a word for each vector, "" where it isn't hidden; or the numbers of the hidden ones,
        (H, F)."""
        hidden = encoded.hidden
        if hidden is None:
            hidden = torch.zeros(len(encoded.values), dtype=torch.bool, device=encoded.values.device)
        return self.output.predict(encoded.values[hidden], hidden.cpu(), encoded.layout.starts)


class WordOutput(nn.Module):
    """(R, D) -> words. source_table: (V, D) of the embedding, which is used for both (Press & Wolf 2017); None: one of its own."""

    def __init__(self, words: tuple[str, ...], width: int, source_table: nn.Embedding | None) -> None:
        super().__init__()
        self.words = words
        self.own_table = table(len(words), width) if source_table is None else None
        self._source_table = [source_table]  # in a list: it belongs to the embedding, which saves it
        self.bias = nn.Parameter(torch.zeros(len(words)))

    @property
    def table(self) -> nn.Embedding:
        """(V, D)."""
        found = self.own_table or self._source_table[0]
        assert found is not None, "one of them is there"
        return found

    def loss(self, encoded: Tensor, asked: Tensor) -> Loss:
        """(N, D) and (N,) ids, −1 where nothing is asked."""
        rows = (asked >= 0).nonzero()[:, 0]
        total = vocabulary_loss(encoded[rows], self.table.weight, self.bias, asked[rows])
        return Loss(total, torch.tensor(len(rows), device=encoded.device))

    def predict(self, rows: Tensor, hidden: Tensor, starts: tuple[int, ...]) -> list[Prediction]:
        """(H, D) of the (N,) that are hidden. starts: the first row of each set, and N."""
        values: list[str] = [NOT_SCORED] * len(hidden)
        probabilities: list[float | None] = [None] * len(hidden)
        places = iter(hidden.nonzero()[:, 0].tolist())
        for some in rows.split(ROWS):
            likely, ids = affine(some, self.table.weight, self.bias).float().softmax(-1).max(-1)
            for probability, i in zip(likely.tolist(), ids.tolist(), strict=True):
                place = next(places)
                values[place], probabilities[place] = self.words[i], probability
        return [Prediction(values[a:b], probabilities[a:b]) for a, b in pairwise(starts)]


class NumberOutput(nn.Module):
    """(R, D) -> F numbers."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.project = Linear(width, features)

    def loss(self, encoded: Tensor, asked: Tensor) -> Loss:
        """(N, D) and (N, F) numbers, NaN where nothing is asked."""
        rows = (~asked.isnan()).any(1).nonzero()[:, 0]
        known = ~asked[rows].isnan()
        errors = (self.project(encoded[rows]).float() - asked[rows].nan_to_num()).abs()
        return Loss((errors * known).sum(), known.sum())

    def predict(self, rows: Tensor, hidden: Tensor, starts: tuple[int, ...]) -> list[Prediction]:
        """(H, D) of the (N,) that are hidden. starts: the first row of each set, and N."""
        counts = [int(hidden[a:b].sum()) for a, b in pairwise(starts)]
        numbers = self.project(rows).float().cpu().split(counts)
        return [Prediction(of_set.numpy(), None) for of_set in numbers]
