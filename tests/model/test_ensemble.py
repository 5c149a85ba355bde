"""Several models side by side: each is trained as if it were alone, and their answers are averaged."""

import itertools

import pytest
import torch
from conftest import write_pairs, write_tables
from hypothesis import given, settings
from hypothesis import strategies as st
from loops import training
from test_head_contract import TARGETS

from attnlab import train
from attnlab.config import AttentionEncoder, ClassificationHead, Config, HeadConfig, LearnedEmbedding, TaggingHead
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.model.build import Ensemble, Model
from attnlab.model.interfaces import Head
from attnlab.model.width import count_parameters
from attnlab.registry import HEADS
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary
from attnlab.targets import KINDS

WORDS = Vocabulary.from_counts({"saw": 3, "was": 2, "tea": 1})


def spec_of(kind: str) -> DataSpec:
    return DataSpec("text", 1, None, {"answer": TARGETS[kind]}, {"words": WORDS})


def config_of(members: int, head: HeadConfig) -> Config:
    encoder = AttentionEncoder(width=8, depth=1, heads=2, dropout=0.0)
    return Config(task="test", members=members, embedding=LearnedEmbedding(), encoder=encoder, head=head)


def built(kind: str, members: int) -> Model:
    head = HEADS.keys("tagging" if kind.startswith("vector_") else "classification")()
    torch.manual_seed(0)
    return models.build(config_of(members, head), spec_of(kind))


def batch_of(kind: str) -> Batch:
    layout = [3, 1, 2]
    rows = sum(layout) if kind.startswith("vector_") else len(layout)
    shape = (rows, 2) if kind == "classes" else (rows,)
    truth = torch.randn(shape).double() if "number" in kind else torch.randint(-1, 2, shape)
    coords = torch.tensor([0, 1, 2, 0, 0, 1.0])[:, None]
    return Batch(VectorSets.of(torch.arange(6) % 3, layout, coords=coords), {"answer": truth}, ("a", "b", "c"))


ROW_KINDS = sorted(set(KINDS) - {"sequence", "hidden_words", "hidden_numbers"})
every_kind = pytest.mark.parametrize("kind", ROW_KINDS)


