"""N→M: a new sequence, and the model itself decides how long it becomes."""

import math

import torch
from torch import Tensor, nn

from attnlab.codec import BEGIN_ID
from attnlab.config import AttentionEncoder, Seq2seqHead
from attnlab.errors import UserError
from attnlab.model.decoder import Cache, Decoder
from attnlab.model.decoding import Hypothesis, Limits, Writer, sample, search
from attnlab.model.interfaces import Head
from attnlab.model.vocabulary import vocabulary_loss
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Seq2seq(Head):
    """An attention decoder over the encoded set (Vaswani et al. 2017, section 3.1).

    source_table: the table of vectors of the source's tokens, where source and answers are spelled alike.
    """

    kinds = ("sequence",)
    searches = True

    def __init__(
        self, config: Seq2seqHead, spec: DataSpec, width: int, source_table: nn.Embedding | None = None
    ) -> None:
        super().__init__(config, spec, width)
        self.config = config
        self.codec = spec.codecs[spec.targets[self.target].codec]
        if width % config.heads:
            raise UserError(f"`head.heads={config.heads}`: encoder.width={width} must be a multiple of it")
        # The decoder is described as an encoder that looks back only.
        shape = AttentionEncoder(
            width=width, depth=config.depth, heads=config.heads, feed_forward=config.feed_forward,
            dropout=config.dropout, score=config.score, scope="causal", position=config.position,
            max_position=config.max_position,
        )  # fmt: skip
        self.decoder = Decoder(shape, width, len(self.codec) if source_table is None else source_table)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """Summed over the tokens of the answers, each closed by `</s>`; labels are smoothed in training only."""
        wanted: VectorSets = targets[self.target]
        x, decoder = self.decoder(shifted(wanted), encoded), self.decoder
        smoothing = self.config.label_smoothing if self.training else 0.0
        total = vocabulary_loss(x, decoder.table.weight, decoder.bias, wanted.values, smoothing)
        return Loss(total, torch.tensor(len(x), device=x.device))

    def log_probabilities(self, encoded: VectorSets, wanted: VectorSets) -> Tensor:
        """(B,): how probable the model finds these sequences, each closed by `</s>`, given the encoded sets."""
        logits = self.decoder.logits(self.decoder(shifted(wanted), encoded)).float()
        each = logits.log_softmax(-1).gather(1, wanted.values[:, None])[:, 0]
        return each.new_zeros(len(wanted)).index_add(0, wanted.layout.set_index, each)

    def predict(self, encoded: VectorSets, hurried: bool = False) -> list[Prediction]:
        """The best sequence of each set; `hurried` writes greedily."""
        return [self._told(own[: self.config.n_best]) for own in self.hypotheses(encoded, hurried)]

    def hypotheses(
        self, encoded: VectorSets, hurried: bool = False, writer: type[Writer] = Cache
    ) -> list[list[Hypothesis]]:
        """Of each set, best first."""
        config, limits = self.config, self._limits(encoded.lengths)
        if hurried or config.temperature is None:
            beam = 1 if hurried else config.beam
            count = min(beam, config.n_best)
            return search(writer(self.decoder, encoded, beam), limits, beam, config.length_penalty, count)
        return sample(writer(self.decoder, encoded, config.n_best), limits, config.n_best, config.temperature)

    def _limits(self, lengths: tuple[int, ...]) -> Limits:
        config, farthest = self.config, self.decoder.farthest
        most = [math.ceil(config.max_length_ratio * length) + config.max_length_extra for length in lengths]
        if farthest is not None:
            most = [min(number, farthest - 1) for number in most]  # `<s>` takes a place, too
        least = [
            min(math.floor(config.min_length_ratio * length), limit)
            for length, limit in zip(lengths, most, strict=True)
        ]
        return Limits(least, most)

    def _told(self, own: list[Hypothesis]) -> Prediction:
        best, *others = ((self.codec.decode(one.ids), math.exp(one.log_probability)) for one in own)
        return Prediction(*best, alternatives=tuple(others), complete=own[0].complete)


def shifted(wanted: VectorSets) -> VectorSets:
    """What the decoder reads while it learns to write `wanted`: `<s>`, then all but the last token."""
    starts = torch.tensor(wanted.layout.starts[:-1], dtype=torch.int64, device=wanted.values.device)
    return wanted.with_values(wanted.values.roll(1).index_fill(0, starts, BEGIN_ID))
