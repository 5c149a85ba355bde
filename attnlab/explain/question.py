"""What is asked about an answer, as a function that can be differentiated and can be measured on other sets.

Vectors are taken out as the encoder sees them: after the embedding, which for most is the same as before it, because it looks at
each vector alone. Where an embedding shortens sets (`stride`), L counts what it has left.

Letters beside those of `sets.py`: M tokens written.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from attnlab.codec import BEGIN_ID, END_ID
from attnlab.errors import UserError, suggestion
from attnlab.explain.explanation import Question
from attnlab.explain.removal import Kept, joined, without
from attnlab.model.build import Model
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.model.heads.tagging import Tagging
from attnlab.model.output_layer import RowHead
from attnlab.model.readout import set_sum
from attnlab.model.tag_sequences import log_partition
from attnlab.sets import Layout, VectorSets
from attnlab.targets import kind_named

VECTORS = 8192
"""Vectors of the sets that are computed together."""
LOWEST = -70.0
"""The log-probability of a tag that no valid sequence has."""


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside, nothing is dropped, and gradients of recurrent networks can be had on every device."""
    training = model.training
    model.eval()
    try:
        with torch.backends.cudnn.flags(enabled=not torch.is_grad_enabled()):
            yield
    finally:
        model.train(training)


def device_of(model: nn.Module) -> torch.device:
    """Where the weights of a model are."""
    return next(model.parameters()).device


@dataclass(frozen=True, eq=False)
class Embedded:
    """B sets as each member of a model embeds them. vectors: (N, D) sets; votes: (N, C) of a bag, where there is one."""

    vectors: tuple[VectorSets, ...]
    votes: tuple[Tensor, ...] = ()

    @property
    def layout(self) -> Layout:
        return self.vectors[0].layout

    @property
    def leaves(self) -> list[Tensor]:
        """All numbers that an answer is computed from: (N, …) each."""
        return [*(sets.values for sets in self.vectors), *self.votes]

    def with_leaves(self, leaves: Sequence[Tensor]) -> "Embedded":
        """The same sets with other numbers."""
        count = len(self.vectors)
        vectors = tuple(
            sets.with_values(values) for sets, values in zip(self.vectors, leaves[:count], strict=True)
        )
        return Embedded(vectors, tuple(leaves[count:]))

    def without(self, kept: Sequence[Kept]) -> "Embedded":
        """As `removal.without`, of one set."""
        rows = torch.from_numpy(joined(kept))
        votes = tuple(votes.index_select(0, rows.to(votes.device)) for votes in self.votes)
        return Embedded(tuple(without(sets, kept) for sets in self.vectors), votes)


@torch.no_grad()
def embed(model: Model, inputs: VectorSets, members: int | None = None) -> Embedded:
    """Ids (N,) or numbers (N, F) -> what the encoders of the first `members`, or of all, are given."""
    inputs, chosen = inputs.to(device_of(model)), model.members[:members]
    with evaluating(model):
        votes = tuple(member.bag.votes(inputs.values) for member in chosen if member.bag is not None)
        return Embedded(tuple(member.embedding(inputs) for member in chosen), votes)


