"""Writing sequences: a cache changes nothing, a beam finds what is best, and sets don't depend on each other."""

import itertools
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attnlab.attention_options import SCORE_CHOICES, refusal
from attnlab.codec import BEGIN_ID, END_ID, UNKNOWN_ID, Codec
from attnlab.config import Seq2seqHead
from attnlab.model.decoder_state import DecoderState, KVCache, Uncached
from attnlab.model.decoding import Limits, sample, search
from attnlab.model.heads.seq2seq import Seq2seq, shifted
from attnlab.model.vocabulary import vocabulary_loss
from attnlab.registry import POSITIONS
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary

WIDTH = 16
CODEC = Codec.learn(["a b c d e f g h"], "words", 20)
SPEC = DataSpec(
    modality="text",
    num_coords=1,
    features=None,
    targets={"translation": Target("sequence", codec="target")},
    vocabularies={"words": Vocabulary(("<unk>", "x"), (0, 1))},
    codecs={"target": CODEC},
)
COMBINATIONS = [
    (score, position)
    for score, position in itertools.product(SCORE_CHOICES, POSITIONS)
    if refusal("auto", score, "causal", position) is None
    and (position in ("rotary", "relative") or score == "scaled_dot")
]


def head(score: str = "scaled_dot", position: str = "rotary", **others: object) -> Seq2seq:
    torch.manual_seed(3)
    config = Seq2seqHead(heads=2, target="translation", score=score, position=position, **others)  # type: ignore[arg-type]
    made = Seq2seq(config, SPEC, WIDTH).eval()
    with torch.no_grad():  # far from uniform, so that orders of hypotheses are clear
        made.decoder.table.weight.mul_(8)
    return made


def memory(lengths: list[int], seed: int = 0) -> VectorSets:
    made = torch.Generator().manual_seed(seed)
    sets = [torch.randn(length, WIDTH, generator=made) for length in lengths]
    return VectorSets(torch.cat(sets), Layout.of(lengths), Layout.of(lengths).position[:, None].float())


def sequences(lists: list[list[int]]) -> VectorSets:
    layout = Layout.of([len(ids) for ids in lists])
    return VectorSets(torch.tensor([i for ids in lists for i in ids]), layout, layout.position[:, None].float())


@pytest.mark.parametrize("score, position", COMBINATIONS)
@torch.no_grad()
def test_a_cache_changes_nothing(score: str, position: str) -> None:
    decoder, sets = head(score, position).decoder, memory([3, 7, 0, 5])  # one of them is empty
    made = torch.Generator().manual_seed(1)
    cache, uncached = KVCache(decoder, sets, 3), Uncached(decoder, sets, 3)
    tokens = torch.full((4, 3), BEGIN_ID)
    for step in range(20):  # beyond the first capacity of the cache
        logits, expected = cache.step(tokens), uncached.step(tokens)
        torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
        tokens = torch.randint(len(CODEC), tokens.shape, generator=made)
        parents = torch.randint(3, tokens.shape, generator=made)
        cache.reorder(parents), uncached.reorder(parents)
        if step == 5:
            remaining = torch.tensor([0, 1, 3])
            cache.keep(remaining), uncached.keep(remaining)
            tokens = tokens[remaining]


@torch.no_grad()
def test_one_beam_is_greedy() -> None:
    greedy, sets = head(beam=1, max_length_ratio=0.0, max_length_extra=12), memory([4, 9, 2, 6, 6])
    for single, hypotheses in zip(sets.unbind(), greedy.hypotheses(sets), strict=True):
        ids: list[int] = []
        while True:
            logits = greedy.decoder.logits(greedy.decoder(sequences([[BEGIN_ID, *ids]]), single))[-1]
            logits[[UNKNOWN_ID, BEGIN_ID]] = -math.inf
            token = int(logits.argmax())
            if token == END_ID or len(ids) == 12:
                break
            ids.append(token)
        assert hypotheses[0].ids == tuple(ids) and hypotheses[0].complete == (token == END_ID)


@pytest.mark.parametrize("beam", [1, 2, 5])
@torch.no_grad()
def test_alone_as_in_a_batch_and_as_without_a_cache(beam: int) -> None:
    writer, sets = head(beam=beam, n_best=beam), memory([4, 9, 2, 6, 6, 1])
    together = writer.hypotheses(sets)
    assert len({len(hypotheses[0].ids) for hypotheses in together}) > 1, "or no set would leave before another"
    for others in (
        [writer.hypotheses(single)[0] for single in sets.unbind()],
        writer.hypotheses(sets, state=Uncached),
    ):
        for hypotheses, other in zip(together, others, strict=True):
            assert [h.ids for h in hypotheses] == [h.ids for h in other]
            assert [h.score for h in hypotheses] == pytest.approx([h.score for h in other], abs=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0])
