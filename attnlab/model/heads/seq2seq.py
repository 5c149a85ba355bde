"""N→M: a new sequence, and the model itself decides how long it becomes."""

import math

import torch
from torch import Tensor, nn

from attnlab.codec import BEGIN_ID
from attnlab.config import AttentionEncoder, Seq2seqHead
from attnlab.errors import UserError
from attnlab.model.decoder import Decoder
from attnlab.model.decoder_state import DecoderState, KVCache
from attnlab.model.decoding import Hypothesis, Limits, sample, search
from attnlab.model.interfaces import Head
from attnlab.model.vocabulary import vocabulary_loss
from attnlab.sets import Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec


class Seq2seq(Head):
    """An attention decoder over the encoded set (Vaswani et al. 2017, section 3.1). Raises UserError where the encoder's width
    is no multiple of `head.heads`."""

    kinds = ("sequence",)
    uses_search = True

    def __init__(
        self, config: Seq2seqHead, spec: DataSpec, width: int, source_table: nn.Embedding | None = None
    ) -> None:
        super().__init__(config, spec, width)
        self.config = config
        self.codec = spec.codecs[spec.targets[self.target].codec]
        if width % config.heads:
            raise UserError(f"`head.heads={config.heads}`: encoder.width={width} must be a multiple of it")
        blocks = AttentionEncoder(
            width=width, depth=config.depth, heads=config.heads, feed_forward=config.feed_forward,
            dropout=config.dropout, score=config.score, scope="causal", position=config.position,
            max_position=config.max_position,
        )  # fmt: skip
        self.decoder = Decoder(blocks, width, len(self.codec) if source_table is None else source_table)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        """(N, D) and sequences of M tokens in all, each closed by `</s>` -> () sum over the M tokens, and () M.

        Labels are smoothed in training only.
        """
        truth, decoder = targets[self.target], self.decoder
        assert isinstance(truth, VectorSets), "targets of this kind are sequences"
        x = decoder(shifted(truth), encoded)
        smoothing = self.config.label_smoothing if self.training else 0.0
        total = vocabulary_loss(x, decoder.table.weight, decoder.bias, truth.values, smoothing)
        return Loss(total, torch.tensor(len(x), device=x.device))

    def log_probabilities(self, encoded: VectorSets, sequences: VectorSets) -> Tensor:
        """(N, D) and B sequences of token ids, each closed by `</s>` -> (B,) log-probabilities that the model gives them."""
        logits = self.decoder.logits(self.decoder(shifted(sequences), encoded)).float()
        of_tokens = logits.log_softmax(-1).gather(1, sequences.values[:, None])[:, 0]
        return of_tokens.new_zeros(len(sequences)).index_add(0, sequences.layout.set_index, of_tokens)

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        """(N, D) -> the best sequence of each of the B sets, as text; `greedy`: by a beam of 1."""
        return [self._prediction(best[: self.config.n_best]) for best in self.hypotheses(encoded, greedy)]

    def hypotheses(
        self, encoded: VectorSets, greedy: bool = False, state: type[DecoderState] = KVCache
    ) -> list[list[Hypothesis]]:
        """(N, D) -> hypotheses of each of the B sets, best first."""
        config, limits = self.config, self._limits(encoded.lengths)
        if greedy or config.temperature is None:
            beam = 1 if greedy else config.beam
            count = min(beam, config.n_best)
            return search(state(self.decoder, encoded, beam), limits, beam, config.length_penalty, count)
        return sample(state(self.decoder, encoded, config.n_best), limits, config.n_best, config.temperature)

    def _limits(self, lengths: tuple[int, ...]) -> Limits:
        config, readable = self.config, self.decoder.max_length
        maxima = [math.ceil(config.max_length_ratio * length) + config.max_length_extra for length in lengths]
        if readable is not None:
            maxima = [min(limit, readable - 1) for limit in maxima]  # `<s>` has a position, too
        minima = [
            min(math.floor(config.min_length_ratio * length), limit)
            for length, limit in zip(lengths, maxima, strict=True)
        ]
        return Limits(minima, maxima)

    def _prediction(self, hypotheses: list[Hypothesis]) -> Prediction:
        texts = [(self.codec.decode(h.ids), math.exp(h.log_probability)) for h in hypotheses]
        return Prediction(*texts[0], alternatives=tuple(texts[1:]), complete=hypotheses[0].complete)


def shifted(sequences: VectorSets) -> VectorSets:
    """What the decoder reads while it learns to predict (N,) tokens: `<s>`, then all but the last token of each set; (N,)."""
    starts = torch.tensor(sequences.layout.starts[:-1], dtype=torch.int64, device=sequences.values.device)
    return sequences.with_values(sequences.values.roll(1).index_fill(0, starts, BEGIN_ID))
