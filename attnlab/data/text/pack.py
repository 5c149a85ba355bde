"""Words as packed sets of ids."""

from collections.abc import Sequence
from functools import cached_property

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
        """forms (N,): what is spelled; words (N,): ids in the vocabulary, `word_of_form[forms]` unless augmented."""
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
        """The characters of these distinct words as sets of ids."""
        values, offsets = self._spelling
        lengths = offsets[forms + 1] - offsets[forms]
        layout = Layout.of(lengths.tolist())
        rows = torch.from_numpy(offsets[forms])[layout.set_index] + layout.position
        return VectorSets(values[rows], layout, layout.position[:, None].float())

    @cached_property
    def _spelling(self) -> tuple[Tensor, NDArray[np.int64]]:
        """Character ids of all words end to end, and where each word begins."""
        characters = self.spec.vocabularies["characters"]
        spelled: list[Sequence[int]] = [characters.encode(form) for form in self.forms]
        offsets = np.cumsum([0, *(len(s) for s in spelled)]).astype(np.int64)
        return torch.tensor([c for s in spelled for c in s], dtype=torch.int64), offsets
