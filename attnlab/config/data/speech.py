"""Keys of `data=` for recordings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from attnlab.config.data.base import CrossValidated, HubDataConfig, embedded_problems, unlabelled_problems
from attnlab.config.keys import LARGEST, key
from attnlab.registry import LOADERS, SPEECH_SOURCES, SourceRegistry


@dataclass
@LOADERS.builtin("speech", "attnlab.data.speech.loader:Speech")
@SPEECH_SOURCES.builtin("voices", "attnlab.data.speech.sources:Voices")
@SPEECH_SOURCES.builtin("fsdd", "attnlab.data.speech.sources:Fsdd")
@SPEECH_SOURCES.builtin("folder", "attnlab.data.speech.sources:Folder")
@SPEECH_SOURCES.builtin("manifest", "attnlab.data.speech.manifest:Manifest")
@SPEECH_SOURCES.builtin("speech_commands", "attnlab.data.speech.sources:SpeechCommands")
class SpeechData(HubDataConfig, CrossValidated):
    """Recordings of speech, cut into short frames."""

    sources: ClassVar[SourceRegistry] = SPEECH_SOURCES
    one_left_out: ClassVar[str] = "speaker"

    source: str = key("???", "where the recordings come from", choices=SPEECH_SOURCES)
    path: str | None = key(None, "folder of recordings, or manifest file; null for generated data and the hub")
    audio: str = key("audio", "hub: the column of the recordings")
    label: str | None = key(
        "label", "hub: the column with the class; null: none, and folders are no classes, for task=masked"
    )
    speaker: str | None = key(None, "hub: the column of the speaker; null: none")
    max_seconds: float = key(60.0, "longest recording, in seconds", min=0.001, max=10**6, was="max_length")
    too_long: str = key(
        "refuse",
        "what is done with a longer one: refuse, cut, or drop (leave it out)",
        choices=("refuse", "cut", "drop"),
    )
    strings: bool = key(
        False, "source=voices: whether recordings are strings of 3 to 5 digits instead of single ones"
    )
    transcript: str | None = key(None, "source=manifest: the column of transcripts; null: none", was="text")
    tokens: str = key(
        "characters",
        "how transcripts are split: bpe or unigram (pieces of words), words (and punctuation marks) or characters",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(
        1000, "most tokens learned from the training transcripts; not for characters", min=100, max=10**6
    )
    join: float | None = key(
        None,
        "join recordings of the same speaker to utterances of about this many seconds; null: no",
        min=0.1,
        max=10**6,
    )
    join_repeats: int = key(4, "how often each recording occurs in joined utterances", min=1, max=1000)
    # From sound to vectors.
    rate: int = key(8000, "samples per second; recordings at another rate are resampled", min=100, max=10**6)
    channels: str = key(
        "mix",
        "how several channels become one: mix (their mean), left (the first) or refuse (an error)",
        choices=("mix", "left", "refuse"),
    )
    features: str = key(
        "log_mel", "features of a frame: log_mel, mfcc or fbank", choices=("log_mel", "mfcc", "fbank")
    )
    bands: int = key(40, "mel bands", min=2, max=1024)
    coefficients: int = key(20, "features=mfcc: coefficients kept", min=1, max=1024)
    window: float = key(25.0, "length of a frame, in milliseconds", min=1, max=1000)
    hop: float = key(10.0, "time from the start of one frame to the next, in milliseconds", min=1, max=1000)
    normalise: str = key(
        "utterance",
        "each feature gets mean 0 and variance 1 over: utterance (each recording), training (all training recordings) or none",
        choices=("utterance", "training", "none"),
    )
    stack: int = key(3, "number of neighbouring frames joined into one vector", min=1, max=1000)
    # Of training recordings, drawn anew in every epoch.
    noise: float | None = key(
        None, "training: loudest added noise, as a signal-to-noise ratio in dB; null: none", min=-200, max=200
    )
    gain: float = key(0.0, "training: louder or softer by up to this many dB", min=0, max=200)
    time_shift: float = key(
        0.0, "training: earlier or later by up to this many milliseconds", min=0, max=10**6, was="shift"
    )
    speed: float = key(
        0.0,
        "training: faster or slower by up to this fraction, which also changes pitch and formants",
        min=0,
        max=0.5,
    )
    mask_time: float = key(
        0.0, "training: longest of two masked stretches of time, in milliseconds; 0: none", min=0, max=10**6
    )
    mask_bands: int = key(0, "training: broadest of two masked ranges of features; 0: none", min=0, max=1024)
    # What is trained on, what is tested.
    group: str | None = key(None, "keep examples of one speaker in one split", choices=("speaker",))
    # Part of fingerprints from the first, where those of other data are not.
    folds: str | None = key(
        None,
        "cross-validation: a number of folds, at least 3, or `speaker` to leave each one out",
        values="a whole number, at least 3, or speaker",
    )
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(0, "random seed of held-out examples and folds", min=0, max=LARGEST)

    @classmethod
    def tasks(cls, settings: Mapping[str, str]) -> tuple[str, ...]:
        if settings.get("strings") == "true":
            return ("transcription", "voice_activity")
        if settings.get("transcript", "null") != "null":
            return ("transcription",)
        if settings.get("join", "null") != "null":
            return ("tagging",)
        return ("keywords",) if settings.get("source") == "voices" else ("classification",)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("voices",), "speech_folder")
        yield from unlabelled_problems(self.label, self.hub)
        if self.folds is not None and self.join is not None:
            yield "`data.join` and `data.folds` cannot be combined: joined utterances follow the source's own split"
        if self.transcript is not None and self.source != "manifest":
            yield f"`data.transcript={self.transcript}` names a column of a manifest: `data=speech_manifest`"
        words = next((name for name in ("transcript", "strings", "join") if getattr(self, name)), None)
        if words is not None and self.too_long == "cut":
            yield f"`data.too_long=cut` would cut what is heard, but not what is said (`data.{words}`); choose refuse or drop"
        if self.strings and self.source != "voices":
            yield "`data.strings=true` is for generated data (`data=voices`); join recordings by `data.join=`"
        if self.join is not None and self.source == "voices":
            yield "`data.join` is for recordings; generated strings of digits come by `data.strings=true`"
        if self.features == "mfcc" and self.coefficients > self.bands:
            yield f"`data.coefficients={self.coefficients}` must be at most data.bands={self.bands}"
        if self.hop > self.window:
            yield f"`data.hop={self.hop:g}` must be at most data.window={self.window:g}, or samples would be lost"
        features = "coefficients" if self.features == "mfcc" else "bands"
        if self.mask_bands >= getattr(self, features):
            yield f"`data.mask_bands={self.mask_bands}` must be below data.{features}={getattr(self, features)}"
        masks = next((name for name in ("mask_time", "mask_bands") if getattr(self, name)), None)
        if masks is not None and self.normalise == "none":
            yield (
                f"`data.{masks}={getattr(self, masks):g}` replaces features by their mean, which `data.normalise=none` "
                "leaves unknown; choose utterance or training"
            )
