"""Words as packed sets of ids."""

from collections.abc import Sequence
from functools import cached_property
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec


class WordSets:
    """Packs sentences whose words are given by their number in `forms`, a list of distinct words.

    parts: whether the sets carry the characters of their words.
    """

    def __init__(self, forms: Sequence[str], spec: DataSpec, parts: bool) -> None:
        self.forms, self.spec, self.parts = forms, spec, parts
        self.word_of_form = np.array(spec.vocabularies["words"].encode(forms), dtype=np.int64)

    def pack(self, forms: NDArray[np.int32], layout: Layout, words: NDArray[np.int64]) -> VectorSets:
        """(N,) forms and (N,) ids of words in the vocabulary, `word_of_form[forms]` unless augmented -> sets of words, with
        coords (N, 1) and, where they have parts, the characters of each distinct form."""
        parts = part_index = None
        if self.parts:
            distinct, inverse = np.unique(forms, return_inverse=True)
            parts, part_index = self._characters(distinct), torch.from_numpy(inverse.astype(np.int64))
        return VectorSets(
            values=torch.from_numpy(words),
            layout=layout,
            coords=layout.position[:, None].float(),
            parts=parts,
            part_index=part_index,
        )

    def _characters(self, forms: NDArray[np.int32]) -> VectorSets:
        """(U,) distinct forms -> U sets of ids of characters."""
        values, offsets = self._character_ids
        lengths = offsets[forms + 1] - offsets[forms]
        layout = Layout.of(lengths.tolist())
        rows = torch.from_numpy(offsets[forms])[layout.set_index] + layout.position
        return VectorSets(values[rows], layout, layout.position[:, None].float())

    @cached_property
    def _character_ids(self) -> tuple[Tensor, NDArray[np.int64]]:
        """Ids of the characters of all forms, end to end; and where each form begins, (forms + 1,)."""
        characters = self.spec.vocabularies["characters"]
        ids = [characters.encode(form) for form in self.forms]
        offsets = np.cumsum([0, *map(len, ids)]).astype(np.int64)
        return torch.tensor(list(chain.from_iterable(ids)), dtype=torch.int64), offsets
