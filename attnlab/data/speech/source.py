"""What every source of recordings gives: a list of them, each of which is read when it is asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from attnlab.config import SpeechData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.source import Source
from attnlab.data.speech.audio_file import Samples, Sound

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class Utterance:
    """A recording that was read. samples: (T,) at `data.rate`. marks: (first sample, sample after the last, label). rules: see
    `Sound`."""

    samples: Samples
    marks: tuple[tuple[int, int, str], ...] = ()
    rules: tuple[str, ...] = ()

    @classmethod
    def of(cls, sound: Sound) -> "Utterance":
        return cls(sound.samples, rules=sound.rules)


@dataclass(frozen=True)
class Recording:
    """What is known of a recording before it is read.

    key: its file's name, or manifest:line. read: gives its samples; raises UserError where they cannot be used.
    label: its class, "" for none. split: "" where the source names none. transcript: its words, one space
    between them. owner: copies with the same one are held out together; "" is the key.
    """

    key: str
    read: Callable[[], Utterance] = field(repr=False)
    label: str = ""
    speaker: str = ""
    split: str = ""
    transcript: str = ""
    owner: str = ""


class RecordingSource(Source):
    """Recordings of one origin; see `Source` for what it says of them."""

    mark_target: str = ""
    """The target that the marks of utterances are; "" for sources without marks."""
    background: str = ""
    """The mark of every sample without another; "" is not scored."""

    def __init__(self, config: SpeechData) -> None:
        super().__init__(config)
        self.config = config
        self.problems: list[str] = []
        """Of files that are not what the source expects: refused, or counted where bad ones are skipped."""
        self.told = BadRows(config.skip_bad, "recording")
        """What was done by a rule before recordings are read."""

    def recordings(self) -> Sequence[Recording]:
        """All recordings, in a fixed order."""
        raise NotImplementedError