class Asked:
    """A question about a model's answer for one set.

    members: how many of an ensemble are asked, from the first on; None: all. size: L. candidates: (n,) the vectors that may be
    taken out: all, but never the one whose answer is asked for. whole: the value for the whole set.
    """

    def __init__(self, model: Model, inputs: VectorSets, question: Question, members: int | None = None) -> None:
        assert len(inputs) == 1, "a question is about one set"
        self.model, self.inputs, self.question = model, inputs, question
        self.members = model.members[:members]
        self.sets = embed(model, inputs, members)
        self.size = self.sets.layout.size
        self.candidates = np.array([i for i in range(self.size) if i != question.vector], dtype=np.int64)
        self._values = dict[bytes, float]()
        self.whole = float(self.values_without([np.arange(self.size)])[0])

    @property
    def first(self) -> "Asked":
        """The same question to the first member alone."""
        return self if len(self.members) == 1 else Asked(self.model, self.inputs, self.question, 1)

    @property
    def std(self) -> float:
        """Of the numbers in training, where answers are numbers."""
        head = self.model.head
        return head.output.target.std if isinstance(head, RowHead) else 1.0

    def probability(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(…) values -> (…) probabilities of the answer: among it and the other one, where it is asked against one. Of numbers,
        which have none, e^−|difference from the whole set's number, in standard deviations of training|: 1 where the answer
        is still the same."""
        if kind_named(self.model.head.kind).name in ("number", "vector_numbers"):
            return np.exp(-np.abs(values - self.whole) / self.std)
        if self.question.against is not None:
            return np.exp(-np.logaddexp(0.0, -values))
        return np.exp(values)

    def values(self, sets: Embedded, rows: Tensor | None) -> Tensor:
        """B sets, and the (B,) rows of the vectors asked about or None -> (B,) values, as a function of the sets' numbers."""
        head = self.model.head
        if isinstance(head, Seq2seq):
            return self._of_sequence(head, self.model.encoder(sets.vectors[0]))
        assert isinstance(head, RowHead), "heads are either"
        each = []
        for number, (member, vectors) in enumerate(zip(self.members, sets.vectors, strict=True)):
            assert isinstance(member.head, RowHead)
            outputs = member.head.outputs(member.encoder(vectors))
            each.append(outputs + set_sum(sets.votes[number], vectors.layout) if sets.votes else outputs)
        outputs = each[0] if len(each) == 1 else head.output.kind.combined(torch.stack(each))
        return self._of_rows(head, outputs, sets.layout, rows)

    def asked_rows(self, kept: Sequence[Kept]) -> Tensor | None:
        """(B,) where the vector asked about stands in B sets that keep these vectors; None where the question is about sets."""
        if self.question.vector is None:
            return None
        rows, start = [], 0
        for vectors in kept:
            rows.append(start + list(vectors).index(self.question.vector))
            start += len(vectors)
        return torch.tensor(rows, device=device_of(self.model))

    @torch.no_grad()
    def values_without(self, kept: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
        """Which vectors each of B sets keeps -> (B,) values, each computed once; several sets at a time."""
        keys = [np.sort(vectors).tobytes() for vectors in kept]
        missing = {key: np.frombuffer(key, dtype=np.int64) for key in keys if key not in self._values}
        with evaluating(self.model):
            for chunk in _chunks(sorted(missing.values(), key=len)):
                values = self.values(self.sets.without(chunk), self.asked_rows(chunk)).double().cpu().numpy()
                self._values |= {rows.tobytes(): value for rows, value in zip(chunk, values.tolist(), strict=True)}
        return np.array([self._values[key] for key in keys])

    def gradients(self, sets: Embedded, rows: Tensor | None) -> tuple[NDArray[np.float64], list[Tensor]]:
        """B sets -> their (B,) values, and the gradients of the values' sum by all leaves."""
        leaves = [leaf.detach().requires_grad_() for leaf in sets.leaves]
        with torch.enable_grad(), evaluating(self.model):
            values = self.values(sets.with_leaves(leaves), rows)
            gradients = torch.autograd.grad(values.sum(), leaves)
        return values.detach().double().cpu().numpy(), list(gradients)

    def _of_rows(self, head: RowHead, outputs: Tensor, layout: Layout, rows: Tensor | None) -> Tensor:
        """(R, outputs) -> (B,)."""
        question, kind = self.question, head.output.kind
        if rows is not None:
            if isinstance(head, Tagging) and head.sequences is not None:
                chosen = _log_marginals(head, outputs, layout, rows, question.answer)
                if question.against is None:
                    return chosen
                return chosen - _log_marginals(head, outputs, layout, rows, question.against)
            outputs = outputs.index_select(0, rows)
        outputs = outputs.double()
        if kind.name in ("number", "vector_numbers"):
            return outputs[:, 0] * head.output.target.std + head.output.target.mean
        answer = outputs[:, question.answer]
        if question.against is not None:
            return answer - outputs[:, question.against]
        return logsigmoid(answer) if kind.name == "classes" else answer - outputs.logsumexp(-1)

    def _of_sequence(self, head: Seq2seq, encoded: VectorSets) -> Tensor:
        """(N, D) -> (B,): of the token that follows those that are written."""
        tokens = written_sets(self.question.written, len(encoded)).to(encoded.values.device)
        ends = tokens.layout.counts.cumsum(0) - 1
        logits = head.decoder.logits(head.decoder(tokens, encoded).index_select(0, ends)).double()
        answer = logits[:, self.question.answer]
        if self.question.against is not None:
            return answer - logits[:, self.question.against]
        return answer - logits.logsumexp(-1)


def _chunks(kept: Sequence[NDArray[np.int64]]) -> Iterator[list[NDArray[np.int64]]]:
    chunk, size = list[NDArray[np.int64]](), 0
    for vectors in kept:
        if chunk and size + len(vectors) > VECTORS:
            yield chunk
            chunk, size = [], 0
        chunk.append(vectors)
        size += len(vectors)
    if chunk:
        yield chunk


def _log_marginals(head: Tagging, outputs: Tensor, layout: Layout, rows: Tensor, tag: int) -> Tensor:
    """(N, C) -> (B,): the log-probability of a tag at each row, summed over the valid sequences of the others; at least
    `LOWEST`."""
    assert head.sequences is not None
    learned, forbidden = head.sequences.transitions, head.sequences.forbidden
    transitions = forbidden if learned is None else learned + forbidden
    others = torch.arange(outputs.shape[1], device=outputs.device) != tag
    masked = torch.zeros(outputs.shape, dtype=torch.bool, device=outputs.device).index_fill(0, rows, True) & others
    some = log_partition(outputs.masked_fill(masked, -torch.inf), transitions, layout)
    # Where no sequence is left, there is nothing to be summed.
    return (some - log_partition(outputs, transitions, layout)).nan_to_num(nan=LOWEST).clamp_min(LOWEST)


def written_sets(written: Sequence[int], copies: int = 1) -> VectorSets:
    """Ids of M tokens -> what the decoder reads: `<s>` and these, (M + 1,), so often."""
    ids = torch.tensor([BEGIN_ID, *written]).repeat(copies)
    layout = Layout.of([1 + len(written)] * copies)
    return VectorSets(ids, layout, layout.position[:, None].float())


@torch.no_grad()
def written_answer(model: Model, inputs: VectorSets) -> tuple[int, ...]:
    """The ids of the tokens that the model writes for one set, closed by `</s>` where it ended by itself; none where answers
    are no sequences."""
    if not isinstance(model.head, Seq2seq):
        return ()
    with evaluating(model):
        best = model.head.hypotheses(model.encode(inputs.to(device_of(model))))[0][0]
    return (*best.ids, END_ID) if best.complete else best.ids


@torch.no_grad()
def default_question(
    model: Model, inputs: VectorSets, vector: int | None = None, token: int | None = None,
    answer: tuple[int, ...] | None = None,
) -> Question:  # fmt: skip
    """What is asked about one set unless something else is given: the class that the model predicts, or the likeliest one of
    yes-or-no questions; a number.

    vector: where each vector has an answer, which one from 0 on is asked about; None: the least certain. token: where answers
    are sequences, which one from 0 on; None: the least certain. answer: the sequence, where it is known already, as
    `written_answer` gives it. Raises UserError where there is no such vector or token.
    """
    head = model.head
    if isinstance(head, Seq2seq):
        ids = written_answer(model, inputs) if answer is None else answer
        if token is None:
            token = _least_certain_token(model, inputs, ids)
        if not 0 <= token < len(ids):
            raise UserError(f"token {token + 1}: the answer has {len(ids)} tokens, counted from 1")
        return Question(ids[token], written=ids[:token])
    with evaluating(model):
        prediction = model.predict(inputs.to(device_of(model)))[0]
    kind = kind_named(head.kind)
    if kind.name == "number":
        return Question(0)
    if kind.name == "classes":
        assert isinstance(prediction.probability, Sequence)
        return Question(int(np.argmax(np.asarray(prediction.probability, dtype=np.float64))))
    if not kind.per_vector:
        return Question(head.classes.index(str(prediction.value)))
    assert isinstance(prediction.value, Sequence) and isinstance(prediction.probability, Sequence)
    length = len(prediction.value)
    if vector is not None and not 0 <= vector < length:
        raise UserError(f"vector {vector + 1}: the set has {length}, counted from 1")
    if kind.name == "vector_numbers":
        return Question(0, vector=vector or 0)
    if vector is None:
        vector = int(np.argmin(np.asarray(prediction.probability, dtype=np.float64)))
    return Question(head.classes.index(str(prediction.value[vector])), vector=vector)


def _least_certain_token(model: Model, inputs: VectorSets, answer: tuple[int, ...]) -> int:
    """The number of the token with the least probability, among (M,) of an answer."""
    head = model.head
    assert isinstance(head, Seq2seq)
    with evaluating(model):
        encoded = model.encode(inputs.to(device_of(model)))
        tokens = written_sets(answer[:-1]).to(encoded.values.device)
        logits = head.decoder.logits(head.decoder(tokens, encoded)).double().log_softmax(-1)
    return int(logits[torch.arange(len(answer)), torch.tensor(answer)].argmin()) if answer else 0


def contrast(model: Model, question: Question, answer: str | None, against: str | None) -> Question:
    """The same question about classes, or tokens, that are named: why `answer`, and why not `against`; None leaves that part as
    it is. Raises UserError for a name that there is not, and where answers are numbers."""
    head = model.head
    names: Sequence[str] = head.codec.tokens if isinstance(head, Seq2seq) else head.classes
    if not names:
        raise UserError(
            f"`{answer or against}`: this model's answers are numbers, of which there is no other to compare"
        )

    def number(name: str | None, otherwise: int | None) -> int | None:
        if name is None:
            return otherwise
        if name not in names and f"▁{name}" in names:  # a token that begins a word
            name = f"▁{name}"
        if name not in names:
            shown = f"the model's classes are {', '.join(names)}" if len(names) <= 40 else None
            many = shown or f"it is none of the {len(names):,} that the model knows"
            raise UserError(f"`{name}`: {many if shown else suggestion(name, names, many)}")
        return list(names).index(name)

    chosen = number(answer, question.answer)
    other = number(against, question.against)
    assert chosen is not None
    if chosen == other:
        raise UserError(f"`{names[chosen]}` is compared with itself; name another")
    return replace(question, answer=chosen, against=other)
