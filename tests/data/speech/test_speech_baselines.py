"""What recordings are told by without attention."""

from dataclasses import replace

import numpy as np
from recordings import speech

from attnlab import compose
from attnlab.data.contract import FrameSummaries
from attnlab.data.speech.loader import Speech
from attnlab.registry import BASELINES
from attnlab.training.baselines import Baseline, Problem
from attnlab.training.engine import Engine

CONFIG = compose.compose(["task=keywords", "data=fsdd", "head.target=label"])


def fitting(data: Speech) -> list[str]:
    problem = Problem(CONFIG, data, Engine(CONFIG.trainer))
    return [name for name in BASELINES if BASELINES.get(name, Baseline)().fits(problem)]


def test_recordings_of_one_class_have_no_regression() -> None:
    data = speech()
    assert fitting(data) == ["most_frequent_class", "regression_on_means"]
    data.listing = replace(data.listing, labels=["zero"] * len(data.listing.labels))
    assert fitting(data) == ["most_frequent_class"]


def test_summaries_and_loudness_are_those_of_the_features() -> None:
    """F means, then F standard deviations of the features as they are before they are normalised."""
    plain, normalised = (speech(normalise=how, stack=2).splits["test"] for how in ("none", "utterance"))
    assert isinstance(plain, FrameSummaries) and isinstance(normalised, FrameSummaries)
    frames = plain[4].inputs.values.reshape(-1, plain.data.extractor.size)
    frames = frames[: plain.data.counts[plain.rows[4]]]
    expected = np.concatenate([frames.mean(0), frames.std(0, unbiased=False)])
    assert np.allclose(plain.summaries()[4], expected, atol=1e-4)
    assert np.array_equal(plain.summaries(), normalised.summaries())
    levels = frames.mean(1) - frames.mean()
    middles = [min(i + 1, len(levels) - 1) for i in range(0, len(levels), 2)]
    for split in (plain, normalised):
        assert [len(x) for x in split.loudness()] == split.lengths.tolist()
        assert np.allclose(split.loudness()[4], levels[middles], atol=0.02)