@torch.no_grad()
def test_hypotheses_are_ranked_by_what_the_model_says_of_them(penalty: float) -> None:
    writer, sets = head(beam=4, length_penalty=penalty), memory([4, 9, 2])
    for single, hypotheses in zip(sets.unbind(), writer.hypotheses(sets), strict=True):
        assert len({h.ids for h in hypotheses}) == len(hypotheses) > 1
        again = [float(writer.log_probabilities(single, sequences([[*h.ids, END_ID]]))[0]) for h in hypotheses]
        assert [h.log_probability for h in hypotheses] == pytest.approx(again, abs=1e-5)
        scores = [total / (len(h.ids) + 1) ** penalty for total, h in zip(again, hypotheses, strict=True)]
        assert [h.score for h in hypotheses] == pytest.approx(scores, abs=1e-5)
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)


@torch.no_grad()
def test_a_wide_beam_finds_the_best_of_all() -> None:
    writer, single = head(beam=300, length_penalty=0.0, max_length_ratio=0.0, max_length_extra=3), memory([5])
    letters = range(END_ID + 1, len(CODEC))
    every = [list(ids) for length in range(4) for ids in itertools.product(letters, repeat=length)]
    copies = VectorSets.collate([single] * len(every))
    totals = writer.log_probabilities(copies, sequences([[*ids, END_ID] for ids in every]))
    best = int(totals.argmax())
    assert writer.hypotheses(single)[0][0].ids == tuple(every[best])
    assert writer.hypotheses(single)[0][0].log_probability == pytest.approx(float(totals[best]), abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), min_ratio=st.sampled_from([0.0, 1.0, 1.5]))
def test_lengths_stay_within_their_limits(lengths: list[int], min_ratio: float) -> None:
    writer = head(beam=2, min_length_ratio=min_ratio, max_length_ratio=1.5, max_length_extra=2)
    with torch.no_grad():
        for length, hypotheses in zip(lengths, writer.hypotheses(memory(lengths)), strict=True):
            for h in hypotheses:
                assert math.floor(min_ratio * length) <= len(h.ids) <= math.ceil(1.5 * length) + 2


class Chain(DecoderState):
    """A table of probabilities: the next token depends on the last one alone."""

    def __init__(self, table: Tensor, sets: int) -> None:
        self.table, self.device = table.log(), torch.device("cpu")

    def step(self, tokens: Tensor) -> Tensor:
        return self.table[tokens]

    def reorder(self, parents: Tensor) -> None: ...
    def keep(self, sets: Tensor) -> None: ...


def test_a_beam_sees_beyond_the_first_choice() -> None:
    a, b, end = 3, 4, END_ID
    table = torch.full((5, 5), 1e-9)
    table[BEGIN_ID, [a, b]] = torch.tensor([0.6, 0.4])
    table[a, [a, b, end]] = torch.tensor([0.3, 0.3, 0.4])
    table[b, end] = 1.0
    limits = Limits([0], [5])
    (greedy,), (beam,) = (search(Chain(table, 1), limits, beam, 0.0, beam) for beam in (1, 2))
    assert greedy[0].ids == (a,) and math.exp(greedy[0].log_probability) == pytest.approx(0.24, rel=1e-4)
    assert beam[0].ids == (b,) and math.exp(beam[0].log_probability) == pytest.approx(0.4, rel=1e-4)
    assert beam[1].ids == (a,)


def test_bad_sequences_that_end_early_dont_end_the_search() -> None:
    a, end = 3, END_ID
    table = torch.full((5, 5), 1e-9)
    table[BEGIN_ID, [a, end]] = torch.tensor([0.9, 0.1])
    table[a, [a, end]] = torch.tensor([0.9, 0.1])
    (hypotheses,) = search(Chain(table, 1), Limits([0], [9]), 2, 1.0)
    assert hypotheses[0].ids == (a,) * 9


