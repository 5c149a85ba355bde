"""What every source of recordings gives: a list of them, each of which is read when it is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from attnlab.config import SpeechData
from attnlab.data.speech.audio_file import Samples

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Utterance:
    """A recording that was read. samples: (T,) at `data.rate`. marks: (first sample, sample after the last, label)."""

    samples: Samples
    marks: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True)
class Recording:
    """What is known of a recording before it is read.

    key: its file's name, or manifest:line. read: gives its samples; raises UserError where they cannot be used.
    label: its class, "" for none. split: "" where the source names none. transcript: what is said, one space between
    words. owner: copies with the same one are held out together; "" is the key.
    """

    key: str
    read: Callable[[], Utterance] = field(repr=False)
    label: str = ""
    speaker: str = ""
    split: str = ""
    transcript: str = ""
    owner: str = ""


class RecordingSource:
    """Recordings of one origin. Raises UserError for a missing folder or file.

    files: by name, what is read; the contents are part of the data's fingerprint. problems: of files that are not what
    the source expects; refused, or counted where bad ones are skipped.
    """

    needs: ClassVar[str] = ""
    """What `data.path` has to name."""
    notice: str = ""
    """Of generated data: that they are, and how to use real ones."""
    mark_target: str = ""
    """The target that the marks of utterances are; "" for sources without marks."""
    background: str = ""
    """The mark of every sample without another; "" is not scored."""
    ceiling: float | None = None
    """Accuracy of a perfect listener, where it is known."""
    identity: str = ""
    """What the recordings depend on besides files, such as the commit of a data set on the hub."""
    commit: str | None = None
    """Of a data set on the hub."""
    warnings: tuple[str, ...] = ()
    """What the user should know before training."""

    def __init__(self, config: SpeechData) -> None:
        self.config = config
        self.files: dict[str, Path] = {}
        self.problems: list[str] = []

    def recordings(self) -> Sequence[Recording]:
        """All recordings, in a fixed order."""
        raise NotImplementedError
