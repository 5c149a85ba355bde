"""Recordings become frames: packed as alone, altered by (seed, epoch, index) only, labels along; bad files are told."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio.compliance import kaldi

from attnlab import compose
from attnlab.cli import main
from attnlab.codec import END_ID
from attnlab.config import SpeechData
from attnlab.data.speech.audio_file import read_samples
from attnlab.data.speech.augment import Augmentation
from attnlab.data.speech.features import Frames, normalised
from attnlab.data.speech.loader import Speech, stacked
from attnlab.data.speech.sources import DIGITS
from attnlab.errors import UserError
from attnlab.model.build import build
from attnlab.registry import BASELINES
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec
from attnlab.training.baselines import Baseline, Problem
from attnlab.training.engine import Engine

RATE = 8000
SPEAKERS = ("ada", "bob", "cy")
LOUD = {"noise": 5.0, "gain": 6.0, "shift": 40.0, "speed": 0.2, "mask_time": 60.0, "mask_bands": 6}


def config(**settings) -> SpeechData:
    return SpeechData(**({"name": "toy", "source": "fsdd", "rate": RATE, "bands": 12} | settings))


def tone(digit: int, speaker: int, index: int) -> np.ndarray:
    """A digit is a tone of its own; lengths differ."""
    time = np.arange(int(RATE * (0.12 + 0.02 * index + 0.03 * speaker))) / RATE
    noise = np.random.default_rng([digit, speaker, index]).standard_normal(len(time))
    return 0.3 * np.sin(2 * np.pi * (300 + 350 * digit + 20 * speaker) * time) + 0.003 * noise


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Named as FSDD names them: 3 digits, 3 speakers, 8 recordings each."""
    folder = tmp_path_factory.mktemp("digits")
    for digit in range(3):
        for number, speaker in enumerate(SPEAKERS):
            for index in range(8):
                sound = tone(digit, number, index)
                soundfile.write(folder / f"{digit}_{speaker}_{index}.wav", sound, RATE, subtype="PCM_16")
    return folder


@pytest.fixture
def speech(digits: Path):
    def make(seed: int = 1, spec: DataSpec | None = None, **settings) -> Speech:
        return Speech(config(path=str(digits), **settings), seed, spec)

    return make


def same(one: VectorSets, other: VectorSets, tolerance: float = 0.0) -> bool:
    return one.lengths == other.lengths and torch.allclose(one.values, other.values, atol=tolerance)


# --- frames -----------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 1500), min_size=1, max_size=5),
    kind=st.sampled_from(["log_mel", "mfcc", "fbank"]),
)
def test_measured_end_to_end_is_measured_alone(lengths: list[int], kind: str) -> None:
    frames = Frames(config(features=kind, coefficients=6))
    random = np.random.default_rng(0)
    sounds = [random.standard_normal(n).astype(np.float32) * 0.1 for n in lengths]
    together, counts = frames.measure(sounds)
    alone = [frames.measure([sound])[0] for sound in sounds]
    assert counts.tolist() == [len(a) for a in alone] == frames.count(np.array(lengths)).tolist()
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_features_are_those_of_torchaudio() -> None:
    sound = torch.from_numpy(tone(1, 0, 0).astype(np.float32))
    with_points = torch.nn.functional.pad(sound, (28, 28))  # the window of 200 stands in the middle of 256 points
    mel = torchaudio.transforms.MelSpectrogram(
        RATE, n_fft=256, win_length=200, hop_length=80, center=False, f_min=20.0, n_mels=12
    )(with_points)
    ours, _ = Frames(config()).measure([sound.numpy()])
    assert torch.allclose(ours, (mel + 1e-6).log().T, atol=1e-4)
    theirs = kaldi.fbank(sound[None] * 32768, num_mel_bins=12, dither=0.0, sample_frequency=float(RATE))
    ours, _ = Frames(config(features="fbank")).measure([sound.numpy()])
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_more_bands_than_a_window_can_tell_apart_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.bands=120"):
        Frames(config(bands=120))