def test_the_first_answers_dont_depend_on_how_many_are_asked_for() -> None:
    a, b, end = 3, 4, END_ID
    table = torch.full((5, 5), 1e-9)
    table[BEGIN_ID, [UNKNOWN_ID, end, a]] = torch.tensor([0.45, 0.4, 0.15])
    table[a, b] = table[b, end] = 1.0
    found = [search(Chain(table, 1), Limits([0], [5]), 2, 1.0, count)[0] for count in (1, 2)]
    assert [hypotheses[0].ids for hypotheses in found] == [(), ()]
    assert found[1][1].ids == (a, b) and found[1][1].score > found[1][0].score, "what ended later is better"
    writer, sets = head(beam=5), memory([4, 9, 2, 6, 6, 1])
    asked = []
    for count in (1, 2, 5):
        writer.config.n_best = count
        with torch.no_grad():
            asked.append([[h.ids for h in hypotheses[:count]] for hypotheses in writer.hypotheses(sets)])
    for few, more in itertools.pairwise(asked):
        assert few == [hypotheses[: len(few[0])] for hypotheses in more]


@pytest.mark.parametrize("beam", [1, 2])
@pytest.mark.parametrize("max_length", [1, 2, 3])
def test_an_answer_as_long_as_the_limit_may_be_whole(max_length: int, beam: int) -> None:
    a, b, end = 3, 4, END_ID
    table = torch.full((5, 5), 1e-9)
    table[BEGIN_ID, a] = table[a, b] = table[b, end] = 1.0
    limits = Limits([0], [max_length])
    (hypotheses,) = search(Chain(table, 1), limits, beam, 1.0)
    (drawn,) = sample(Chain(table, 1), limits, 1, 1.0)
    for h in (hypotheses[0], drawn[0]):
        assert h.ids == (a, b)[:max_length] and h.complete == (max_length >= 2)


def test_samples_come_as_often_as_they_are_probable() -> None:
    a, b, end = 3, 4, END_ID
    table = torch.full((5, 5), 1e-12)
    table[BEGIN_ID, [a, b]] = torch.tensor([0.7, 0.3])
    table[a, end] = table[b, end] = 1.0
    torch.manual_seed(0)
    (drawn,) = sample(Chain(table, 1), Limits([0], [5]), 4000, 1.0)
    assert {h.ids for h in drawn} == {(a,), (b,)}
    assert sum(h.ids == (a,) for h in drawn) / 4000 == pytest.approx(0.7, abs=0.03)
    (cold,) = sample(Chain(table, 1), Limits([0], [5]), 200, 0.05)
    assert {h.ids for h in cold} == {(a,)}
    assert [h.log_probability for h in drawn] == sorted((h.log_probability for h in drawn), reverse=True)


@pytest.mark.parametrize("score, position", COMBINATIONS)
def test_what_is_written_later_changes_nothing_before(score: str, position: str) -> None:
    decoder, sets = head(score, position).decoder, memory([4])
    whole = decoder(sequences([[1, 4, 5, 6, 7, 8]]), sets)
    torch.testing.assert_close(decoder(sequences([[1, 4, 5]]), sets), whole[:3], atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_negative_log_probability_of_every_token() -> None:
    teacher, sets = head(), memory([4, 9, 2])
    truth = sequences([[4, 5, END_ID], [6, END_ID], [7, 8, 9, END_ID]])
    assert shifted(truth).values.tolist() == [BEGIN_ID, 4, 5, BEGIN_ID, 6, BEGIN_ID, 7, 8, 9]
    loss = teacher.loss(sets, {"translation": truth})
    assert int(loss.count) == 9
    torch.testing.assert_close(loss.total, -teacher.log_probabilities(sets, truth).sum(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_in_pieces_is_torchs(smoothing: float) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(600, 8, dtype=torch.float64), torch.randn(50, 8, dtype=torch.float64)
    bias, truth = torch.randn(50, dtype=torch.float64), torch.randint(50, (600,))
    leaves = [t.clone().requires_grad_() for t in (x, weight, bias)]
    others = [t.clone().requires_grad_() for t in (x, weight, bias)]
    ours = vocabulary_loss(*leaves, truth, smoothing)
    logits = torch.nn.functional.linear(*others)
    theirs = torch.nn.functional.cross_entropy(logits, truth, reduction="sum", label_smoothing=smoothing)
    torch.testing.assert_close(ours.double(), theirs, rtol=1e-6, atol=0)
    (3 * ours).backward(), (3 * theirs).backward()
    for a, b in zip(leaves, others, strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-5, atol=1e-5)


def test_source_and_answers_may_share_one_table() -> None:
    spec = replace(SPEC, targets={"translation": Target("sequence", codec="source")}, codecs={"source": CODEC})
    table = torch.nn.Embedding(len(CODEC), WIDTH)
    shared = Seq2seq(Seq2seqHead(heads=2, target="translation", position="rotary"), spec, WIDTH, table)
    assert shared.decoder.table is table
    assert not any("table" in name for name in shared.state_dict())
