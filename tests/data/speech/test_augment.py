"""Augmentation alters training by (seed, epoch, index) alone, and labels go with their frames."""

import numpy as np
import pytest
import torch
from recordings import LOUD, config, same, speech, tone

from attnlab.data.speech.augment import Augmentation


@pytest.mark.parametrize("change", [{name: value} for name, value in LOUD.items()], ids=list(LOUD))
def test_every_alteration_alters_training_and_never_evaluation(change: dict) -> None:
    plain, altered = speech(), speech(**change)
    chosen = np.arange(12)
    assert same(altered.splits["train"].batch(chosen).inputs, plain.splits["train"].batch(chosen).inputs)
    normalise = "none" if "gain" in change else "utterance"  # per utterance, loudness is taken out again
    plain, altered = speech(normalise=normalise), speech(normalise=normalise, **change)
    one, other = (data.splits["train"].batch(chosen, epoch=0).inputs for data in (plain, altered))
    assert not same(one, other, 1e-3)


def test_alterations_depend_on_seed_epoch_and_index_alone() -> None:
    split = speech(**LOUD).splits["train"]
    together = split.batch(np.array([7, 2, 9, 4]), epoch=3).inputs.unbind()
    alone = split.batch(np.array([9]), epoch=3).inputs
    assert same(together[2], alone, 1e-4)
    torch.manual_seed(5)
    np.random.seed(5)
    assert same(split.batch(np.array([9]), epoch=3).inputs, alone)
    assert not same(split.batch(np.array([9]), epoch=4).inputs, alone, 1e-3)
    assert not same(speech(seed=2, **LOUD).splits["train"].batch(np.array([9]), epoch=3).inputs, alone, 1e-3)


def test_noise_is_no_louder_than_asked() -> None:
    silence_and_tone = [(tone(1, 0, 7) * 32768).astype(np.int16)] * 40
    altered = Augmentation(config(noise=10.0), 1).augment(silence_and_tone, np.arange(40), 0)
    ratios = []
    for sound in altered.waveforms:
        clean = silence_and_tone[0] / 32768
        ratios.append(10 * np.log10((clean**2).mean() / ((sound - clean) ** 2).mean()))
    assert 8 < min(ratios) < 20 and max(ratios) > 30


def test_labels_follow_their_frames_through_shift_and_speed() -> None:
    """Joined recordings with silent pauses: whatever happens to time, unlabelled frames are the quiet ones."""
    data = speech(join=2.0, stack=1, time_shift=200.0, speed=0.3, normalise="none", features="log_mel")
    batch = data.splits["train"].batch(np.arange(len(data.splits["train"])), epoch=1)
    quiet = batch.inputs.values.mean(1) < -11
    pause = batch.targets["digit"] < 0
    # A frame on the border is half loud, and what shifts in is silence with the label of the border.
    assert (quiet == pause).float().mean() > 0.8
    assert len({len(x) for x in (quiet, pause, batch.inputs.layout.position)}) == 1