def test_stacking_keeps_every_frame_and_the_label_of_the_middle_one() -> None:
    values, counts = torch.arange(1.0, 8.0)[:, None], np.array([5, 2])
    found, middle = stacked(values, counts, 3)
    assert found.tolist() == [[1, 2, 3], [4, 5, 0], [6, 7, 0]]
    assert middle.tolist() == [1, 4, 6]


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
    "endless": (r"8589934\.6 seconds, more than `data\.max_length=60`", {}),
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


# --- normalisation ----------------------------------------------------------------------------------


def test_each_recording_has_mean_0_and_variance_1() -> None:
    counts = np.array([5, 40, 1])
    values = normalised(3 * torch.randn(46, 4) + 5, counts)
    for one in values.split(counts.tolist())[:2]:
        assert torch.allclose(one.mean(0), torch.zeros(4), atol=1e-4)
        assert torch.allclose(one.var(0, unbiased=False), torch.ones(4), atol=0.01)
    assert torch.allclose(values[-1], torch.zeros(4), atol=1e-5)


def test_training_means_are_saved_with_the_run_and_hold_for_other_data(speech, tmp_path: Path) -> None:
    data = speech(normalise="training")
    data.spec.save(tmp_path)
    spec = DataSpec.load(tmp_path)
    assert spec == data.spec and spec.frame_seconds == 0.03
    everything = data.splits["train"].batch(np.arange(len(data.splits["train"]))).inputs.values
    assert abs(float(everything.mean())) < 0.1
    fewer = speech(normalise="training", limit=6)
    test = speech(normalise="training", limit=6, spec=spec).splits["test"].batch(np.arange(5))
    assert same(test.inputs, data.splits["test"].batch(np.arange(5)).inputs)
    assert fewer.spec.feature_mean != spec.feature_mean


# --- augmentation -----------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{name: value} for name, value in LOUD.items()], ids=list(LOUD))
def test_every_alteration_alters_training_and_never_evaluation(speech, change: dict) -> None:
    plain, altered = speech(), speech(**change)
    chosen = np.arange(12)
    assert same(altered.splits["train"].batch(chosen).inputs, plain.splits["train"].batch(chosen).inputs)
    normalise = "none" if "gain" in change else "utterance"  # per utterance, loudness is taken out again
    plain, altered = speech(normalise=normalise), speech(normalise=normalise, **change)
    one, other = (data.splits["train"].batch(chosen, epoch=0).inputs for data in (plain, altered))
    assert not same(one, other, 1e-3)


def test_alterations_depend_on_seed_epoch_and_index_alone(speech) -> None:
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
    altered = Augmentation(config(noise=10.0), 1).alter(silence_and_tone, np.arange(40), 0)
    ratios = []
    for sound in altered.sounds:
        clean = silence_and_tone[0] / 32768
        ratios.append(10 * np.log10((clean**2).mean() / ((sound - clean) ** 2).mean()))
    assert 8 < min(ratios) < 20 and max(ratios) > 30


def test_labels_follow_their_frames_through_shift_and_speed(speech) -> None:
    """Joined recordings with silent pauses: whatever happens to time, unlabelled frames are the quiet ones."""
    data = speech(join=2.0, stack=1, shift=200.0, speed=0.3, normalise="none", features="log_mel")
    batch = data.splits["train"].batch(np.arange(len(data.splits["train"])), epoch=1)
    quiet = batch.inputs.values.mean(1) < -11
    pause = batch.targets["digit"] < 0
    # A frame on the border is half loud, and what shifts in is silence with the label of the border.
    assert (quiet == pause).float().mean() > 0.8
    assert len({len(x) for x in (quiet, pause, batch.inputs.layout.position)}) == 1


# --- joined recordings --------------------------------------------------------------------------------


