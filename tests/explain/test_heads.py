"""Statistics of heads: weights made by hand, those of the recorder by brute force, and heads that are changed."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from random_sets import lengths, seeds, vector_sets
from scipy.spatial.distance import jensenshannon
from torch import Tensor

from attnlab.codec import Codec
from attnlab.config import AttentionEncoder, Config, LinearEmbedding, Seq2seqHead, TaggingHead
from attnlab.explain import heads as module
from attnlab.explain.heads import STATISTICS, head_changed, head_statistics, layers_of
from attnlab.model import build as models
from attnlab.model.attention.recorder import record
from attnlab.model.build import Model
from attnlab.sets import Batch, VectorSets
from attnlab.spec import DataSpec, Target

FRAMES = DataSpec("speech", 1, 8, {"tags": Target("vector_classes", ("A", "B"), (2, 1))}, {}, edge_features=0)


def model(spec: DataSpec = FRAMES, **keys: object) -> Model:
    """An encoder of 3 heads over vectors of 8 numbers."""
    encoder = AttentionEncoder(**{"width": 12, "heads": 3, "depth": 1, "dropout": 0.0, "position": "none"} | keys)
    config = Config(embedding=LinearEmbedding(), encoder=encoder, head=TaggingHead(target="tags"))
    torch.manual_seed(3)
    return models.build(config, spec).eval()


def statistics(of: Model, sets: VectorSets, **keys: object) -> list[dict[str, np.ndarray]]:
    """Of each layer, all in one batch."""
    batch = Batch(sets, {}, ("",) * len(sets))
    told, _ = head_statistics(of, [(list(range(len(sets))), batch)], len(sets), **keys)
    return [dict(layer.values) for layer in told]


def by_position(of: Model) -> None:
    """Head 0 becomes uniform, head 1 looks at itself, head 2 at the one before."""
    layer, table = of.encoder.blocks[0].attention, of.encoder.position.tables[0].weight
    with torch.no_grad():
        layer.qkv_proj.weight[:24] = 0
        layer.qkv_proj.bias[:24] = 0
        table.zero_()
        table[of.encoder.position.bucket(torch.tensor(0.0)), 1] = 60
        table[of.encoder.position.bucket(torch.tensor(1.0)), 2] = 60


def test_a_uniform_head_one_on_itself_and_one_that_looks_back():
    one = model(position="relative")
    by_position(one)
    sets = vector_sets([4], edges=False)
    (found,) = statistics(one, sets, step=0.5)
    # The first vector has none before it: there the third head is uniform over all four.
    expected = {
        "entropy": (1, 0, 1 / 4, 1),
        "largest": (1 / 4, 1, (1 / 4 + 3) / 4, 1 / 4),
        "uniform": (1, 0, 1 / 4, 1),
        "itself": (1 / 4, 1, 1 / 16, 1 / 4),
        "beside": (6 / 16, 0, (1 / 4 + 3) / 4, 6 / 16),
        "first": (1 / 4, 1 / 4, (1 / 4 + 1) / 4, 1 / 4),
        # |i - j| over 4 × 4 pairs: 20 in all; steps of half a second.
        "distance": (0.5 * 20 / 16, 0, 0.5 * (6 / 4 + 3) / 4, 0.5 * 20 / 16),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][0], values, atol=1e-6, err_msg=name)
    away = float(jensenshannon([1, 0, 0, 0], [1 / 4] * 4, base=2))
    np.testing.assert_allclose(
        found["others"][0], [(away + 3 / 4 * away) / 2, (away + away / 4 + 3 / 4) / 2,
                             (3 / 4 * away + away / 4 + 3 / 4) / 2, math.nan], atol=1e-6)  # fmt: skip


def test_evidence_is_weight_and_hits_on_the_marked_and_only_within_the_scope():
    one = model(position="relative", scope="window:1")
    by_position(one)
    marks = np.zeros((4, 4), dtype=np.bool_)
    marks[2, 1] = marks[3, 3] = True  # found by the head that looks back, and by the one on itself
    marks[0, 3] = True  # out of reach: counts for no head
    (found,) = statistics(one, vector_sets([4], edges=False), evidence=lambda _: marks)
    np.testing.assert_allclose(
        found["evidence"][0], [(1 / 3 + 1 / 2) / 2, 1 / 2, 1 / 2, (1 / 3 + 1 / 2) / 2], atol=1e-6
    )
    np.testing.assert_allclose(found["hit"][0][1:], [1 / 2, 1 / 2, (1 / 3 + 1 / 2) / 2], atol=1e-6)
    (everywhere,) = statistics(
        one, vector_sets([4], edges=False), evidence=lambda _: np.array([True, False, False, False])
    )
    # Two queries reach the first vector; the one that looks back from there has none before it, and two equal weights.
    np.testing.assert_allclose(everywhere["hit"][0][1:3], [1 / 2, (1 / 2 + 1) / 2])


@settings(max_examples=20, deadline=None)
@given(lengths, seeds)
@pytest.mark.parametrize("scope", ["full", "window:2", "causal", "edges"])
def test_all_statistics_by_brute_force_over_the_recorders_weights(scope: str, lengths: list[int], seed: int):
    sets, one = vector_sets(lengths, seed, shuffled=True), model(scope=scope, position="alibi")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 100)  # a few queries at a time
        (found,) = statistics(one, sets)
    with record(one) as recorded:
        one.encode(sets)
    (tables,) = recorded.values()
    for number, (own, table) in enumerate(zip(sets.unbind(), tables, strict=True)):
        allowed = one.encoder.scopes[0].allows(own, own)
        rows = [i for i in range(len(own.values)) if allowed[i].sum() > 1]
        for name in ("entropy", "largest", "itself", "others", "uniform"):
            expected = [
                np.mean([_of_row(name, table, allowed, h, i) for i in rows] or [math.nan]) for h in range(3)
            ]
            np.testing.assert_allclose(found[name][number][:3], expected, atol=1e-5, err_msg=name)


def _of_row(name: str, table: Tensor, allowed: Tensor, head: int, row: int) -> float:
    weights, size = table[head, row].double().numpy(), int(allowed[row].sum())
    kept = weights[weights > 0]
    if name == "others":
        others = [table[h, row].double().numpy() for h in range(3) if h != head]
        return float(np.mean([np.nan_to_num(jensenshannon(weights, other, base=2)) for other in others]))
    return {
        "entropy": float(-(kept * np.log(kept)).sum() / np.log(size)),
        "largest": float(weights.max()),
        "itself": float(weights[row]),
        "uniform": float(np.abs(weights[allowed[row].numpy()] - 1 / size).max() <= 0.01 / size + 1e-7),
    }[name]


def test_distances_in_graphs_are_hops_and_in_pictures_lengths():
    chain = VectorSets.of(
        torch.randn(4, 8), edges=torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    )  # and one node alone
    graphs = replace(FRAMES, modality="graph", num_coords=0)
    (found,) = statistics(model(graphs), chain)
    # Of uniform weights over 0, 1, 2 hops; the lone node is reached by none of the others and only reaches itself.
    np.testing.assert_allclose(found["distance"][0][3], (3 / 3 + 2 / 3 + 3 / 3 + 0) / 4, atol=1e-6)
    np.testing.assert_allclose(found["beside"][0][3], (1 / 4 + 2 / 4 + 1 / 4 + 0) / 4, atol=1e-6)
    assert np.isnan(found["first"]).all()
    square = VectorSets.of(torch.randn(4, 8), coords=torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]))
    (flat,) = statistics(model(replace(FRAMES, num_coords=2)), square)
    np.testing.assert_allclose(flat["distance"][0][3], (2 + math.sqrt(2)) / 4, atol=1e-6)
    np.testing.assert_allclose(flat["beside"][0][3], 3 / 4, atol=1e-6)


@pytest.mark.parametrize("scope", ["full", "window:1", "causal", "edges"])
def test_uniform_weights_equal_a_model_whose_scores_are_all_zero(scope: str):
    sets = vector_sets([5, 1, 7], seed=1)
    changed = model(scope=scope, score="dot")
    flat = model(scope=scope, score="dot")
    with torch.no_grad():
        projection = flat.encoder.blocks[0].attention.qkv_proj
        for part in (0, 12):  # W_q and W_k of the second head
            projection.weight[part + 4 : part + 8] = 0
            projection.bias[part + 4 : part + 8] = 0
    before = changed.encode(sets).values
    with head_changed(changed, "encoder.blocks.0.attention", 1, "uniform"):
        torch.testing.assert_close(changed.encode(sets).values, flat.encode(sets).values)
    assert torch.equal(changed.encode(sets).values, before) and not torch.allclose(
        before, flat.encode(sets).values
    )


def test_a_head_of_zero_equals_a_model_without_its_part_of_the_output_matrix():
    sets, changed, without = vector_sets([5, 2], seed=1), model(), model()
    with torch.no_grad():
        without.encoder.blocks[0].attention.out_proj.weight[:, 8:] = 0
    with head_changed(changed, "encoder.blocks.0.attention", 2, "zero"):
        torch.testing.assert_close(changed.encode(sets).values, without.encode(sets).values)


def test_layers_are_told_by_kind_and_scope():
    named = layers_of(model(depth=3, scope=["full", "window:2"]))
    assert [*named.values()] == [("encoder", 1, "full"), ("encoder", 2, "window:2"), ("encoder", 3, "full")]
    assert set(STATISTICS) == set(statistics(model(), vector_sets([3]))[0])


def test_link_accuracy_of_cross_attention_by_the_recorders_weights() -> None:
    codec = Codec.learn(["a b c d e"], "words", 20)
    spec = DataSpec("speech", 1, 8, {"text": Target("sequence", codec="target")}, {}, codecs={"target": codec})
    encoder = AttentionEncoder(width=12, heads=3, depth=1, dropout=0.0, position="none")
    head = Seq2seqHead(target="text", depth=1, heads=2, position="rotary")
    torch.manual_seed(0)
    one = models.build(Config(embedding=LinearEmbedding(), encoder=encoder, head=head), spec).eval()
    sets, answers = vector_sets([5, 3], edges=False), VectorSets.of(torch.tensor([3, 4, 2, 5, 6, 7, 2]), [3, 4])
    answers = replace(answers, coords=answers.layout.position[:, None].float())
    batch = Batch(sets, {"text": answers}, ("a", "b"))
    marks = [np.eye(3, 5, dtype=np.bool_), np.eye(4, 3, dtype=np.bool_)]
    told, _ = head_statistics(one, [([1, 0], batch)], 2, lambda number: marks[1 - number])
    assert [(layer.kind, layer.number, layer.heads) for layer in told] == [
        ("encoder", 1, 3),
        ("decoder", 1, 2),
        ("cross", 1, 2),
    ]
    assert np.isnan(told[0].values["hit"]).all() and np.isfinite(told[1].values["first"]).all()
    with record(one, [told[2].name]) as recorded:
        one.head.loss(one.encode(sets), batch.targets)
    for number, weights in enumerate(recorded[told[2].name]):  # (H, M, L); the batch has them in the other order
        strongest, rows = weights.argmax(-1), np.flatnonzero(marks[number].any(1))
        hits = [(strongest[h, rows] == torch.from_numpy(rows)).float().mean().item() for h in range(2)]
        np.testing.assert_allclose(told[2].values["hit"][1 - number][:2], hits)
        forward = (strongest[:, 1:] >= strongest[:, :-1]).float().mean(1)
        np.testing.assert_allclose(told[2].values["forward"][1 - number][:2], forward)
        covered = [len(set(row.tolist())) / weights.shape[2] for row in strongest]
        np.testing.assert_allclose(told[2].values["covered"][1 - number][:2], covered, rtol=1e-6)
