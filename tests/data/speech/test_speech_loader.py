"""Recordings as data: targets, means, bad and long ones, models on them, and runs that go on to the bit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from recordings import LOUD, RATE, config, digits, same, speech, tone

from attnlab import compose
from attnlab.cli import main
from attnlab.codec import END_ID
from attnlab.config import SpeechData
from attnlab.data.prep.source import open_source
from attnlab.data.speech.features import FeatureExtractor
from attnlab.data.speech.loader import Speech
from attnlab.data.speech.prepare import Preparation
from attnlab.data.speech.source import DIGITS, RecordingSource
from attnlab.errors import UserError
from attnlab.model.build import build
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

# A run that was stopped under an earlier version is resumed only on data with the fingerprint that it began with, and
# recordings are not measured again: these numbers change only when what is prepared changes.
FINGERPRINTS = {
    "keywords": ("recordings-voices-c6323f51fe0d731e34cb6726", "beebf990ad0972991065e77b"),
    "transcription": ("recordings-voice_strings-45af8ba7a7c52de98f8c6f4d", "bdac4b2d1559ee12be281ee5"),
}


@pytest.mark.parametrize("task", FINGERPRINTS)
def test_fingerprints_are_those_of_earlier_versions(task: str) -> None:
    settings = compose.compose([f"task={task}"]).data
    assert isinstance(settings, SpeechData)
    source = open_source(settings, RecordingSource)
    preparation = Preparation(settings, source, FeatureExtractor(settings), with_samples=False)
    assert (preparation.name, preparation.fingerprint({})) == FINGERPRINTS[task]


def test_training_means_are_saved_with_the_run_and_hold_for_other_data(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("tokens", ["characters", "words"])
def test_transcripts_are_sequences_that_spell_what_was_said(tokens: str) -> None:
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


def test_recordings_without_transcripts_cannot_be_transcribed(tmp_path: Path) -> None:
    spec = speech().spec
    (tmp_path / "zero").mkdir()
    soundfile.write(tmp_path / "zero" / "a.wav", tone(0, 0, 0), RATE)
    silent = Speech(config(source="folder", path=str(tmp_path), validation=0, test=0), 1, spec)
    split = silent.splits["train"]
    assert split.batch(np.array([0])).targets["label"].tolist() == [0], "other tasks go on"
    with pytest.raises(UserError, match=r"zero/a\.wav comes without a transcript"):
        split.gold("transcript")


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
        soundfile.write(path, np.resize(tone(1, 0, 0), RATE * 3), RATE)
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
    settings = {"path": str(tmp_path), "max_seconds": 1.0}
    with pytest.raises(UserError, match=r"1_ada_9\.wav: 3\.0 seconds, more than `data\.max_seconds=1`"):
        Speech(config(**settings), 1)
    cut, dropped = (Speech(config(too_long=how, **settings), 1) for how in ("cut", "drop"))
    assert len(cut.listing.keys) == len(dropped.listing.keys) + 1 == 13
    assert cut.counts.max() == 98
    assert cut.warnings == [
        "longer recordings were shortened (data.max_seconds=1 data.too_long=cut): 1",
        "1 of 2 classes has no example in the validation split: one",
        "1 of 2 classes has no example in the test split: one",
    ]
    assert dropped.warnings == ["longer recordings were left out (data.max_seconds=1 data.too_long=drop): 1"]
    all_dropped = (
        r"no recording can be used; longer recordings were left out \(data\.max_seconds=0\.05 .*=drop\): 13"
    )
    with pytest.raises(UserError, match=all_dropped):
        Speech(config(too_long="drop", **settings | {"max_seconds": 0.05}), 1)


def test_an_embedding_that_does_not_fit_is_refused() -> None:
    spec = speech(join=2.0).spec
    words = ["task=keywords", "data=fsdd", "embedding=learned"]
    with pytest.raises(UserError, match="speech data are vectors of numbers; choose one of linear"):
        build(compose.compose(words), spec)
    words = ["task=keywords", "data=fsdd", "embedding=strided_convolution", "head=tagging", "head.target=digit"]
    with pytest.raises(UserError, match="shortens sets, but `head=tagging` answers for each vector"):
        build(compose.compose(words), spec)


@pytest.mark.parametrize("embedding", ["linear", "strided_convolution"])
def test_alone_is_as_in_any_batch(embedding: str) -> None:
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


def test_stopped_and_resumed_with_alterations_is_bit_identical(tmp_path: Path) -> None:
    words = ["task=keywords", "data=fsdd", f"data.path={digits()}", "encoder.width=16", "encoder.depth=1"]
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


def test_settings_that_cannot_be_are_refused() -> None:
    for wrong, sentence in (
        ({"folds": "2"}, "number of at least 3"),
        ({"fold": "ada"}, "needs `data.folds=`"),
        ({"folds": "speaker", "join": 3.0}, "cannot be combined"),
        ({"transcript": "said", "too_long": "cut"}, "what is said (`data.transcript`)"),
        ({"strings": True, "too_long": "cut"}, "what is said (`data.strings`)"),
        ({"join": 3.0, "too_long": "cut"}, "what is said (`data.join`)"),
        ({"hop": 30.0}, "`data.hop=30` must be at most data.window=25"),
        ({"mask_bands": 12}, "`data.mask_bands=12` must be below data.bands=12"),
        ({"features": "mfcc", "coefficients": 6, "mask_bands": 6}, "must be below data.coefficients=6"),
        ({"mask_time": 60.0, "normalise": "none"}, "`data.mask_time=60` replaces features by their mean"),
    ):
        assert any(sentence in problem for problem in replace(config(), **wrong).problems())


def test_what_was_done_to_recordings_is_told_with_their_number_once(tmp_path: Path) -> None:
    for index in range(12):
        sound = tone(index % 2, 0, index % 4)
        (tmp_path / "ab"[index % 2]).mkdir(exist_ok=True)
        stereo = np.stack([sound, -sound], axis=1) if index % 4 == 0 else sound
        soundfile.write(tmp_path / "ab"[index % 2] / f"{index}.wav", stereo if index else stereo[:150], RATE)
    settings = {"path": str(tmp_path), "source": "folder"}
    data = Speech(config(**settings), 1)
    told = [warning for warning in data.warnings if ": 3, the first at a/0.wav" in warning]
    assert [warning.split(" (")[0].split(" each")[0] for warning in told] == [
        "recordings with several channels were mixed to one", "recordings whose channels cancel",
    ]  # fmt: skip
    short = "recordings shorter than a frame were filled up with silence (data.window=25): 1, the first at a/0.wav"
    assert short in data.warnings and Speech(config(**settings), 1).warnings == data.warnings
    cancelled = data.listing.keys.index("a/4.wav")
    assert not data.summary[cancelled][data.extractor.size :].any(), "the mix is silence"
    left = Speech(config(**settings, channels="left"), 1)
    assert left.summary[cancelled][data.extractor.size :].any()


def test_recordings_that_earlier_versions_read_are_left_out_under_another_fingerprint(tmp_path: Path) -> None:
    for index in range(40):
        (tmp_path / "ab"[index % 2]).mkdir(exist_ok=True)
        soundfile.write(tmp_path / "ab"[index % 2] / f"{index}.ogg", np.tile(tone(index % 2, 0, 0), 8), RATE)
    settings = {"path": str(tmp_path), "source": "folder", "skip_bad": True}
    whole = config(**settings)
    source = open_source(whole, RecordingSource)
    preparation = Preparation(whole, source, FeatureExtractor(whole), with_samples=False)
    assert Speech(whole, 1).fingerprint == preparation.fingerprint({})
    cut = tmp_path / "a" / "0.ogg"
    cut.write_bytes(cut.read_bytes()[: cut.read_bytes().rindex(b"OggS")])
    with pytest.raises(
        UserError, match=r"a/0\.ogg: damaged, or ends before the last page of the recording; truncated"
    ):
        Speech(config(**settings | {"skip_bad": False}), 1)
    data = Speech(config(**settings), 1)
    assert "1 bad recording was left out" in data.warnings[0] and len(data.listing.keys) == 39
    preparation = Preparation(whole, open_source(whole, RecordingSource), FeatureExtractor(whole), False)
    assert data.fingerprint != preparation.fingerprint({})


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"stack": 100_000},
            "`data.stack=100000`: longer than the longest recording, which has 30 frames; it can be at",
        ),
        ({"stack": 31}, "at most 30"),
        (
            {"window": 900.0},
            "`data.window=900`: longer than the longest recording, which has 320 milliseconds",
        ),
        ({"mask_time": 9e4}, "`data.mask_time=90000`: longer than the longest recording"),
        ({"time_shift": 1e9}, "`data.time_shift=1e+09`: longer than the longest recording"),
    ],
)
def test_keys_that_no_recording_has_room_for_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        speech(**settings)
    assert sentence in str(refused.value)
    assert len(speech(stack=30).splits["train"]) == len(speech().splits["train"])