def test_joined_utterances_have_a_digit_for_each_frame(speech) -> None:
    data = speech(join=2.0, stack=2)
    split = data.splits["test"]
    for labels, words, first in zip(
        split.gold("digit"), map(str.split, split.gold("transcript")), split.gold("label"), strict=True
    ):
        heard = [label for label, before in zip(labels, ["", *labels], strict=False) if label and label != before]
        merged = [w for w, before in zip(words, ["", *words], strict=False) if w != before]
        assert [h for h, b in zip(heard, ["", *heard], strict=False) if h != b] == merged
        assert first == words[0]
    assert all(len(labels) == length for labels, length in zip(split.gold("digit"), split.lengths, strict=True))
    repeats = [len(speech(join=2.0, join_repeats=n).splits["train"]) for n in (1, 3)]
    assert repeats[1] == 3 * repeats[0]


# --- who is tested --------------------------------------------------------------------------------------


def test_fsdd_is_split_by_index_and_validation_by_hash(speech) -> None:
    data = speech(validation=0.3)
    of = {name: {key.split("_")[2] for key in split.keys} for name, split in data.splits.items()}
    assert of["test"] == {"0.wav", "1.wav", "2.wav", "3.wav", "4.wav"}
    assert of["train"] | of["validation"] == {"5.wav", "6.wav", "7.wav"}
    assert data.splits["validation"].keys == speech(seed=9, validation=0.3).splits["validation"].keys
    assert data.splits["validation"].keys != speech(split_seed=9, validation=0.3).splits["validation"].keys
    assert data.spec.targets["label"].classes == ("zero", "one", "two")


def test_a_folder_for_each_class_holds_out_shares(tmp_path: Path) -> None:
    for digit in range(2):
        folder = tmp_path / DIGITS[digit]
        folder.mkdir()
        for index in range(20):
            soundfile.write(folder / f"{index}.ogg", tone(digit, 0, index % 4), RATE)
    data = Speech(config(source="folder", path=str(tmp_path), test=0.3, validation=0.3), 1)
    keys = [key for split in data.splits.values() for key in split.keys]
    assert sorted(keys) == sorted(set(keys)) and len(keys) == 40
    assert all(len(data.splits[name]) > 3 for name in ("train", "validation", "test"))


def test_speech_commands_are_split_by_their_lists(tmp_path: Path) -> None:
    for word in ("yes", "no", "_background_noise_"):
        (tmp_path / word).mkdir()
        for speaker in "abc":
            soundfile.write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(1, 0, 0), RATE)
    (tmp_path / "validation_list.txt").write_text("yes/a_nohash_0.wav\nno/a_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/b_nohash_0.wav\n")
    data = Speech(config(source="speech_commands", path=str(tmp_path)), 1)
    assert {name: split.keys for name, split in data.splits.items()} == {
        "train": ["no/b_nohash_0.wav", "no/c_nohash_0.wav", "yes/c_nohash_0.wav"],
        "validation": ["no/a_nohash_0.wav", "yes/a_nohash_0.wav"],
        "test": ["yes/b_nohash_0.wav"],
    }


