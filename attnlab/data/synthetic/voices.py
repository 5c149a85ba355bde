"""Spoken digits of many voices, made by a source and a filter (Fant 1960; Klatt 1980, section II).

The source is a train of glottal pulses, or noise; the filter is a cascade of four resonators whose frequencies,
the formants, glide from phone to phone. Vowel formants are the means of Peterson & Barney (1952, table II, men);
consonants follow Klatt (1980, table III). A voice has a pitch, a length of its vocal tract (which scales all
formants), a speed, a breathiness and habits of its own for every phone. No voice of one split speaks in another.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

WORDS = {"train": 2400, "validation": 300, "test": 500}
STRINGS = {"train": 700, "validation": 80, "test": 150}
VOICES = {"train": 80, "validation": 15, "test": 25}
STEP = 0.005
"""Seconds from one state of the vocal tract to the next."""
FOURTH = 3500.0
BANDWIDTHS = np.array([70.0, 90.0, 130.0, 200.0])


class Phone(NamedTuple):
    """formants: the first three, in Hz. milliseconds: usual length. voiced, breath: loudness of pulses and of noise
    through the formants. hiss: loudness of noise that is made at the teeth; around, width: its band in Hz."""

    formants: tuple[float, float, float]
    milliseconds: float
    voiced: float = 0.0
    breath: float = 0.0
    hiss: float = 0.0
    around: float = 4000.0
    width: float = 900.0


PHONES = {
    "IY": Phone((270, 2290, 3010), 170, voiced=1.0),
    "IH": Phone((390, 1990, 2550), 90, voiced=1.0),
    "EH": Phone((530, 1840, 2480), 95, voiced=1.0),
    "AH": Phone((640, 1190, 2390), 120, voiced=1.0),
    "AX": Phone((500, 1450, 2450), 55, voiced=0.8),
    "AA": Phone((730, 1090, 2440), 110, voiced=1.0),
    "AO": Phone((570, 840, 2410), 150, voiced=1.0),
    "UW": Phone((300, 870, 2240), 180, voiced=1.0),
    "E1": Phone((500, 1870, 2530), 90, voiced=1.0),  # the two ends of EY in "eight"
    "E2": Phone((330, 2150, 2700), 90, voiced=0.9),
    "A2": Phone((380, 2000, 2600), 90, voiced=0.9),  # where AY in "five" and "nine" ends
    "O1": Phone((540, 1000, 2350), 90, voiced=1.0),  # the two ends of OW in "zero"
    "O2": Phone((400, 800, 2250), 110, voiced=0.8),
    "W": Phone((290, 610, 2150), 75, voiced=0.6),
    "R": Phone((330, 1060, 1400), 75, voiced=0.7),
    "N": Phone((270, 1500, 2470), 95, voiced=0.35),
    "V": Phone((280, 1100, 2080), 60, voiced=0.3, hiss=0.08, around=3000, width=2500),
    "Z": Phone((280, 1700, 2560), 85, voiced=0.2, hiss=0.18, around=4300),
    "S": Phone((320, 1390, 2530), 115, hiss=0.32, around=4300),
    "F": Phone((340, 1100, 2080), 100, hiss=0.12, around=2800, width=2500),
    "TH": Phone((320, 1290, 2540), 90, hiss=0.1, around=3400, width=1600),
    "-": Phone((350, 1500, 2500), 50),  # the closure of a stop
    "T": Phone((400, 1600, 2600), 28, hiss=0.4, around=3600, width=900),
    "TX": Phone((350, 1500, 2500), 30, breath=0.4),  # the breath after it
    "K": Phone((300, 1990, 2850), 28, hiss=0.4, around=2000, width=450),
}
SPOKEN = (
    "Z IH R O1 O2", "W AH N", "- T TX UW", "TH R IY", "F AO R", "F AA A2 V", "S IH - K S", "S EH V AX N",
    "E1 E2 - T", "N AA A2 N",
)  # fmt: skip
"""The phones of zero to nine."""


@dataclass(frozen=True)
class Plan:
    """Who says which digits; `synthesise` does the rest from its number."""

    number: int
    split: str
    voice: int
    digits: tuple[int, ...]


@dataclass(frozen=True)
class Voice:
    """pitch in Hz; tract scales formants; speed lengthens words; breath adds noise to vowels; tilt is the share by
    which a pulse goes on into the next sample; habits (phones, 3) scales the formants of each phone."""

    pitch: float
    tract: float
    speed: float
    breath: float
    tilt: float
    habits: NDArray[np.float64]


def plans(strings: bool) -> list[Plan]:
    """Single digits, or strings of 3 to 5; all digits equally often, voices in turn."""
    found: list[Plan] = []
    first_voice = 0
    for split, number in (STRINGS if strings else WORDS).items():
        random = np.random.default_rng([len(found), strings])
        for i in range(number):
            digits = tuple(random.integers(10, size=random.integers(3, 6)).tolist()) if strings else (i % 10,)
            voice = first_voice + int(random.integers(VOICES[split]))
            found.append(Plan(len(found), split, voice, digits))
        first_voice += VOICES[split]
    return found


def synthesise(plan: Plan, rate: int) -> tuple[NDArray[np.int16], list[tuple[int, int]]]:
    """Samples, and where in them somebody speaks: (first sample, sample after the last) of each word."""
    random = np.random.default_rng([plan.number, len(plan.digits), 7])
    voice = voice_of(plan.voice)
    alone = len(plan.digits) == 1
    sounds = [_silence(random, 0.03, 0.2 if alone else 0.3, rate)]
    spoken, at = [], len(sounds[0])
    for digit in plan.digits:
        word = say(digit, voice, rate, random)
        pause = _silence(random, 0.03 if alone else 0.12, 0.2 if alone else 0.5, rate)
        if not alone and random.random() < 0.6:
            _disturb(pause, rate, random)
        spoken.append((at, at + len(word)))
        sounds += [word, pause]
        at += len(word) + len(pause)
    sound = _microphone(np.concatenate(sounds), random)
    sound += _hum(len(sound), random) * 10 ** (-random.uniform(15, 35) / 20)
    loudness = 0.08 * 10 ** (random.uniform(-8, 8) / 20)
    return np.clip(np.rint(sound * loudness * 32768), -32768, 32767).astype(np.int16), spoken


@cache
def voice_of(number: int) -> Voice:
    random = np.random.default_rng([number, 11])
    height = random.uniform(-1, 1)  # from deep and long to high and short, both loosely
    return Voice(
        pitch=150 * 2 ** (0.7 * height + random.uniform(-0.2, 0.2)),
        tract=1 + 0.11 * height + random.uniform(-0.04, 0.04),
        speed=random.uniform(0.75, 1.3),
        breath=random.uniform(0.0, 0.06),
        tilt=random.uniform(0.75, 0.93),
        habits=1 + 0.05 * random.standard_normal((len(PHONES), 3)),
    )


def say(digit: int, voice: Voice, rate: int, random: Generator) -> NDArray[np.float64]:
    """A word, with vowels of power about 1."""
    names = SPOKEN[digit].split()
    phones = [PHONES[name] for name in names]
    lengths = np.array([p.milliseconds for p in phones]) * voice.speed * random.uniform(0.85, 1.15, len(phones))
    ends = np.cumsum(lengths) / 1000
    times = np.arange(round(ends[-1] / STEP) + 1) * STEP
    middles = ends - lengths / 2000
    habits = voice.habits[[list(PHONES).index(name) for name in names]] * random.normal(1, 0.02, (len(names), 3))
    targets = np.array([p.formants for p in phones]) * habits * voice.tract
    formants = np.stack([np.interp(times, middles, targets[:, k]) for k in range(3)], axis=1)
    formants = np.minimum(np.column_stack([formants, np.full(len(times), FOURTH * voice.tract)]), 0.47 * rate)
    current = np.searchsorted(ends[:-1], times, side="right")  # the phone of each state
    voiced, breath, hiss = (
        _smooth(np.array([getattr(p, kind) for p in phones])[current]) for kind in ("voiced", "breath", "hiss")
    )
    hop = round(rate * STEP)
    pulses = _pulses(voice, times, hop, rate, random)
    noise = random.standard_normal(len(pulses))
    points = 1 << (round(0.03 * rate) - 1).bit_length()
    frequencies = np.fft.rfftfreq(points, 1 / rate)
    tract = resonances(formants, frequencies, rate)
    around = np.array([[p.around, p.width] for p in phones])[current]
    band = np.exp(-0.5 * ((frequencies - around[:, :1]) / around[:, 1:]) ** 2)
    band /= np.sqrt((band**2).mean(axis=1, keepdims=True))
    spoken = _filtered(pulses, tract, voiced, hop)
    vowels = spoken[np.repeat(voiced > 0.7, hop)[: len(spoken)]]
    breathed = _filtered(noise, tract, breath + voice.breath * voiced, hop)
    scale = np.sqrt((vowels**2).mean())
    tract_power = np.sqrt((np.abs(tract) ** 2).mean())
    # A hiss is as loud for a deep voice as for a high one: it is made in front of the tract.
    return spoken / scale + breathed / tract_power + _filtered(noise, band, 2.0 * hiss, hop)


def resonances(formants: NDArray, frequencies: NDArray, rate: int) -> NDArray:
    """(T, 4) formants -> (T, frequencies): the cascade of resonators, each with gain 1 at 0 Hz (Klatt 1980, eq. 1-2)."""
    z = np.exp(-2j * np.pi * frequencies / rate)
    decay = np.exp(-np.pi * BANDWIDTHS / rate)
    b = 2 * decay * np.cos(2 * np.pi * formants / rate)
    c = -(decay**2)
    return ((1 - b - c)[..., None] / (1 - b[..., None] * z - c[:, None] * z**2)).prod(axis=1)


def _pulses(voice: Voice, times: NDArray, hop: int, rate: int, random: Generator) -> NDArray:
    """A pulse whenever the phase passes a whole number; pitch falls over the word and trembles."""
    contour = voice.pitch * 2 ** (random.uniform(-0.15, 0.15) - random.uniform(0.05, 0.35) * times / times[-1])
    contour *= 1 + 0.01 * random.standard_normal(len(times))
    pitch = np.interp(np.arange(len(times) * hop), np.arange(len(times)) * hop, contour)
    phase = np.cumsum(pitch / rate)
    fired = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) > 0)
    strength = 1 + 0.05 * random.standard_normal(len(fired))
    late = ((phase % 1) / (pitch / rate))[fired]  # share of a sample since the pulse
    pulses = np.zeros(len(phase) + 1)
    pulses[fired] += strength * late
    pulses[fired + 1] += strength * (1 - late)
    # The glottis rounds pulses off (−12 dB an octave), the lips sharpen sound again (+6): one pole remains.
    response = voice.tilt ** np.arange(64)
    return np.convolve(pulses[:-1], response)[: len(phase)]


def _filtered(source: NDArray, filters: NDArray, loudness: NDArray, hop: int) -> NDArray:
    """Sound through filters (T, frequencies) that change every `hop` samples, cross-faded between them."""
    points = 2 * (filters.shape[1] - 1)
    window = np.hanning(2 * hop + 1)[:-1]
    padded = np.pad(source, (hop, hop))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop][: len(filters)]
    answers = np.fft.irfft(np.fft.rfft(pieces * (window * loudness[:, None]), points) * filters, points)
    blocks = -(-points // hop)
    answers = np.pad(answers, ((0, 0), (0, blocks * hop - points))).reshape(len(filters), blocks, hop)
    found = np.zeros((len(filters) + blocks, hop))
    for k in range(blocks):
        found[k : k + len(filters)] += answers[:, k]
    return found.ravel()[hop : hop + len(source)]


def _smooth(track: NDArray) -> NDArray:
    """Loudness doesn't jump: a mean over three states."""
    return np.convolve(np.pad(track, 1, mode="edge"), np.ones(3) / 3, mode="valid")