@every_kind
@given(data=st.data(), members=st.integers(1, 5), rows=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_combined_outputs_are_those_of_the_mean_probabilities(
    kind: str, data: st.DataObject, members: int, rows: int
) -> None:
    """Also where a probability is 1 to the last bit of a float, as beyond ±17."""
    width = KINDS[kind].num_outputs(TARGETS[kind])
    count = members * rows * width
    numbers = data.draw(st.lists(st.floats(-60, 60, width=32), min_size=count, max_size=count))
    outputs = torch.tensor(numbers).view(members, rows, width)
    combined, exact = KINDS[kind].combined(outputs), outputs.double()
    assert combined.shape == (rows, width)
    if "number" in kind:
        expected = exact.mean(0)
    elif kind == "classes":
        expected = exact.sigmoid().mean(0).log() - (-exact).sigmoid().mean(0).log()
    else:
        expected = exact.softmax(-1).mean(0).log()
        torch.testing.assert_close(combined.softmax(-1).double(), expected.exp(), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(combined.double(), expected, atol=1e-4, rtol=1e-5)


@torch.no_grad()
@every_kind
def test_an_ensemble_answers_by_the_mean_and_is_scored_by_it(kind: str) -> None:
    model, batch = built(kind, 3).eval(), batch_of(kind)
    outputs = torch.stack([member.head.outputs(member.encode(batch.inputs)) for member in model.members])
    answers, classes = model.predict(batch.inputs), TARGETS[kind].classes
    assert len(answers) == len(batch.keys)
    if kind.startswith("vector_"):
        assert [len(answer.value) for answer in answers] == list(batch.inputs.lengths)
    values, told = (
        [part for whole in each for part in (whole if kind.startswith("vector_") else [whole])]
        for each in zip(*((answer.value, answer.probability) for answer in answers), strict=True)
    )
    if "number" in kind:
        assert values == pytest.approx((10 + 4 * outputs.mean(0)[:, 0]).tolist(), rel=1e-5)
    elif kind == "classes":
        expected = outputs.sigmoid().mean(0)
        torch.testing.assert_close(torch.tensor(told), expected)
        assert values == (expected > 0.5).int().tolist()
    else:
        probabilities, chosen = outputs.softmax(-1).mean(0).max(-1)
        assert told == pytest.approx(probabilities.tolist(), rel=1e-5)
        assert values == [classes[i] for i in chosen.tolist()]
    loss = model.read(batch.inputs).loss(batch.targets)
    losses = [member.head.loss(member.encode(batch.inputs), batch.targets) for member in model.members]
    assert int(loss.count) == int(losses[0].count) > 0
    # All of these losses are convex, so that the mean answer costs no more than the answers do on average.
    assert float(loss.total) <= sum(float(each.total) for each in losses) / 3 + 1e-6


@torch.no_grad()
def test_the_best_valid_tags_are_those_of_the_mean_probabilities() -> None:
    batch, names = batch_of("vector_classes"), Target("vector_classes", ("B-x", "I-x", "I-y"), (1, 1, 1))
    spec = DataSpec("text", 1, None, {"answer": names}, {"words": WORDS})
    model = models.build(config_of(3, TaggingHead(constraints="bio")), spec).eval()
    outputs = torch.stack([member.outputs(batch.inputs) for member in model.members])
    likelihood = outputs.softmax(-1).mean(0).log()
    valid = {n: [s for s in itertools.product((0, 1), repeat=n) if s[0] == 0] for n in (1, 2, 3)}
    for answer, rows in zip(model.predict(batch.inputs), likelihood.split(batch.inputs.lengths), strict=True):
        best = max(valid[len(rows)], key=lambda tags: float(rows[torch.arange(len(tags)), list(tags)].sum()))
        assert answer.value == [names.classes[i] for i in best]


@every_kind
def test_the_loss_is_the_members_mean_and_each_has_its_own_gradient(kind: str) -> None:
    model, batch = built(kind, 3), batch_of(kind)
    loss = model(batch)
    loss.total.backward()
    together = [[p.grad.clone() for p in apart] for apart in model.trained_apart()]
    model.zero_grad()
    losses = [member.head.loss(member.encode(batch.inputs), batch.targets) for member in model.members]
    torch.testing.assert_close(loss.total, torch.stack([each.total for each in losses]).mean())
    assert int(loss.count) == int(losses[0].count)
    for each, apart, gradients in zip(losses, model.trained_apart(), together, strict=True):
        own = torch.autograd.grad(each.total, apart)
        assert all(torch.equal(one, other) for one, other in zip(own, gradients, strict=True))
    sizes = [sum(p.numel() for p in apart) for apart in model.trained_apart()]
    assert len(set(sizes)) == 1 and sum(sizes) == count_parameters(model)


def test_one_member_is_a_model_like_any_other_and_the_first_of_several() -> None:
    one, three = built("class", 1), built("class", 3)
    assert type(one) is Model and type(three) is Ensemble and one.members == (one,)
    assert {name.split(".")[0] for name in one.state_dict()} == {"embedding", "encoder", "head"}
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, three.state_dict()[name])
    starts = [member.embedding.table.weight for member in three.members]
    assert len(starts) == 3 and not torch.equal(starts[1], starts[0]) and not torch.equal(starts[1], starts[2])
    assert count_parameters(three) == 3 * count_parameters(one)
    sizes = models.sizes(config_of(3, ClassificationHead()), spec_of("class"))
    assert {name: tensor.shape for name, tensor in sizes.items()} == {
        name: tensor.shape for name, tensor in three.state_dict().items()
    }


@pytest.mark.parametrize("clip", [0.0, 0.05])
def test_the_first_member_is_trained_to_the_bit_as_it_would_be_alone(tiny: list[str], clip: float) -> None:
    words = [*tiny, "encoder.dropout=0", f"trainer.clip={clip}", "trainer.accumulate=2"]
    alone, side_by_side = training(words), training([*words, "members=3"])
    assert alone.run().update == side_by_side.run().update > 3
    for loop_model, other in (
        (alone.model, side_by_side.model),
        (alone.learned.evaluated, side_by_side.learned.evaluated),
    ):
        weights = other.state_dict()
        assert all(torch.equal(tensor, weights[name]) for name, tensor in loop_model.state_dict().items())


def test_members_draw_their_own_dropout(tiny: list[str]) -> None:
    loop = training([*tiny, "encoder.dropout=0.5", "members=2"])
    first, (other,) = loop.model, loop.model.others
    other.load_state_dict({name: tensor for name, tensor in first.state_dict().items() if "others" not in name})
    loop.run()
    assert not torch.equal(first.head.output.proj.weight, other.head.output.proj.weight)


class Written(Head):
    """From outside, without outputs of rows."""

    kinds = ("class",)


def test_answers_that_cannot_be_averaged_are_refused(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HEADS, "_entries", dict(HEADS._entries))
    HEADS.register("written")(Written)
    config = config_of(2, HeadConfig(name="written"))
    sentence = r"`members=2`: the answers of head={} cannot be averaged, as those of .*; train with members=1$"
    with pytest.raises(UserError, match=sentence.format("written")):
        models.build(config, spec_of("class"))
    config.members = 1
    assert type(models.build(config, spec_of("class"))) is Model
    sequences = (
        r"`members=2`: sequences of tags cannot be averaged as tags can; train with members=1 or head.crf=false$"
    )
    with pytest.raises(UserError, match=sequences):
        models.build(config_of(2, TaggingHead(crf=True)), spec_of("vector_classes"))
    words = ["task=translation", "data=parallel", f"data.path={write_pairs(tmp_path)}", "members=2"]
    with pytest.raises(UserError, match=sentence.format("seq2seq")):
        train(*words, f"folder={tmp_path / 'run'}", quiet=True)
    assert not (tmp_path / "run").exists()


def test_a_model_of_too_many_members_is_refused_before_it_is_built(tmp_path) -> None:
    words = ["task=sentiment", "data=csv", f"data.path={write_tables(tmp_path)}", "encoder.width=16384"]
    with pytest.raises(
        UserError,
        match=r"this model has .* numbers, which take .* GiB .*; lower members, encoder\.width, encoder\.depth",
    ):
        train(*words, "encoder.depth=4", "members=100", f"folder={tmp_path / 'run'}", quiet=True)