def test_speakers_are_kept_together_where_asked(tmp_path: Path) -> None:
    rows = ["path,label,speaker"]
    for number in range(30):
        soundfile.write(tmp_path / f"{number}.wav", tone(number % 2, 0, 0), RATE)
        rows.append(f"{number}.wav,{DIGITS[number % 2]},s{number // 3}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    settings = {"source": "manifest", "path": str(tmp_path / "list.csv"), "group": "speaker"}
    data = Speech(config(test=0.3, validation=0.3, **settings), 1)
    speakers = [{data.speakers[row] for row in split.rows} for split in data.splits.values()]
    assert sum(map(len, speakers)) == len(set.union(*speakers)) == 10


def test_speakers_that_the_source_divides_cannot_be_kept_together(speech) -> None:
    with pytest.raises(UserError, match=r"ada speaks in the \w+ and in the \w+ split .*`data\.folds=speaker`"):
        speech(group="speaker")


def listed(folder: Path, name: str, rows: list[tuple[str, str]]) -> dict[str, set[str]]:
    """The files of each split of a manifest."""
    (folder / name).write_text("path,label\n" + "".join(f"{path},{label}\n" for path, label in rows))
    data = Speech(config(source="manifest", path=str(folder / name), test=0.25, validation=0.25), 1)
    numbered = {f"{name}:{line}": path for line, (path, _) in enumerate(rows, 2)}
    return {split: {numbered[key] for key in own.keys} for split, own in data.splits.items()}


def test_who_is_held_out_of_a_manifest_depends_on_the_files_it_names_alone(tmp_path: Path) -> None:
    rows = []
    for i in range(24):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 2, 0, 0), RATE)
        rows.append((f"{i}.wav", DIGITS[i % 2]))
    found = listed(tmp_path, "one.csv", rows)
    assert {name: len(files) for name, files in found.items()} == {"train": 12, "validation": 6, "test": 6}
    assert listed(tmp_path, "other.csv", rows[::-1]) == found
    copies = listed(tmp_path, "copies.csv", [*rows, *((f"./{path}", label) for path, label in rows[::-1])])
    plain = {split: {str(Path(path)) for path in files} for split, files in copies.items()}
    assert sum(map(len, plain.values())) == 24, "copies of a file stay together"
    settings = {"source": "manifest", "path": str(tmp_path / "copies.csv"), "folds": "4"}
    folds = Speech.folds(config(**settings), 1)
    lines = [sorted(int(key.partition(":")[2]) for key in keys) for keys in folds.test.values()]
    for own in lines:
        assert [51 - line for line in own[::-1]] == own, "line 2 and line 49 are copies, and so on"


# --- what is said ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_transcripts_are_sequences_that_spell_what_was_said(speech, tokens: str) -> None:
    data = speech(join=1.0, tokens=tokens)
    target, split = data.spec.targets["transcript"], data.splits["train"]
    codec, gold = data.spec.codecs[target.codec], split.gold("transcript")
    assert target.kind == "sequence" and all(set(text.split()) <= set(DIGITS[:3]) for text in gold)
    indices = np.array([3, 0, 2])
    found = split.batch(indices, epoch=1).targets["transcript"]
    assert [codec.decode(one.values.tolist()) for one in found.unbind()] == [gold[i] for i in indices]
    assert all(one.values.tolist()[-1] == END_ID for one in found.unbind())
    together = VectorSets.collate([split[int(i)].targets["transcript"] for i in indices])
    assert same(found, together) and torch.equal(found.coords, together.coords)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_may_say_what_is_said_instead_of_a_label(tmp_path: Path, form: str) -> None:
    rows = [{"path": f"{i}.wav", "said": f"{DIGITS[i % 3]}  and {DIGITS[i % 2]}"} for i in range(12)]
    for i, row in enumerate(rows):
        soundfile.write(tmp_path / row["path"], tone(i % 3, 0, i % 4), RATE)
    as_csv = ["path,said", *(f"{row['path']},{row['said']}" for row in rows)]
    manifest = tmp_path / f"list.{form}"
    manifest.write_text("\n".join(as_csv if form == "csv" else map(json.dumps, rows)) + "\n")
    settings = {"source": "manifest", "path": str(manifest), "text": "said", "validation": 0.3, "test": 0.3}
    data = Speech(config(**settings), 1)
    assert list(data.spec.targets) == ["transcript"]
    told = {
        key: text for s in data.splits.values() for key, text in zip(s.keys, s.gold("transcript"), strict=True)
    }
    first = 2 if form == "csv" else 1
    assert told == {f"list.{form}:{i + first}": " ".join(row["said"].split()) for i, row in enumerate(rows)}
    with pytest.raises(UserError, match=rf"list\.{form}:{4 + first}: no said"):
        text = manifest.read_text().replace(rows[4]["said"], " ")
        manifest.write_text(text)
        Speech(config(**settings), 1)


