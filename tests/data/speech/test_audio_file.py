"""Files become samples at the wanted rate and of one channel; a damaged one is told."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recordings import RATE, config, tone

from attnlab.config import SpeechData
from attnlab.data.speech.audio_file import Samples, read_sound
from attnlab.errors import UserError


def read_samples(path: Path | str, settings: SpeechData, data: bytes | None = None) -> Samples:
    return read_sound(path, settings, data).samples


def test_rates_and_channels(tmp_path: Path) -> None:
    left, right = tone(0, 0, 4), tone(2, 0, 4)
    soundfile.write(tmp_path / "stereo.flac", np.stack([left, right], axis=1), RATE)
    mix, only_left = (read_samples(tmp_path / "stereo.flac", config(channels=how)) for how in ("mix", "left"))
    assert np.abs(only_left / 32768 - left).max() < 1e-4
    assert np.abs(mix / 32768 - (left + right) / 2).max() < 1e-4
    assert abs(2 * len(read_samples(tmp_path / "stereo.flac", config(rate=RATE // 2))) - len(left)) <= 1
    with pytest.raises(UserError, match=r"stereo\.flac: the recording has 2 channels"):
        read_samples(tmp_path / "stereo.flac", config(channels="refuse"))


@pytest.mark.parametrize("own", [44100, 44101, 5513])
def test_another_rate_is_the_same_sound(own: int) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, 0.3 * np.sin(2 * np.pi * 440 * np.arange(own) / own), own, format="WAV")
    found = read_samples("tone", config(), stream.getvalue()) / 32768
    expected = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    assert len(found) == RATE and np.abs(found - expected)[100:-100].max() < 1e-3


def as_bytes(form: str, **settings) -> bytearray:
    stream = io.BytesIO()
    soundfile.write(stream, tone(0, 0, 0), RATE, format=form, **settings)
    return bytearray(stream.getvalue())


def odd(kind: str) -> bytes:
    """A second's eighth of sound whose file is not what it should be."""
    wav, flac = as_bytes("WAV"), as_bytes("FLAC")
    total = int.from_bytes(flac[18:26], "big")
    if kind in ("endless", "unknown"):
        flac[18:26] = (total >> 36 << 36 | (2**36 - 1 if kind == "endless" else 0)).to_bytes(8, "big")
        return bytes(flac)
    if kind == "rate":
        wav[24:28] = (2**31 - 1).to_bytes(4, "little")
    elif kind == "streamed":
        wav[40:44] = b"\xff" * 4
    elif kind == "counts itself":
        wav[40:44] = len(wav).to_bytes(4, "little")
    elif kind == "units":
        stream = io.BytesIO()
        soundfile.write(stream, tone(0, 0, 0) * 32768, RATE, format="WAV", subtype="FLOAT")
        return stream.getvalue()
    return bytes(wav[: len(wav) // 4] if kind == "truncated" else wav)


ODD = {
    "truncated": (r"ends after 0\.0\d seconds, before its head says so", {}),
    "units": (r"samples of up to \d+, where sound is between -1 and 1", {}),
    "endless": (r"8589934\.6 seconds, more than `data\.max_seconds=60`", {}),
    "endless, cut": ("not a readable recording", {"too_long": "cut"}),
    "unknown": ("its head doesn't say how long the recording is", {}),
    "rate": ("2147483647 samples per second", {}),
}


@pytest.mark.parametrize("case", ODD)
def test_a_file_that_belies_its_head_is_told(case: str) -> None:
    sentence, settings = ODD[case]
    with pytest.raises(UserError, match=f"odd: {sentence}"):
        read_samples("odd", config(**settings), odd(case.partition(",")[0]))


@pytest.mark.parametrize("kind", ["streamed", "counts itself"])
def test_a_head_that_tells_the_end_badly_is_no_mistake(kind: str) -> None:
    assert len(read_samples("odd", config(), odd(kind))) == len(tone(0, 0, 0))


def rules(sound: np.ndarray, rate: int = RATE, **settings) -> tuple[str, ...]:
    stream = io.BytesIO()
    soundfile.write(stream, sound, rate, format="WAV", subtype="FLOAT")
    return read_sound("x", config(**settings), stream.getvalue()).rules


def test_what_is_lost_of_a_recording_is_told() -> None:
    """Channels that cancel each other, silence, other rates, samples beyond full scale; of a plain one, nothing."""
    left, right = (tone(digit, 0, 4) for digit in (0, 2))
    mixed = "recordings with several channels were mixed to one (data.channels=mix)"
    assert rules(left) == rules(left, channels="left") == ()
    assert rules(np.stack([left, right], 1)) == rules(np.stack([left, 0 * left], 1)) == (mixed,)
    for opposite in (np.stack([left, -left], 1), np.stack([left, -left + 0.001 * right], 1)):
        assert [rule.partition(" each")[0] for rule in rules(opposite)] == [
            mixed, "recordings whose channels cancel",
        ]  # fmt: skip
        assert rules(opposite, channels="left") == (
            "of recordings with several channels, the first was read (data.channels=left)",
        )
    silent = "recordings are silent: in each, all samples are the same"
    assert rules(0 * left) == rules(0 * left + 0.3) == (silent,)
    soft = "recordings are so soft that rounding them to 16 bits changes more than 1 % of their power; make them louder"
    assert rules(1e-7 * left) == rules(2 / 32768 * left) == (soft,) and rules(20 / 32768 * left) == ()
    assert rules(np.stack([0 * left, right], 1), channels="left")[1] == silent
    assert rules(0 * left + 0.3, 16000)[1:] == rules(0 * left + 0.3, 4000)[1:] == (silent,)
    assert "more than 8000 samples per second" in rules(left, 16000)[0]
    assert "below 4000 Hz (data.rate=8000)" in rules(left, 16000)[0]
    assert "fewer than 8000 samples per second" in rules(left, 4000)[0]
    square = np.sign(np.sin(2 * np.pi * 440.1 * np.arange(16000) / 16000))
    assert "resampling made louder than full scale" in rules(square, 16000)[-1]
    assert rules(4 * left) == ("recordings are louder than full scale and were clipped there",)
