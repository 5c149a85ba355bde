"""Which test examples a report shows, and how: words, a picture, a sound or the drawing of a graph, within a limit of bytes.

Inputs that the user has brought are shown only where they are text, or where they are asked for: a page may be mailed.
"""

import base64
import io
import json
import wave
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.data.contract import Drawing, Picture
from attnlab.lab.pictures import svg
from attnlab.lab.report.answers import Answers, Indices
from attnlab.lab.report.facts import Facts, Part
from attnlab.lab.report.measures import first_of_each
from attnlab.training.predictions import FIELDS

MEDIA_BYTES = 240_000
"""Of all pictures, sounds and drawings of a page together, as they stand in it."""
LARGEST_SIDE = 96
"""Pixels of a thumbnail."""
SMALL_SIDE = 32
"""Pictures of at most so many pixels are kept as they are."""
DARK = 64
"""A picture without a brighter byte could hardly be seen."""
LONGEST_SOUND = 2.0
"""Seconds."""
MOST_NODES = 60
"""Of a graph that is drawn."""
CONTEXT, LONGEST_TEXT = 12, 400
"""Words on each side of a tagged one; characters of a text."""
WORST = 20
CELL_EXAMPLES, ALL_CELL_EXAMPLES = 12, 1000
"""Examples of a cell of the confusion matrix, and of all cells together, at the most."""


@dataclass(frozen=True)
class Shown:
    """One answer as a page shows it. before, word, after: its input, with the word whose answer it is, if it is one of several.
    alternatives: other answers to it. note: what else its line says. media: the number of its picture or sound, −1 for none. command: that
    looks inside."""

    key: str
    before: str
    word: str
    after: str
    gold: str
    predicted: str
    probability: float | None
    error: float
    note: str
    alternatives: Sequence[str]
    media: int
    command: str


@dataclass(frozen=True)
class Medium:
    """kind: `image` or `audio`. uri: its bytes in text, for `src`."""

    kind: str
    uri: str


@dataclass(eq=False)
class Gallery:
    """What is shown of examples; pictures and sounds are added until there are `MEDIA_BYTES`. included: whether the page may
    hold them. media: so far; left_out: examples whose picture had no place any more."""

    facts: Facts
    included: bool
    media: list[Medium] = field(default_factory=list)
    left_out: int = 0
    _bytes: int = 0
    _numbers: dict[tuple[int, bool], int] = field(default_factory=dict)
    _first: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.facts.answers is not None
        sizes = np.bincount(self.facts.answers.run, minlength=len(self.facts.parts))
        self._first = (np.cumsum(sizes) - sizes).tolist()

    @property
    def answers(self) -> Answers:
        assert self.facts.answers is not None
        return self.facts.answers

    def show(self, number: int, sound: bool = False) -> Shown:
        """number: of the scored answer. sound: whether sounds are heard rather than seen."""
        answers = self.answers
        i = int(answers.example[number])
        before, word, after = self._input(number, i)
        probability = float(answers.probability[number])
        gold, predicted = self._answer(number)
        alternatives = [text for text, _ in answers.alternatives(i)] if answers.kind == "sequence" else []
        return Shown(
            answers.key(i), before, word, after, gold, predicted,
            None if np.isnan(probability) else round(probability, 4), round(float(answers.error[number]), 4), self._note(i),
            [text[:LONGEST_TEXT] for text in alternatives if text != predicted][:5], self._medium(i, sound),
            self.facts.inspected_with(i),
        )  # fmt: skip

    def _input(self, number: int, i: int) -> tuple[str, str, str]:
        answers = self.answers
        words = answers.words(i)
        if not words:
            return self._cut(answers.text("source", i) or answers.text("said", i)), "", ""
        if answers.kind not in ("vector_classes", "vector_numbers"):
            return self._cut(" ".join(words)), "", ""
        at = min(int(answers.position[number]), len(words) - 1)
        before, after = words[max(0, at - CONTEXT) : at], words[at + 1 : at + 1 + CONTEXT]
        first, last = at > CONTEXT, at + 1 + CONTEXT < len(words)
        return (
            ("… " if first else "") + " ".join(before)[-LONGEST_TEXT:],
            words[at][:LONGEST_TEXT],
            " ".join(after)[:LONGEST_TEXT] + (" …" if last else ""),
        )

    def _cut(self, text: str) -> str:
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"

    def _answer(self, number: int) -> tuple[str, str]:
        """The right answer and the predicted one, in words."""
        answers = self.answers
        gold, predicted = answers.gold[number], answers.predicted[number]
        if answers.kind in ("class", "vector_classes"):
            return answers.labels[int(gold)], answers.labels[int(predicted)]
        if answers.kind == "classes":
            question = answers.labels[int(answers.position[number])]
            return f"{question}: {_yes(gold)}", f"{question}: {_yes(predicted)}"
        if answers.kind == "sequence":
            i = int(answers.example[number])
            return self._cut(answers.text("gold", i)), self._cut(answers.text("predicted", i))
        return f"{gold:.6g}", f"{predicted:.6g}"

    def _note(self, i: int) -> str:
        """The other simple values of a line, such as a graph's size and the columns that the user wants to see."""
        line = json.loads(self.answers.lines[i])
        known = FIELDS | {"words", "source", "said", "recording"}
        values = {
            name: value
            for name, value in line.items()
            if name not in known and isinstance(value, str | int | float)
        }
        texts = [f"{name} {value}" for name, value in values.items() if value != ""]
        if self.answers.kind in ("vector_classes", "vector_numbers") and not self.answers.words(i):
            texts.append("")
        return self._cut(", ".join(filter(None, texts)))

    def _medium(self, i: int, sound: bool) -> int:
        """The number of its picture or sound, which is made once."""
        if not self.included:
            return -1
        if (i, sound) not in self._numbers:
            run = int(self.answers.run[i])
            made = _made(self.facts.parts[run], i - self._first[run], sound)
            if made is None:
                self._numbers[i, sound] = -1
            elif self._bytes + len(made.uri) > MEDIA_BYTES:
                self.left_out += 1
                return -1
            else:
                self._bytes += len(made.uri)
                self._numbers[i, sound] = len(self.media)
                self.media.append(made)
        return self._numbers[i, sound]


