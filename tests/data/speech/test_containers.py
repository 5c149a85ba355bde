"""Recordings that are cut, damaged, or whose container says too little of them."""

import io
import struct

import numpy as np
import pytest
import soundfile
from recordings import RATE, config, tone

from attnlab.data.speech.audio_file import GOES_ON, read_sound
from attnlab.errors import UserError

SOUND = np.concatenate([tone(0, 0, i) for i in range(4)] * 4)


def stored(form: str, subtype: str | None = None) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, SOUND, RATE, format=form, subtype=subtype)
    return stream.getvalue()


FORMS = [
    ("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("AIFF", "PCM_16"), ("AU", "PCM_16"),
    ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
]  # fmt: skip
EXACT = {"PCM_16": 1, "PCM_24": 1, "FLOAT": 1, "DOUBLE": 1, "PCM_U8": 260, "ULAW": 1100}
"""Steps of 16 bits by which samples may differ."""


@pytest.mark.parametrize(("form", "subtype"), FORMS)
def test_a_recording_is_the_same_in_every_container_and_a_cut_one_is_refused(form: str, subtype: str) -> None:
    data = stored(form, subtype)
    found = read_sound("x", config(), data)
    assert len(found.samples) == len(SOUND) and found.rules == ()
    if subtype in EXACT:
        assert np.abs(found.samples - np.rint(SOUND * 32768)).max() <= EXACT[subtype]
    for end in (len(data) // 2, len(data) * 9 // 10):
        with pytest.raises(UserError, match=r"^x: .*(truncated|not a readable recording)"):
            read_sound("x", config(), data[:end])


def test_an_ogg_file_that_is_cut_anywhere_is_refused() -> None:
    data = stored("OGG")
    pages = [i for i in range(len(data)) if data.startswith(b"OggS", i)]
    assert len(pages) > 3
    for end in (*pages[1:], pages[-1] + 10, len(data) - 1):
        with pytest.raises(UserError, match=r"truncated"):
            read_sound("x", config(), data[:end])
    without = data[: pages[2]] + data[pages[3] :]
    with pytest.raises(UserError, match="x: there is no page before page 3 of the recording; damaged"):
        read_sound("x", config(), without)
    changed = bytearray(data)
    changed[pages[2] + 100] ^= 1
    with pytest.raises(UserError, match="x: page 2 of the recording is damaged or truncated"):
        read_sound("x", config(), bytes(changed))
    with pytest.raises(UserError, match="several recordings that follow each other; save each as its own file"):
        read_sound("x", config(), data + data)


@pytest.mark.parametrize("riff", [0, 8, 36, 2**32 - 1])
@pytest.mark.parametrize("size", [0, 2**32 - 1])
def test_a_wav_whose_length_was_never_written_is_read_to_its_end(riff: int, size: int) -> None:
    data = bytearray(stored("WAV", "PCM_16"))
    data[4:8], data[40:44] = struct.pack("<I", riff), struct.pack("<I", size)
    found = read_sound("x", config(), bytes(data))
    assert np.array_equal(found.samples, read_sound("x", config(), stored("WAV", "PCM_16")).samples)
    assert size or riff == 8 or "0 seconds long were read up to the file's end" in found.rules[0]


def test_a_wav_without_sound_is_empty_whatever_else_is_in_it() -> None:
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(0), RATE, format="WAV")
    for more in (b"", b"LIST\x04\0\0\0abcd", b"LIST\x03\0\0\0abc"):
        with pytest.raises(UserError, match="x: the recording is 0 seconds long"):
            read_sound("x", config(), stream.getvalue() + more)


def test_what_stands_behind_the_sound_is_no_sound() -> None:
    data = stored("WAV", "PCM_16")
    for more in (b"LIST\x04\0\0\0abcd", b"id3 \x06\0\0\0abcdef", b"junk"):
        assert len(read_sound("x", config(), data + more).samples) == len(SOUND)


def chunk(name: bytes, contents: bytes) -> bytes:
    return name + struct.pack("<I", len(contents)) + contents + b"\0" * (len(contents) % 2)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8"])
@pytest.mark.parametrize("behind", [b"", chunk(b"LIST", b"abcd"), chunk(b"LIST", b"abc"), b"LIST\x03\0\0\0abc"])
def test_sound_that_the_head_of_a_wav_does_not_know_of_is_told(subtype: str, behind: bytes) -> None:
    """As where recording was broken off before the head was brought up to date; what is read stays the same."""
    data = stored("WAV", subtype) + behind
    found, told = read_sound("x", config(), data), read_sound("x", config(), data + bytes(range(1, 251)))
    assert found.rules == () and told.rules == (GOES_ON,)
    assert np.array_equal(found.samples, told.samples) and len(told.samples) == len(SOUND)


def test_what_other_programs_write_into_a_wav_is_no_sound() -> None:
    """Chunks in front and behind, of odd sizes, padded or not; blocks filled up with zeros; tags of music."""
    data, text = stored("WAV", "PCM_16"), bytes(range(1, 252))
    chunks = [chunk(name, text) for name in (b"LIST", b"id3 ", b"bext", b"iXML", b"cue ", b"JUNK", b"PAD ")]
    for extra in chunks:
        front = data[:12] + extra + data[12:]
        for whole in (
            front,
            data + extra,
            data + extra[:-1],
            data + extra[:-1] + chunks[0],
            front + extra + b"\0",
        ):
            read = read_sound("x", config(), whole)
            assert len(read.samples) == len(SOUND) and read.rules == ()
    for extra in (bytes(500), b"TAG" + text[:125], b"ID3" + text, b"APETAGEX" + text, text[:60]):
        assert read_sound("x", config(), data + extra).rules == ()
        assert read_sound("x", config(), data + b"LIST\x03\0\0\0abc" + extra).rules == ()


def test_tags_around_a_flac_file_are_no_sound() -> None:
    data = stored("FLAC")
    for whole in (b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + data, data + b"TAG" + bytes(125)):
        assert len(read_sound("x", config(), whole).samples) == len(SOUND)


def test_of_flac_files_put_together_not_the_first_alone_is_read() -> None:
    with pytest.raises(UserError, match="x: several recordings that follow each other; save each as its own file"):
        read_sound("x", config(), stored("FLAC") * 2)


def test_another_container_than_its_name_says_is_read_or_refused_in_one_sentence(tmp_path, capfd) -> None:
    (tmp_path / "x.wav").write_bytes(stored("MP3"))
    assert len(read_sound(tmp_path / "x.wav", config()).samples) == len(SOUND)
    for data in (stored("MP3")[:5000], b"ID3" + bytes(500), b"hello", b"", b"%PDF-1.4"):
        (tmp_path / "x.wav").write_bytes(data)
        with pytest.raises(UserError, match=r"x\.wav: "):
            read_sound(tmp_path / "x.wav", config())
    assert capfd.readouterr() == ("", ""), "libraries write nothing beside it"
