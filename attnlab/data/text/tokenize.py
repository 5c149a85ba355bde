"""Text split into words, and words typed by a user."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby

import numpy as np

from attnlab.data.prep.batching import Indices
from attnlab.data.text.pack import WordSets
from attnlab.errors import UserError
from attnlab.sets import Batch, Layout
from attnlab.spec import DataSpec


def _marks() -> str:
    """The ranges of vowel signs and accents, which follow the letter that they belong to: no part of `\\w`."""
    codes = chain(range(0x300, 0x1F000), range(0xE0100, 0xE01F0))
    marks = (code for code in codes if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    runs = ([code for _, code in run] for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


# Hundreds of ranges are slow to search, and most words end before a space.
_RUN = rf"\w+(?:(?=[^\x00-\x7f])[{_marks()}]+\w*)*"
_WORD = re.compile(rf"\d+(?:[.,]\d+)*|{_RUN}(?:['’-]{_RUN})*|[^\w\s]")


def tokens(text: str, how: str) -> list[str]:
    """A string in pieces, as `data.tokens` says.

    words: runs of letters, with their accents and vowel signs, with inner apostrophes and hyphens, numbers, and each
    other mark by itself; spaces: whatever stands between white space; characters: each one that is not white space.
    """
    if how == "words":
        return _WORD.findall(text)
    return text.split() if how == "spaces" else [character for character in text if not character.isspace()]


def _listed(given: object, wanted: str) -> list:
    """What a user gives, as a list. Raises UserError where it is none. wanted: what it should have been."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise UserError(f"give {wanted}, not `{given!r}`")
    return list(given)


class Sentences:
    """Sentences without right answers, to be predicted by a run: strings, or lists of words.

    how: `data.tokens`, for the strings among them; where the spec has a codec for the source, that splits them. Raises
    UserError for anything else, and for sentences without words.
    """

    def __init__(self, sentences: Sequence[str | Sequence[str]], how: str, spec: DataSpec, parts: bool) -> None:
        given = _listed(sentences, "a list of sentences")
        codec = spec.codecs.get("source")
        if codec is None:
            self.words = [
                tokens(s, how)
                if isinstance(s, str)
                else _listed(s, "each sentence as a string or a list of words")
                for s in given
            ]
        else:
            strings = [s for s in given if isinstance(s, str)]
            if len(strings) < len(given):
                raise UserError("give each sentence as a string: this run splits it into its own tokens")
            self.words = [[codec.tokens[i] for i in ids] for ids in codec.encode(strings)]
        for number, words in enumerate(self.words, 1):
            if not words or not all(isinstance(word, str) and word for word in words):
                raise UserError(f"sentence {number} of {len(self.words)}: give at least one word, and none empty")
        forms = {word: i for i, word in enumerate(dict.fromkeys(chain.from_iterable(self.words)))}
        self._sets = WordSets(list(forms), spec, parts)
        self._forms = [np.array([forms[word] for word in words], dtype=np.int32) for words in self.words]
        self.lengths = np.array([len(words) for words in self.words], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.words)

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of sentences -> these, packed: values (N,) ids of words, coords (N, 1). Never augmented."""
        forms = np.concatenate([self._forms[i] for i in indices])
        layout = Layout.of(self.lengths[indices].tolist())
        inputs = self._sets.pack(forms, layout, self._sets.word_of_form[forms])
        return Batch(inputs, {}, tuple(f"sentence {i + 1}" for i in indices.tolist()))