@pytest.mark.parametrize("labelled", [False, True])
def test_what_is_said_in_joined_recordings_is_what_was_said_in_each(tmp_path: Path, labelled: bool) -> None:
    rows = ["path,text,speaker,split" + ",label" * labelled]
    for i in range(30):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 3, 0, i % 4), RATE)
        split = "train" if i < 20 else "validation" if i < 25 else "test"
        rows.append(f"{i}.wav,go {i},ann,{split}" + ",command" * labelled)
    (tmp_path / "list.csv").write_text("\n".join(rows))
    settings = {"source": "manifest", "path": str(tmp_path / "list.csv"), "text": "text", "join_repeats": 1}
    data = Speech(config(join=1.5, **settings), 1)
    assert list(data.spec.targets) == (["label", "transcript", "digit"] if labelled else ["transcript"])
    for split, own in {"train": range(20), "validation": range(20, 25), "test": range(25, 30)}.items():
        words = " ".join(data.splits[split].gold("transcript")).split()
        assert words[::2] == ["go"] * len(own) and sorted(map(int, words[1::2])) == list(own)


def test_recordings_without_transcripts_cannot_be_transcribed(speech, tmp_path: Path) -> None:
    spec = speech().spec
    (tmp_path / "zero").mkdir()
    soundfile.write(tmp_path / "zero" / "a.wav", tone(0, 0, 0), RATE)
    silent = Speech(config(source="folder", path=str(tmp_path), validation=0, test=0), 1, spec)
    split = silent.splits["train"]
    assert split.batch(np.array([0])).targets["label"].tolist() == [0], "other tasks go on"
    with pytest.raises(UserError, match=r"zero/a\.wav comes without a transcript"):
        split.gold("transcript")


# --- what users get wrong -------------------------------------------------------------------------------


def write_bad(folder: Path, kind: str) -> None:
    path = folder / "1_ada_9.wav"
    if kind == "empty":
        soundfile.write(path, np.zeros(0), RATE)
    elif kind == "corrupt":
        path.write_bytes(b"RIFF....WAVEnot a recording")
    elif kind == "named":
        soundfile.write(folder / "hello.wav", tone(0, 0, 0), RATE)
    elif kind == "stereo":
        soundfile.write(path, np.zeros((400, 2)), RATE)
    elif kind == "long":
        soundfile.write(path, np.zeros(RATE * 3), RATE)
    elif kind == "label":
        soundfile.write(folder / "7_ada_0.wav", tone(0, 0, 0), RATE)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("empty", r"1_ada_9\.wav: the recording is 0 seconds long"),
        ("corrupt", r"1_ada_9\.wav: not a readable recording"),
        ("named", r"hello\.wav: not named like 7_jackson_32\.wav"),
        ("stereo", r"1_ada_9\.wav: the recording has 2 channels, but `data\.channels=refuse`"),
        ("label", r"7_ada_0\.wav: label `seven` of the test split is none of the classes \(one, zero\)"),
    ],
)
def test_a_bad_recording_is_told_or_skipped_with_a_count(tmp_path: Path, kind: str, sentence: str) -> None:
    for digit in range(2):
        for index in range(12):
            soundfile.write(tmp_path / f"{digit}_bob_{index}.wav", tone(digit, 0, index % 4), RATE)
    write_bad(tmp_path, kind)
    with pytest.raises(UserError, match=sentence):
        Speech(config(path=str(tmp_path), channels="refuse"), 1)
    data = Speech(config(path=str(tmp_path), channels="refuse", skip_bad=True), 1)
    assert sum(map(len, data.splits.values())) == 24
    assert len(data.warnings) == 1 and data.warnings[0].startswith("1 ")