def _silence(random: Generator, least: float, most: float, rate: int) -> NDArray:
    return np.zeros(round(random.uniform(least, most) * rate))


def _disturb(pause: NDArray, rate: int, random: Generator) -> None:
    """Somebody knocks, hisses or whistles in the pause, as loud as speech: loudness alone doesn't tell voices."""
    length = min(round(random.uniform(0.04, 0.2) * rate), len(pause) // 2)
    start = int(random.integers(len(pause) // 4, len(pause) // 2))
    time = np.arange(length) / rate
    kind = random.integers(3)
    if kind == 0:
        sound = random.standard_normal(length) * np.exp(-time / 0.03)
    elif kind == 1:
        sound = random.standard_normal(length) * 0.5
    else:
        sound = np.sin(2 * np.pi * random.uniform(500, 3000) * time)
    pause[start : start + length] += sound * random.uniform(0.4, 1.2)


def _microphone(sound: NDArray, random: Generator) -> NDArray:
    """Every recording through another microphone, which likes some pitches and not others: how strong a band is on
    the whole says little of the words."""
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(1 + np.linspace(0, 40, len(spectrum)))
    waves = [
        random.uniform(2, 6) * np.cos(random.uniform(0.5, 2.5) * octaves + random.uniform(0, 6.3))
        for _ in range(4)
    ]
    heard = np.fft.irfft(spectrum * 10 ** (sum(waves) / 20), len(sound))
    return heard * np.sqrt((sound**2).mean() / (heard**2).mean())


def _hum(length: int, random: Generator) -> NDArray:
    """Noise of power 1 behind everything, white or darker."""
    white = random.standard_normal(length)
    memory = random.uniform(0, 0.9)
    dark = np.convolve(white, memory ** np.arange(64))[:length]
    return dark / np.sqrt((dark**2).mean())