def _yes(answer: float) -> str:
    return "yes" if answer == 1 else "no"


def worst(answers: Answers, most: int = WORST) -> Indices:
    """Numbers of the answers that are most wrong, one of each example: wrong classes with the highest probability, the largest
    differences of numbers, the highest word error rates (of equal ones the longer text)."""
    wrong = np.flatnonzero(answers.error > 0)
    if answers.kind == "classes":
        sure = np.abs(answers.probability - 0.5)
    elif answers.kind in ("class", "vector_classes"):
        sure = np.nan_to_num(answers.probability, nan=0.0)
    else:
        sure = answers.error
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    _, firsts = np.unique(answers.example[order], return_index=True)
    chosen: Indices = order[np.sort(firsts)][:most]
    return chosen


def of_cells(answers: Answers, cells: Indices, size: int) -> Indices:
    """Numbers of answers for each cell of a confusion matrix: mistakes with the highest probability, right answers with the lowest.
    cells: (D,) of each answer; size: of the matrix."""
    filled = len(np.unique(cells))
    each = max(1, min(CELL_EXAMPLES, ALL_CELL_EXAMPLES // max(1, filled)))
    probability = np.nan_to_num(answers.probability, nan=0.0)
    diagonal = cells // size == cells % size
    order = np.argsort(np.where(diagonal & (answers.error == 0), probability, -probability), kind="stable")
    return first_of_each(cells, order, each)


def facts_of(shown: Shown) -> dict[str, str | float | list[str] | None]:
    """As `packed` takes it; what is empty is left out."""
    return {
        name: list(value) if isinstance(value, list | tuple) else value
        for name, value in asdict(shown).items()
        if value not in ("", [], None, -1)
    }


# --- pictures, sounds and drawings ----------------------------------------------------------------


def _made(part: Part, i: int, sound: bool) -> Medium | None:
    """Of test example i of a part; of a longer sound its spectrogram. None where it has neither, or is too large."""
    if part.split is None:
        return None
    heard = part.split.playback(i) if sound else None
    if heard is not None and len(heard.samples) <= LONGEST_SOUND * heard.rate:
        return Medium("audio", uri("audio/wav", wav(heard.samples, heard.rate)))
    picture = part.split.picture(i)
    if picture is None or (isinstance(picture, Drawing) and len(picture.names) > MOST_NODES):
        return None
    return Medium("image", uri(*_drawn(picture)))


def uri(kind: str, data: bytes) -> str:
    """Bytes as text, for `src`."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def wav(samples: NDArray[np.int16], rate: int) -> bytes:
    """(T,) samples as a file of 8 bits a sample, as loud as they allow."""
    loudest = max(1, int(np.abs(samples.astype(np.int32)).max(initial=1)))
    levels = np.clip(np.rint(samples / loudest * 127) + 128, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(levels.tobytes())
    return stream.getvalue()


def _drawn(picture: Picture) -> tuple[str, bytes]:
    """The type and bytes of a small picture."""
    from torchvision.io import encode_jpeg, encode_png

    if isinstance(picture, Drawing):
        return "image/svg+xml", svg(picture, rounds=60).encode()
    pixels = torch.from_numpy(np.ascontiguousarray(_pixels(picture).transpose(2, 0, 1)))
    if pixels.shape[0] not in (1, 3):
        pixels = pixels[:1]
    side = max(pixels.shape[1:])
    if side <= SMALL_SIDE:
        return "image/png", bytes(encode_png(pixels).numpy())
    if side > LARGEST_SIDE:
        size = [max(1, round(n * LARGEST_SIDE / side)) for n in pixels.shape[1:]]
        smaller = torch.nn.functional.interpolate(pixels[None].float(), size, mode="area")
        pixels = smaller[0].round().to(torch.uint8)
    return "image/jpeg", bytes(encode_jpeg(pixels, quality=75).numpy())


def _pixels(picture: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """(height, width, channels); levels from dark to bright, and bytes that are all dark, such as digits of 16 greys, as bright as
    they can be."""
    if picture.ndim == 3:
        most = int(picture.max(initial=0))
        return (picture * (255 // most if 0 < most < DARK else 1)).astype(np.uint8)
    low, high = np.percentile(picture, (1, 99))
    return (np.clip((picture - low) / max(high - low, 1e-6), 0, 1) * 255).astype(np.uint8)[:, :, None]