def test_a_long_recording_is_refused_cut_or_dropped(tmp_path: Path) -> None:
    for index in range(12):
        soundfile.write(tmp_path / f"0_bob_{index}.wav", tone(0, 0, 0), RATE)
    write_bad(tmp_path, "long")
    settings = {"path": str(tmp_path), "max_length": 1.0}
    with pytest.raises(UserError, match=r"1_ada_9\.wav: 3\.0 seconds, more than `data\.max_length=1`"):
        Speech(config(**settings), 1)
    cut, dropped = (Speech(config(too_long=how, **settings), 1) for how in ("cut", "drop"))
    assert len(cut.keys) == len(dropped.keys) + 1 == 13
    assert cut.counts.max() == 98
    assert cut.warnings == ["longer recordings were shortened (data.max_length=1 data.too_long=cut): 1"]
    assert dropped.warnings == ["longer recordings were left out (data.max_length=1 data.too_long=drop): 1"]


def test_a_limit_below_the_number_of_classes_is_named(speech) -> None:
    assert [len(set(speech(limit=n).splits["train"].gold("label"))) for n in (3, 4, 9)] == [3, 3, 3]
    with pytest.raises(UserError, match=r"none of the classes that `data\.limit=2` leaves"):
        speech(limit=2)


@pytest.mark.parametrize("list_of", ["validation", "testing"])
def test_lists_of_speech_commands_are_paths_of_files(tmp_path: Path, list_of: str) -> None:
    for word in ("no", "yes"):
        (tmp_path / word).mkdir()
        for speaker in "abc":
            soundfile.write(tmp_path / word / f"{speaker}_nohash_0.wav", tone(1, 0, 0), RATE)
    for name in ("validation", "testing"):
        (tmp_path / f"{name}_list.txt").write_text("")
    listed, settings = tmp_path / f"{list_of}_list.txt", {"source": "speech_commands", "path": str(tmp_path)}
    listed.write_text("./no/a_nohash_0.wav\r\nyes//b_nohash_0.wav\r\n")
    split = Speech(config(validation=0, test=0, **settings), 1).splits[{"testing": "test"}.get(list_of, list_of)]
    assert split.keys == ["no/a_nohash_0.wav", "yes/b_nohash_0.wav"]
    listed.write_bytes(b"no/a_nohash_0.wav\nno/\xe9.wav\n")
    with pytest.raises(UserError, match=rf"{list_of}_list\.txt:2: not UTF-8 text"):
        Speech(config(**settings), 1)


def test_a_path_that_is_none_is_told(tmp_path: Path) -> None:
    for name in ("missing", "x" * 300):
        for source in ("fsdd", "folder", "manifest", "speech_commands"):
            with pytest.raises(UserError, match="no such file or folder"):
                Speech(config(source=source, path=str(tmp_path / name)), 1)


def test_two_recordings_of_one_name_contradict_each_other(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "0_ada_7.wav", tone(1, 0, 0), RATE)
    with pytest.raises(
        UserError, match=r"other/0_ada_7\.wav: another recording has this name: .*one/0_ada_7\.wav"
    ):
        Speech(config(path=str(tmp_path)), 1)


def test_a_file_that_is_no_recording_is_told_in_the_folder_of_a_class(tmp_path: Path) -> None:
    for word in ("no", "yes"):
        (tmp_path / word).mkdir()
        for i in range(6):
            soundfile.write(tmp_path / word / f"{i}.wav", tone(i % 3, 0, 0), RATE)
    (tmp_path / "yes" / "7.mp3").write_text("another format")
    (tmp_path / "yes" / "._1.wav").write_text("housekeeping")
    with pytest.raises(UserError, match=r"7\.mp3: not a recording by its name"):
        Speech(config(source="folder", path=str(tmp_path)), 1)
    data = Speech(config(source="folder", path=str(tmp_path), skip_bad=True), 1)
    assert len(data.keys) == 12 and data.warnings[0].startswith("1 bad recording was left out")


