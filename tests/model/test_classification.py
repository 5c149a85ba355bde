"""Classification over whole models: one answer for each set, whatever else is in the batch."""

import numpy as np
import pytest
import torch
from conftest import write_tables

from attnlab import compose
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.model.heads.classification import Classification
from attnlab.model.readout import READOUTS
from attnlab.sets import Prediction
from attnlab.training.run import load_data


@pytest.fixture
def reviews_of_films(tmp_path):
    return write_tables(tmp_path / "films")


def model_and_split(folder, *overrides: str):
    config = compose.compose(
        ["task=sentiment", "data=csv", f"data.path={folder}", "encoder.width=16", "encoder.depth=1", *overrides]
    )
    data = load_data(config)
    torch.manual_seed(0)
    return models.build(config, data.spec).eval(), data.splits["train"]


@pytest.mark.parametrize("readout", READOUTS)
def test_alone_is_in_a_batch_and_the_order_of_sets_changes_nothing(reviews_of_films, readout: str) -> None:
    model, split = model_and_split(reviews_of_films, f"head.readout={readout}", "embedding=word_char")
    indices = np.array([4, 0, 9, 2])
    together = model.predict(split.batch(indices).inputs)
    for i, answer in zip(indices, together, strict=True):
        (alone,) = model.predict(split[int(i)].inputs)
        assert isinstance(answer, Prediction) and answer.value == alone.value
        assert answer.probability == pytest.approx(alone.probability, abs=1e-5)


def test_a_shuffled_set_with_its_coordinates_gives_the_same_answer(reviews_of_films) -> None:
    model, split = model_and_split(reviews_of_films)
    inputs = split[3].inputs
    order = torch.randperm(len(inputs.values))
    shuffled = type(inputs)(inputs.values[order], inputs.layout, inputs.coords[order])
    (expected,), (prediction,) = model.predict(inputs), model.predict(shuffled)
    assert prediction.probability == pytest.approx(expected.probability, abs=1e-5)
    without_order = type(inputs)(inputs.values[order], inputs.layout, inputs.coords)
    (other,) = model.predict(without_order)
    assert other.probability != pytest.approx(expected.probability, abs=1e-5), (
        "words in another order say otherwise"
    )


def test_it_learns_one_answer_for_a_set_not_one_for_each_vector(treebank) -> None:
    with pytest.raises(
        UserError,
        match=r"head=classification learns class or .*; the data have `tags` \(vector_classes\) for head=tagging",
    ):
        config = compose.compose(
            ["head=classification", "head.target=tags", "data=ud_ewt", f"data.path={treebank}"]
        )
        models.build(config, load_data(config).spec)


def test_rare_classes_weigh_more_when_balanced(reviews_of_films) -> None:
    model, _ = model_and_split(reviews_of_films, "head.class_weights=balanced")
    assert isinstance(model.head, Classification)
    counts = torch.tensor(model.head.output.target.counts, dtype=torch.float32)
    assert len(counts) == 2 and counts[0] != counts[1]
    torch.testing.assert_close(model.head.output.weights * counts, counts.sum().expand(2) / 2)
    assert all("weights" not in name for name in model.state_dict()), "derived from the data, not saved"
