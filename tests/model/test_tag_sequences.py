"""Whole sequences of tags against the sum, and the best, of all of them written out."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from attnlab.cli import main
from attnlab.config import TaggingHead
from attnlab.errors import UserError
from attnlab.metrics.spans import may_follow, types_with_ends, unfounded
from attnlab.model.heads.tagging import Tagging
from attnlab.model.tag_sequences import TagSequences, log_partition, marginals, viterbi
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec, Target

TAGS = 3
LETTERS = Target("vector_classes", ("x", "y", "z"), (3, 2, 1))
NAMES = Target("vector_classes", ("B-a", "B-b", "I-a", "I-b", "O"), (1, 1, 1, 1, 1))
lengths = st.lists(st.integers(0, 4), max_size=5)
seeds = st.integers(0, 2**16)


def drawn(lengths: list[int], seed: int, tags: int = TAGS) -> tuple[Tensor, Tensor, Layout]:
    """(N, C) scores and (C+1, C+1) transitions, far from each other, and the layout."""
    random, layout = torch.Generator().manual_seed(seed), Layout.of(lengths)
    scores = 4 * torch.randn(layout.size, tags, generator=random, dtype=torch.float64)
    return scores, 4 * torch.randn(tags + 1, tags + 1, generator=random, dtype=torch.float64), layout


def all_sequences(scores: Tensor, transitions: Tensor, layout: Layout) -> Iterator[tuple[list, Tensor]]:
    """Of each set, every sequence of tags, and their scores."""
    for rows in scores.split(layout.lengths):
        length, tags = rows.shape
        sequences = list(itertools.product(range(tags), repeat=length))
        totals = []
        for sequence in sequences:
            path = (
                [tags, *sequence, tags] if sequence else []
            )  # tag C is what stands before the first and behind the last
            total = sum(transitions[a, b] for a, b in itertools.pairwise(path))
            totals.append(total + sum(rows[i, tag] for i, tag in enumerate(sequence)) + rows.new_zeros(()))
        yield sequences, torch.stack(totals)


@given(lengths=lengths, seed=seeds)
@settings(max_examples=30, deadline=None)
def test_sums_marginals_and_best_sequences_are_those_of_all_sequences(lengths: list[int], seed: int) -> None:
    scores, transitions, layout = drawn(lengths, seed)
    sums, shares, best = [], [], list[int]()
    for sequences, totals in all_sequences(scores, transitions, layout):
        sums.append(totals.logsumexp(0))
        table = torch.tensor(sequences).view(len(sequences), -1)
        each = totals.softmax(0)
        shares.append(torch.stack([each @ (table == tag).double() for tag in range(TAGS)], 1))
        best += sequences[int(totals.argmax())]
    expected = torch.stack(sums) if sums else torch.zeros(0).double()
    torch.testing.assert_close(log_partition(scores, transitions, layout), expected)
    if layout.size:
        torch.testing.assert_close(marginals(scores, transitions, layout), torch.cat(shares))
    assert viterbi(scores, transitions, layout).tolist() == best


@pytest.mark.parametrize("lengths", [[2, 0, 4, 1], [3], [1], [0], []], ids=str)
def test_gradients_are_those_of_the_function(lengths: list[int]) -> None:
    scores, transitions, layout = drawn(lengths, seed=1)
    inputs = scores.requires_grad_(), transitions.requires_grad_()
    assert torch.autograd.gradcheck(lambda *parts: log_partition(*parts, layout), inputs)


@given(lengths=lengths, seed=seeds, data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_loss_is_of_all_sequences_that_agree_with_what_is_known(
    lengths: list[int], seed: int, data: st.DataObject
) -> None:
    scores, transitions, layout = drawn(lengths, seed)
    drawn_truth = data.draw(st.lists(st.integers(-1, TAGS - 1), min_size=layout.size, max_size=layout.size))
    truth, expected = torch.tensor(drawn_truth, dtype=torch.int64), 0.0
    answers = [part.tolist() for part in truth.split(layout.lengths)]
    for right, (sequences, totals) in zip(answers, all_sequences(scores, transitions, layout), strict=True):
        agree = [all(t in (-1, tag) for t, tag in zip(right, seq, strict=True)) for seq in sequences]
        expected -= float(totals.log_softmax(0)[torch.tensor(agree)].logsumexp(0))
    module = TagSequences(LETTERS, learned=True, constrained=False)
    module.transitions.data.copy_(transitions)
    loss = module.loss(scores, truth, layout)
    assert loss.total.item() == pytest.approx(expected, abs=1e-4)
    assert int(loss.count) == sum(tag >= 0 for tag in drawn_truth)
    assert loss.total.dtype == torch.float32


def test_without_transitions_it_is_cross_entropy_however_long_a_set_is() -> None:
    scores, _, layout = drawn([4000, 2], seed=2)
    scores *= 10
    truth = torch.randint(-1, TAGS, (layout.size,))
    start = TagSequences(LETTERS, learned=True, constrained=False)
    expected = cross_entropy(scores, truth, ignore_index=-1, reduction="sum")
    torch.testing.assert_close(start.loss(scores, truth, layout).total.double(), expected, rtol=1e-6, atol=0)
    zeros = torch.zeros(TAGS + 1, TAGS + 1)
    torch.testing.assert_close(marginals(scores, zeros, layout), scores.softmax(1))
    assert torch.equal(viterbi(scores.float(), zeros, layout), scores.argmax(1))


@given(lengths=lengths, seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_set_has_the_same_tags_alone_as_among_others(lengths: list[int], seed: int) -> None:
    scores, transitions, layout = drawn(lengths, seed)
    transitions = transitions.float()
    together = viterbi(scores.float(), transitions, layout), marginals(scores, transitions, layout)
    for a, b in itertools.pairwise(layout.starts):
        own = Layout.of([b - a])
        assert torch.equal(viterbi(scores[a:b].float(), transitions, own), together[0][a:b])
        torch.testing.assert_close(marginals(scores[a:b], transitions, own), together[1][a:b])


@given(lengths=lengths, seed=seeds, learned=st.booleans())
@settings(max_examples=20, deadline=None)
def test_with_constraints_the_best_valid_sequence_is_predicted(
    lengths: list[int], seed: int, learned: bool
) -> None:
    scores, transitions, layout = drawn(lengths, seed, len(NAMES.classes))
    module = TagSequences(NAMES, learned, constrained=True)
    if learned:
        module.transitions.data.copy_(transitions)
    else:
        transitions = torch.zeros_like(transitions)
    with torch.no_grad():
        found, marginal = module.best(scores, layout)
    expected, probabilities = list[int](), list[float]()
    for sequences, totals in all_sequences(scores, transitions, layout):
        tags = [["O", *(NAMES.classes[i] for i in sequence), "O"] for sequence in sequences]
        valid = [all(may_follow(a, b, ()) for a, b in itertools.pairwise(names)) for names in tags]
        totals = totals.masked_fill(~torch.tensor(valid), -torch.inf)
        best, each = sequences[int(totals.argmax())], totals.softmax(0)
        expected += best
        table = torch.tensor(sequences).view(len(sequences), -1)
        probabilities += (each @ (table == torch.tensor(best)).double()).tolist() if best else []
    assert found.tolist() == expected
    assert marginal.gather(1, found[:, None])[:, 0].tolist() == pytest.approx(probabilities)


def head(target: Target, **keys: object) -> Tagging:
    spec = DataSpec("text", 1, None, {"answer": target}, {})
    return Tagging(TaggingHead(name="tagging", target="answer", **keys), spec, 8)


def test_only_a_crf_has_more_weights() -> None:
    plain = {"output.proj.weight", "output.proj.bias"}
    assert set(head(NAMES).state_dict()) == set(head(NAMES, constraints="bio").state_dict()) == plain
    assert set(head(NAMES, crf=True, constraints="bio").state_dict()) == plain | {"sequences.transitions"}


@pytest.mark.parametrize("keys", [{"crf": True}, {"constraints": "bio"}])
def test_each_class_has_its_marginal_probability(keys: dict[str, object]) -> None:
    sets, tagger = VectorSets(torch.randn(5, 8), Layout.of([3, 0, 2])), head(NAMES, **keys)
    answers = tagger.predict(sets)
    for answer in answers:
        assert isinstance(answer.probabilities, list) and isinstance(answer.value, list)
        for value, probability, named in zip(answer.value, answer.probability, answer.probabilities, strict=True):
            assert list(named.values()) == sorted(named.values(), reverse=True) and sum(named.values()) <= 1.0001
            assert named.get(value, probability) == pytest.approx(probability)


def test_constraints_alone_leave_the_loss_as_it_is() -> None:
    layout, truth = Layout.of([3, 2]), torch.tensor([0, 2, 4, -1, 1])
    sets = VectorSets(torch.randn(5, 8), layout)
    plain, constrained = head(NAMES), head(NAMES, constraints="bio")
    constrained.load_state_dict(plain.state_dict())
    assert torch.equal(plain.loss(sets, {"answer": truth}).total, constrained.loss(sets, {"answer": truth}).total)


def test_sums_are_exact_where_products_are_of_bf16() -> None:
    scores, transitions, layout = drawn([4, 2], seed=3)
    truth, low = torch.tensor([0, 1, -1, 2, 0, 0]), scores.bfloat16()
    module = TagSequences(LETTERS, learned=True, constrained=False)
    module.transitions.data.copy_(transitions)
    with torch.autocast("cpu", torch.bfloat16):
        loss = module.loss(low, truth, layout)
        chosen, probabilities = module.best(low, layout)
    assert torch.equal(loss.total, module.loss(low.float(), truth, layout).total)
    expected = module.best(low.float(), layout)
    assert torch.equal(chosen, expected[0]) and torch.equal(probabilities, expected[1])


def test_targets_that_have_no_such_sequences_are_refused() -> None:
    numbers = Target("vector_numbers")
    no_tags = (
        "`head.constraints=bio`: this target's classes are no tags of spans, such as B-PER, I-PER and O; use "
    )
    with pytest.raises(UserError, match=no_tags):
        head(LETTERS, constraints="bio")
    with pytest.raises(UserError, match="no class of this target may stand alone, as O does"):
        head(Target("vector_classes", ("B-a", "E-a", "I-a")), constraints="bio")
    with pytest.raises(
        UserError, match=r"`head.crf=true`: only for labels of vectors; `answer` is of kind vector_n"
    ):
        head(numbers, crf=True)
    with pytest.raises(UserError, match=r"`head.constraints=bio`: only for labels of vectors"):
        head(numbers, constraints="bio")
    assert types_with_ends(("B-a", "E-a", "B-b", "L-c")) == {"a", "c"}


def test_a_run_may_go_on_with_constraints_but_not_with_a_crf(tmp_path: Path, capsys) -> None:
    sentences = ["Ada\tB-a\nLovelace\tI-a\nsaw\tO\n", "saw\tO\nAda\tB-a\n", "Lovelace\tB-a\nsaw\tO\nAda\tI-a\n"]
    (tmp_path / "names.txt").write_text("\n".join(f"{i}\tO\n{text}" for i, text in enumerate(sentences * 8)))
    run, words = tmp_path / "run", ["encoder.width=8", "encoder.depth=1", "baselines=false", "trainer.updates=1"]
    data = ["task=pos", "data=tagged", f"data.path={tmp_path / 'names.txt'}"]
    assert main(["train", *data, *words, f"folder={run}"]) == 0
    assert main(["train", f"run={run}", "head.constraints=bio", "trainer.updates=2"]) == 0
    predicted = [
        json.loads(line)["predicted"] for line in (run / "predictions-test.jsonl").read_text().splitlines()
    ]
    assert predicted and all(unfounded(tags, "") == 0 for tags in predicted)
    capsys.readouterr()
    assert main(["train", f"run={run}", "head.crf=true"]) == 2
    assert f"`head.crf=true`: {run} has been trained with head.crf=false" in capsys.readouterr().err