def test_spaces_around_a_label_and_true_and_false_are_what_they_are_elsewhere(tmp_path: Path) -> None:
    labels: list[object] = ["yes", " yes", True, 1]
    rows = []
    for i in range(16):
        soundfile.write(tmp_path / f"{i}.wav", tone(i % 2, 0, 0), RATE)
        rows.append(json.dumps({"path": f"{i}.wav", "label": labels[i % 4], "more": {"any": ["thing"]}}))
    (tmp_path / "list.jsonl").write_text("\n".join(rows))
    data = Speech(config(source="manifest", path=str(tmp_path / "list.jsonl")), 1)
    assert data.spec.targets["label"].classes == ("1", "yes")


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ("path,text,label,label", "2 columns are called `label`; keep one"),
        ("path,text,Split,speaker", "column `Split`; write `split`"),
        ("path,text, speaker,split", "column ` speaker`; write `speaker`"),
        ("path,text,Label,Path", "`a.wav` is missing"),  # none of which is read
    ],
)
def test_columns_that_would_be_passed_over_are_told(tmp_path: Path, header: str, sentence: str) -> None:
    (tmp_path / "list.csv").write_text(f"{header}\na.wav,yes,,\n")
    with pytest.raises(UserError, match=rf"list\.csv:\d: {sentence}"):
        Speech(config(source="manifest", path=str(tmp_path / "list.csv"), text="text"), 1)


