"""What every head promises, over each kind of target that it learns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from attnlab.codec import END_ID, Codec
from attnlab.model.interfaces import Head
from attnlab.model.readout import READOUTS
from attnlab.registry import HEADS
from attnlab.sets import Layout, Prediction, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary

WIDTH = 8
CODEC = Codec.learn(["a b c d e"], "words", 20)
TARGETS = {
    "class": Target("class", ("x", "y", "z"), (3, 2, 1)),
    "vector_classes": Target("vector_classes", ("x", "y", "z"), (3, 2, 1)),
    "classes": Target("classes", ("funny", "sad")),
    "number": Target("number", mean=10.0, std=4.0),
    "vector_numbers": Target("vector_numbers", mean=10.0, std=4.0),
    "sequence": Target("sequence", codec="target"),
    "hidden_words": Target("hidden_words"),
    "hidden_numbers": Target("hidden_numbers"),
}
NOT_SCORED = {
    "class": -1, "vector_classes": -1, "classes": -1, "number": math.nan, "vector_numbers": math.nan, "hidden_words": -1,
    "hidden_numbers": math.nan,
}  # fmt: skip
FEATURES = 4


@dataclass(frozen=True)
class Case:
    """A head, a kind of target that it learns, and keys besides."""

    head: str
    kind: str
    keys: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return "-".join([self.head, self.kind, *(str(value) for _, value in self.keys)])

    def build(self, **keys: object) -> Head:
        torch.manual_seed(0)
        features = FEATURES if self.kind == "hidden_numbers" else None
        words = {"words": Vocabulary.from_counts({"a": 3, "b": 2})}
        spec = DataSpec("text", 1, features, {"answer": TARGETS[self.kind]}, words, codecs={"target": CODEC})
        config = HEADS.keys(self.head)(target="answer", **{**dict(self.keys), **keys})
        if hasattr(config, "position"):  # which `build.fit` fills in where it is `auto`
            config.position = "rotary"
        return HEADS.get(self.head, Head)(config, spec, WIDTH).eval()

    def truth(self, lengths: Sequence[int], seed: int = 0) -> list[Tensor]:
        """The right answer of each set, some of which is not scored."""
        random = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> Tensor:
            if self.kind == "sequence":
                return torch.cat(
                    [torch.randint(END_ID + 1, len(CODEC), shape, generator=random), torch.tensor([END_ID])]
                )
            if "number" in self.kind:
                numbers = 10 + 4 * torch.randn(shape, generator=random, dtype=torch.float64)
                return numbers.masked_fill(torch.rand(shape, generator=random) < 0.5, math.nan)
            return torch.randint(-1, 2 if self.kind == "classes" else 3, shape, generator=random)

        if self.kind == "hidden_numbers":
            return [drawn(length, FEATURES) for length in lengths]
        shapes = {"class": (), "number": (), "classes": (2,), "sequence": (3,)}
        return [drawn(*shapes.get(self.kind, (length,))) for length in lengths]

    def target(self, truth: Sequence[Tensor]) -> Tensor | VectorSets:
        """As batches hold it."""
        if self.kind == "sequence":
            layout = Layout.of([len(ids) for ids in truth])
            return VectorSets(torch.cat(list(truth)), layout, layout.position[:, None].float())
        return torch.cat(list(truth)) if self.kind.startswith(("vector_", "hidden_")) else torch.stack(list(truth))


CASES = [
    Case(name, kind, keys)
    for name in HEADS
    for kind in HEADS.get(name, Head).kinds
    for keys in (
        [(("readout", readout),) for readout in READOUTS] if hasattr(HEADS.keys(name), "readout") else [()]
    )
] + [Case("tagging", "vector_classes", (("crf", True),))]
every_head = pytest.mark.parametrize("case", CASES, ids=str)


def encoded(lengths: Sequence[int], seed: int = 1) -> VectorSets:
    """Of which every other vector is hidden; only some heads ask."""
    values = torch.randn(sum(lengths), WIDTH, generator=torch.Generator().manual_seed(seed))
    layout = Layout.of(lengths)
    return VectorSets(values, layout, layout.position[:, None].float(), hidden=layout.position % 2 == 0)


def test_every_head_and_every_kind_of_target_is_tested() -> None:
    assert {case.head for case in CASES} == set(HEADS) and {case.kind for case in CASES} == set(TARGETS)


@every_head
@given(lengths=st.lists(st.integers(1, 5), min_size=2, max_size=5), seed=st.integers(0, 99), data=st.data())
@settings(max_examples=10, deadline=None)
def test_losses_of_two_halves_add_up(case: Case, lengths: list[int], seed: int, data: st.DataObject) -> None:
    head, sets, truth = case.build(), encoded(lengths), case.truth(lengths, seed)
    cut = data.draw(st.integers(1, len(lengths) - 1))
    whole = head.loss(sets, {"answer": case.target(truth)})
    halves = [
        head.loss(VectorSets.collate(sets.unbind()[half]), {"answer": case.target(truth[half])})
        for half in (slice(cut), slice(cut, None))
    ]
    torch.testing.assert_close(sum(half.total for half in halves), whole.total)
    assert sum(int(half.count) for half in halves) == int(whole.count)


@every_head
def test_what_is_not_scored_is_neither_counted_nor_learned_from(case: Case) -> None:
    lengths = [3, 1, 4, 2, 1, 3, 2, 2]
    head, sets, truth = case.build(), encoded(lengths), case.truth(lengths)
    if case.kind == "sequence":
        assert int(head.loss(sets, {"answer": case.target(truth)}).count) == 4 * len(lengths), (
            "every token is scored"
        )
        return
    blank = NOT_SCORED[case.kind]
    scored = [~answer.isnan() if math.isnan(blank) else answer != blank for answer in truth]
    count = sum(int(mask.sum()) for mask in scored)
    assert 0 < count < sum(mask.numel() for mask in scored)
    assert int(head.loss(sets, {"answer": case.target(truth)}).count) == count
    asked = next(b for b, mask in enumerate(scored) if mask.any())  # now nothing is known of the other sets
    truth = [answer if b == asked else torch.full_like(answer, blank) for b, answer in enumerate(truth)]
    values = sets.values.clone().requires_grad_()
    head.loss(sets.with_values(values), {"answer": case.target(truth)}).total.backward()
    assert values.grad is not None and values.grad.isfinite().all()
    learned_from = [bool(rows.any()) for rows in values.grad.split(lengths)]
    assert learned_from == [b == asked for b in range(len(lengths))]


VALUES = {
    "class": lambda value: value in TARGETS["class"].classes,
    "classes": lambda value: len(value) == 2 and set(value) <= {0, 1},
    "number": lambda value: isinstance(value, float),
    "sequence": lambda value: isinstance(value, str) and not set(value.split()) - set("abcde"),
}


@torch.no_grad()
@every_head
def test_answers_are_words_or_numbers_and_the_same_alone_as_in_a_batch(case: Case) -> None:
    head, sets = case.build(), encoded([3, 1, 5, 3])
    together = head.predict(sets)
    assert len(together) == 4 and all(isinstance(prediction, Prediction) for prediction in together)
    for alone, prediction in zip(sets.unbind(), together, strict=True):
        (expected,) = head.predict(alone)
        assert prediction.complete == expected.complete
        if case.kind.startswith("hidden_"):
            hidden = alone.hidden.tolist()
            if case.kind == "hidden_words":
                assert prediction.value == expected.value and [word != "" for word in prediction.value] == hidden
                assert [p is not None for p in prediction.probability] == hidden
            else:
                assert prediction.value.shape == (sum(hidden), FEATURES) and prediction.probability is None
                torch.testing.assert_close(prediction.value, expected.value)
            continue
        if "number" in case.kind:
            assert prediction.value == pytest.approx(expected.value, rel=1e-5)
            assert not prediction.probability or set(prediction.probability) == {None}
        else:
            assert prediction.value == expected.value
            assert prediction.probability == pytest.approx(expected.probability, abs=1e-5)
        if case.kind.startswith("vector_"):
            assert len(prediction.value) == len(prediction.probability) == alone.layout.size
            kind = {"vector_classes": "class", "vector_numbers": "number"}[case.kind]
            assert all(VALUES[kind](value) for value in prediction.value)
        else:
            assert VALUES[case.kind](prediction.value)


@torch.no_grad()
@every_head
def test_greedy_answers_are_those_of_a_head_that_does_not_search(case: Case) -> None:
    head, sets = case.build(), encoded([3, 1, 5])
    plain = case.build(beam=1) if head.uses_search else head
    greedy = [(prediction.value, prediction.probability) for prediction in head.predict(sets, greedy=True)]
    answers = [(prediction.value, prediction.probability) for prediction in plain.predict(sets)]
    np.testing.assert_equal(greedy, answers)
