"""What the generated voices promise: formants where phones have them, words apart, and voices that never meet."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from attnlab.config import SpeechData
from attnlab.data.speech.source import DIGITS
from attnlab.data.speech.sources import Voices
from attnlab.data.synthetic.voices import PHONES, SPOKEN, Voice, plans, resonances, say, synthesise, voice_of

RATE = 8000
MAN = Voice(pitch=110, tract=1.0, speed=1.0, breath=0.0, tilt=0.9, habits=np.ones((len(PHONES), 3)))


def envelope(sound: np.ndarray) -> np.ndarray:
    """Power at every Hz, with harmonics smoothed away by cepstral liftering; whole sound."""
    spectrum = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2 * RATE // 2)) ** 2 + 1e-9)
    cepstrum = np.fft.irfft(spectrum)
    cepstrum[50:-50] = 0
    return np.fft.rfft(cepstrum).real


def end_of(digit: int, seconds: float = 0.06) -> np.ndarray:
    """The vowel that a word ends with."""
    word = say(digit, MAN, RATE, np.random.default_rng(1))
    return word[-int(seconds * RATE) - 80 : -80]


@pytest.mark.parametrize("strings", [False, True])
def test_the_number_decides_the_sound_and_no_voice_is_in_two_splits(strings: bool) -> None:
    found = plans(strings)
    assert found == plans(strings)
    one, again = (synthesise(found[5], RATE)[0] for _ in range(2))
    assert (one == again).all() and len(one) != len(synthesise(found[6], RATE)[0])
    voices = [{plan.voice for plan in found if plan.split == split} for split in ("train", "validation", "test")]
    assert sum(map(len, voices)) == len(set.union(*voices)) > 80


def test_all_digits_equally_often_and_strings_of_three_to_five() -> None:
    for split in ("train", "validation", "test"):
        counts = Counter(plan.digits for plan in plans(False) if plan.split == split)
        assert len(counts) == 10 and max(counts.values()) == min(counts.values())
    assert {len(plan.digits) for plan in plans(True)} == {3, 4, 5}


def test_no_two_digits_share_their_sounds() -> None:
    """The ceiling is 1: a constant of the source that is true only while this holds."""
    assert len(set(SPOKEN)) == 10 == len(DIGITS)
    assert all(phone in PHONES for word in SPOKEN for phone in word.split())


def test_the_filter_resounds_at_its_formants() -> None:
    formants = np.array([[500.0, 1500.0, 2500.0, 3500.0]])
    frequencies = np.arange(100.0, 3900.0, 10.0)
    gain = np.abs(resonances(formants, frequencies, RATE))[0]
    peaks = frequencies[1:-1][(gain[1:-1] > gain[:-2]) & (gain[1:-1] > gain[2:])]
    assert np.abs(peaks - formants[0]).max() <= 30
    assert abs(abs(resonances(formants, np.zeros(1), RATE)[0, 0]) - 1) < 1e-9


def test_vowels_are_told_by_their_formants() -> None:
    """ "three" ends with the second formant high, "two" with it low (Peterson & Barney 1952: 2290 and 870 Hz)."""
    three, two = envelope(end_of(3)), envelope(end_of(2))
    high, low = slice(2000, 2600), slice(700, 1100)
    assert three[high].max() > three[low].max() + 1
    assert two[low].max() > two[high].max() + 1


def test_a_hiss_is_high_and_a_vowel_low() -> None:
    six = say(6, MAN, RATE, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(six[: int(0.08 * RATE)])) ** 2
    assert power[len(power) // 2 :].sum() > 5 * power[: len(power) // 2].sum()


def test_pitch_is_that_of_the_voice() -> None:
    vowel = end_of(3, 0.1)
    correlation = np.correlate(vowel, vowel, "full")[len(vowel) - 1 :]
    period = 40 + int(correlation[40:140].argmax())
    assert 0.75 * MAN.pitch < RATE / period < 1.2 * MAN.pitch


def test_marks_say_where_somebody_speaks() -> None:
    """With the noise low, what is marked is louder than what lies between; disturbances are not marked."""
    louder = 0
    for plan in plans(False)[:60]:
        sound, ((begin, end),) = synthesise(plan, RATE)
        assert 0 < begin < end < len(sound)
        speech, rest = sound[begin:end].astype(float), np.concatenate([sound[:begin], sound[end:]]).astype(float)
        louder += (speech**2).mean() > 4 * (rest**2).mean()
    assert louder >= 57
    disturbed = 0
    for plan in plans(True)[:20]:
        sound, spoken = synthesise(plan, RATE)
        assert len(spoken) == len(plan.digits)
        pauses = [sound[a:b].astype(float) for (_, a), (b, _) in pairwise(spoken)]
        disturbed += any((p**2).mean() > 20 * (sound[: spoken[0][0]].astype(float) ** 2).mean() for p in pauses)
    assert disturbed >= 5, "loudness alone must not tell speech"


def test_voices_differ_in_pitch_tract_and_speed() -> None:
    voices = [voice_of(number) for number in range(80)]
    for name, ratio in (("pitch", 2.0), ("tract", 1.2), ("speed", 1.5)):
        values = [getattr(voice, name) for voice in voices]
        assert max(values) > ratio * min(values)


def test_recordings_bear_class_transcript_and_marks() -> None:
    word = Voices(SpeechData(name="voices", source="voices")).recordings()[3]
    assert (word.label, word.transcript) == ("three", "three") and len(word.read().marks) == 1
    string = Voices(SpeechData(name="voices", source="voices", strings=True)).recordings()[0]
    assert string.label == "" and len(string.transcript.split()) == len(string.read().marks) in (3, 4, 5)