BAD_ROWS = {
    "more cells": ("csv", "a.wav,yes, no", "3 columns, where the first row has 2"),
    "fewer cells": ("tsv", "a.wav", "1 columns, where the first row has 2"),
    "open quote": ("csv", '"a.wav,yes', "not a row of a .csv file"),
    "half an object": ("jsonl", '{"path": "a.wav"', "not a JSON object"),
    "no object": ("jsonl", "[1]", "not a JSON object"),
    "no text": ("jsonl", '{"path": "a.wav"}', "no `text`"),
    "a list": ("jsonl", '{"path": "a.wav", "text": ["yes"]}', "`text` holds a list or an object"),
    "misspelt": ("jsonl", '{"path": "a.wav", "text": "yes", "Split": "test"}', "column `Split`; write `split`"),
    "endless name": ("csv", f"{'x' * 300},yes", "`x+` is missing"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_of_a_manifest_is_told_or_skipped(tmp_path: Path, case: str) -> None:
    form, row, sentence = BAD_ROWS[case]
    soundfile.write(tmp_path / "a.wav", tone(0, 0, 0), RATE)
    good = json.dumps({"path": "a.wav", "text": "yes"}) if form == "jsonl" else "a.wav,yes"
    lines = [*([] if form == "jsonl" else ["path,text"]), *[good] * 6, row]
    manifest = tmp_path / f"list.{form}"
    text = "\n".join(lines) + "\n"
    manifest.write_text(text.replace(",", "\t") if form == "tsv" else text)
    settings = {"source": "manifest", "path": str(manifest), "text": "text"}
    with pytest.raises(UserError, match=rf"list\.{form}:{len(lines)}: {sentence}"):
        Speech(config(**settings), 1)
    data = Speech(config(skip_bad=True, **settings), 1)
    assert len(data.keys) == 6 and data.warnings[0].startswith("1 bad recording was left out")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest_row_is_named_by_its_line(tmp_path: Path, form: str) -> None:
    soundfile.write(tmp_path / "a.wav", tone(0, 0, 0), RATE)
    rows = [{"path": "a.wav", "label": "x"}, {"path": "gone.wav", "label": "x"}]
    lines = (
        ["path,label", *(f"{r['path']},{r['label']}" for r in rows)]
        if form == "csv"
        else [json.dumps(row) for row in rows]
    )
    manifest = tmp_path / f"list.{form}"
    manifest.write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=rf"list\.{form}:{len(lines)}: `gone\.wav` is missing"):
        Speech(config(source="manifest", path=str(manifest)), 1)


def test_an_embedding_that_does_not_fit_is_refused(speech) -> None:
    spec = speech(join=2.0).spec
    words = ["task=keywords", "data=fsdd", "embedding=learned"]
    with pytest.raises(UserError, match="speech data are vectors of numbers; choose one of linear"):
        build(compose.compose(words), spec)
    words = ["task=keywords", "data=fsdd", "embedding=strided_convolution", "head=tagging", "head.target=digit"]
    with pytest.raises(UserError, match="shortens sets, but `head=tagging` answers for each vector"):
        build(compose.compose(words), spec)


# --- models and runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedding", ["linear", "strided_convolution"])
def test_alone_is_as_in_any_batch(speech, embedding: str) -> None:
    data = speech()
    words = ["task=keywords", "data=fsdd", f"embedding={embedding}", "encoder.width=16"]
    model = build(compose.compose(words), data.spec).eval()
    split = data.splits["test"]
    together = model.encode(split.batch(np.arange(9)).inputs).unbind()
    for i, one in enumerate(together):
        alone = model.encode(split[i].inputs)
        assert same(one, alone, 1e-5)
        if embedding == "strided_convolution":
            assert len(alone.values) == -(-int(split.lengths[i]) // 2)
            assert alone.coords is not None and alone.coords[:, 0].tolist() == list(range(0, split.lengths[i], 2))


def test_stopped_and_resumed_with_alterations_is_bit_identical(digits: Path, tmp_path: Path) -> None:
    words = ["task=keywords", "data=fsdd", f"data.path={digits}", "encoder.width=16", "encoder.depth=1"]
    words += [
        "trainer.batch_vectors=60",
        "data.bands=12",
        *(f"data.{name}={value}" for name, value in LOUD.items()),
    ]
    outputs = [f"outputs={tmp_path}/whole", f"outputs={tmp_path}/parts"]
    assert main(["train", *words, outputs[0], "trainer.epochs=3", "schedule=constant", "schedule.warmup=0"]) == 0
    assert main(["train", *words, outputs[1], "trainer.epochs=2", "schedule=constant", "schedule.warmup=0"]) == 0
    assert main(["train", "run=latest", outputs[1], "trainer.epochs=3"]) == 0
    whole, parts = (next((tmp_path / name / "keywords").iterdir()) for name in ("whole", "parts"))
    for name in ("model", "optimizer", "average"):
        place = f"last/{name}.safetensors"
        assert (whole / place).read_bytes() == (parts / place).read_bytes()
    results = json.loads((whole / "results.json").read_text())
    assert results["baselines"]["regression_on_means"]["accuracy"] > 0.9
    assert main(["eval", f"run={whole}"]) == 0


def test_recordings_of_one_class_have_no_regression(speech) -> None:
    data = speech()
    data.labels = ["zero"] * len(data.labels)
    config = compose.compose(["task=keywords", "head.target=label"])
    problem = Problem(config, data, Engine(config.trainer))
    fitting = [name for name in BASELINES if BASELINES.get(name, Baseline)().fits(problem)]
    assert fitting == ["larger_class"]


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong, sentence in (
        ({"folds": "2"}, "number of at least 3"),
        ({"fold": "ada"}, "needs `data.folds=`"),
        ({"folds": "speaker", "join": 3.0}, "cannot be combined"),
        ({"text": "said", "too_long": "cut"}, "what is said (`data.text`)"),
        ({"strings": True, "too_long": "cut"}, "what is said (`data.strings`)"),
        ({"join": 3.0, "too_long": "cut"}, "what is said (`data.join`)"),
        ({"hop": 30.0}, "`data.hop=30` must be at most data.window=25"),
        ({"mask_bands": 12}, "`data.mask_bands=12` must be below data.bands=12"),
        ({"features": "mfcc", "coefficients": 6, "mask_bands": 6}, "must be below data.coefficients=6"),
        ({"mask_time": 60.0, "normalise": "none"}, "`data.mask_time=60` hides features behind their mean"),
        ({"folds": "5", "group": "speaker"}, "`data.folds=speaker` leaves each speaker out"),
    ):
        assert any(sentence in problem for problem in replace(config(), **wrong).problems())
