"""Frames are computed packed as alone, and are those of torchaudio and Kaldi."""

import numpy as np
import pytest
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import RATE, config, tone
from torchaudio.compliance import kaldi

from attnlab.data.speech.features import FeatureExtractor, Frames, middle_frames
from attnlab.errors import UserError


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 1500), min_size=1, max_size=5),
    kind=st.sampled_from(["log_mel", "mfcc", "fbank"]),
)
def test_measured_end_to_end_is_measured_alone(lengths: list[int], kind: str) -> None:
    extractor = FeatureExtractor(config(features=kind, coefficients=6))
    random = np.random.default_rng(0)
    sounds = [random.standard_normal(n).astype(np.float32) * 0.1 for n in lengths]
    together = extractor.frames(sounds)
    alone = [extractor.frames([sound]).values for sound in sounds]
    assert together.counts.tolist() == [len(a) for a in alone] == extractor.count(np.array(lengths)).tolist()
    assert torch.allclose(together.values, torch.cat(alone), atol=1e-4)


def test_features_are_those_of_torchaudio() -> None:
    sound = torch.from_numpy(tone(1, 0, 0).astype(np.float32))
    with_points = torch.nn.functional.pad(sound, (28, 28))  # the window of 200 stands in the middle of 256 points
    mel = torchaudio.transforms.MelSpectrogram(
        RATE, n_fft=256, win_length=200, hop_length=80, center=False, f_min=20.0, n_mels=12
    )(with_points)
    ours = FeatureExtractor(config()).frames([sound.numpy()]).values
    assert torch.allclose(ours, (mel + 1e-6).log().T, atol=1e-4)
    theirs = kaldi.fbank(sound[None] * 32768, num_mel_bins=12, dither=0.0, sample_frequency=float(RATE))
    ours = FeatureExtractor(config(features="fbank")).frames([sound.numpy()]).values
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_more_bands_than_a_window_can_tell_apart_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.bands=120"):
        FeatureExtractor(config(bands=120))


def test_stacking_keeps_every_frame_and_the_label_of_the_middle_one() -> None:
    frames = Frames(torch.arange(1.0, 8.0)[:, None], np.array([5, 2]))
    assert frames.stacked(3).values.tolist() == [[1, 2, 3], [4, 5, 0], [6, 7, 0]]
    assert middle_frames(frames.counts, 3).tolist() == [1, 4, 6]
    assert torch.equal(frames.stacked(1).values, frames.values) and middle_frames(
        frames.counts, 1
    ).tolist() == list(range(7))


def test_each_recording_has_mean_0_and_variance_1() -> None:
    counts = np.array([5, 40, 1])
    values = (
        Frames(3 * torch.randn(46, 4, generator=torch.Generator().manual_seed(1)) + 5, counts).normalised().values
    )
    for one in values.split(counts.tolist())[:2]:
        assert torch.allclose(one.mean(0), torch.zeros(4), atol=1e-4)
        assert torch.allclose(one.var(0, unbiased=False), torch.ones(4), atol=0.01)
    assert torch.allclose(values[-1], torch.zeros(4), atol=1e-5)
