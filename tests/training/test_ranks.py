"""How many processes compute a run changes nothing but its time."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import conllu, tiny_sentences, write_treebank
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import training, weights
from ranked_training import COMMON, KINDS, each, joint_words, run, write_data

from attnlab.data.mixing import Draw
from attnlab.data.prep.batching import Indices
from attnlab.training.gradients import LONG, Gradients, TreeSum
from attnlab.training.ranks import Ranks

ALL_STOPS = [(first, then, stop) for first, then in ((1, 2), (2, 4), (4, 1)) for stop in range(1, 8)]


@pytest.fixture(scope="module", params=[*KINDS, "joint"])
def words(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "joint":
        return [*joint_words(folder), *COMMON]
    return [*KINDS[request.param], *COMMON, f"data.path={write_data(request.param, folder)}"]


@pytest.fixture(scope="module")
def expected(words: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process leaves."""
    folder = tmp_path_factory.mktemp("one") / "run"
    run(1, words, folder)
    return weights(folder)


@pytest.mark.parametrize("count", [2, 4])
def test_the_same_bytes_for_any_number_of_processes(
    count: int, words: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    run(count, words, tmp_path / "run")
    assert len(expected) > 30 and weights(tmp_path / "run") == expected


@pytest.mark.parametrize(
    "first, then, stop",
    [(1, 2, 2), (2, 4, 3), (4, 1, 4), *(pytest.param(*case, marks=pytest.mark.slow) for case in ALL_STOPS)],
)
def test_stopped_by_some_and_continued_by_others(
    first: int, then: int, stop: int, words: list[str], expected: dict[str, bytes], tmp_path: Path
) -> None:
    run(first, words, tmp_path / "run", stop_after=stop)
    run(then, words, tmp_path / "run")
    assert weights(tmp_path / "run") == expected


numbers = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=16)


@given(numbers, st.sampled_from([1, 2, 4, 8]))
def test_sums_of_blocks_add_up_to_the_sum_of_all(values: list[float], count: int) -> None:
    """A group of up to 16 batches, dealt to `count` processes, of which some may get none."""

    def summed(some: Sequence[float]) -> torch.Tensor | None:
        tree = TreeSum()
        for value in some:
            tree.add([torch.tensor([value], dtype=torch.float32)])
        return None if (total := tree.total()) is None else total[0]

    blocks = [summed([values[n] for n in Ranks(rank, count).own(len(values), 16)]) for rank in range(count)]
    holders = Ranks(0, count).holders(len(values), 16)
    assert [block is not None for block in blocks] == [rank < holders for rank in range(count)]
    while len(blocks) > 1:
        pairs = zip(blocks[::2], blocks[1::2], strict=True)
        blocks = [left if right is None else left + right for left, right in pairs]
    assert torch.equal(blocks[0], summed(values))


def test_parameters_that_no_batch_touched_stay_without_gradient() -> None:
    one, two = torch.tensor([1.0, -0.0]), torch.tensor([2.0])
    tree = TreeSum()
    tree.add([one.clone(), None, None])
    tree.add([one.clone(), two.clone(), None])
    first, second, third = tree.total()
    assert torch.equal(first, 2 * one) and first.signbit().tolist() == [False, True]
    assert torch.equal(second, two) and third is None


@pytest.fixture(scope="module")
def summed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[Indices]], dict[str, torch.Tensor]]:
    """The gradient of one update over these batches, in float64, as the optimizer gets it. Of the examples, every third has no tag
    that is scored."""
    folder = write_treebank(tmp_path_factory.mktemp("unequal"))
    sentences = [
        [(word, tag if i % 3 else "_") for word, tag in sentence]
        for i, sentence in enumerate(tiny_sentences(60, 0))
    ]
    (folder / "toy-ud-train.conllu").write_text(conllu(sentences), encoding="utf-8")
    loop = training([
        "data=ud_ewt", f"data.path={folder}", *COMMON, "encoder.dropout=0", "encoder.kernel=reference", "data.unknown=0",
        "trainer.batch_vectors=200", "trainer.clip=0", "trainer.average=0",
    ])  # fmt: skip
    loop.model.double()
    caught: dict[str, torch.Tensor] = {}

    def step() -> None:
        named = loop.model.named_parameters()
        caught.update({name: p.grad.clone() for name, p in named if p.grad is not None})

    loop.learned.optimizer.step = step  # type: ignore[method-assign]

    def gradient(group: Sequence[Indices]) -> dict[str, torch.Tensor]:
        caught.clear()
        draws = [Draw("", 0, indices) for indices in group]
        loop._update(draws, range(len(draws)), map(loop.parts.batch, draws))
        return dict(caught)

    return gradient


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.sets(st.integers(1, 11)))
def test_unequal_batches_give_the_gradient_of_one_batch_of_all(
    summed: Callable[[Sequence[Indices]], dict[str, torch.Tensor]], order: list[int], cuts: set[int]
) -> None:
    """The loss is summed over batches, and divided once by all that was scored, however many that are in each of them."""
    examples = np.array(order)
    gradients = [summed(group) for group in ([examples], np.split(examples, sorted(cuts)))]
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 10
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-12, atol=1e-14)


def rows_of(rank: int) -> Gradients:
    """What a process holds: a long table of which few rows aren't zero, one of them -0.0, a table that some processes haven't
    touched, one that none has, and a small matrix."""
    random = torch.Generator().manual_seed(rank)
    long, some = torch.zeros(LONG, 3), torch.zeros(LONG, 2)
    long[torch.randint(LONG, (50,), generator=random)] = torch.randn(50, 3, generator=random)
    long[5] = -0.0
    some[rank] = rank + 0.1
    return [long, some if rank % 2 else None, None, torch.randn(4, 5, generator=random)]


def digests(gradients: Gradients) -> list[bytes | None]:
    return [None if g is None else blake2b(g.numpy().tobytes()).digest() for g in gradients]


def summed_rows() -> tuple[list[bytes | None], list[float]]:
    ranks = Ranks.joined()
    shapes = [(LONG, 3), (LONG, 2), (LONG, 2), (4, 5)]
    found, figures = ranks.add(
        rows_of(ranks.rank), [torch.zeros(s) for s in shapes], ranks.count, [1.0, ranks.rank]
    )
    return digests(found), figures


@pytest.mark.parametrize("count", [2, 4])
def test_rows_that_are_not_sent_change_nothing(count: int) -> None:
    tree = TreeSum()
    for rank in range(count):
        tree.add(rows_of(rank))
    assert each(count, summed_rows) == [(digests(tree.total()), [count, sum(range(count))])] * count
