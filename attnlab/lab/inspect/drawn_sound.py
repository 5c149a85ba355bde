"""Recordings as a page draws them: features along time, the seconds of each vector, and the sound itself."""

import numpy as np
from numpy.typing import NDArray

from attnlab.config import SpeechData, StridedConvolutionEmbedding
from attnlab.data.contract import Playback, Split
from attnlab.data.speech.features import FeatureExtractor
from attnlab.lab.inspect.drawn_set import Drawn
from attnlab.lab.inspect.reach import reaches
from attnlab.pages.page import Array, Json
from attnlab.sets import VectorSets
from attnlab.training.run import Run

MOST_COLUMNS = 6000
"""Of a spectrogram; of a longer recording, neighbouring frames are averaged."""
MOST_BYTES = 320_000
"""Of the sound that a page carries: 20 seconds at 8,000 samples per second and 16 bits, 40 at 8 bits."""
FEATURES = {"log_mel": "log-mel bands", "fbank": "log-mel bands (fbank)", "mfcc": "cepstral coefficients (MFCC)"}


def sound(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """A recording. Its L vectors are what remains after the stride of the embedding.

    facts: `seconds` of the whole, `step` from one vector to the next; `features`; `rate`, `bits` and `heard`, the seconds of the
    sound that is carried; `reach` after each layer, in vectors. arrays: `levels` (F, columns), the highest band first;
    `begin`, `end` (L,) seconds of what each vector is made of; `samples`, as a WAV file has them.
    """
    config, embedding = run.config.data, run.config.embedding
    assert isinstance(config, SpeechData)
    extractor = FeatureExtractor(config)
    strided = embedding if isinstance(embedding, StridedConvolutionEmbedding) else None
    frames = inputs.values.numpy().reshape(-1, extractor.size)
    playback = split.playback(row)
    samples = (len(frames) - 1) * extractor.hop + extractor.window
    if playback is not None:  # the last vector is filled up with frames of zeros
        samples = len(playback.samples)
        frames = frames[: int(extractor.count(np.array([samples]))[0])]
    stride, margin = (strided.stride, strided.window // 2) if strided else (1, 0)
    middle = np.arange(0, len(inputs.values), stride)
    first = np.maximum(middle - margin, 0) * config.stack
    last = np.minimum((np.minimum(middle + margin, len(inputs.values) - 1) + 1) * config.stack, len(frames)) - 1
    begin, end = first * extractor.hop / config.rate, (last * extractor.hop + extractor.window) / config.rate
    seconds, step = samples / config.rate, stride * config.stack * extractor.hop / config.rate
    digits = 2 if step >= 0.01 else 3
    heard = None if playback is None else _heard(playback)
    facts: dict[str, Json] = {
        "seconds": seconds,
        "step": step,
        "features": FEATURES[config.features],
        "reach": [[each.before, each.after] for each in reaches(run.config, run.spec)],
    }
    arrays: dict[str, Array] = {
        "levels": _levels(frames),
        "begin": begin.astype(np.float32),
        "end": np.minimum(end, seconds).astype(np.float32),
    }
    if heard is not None and playback is not None:
        arrays["samples"], bits = heard
        facts |= {"rate": playback.rate, "bits": bits, "heard": len(heard[0]) * 8 / bits / playback.rate}
    labels = [f"{number * step:.{digits}f} s" for number in range(len(middle))]
    return Drawn("sound", labels, facts, arrays)


def _levels(frames: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(frames, F) -> (F, columns) bytes from the softest to the loudest hundredth, the highest band first."""
    times = -(-len(frames) // MOST_COLUMNS)
    if times > 1:
        frames = np.stack([piece.mean(axis=0) for piece in np.array_split(frames, -(-len(frames) // times))])
    low, high = np.percentile(frames, (1, 99))
    scaled = np.clip((frames - low) / max(float(high - low), 1e-6), 0, 1) * 255
    return np.ascontiguousarray(scaled.round().astype(np.uint8).T[::-1])


def _heard(playback: Playback) -> tuple[NDArray[np.uint8], int]:
    """The bytes of as many samples as a page can carry, and the bits of each."""
    samples = playback.samples
    if 2 * len(samples) <= MOST_BYTES:
        return np.frombuffer(samples.astype("<i2").tobytes(), dtype=np.uint8), 16
    samples = samples[:MOST_BYTES].astype(np.float32)
    # 8 bits are few: soft recordings use all of them.
    scaled = samples / max(float(np.abs(samples).max()), 1.0) * 127 + 128
    return scaled.round().astype(np.uint8), 8
