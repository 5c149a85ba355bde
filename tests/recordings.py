"""Tiny recordings, named as the Free Spoken Digit Dataset names them."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
import torch

from attnlab.config import SpeechData
from attnlab.data.speech.loader import Speech
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

RATE = 8000
SPEAKERS = ("ada", "bob", "cy")
LOUD = {"noise": 5.0, "gain": 6.0, "time_shift": 40.0, "speed": 0.2, "mask_time": 60.0, "mask_bands": 6}
"""Every augmentation, so strong that its effect is seen."""


def config(**settings) -> SpeechData:
    return SpeechData(**({"name": "toy", "source": "fsdd", "rate": RATE, "bands": 12} | settings))


def tone(digit: int, speaker: int, index: int) -> np.ndarray:
    """A digit is a tone of its own; lengths differ."""
    time = np.arange(int(RATE * (0.12 + 0.02 * index + 0.03 * speaker))) / RATE
    noise = np.random.default_rng([digit, speaker, index]).standard_normal(len(time))
    return 0.3 * np.sin(2 * np.pi * (300 + 350 * digit + 20 * speaker) * time) + 0.003 * noise


@cache
def _folder() -> tempfile.TemporaryDirectory:
    """3 digits, 3 speakers, 8 recordings each; removed at the end of all tests."""
    folder = tempfile.TemporaryDirectory(prefix="digits-")
    for digit in range(3):
        for number, speaker in enumerate(SPEAKERS):
            for index in range(8):
                path = f"{folder.name}/{digit}_{speaker}_{index}.wav"
                soundfile.write(path, tone(digit, number, index), RATE, subtype="PCM_16")
    return folder


def digits() -> Path:
    return Path(_folder().name)


def speech(seed: int = 1, spec: DataSpec | None = None, **settings) -> Speech:
    return Speech(config(path=str(digits()), **settings), seed, spec)


def same(one: VectorSets, other: VectorSets, tolerance: float = 0.0) -> bool:
    return one.lengths == other.lengths and torch.allclose(one.values, other.values, atol=tolerance)
