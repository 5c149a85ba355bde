"""Words as packed sets of ids: what the prepared data, and a sentence typed by a user, have in common."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, groupby
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.data.batching import Indices
from attnlab.errors import UserError
from attnlab.sets import Batch, Layout, VectorSets
from attnlab.spec import DataSpec


def _marks() -> str:
    """The ranges of vowel signs and accents, which follow the letter that they belong to: no part of `\\w`."""
    places = chain(range(0x300, 0x1F000), range(0xE0100, 0xE01F0))
    found = (place for place in places if unicodedata.category(chr(place)) in ("Mn", "Mc"))
    runs = ([place for _, place in run] for _, run in groupby(enumerate(found), lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0])}-{chr(run[-1])}" for run in runs)


# Hundreds of ranges are slow to look through, and most words end before a space.
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


class WordSets:
    """Packs sentences whose words are given by their number in `forms`, a list of distinct words.

    parts: whether the sets carry the characters of their words.
    """

    def __init__(self, forms: Sequence[str], spec: DataSpec, parts: bool) -> None:
        self.forms, self.spec, self.parts = forms, spec, parts
        self.word_of_form = np.array(spec.vocabularies["words"].encode(forms), dtype=np.int64)

    def pack(self, forms: NDArray[np.int32], layout: Layout, words: NDArray[np.int64]) -> VectorSets:
        """forms (N,): what is spelled; words (N,): ids in the vocabulary, `word_of_form[forms]` unless augmented."""
        parts = part_index = None
        if self.parts:
            distinct, inverse = np.unique(forms, return_inverse=True)
            parts, part_index = self._characters(distinct), torch.from_numpy(inverse.astype(np.int64))
        return VectorSets(
            values=torch.from_numpy(words),
            layout=layout,
            coords=layout.place[:, None].float(),
            parts=parts,
            part_index=part_index,
        )

    def _characters(self, forms: NDArray[np.int32]) -> VectorSets:
        """The characters of these distinct words as sets of ids."""
        values, offsets = self._spelling
        lengths = offsets[forms + 1] - offsets[forms]
        layout = Layout.of(lengths.tolist())
        rows = torch.from_numpy(offsets[forms])[layout.set_index] + layout.place
        return VectorSets(values[rows], layout, layout.place[:, None].float())

    @cached_property
    def _spelling(self) -> tuple[Tensor, NDArray[np.int64]]:
        """Character ids of all words end to end, and where each word begins."""
        characters = self.spec.vocabularies["characters"]
        spelled: list[Sequence[int]] = [characters.encode(form) for form in self.forms]
        offsets = np.cumsum([0, *(len(s) for s in spelled)]).astype(np.int64)
        return torch.tensor([c for s in spelled for c in s], dtype=torch.int64), offsets


def _listed(given: Any, wanted: str) -> list[Any]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise UserError(f"give {wanted}, not `{given!r}`")
    return list(given)


class Sentences:
    """Sentences without right answers, to be predicted by a run: strings, or lists of words.

    how: `data.tokens`, for the strings among them; where the spec has a codec for the source, that splits them. Offers
    the `lengths` and `batch` of a split.
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
        forms = {word: i for i, word in enumerate(dict.fromkeys(w for words in self.words for w in words))}
        self._sets = WordSets(list(forms), spec, parts)
        self._forms = [np.array([forms[word] for word in words], dtype=np.int32) for words in self.words]
        self.lengths = np.array([len(words) for words in self.words], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.words)

    def batch(self, indices: Indices) -> Batch:
        """These sentences, packed."""
        forms = np.concatenate([self._forms[i] for i in indices])
        layout = Layout.of(self.lengths[indices].tolist())
        inputs = self._sets.pack(forms, layout, self._sets.word_of_form[forms])
        return Batch(inputs, {}, tuple(f"sentence {i + 1}" for i in indices.tolist()))
