"""Values to vectors of width D: the only module in which words, characters and numbers differ."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad

from attnlab.config import EmbeddingConfig, LearnedEmbedding, LinearEmbedding, PretrainedEmbedding
from attnlab.config.model import embedding as keys
from attnlab.errors import UserError
from attnlab.local_files import is_regular, user_path
from attnlab.model import linear
from attnlab.model.interfaces import Embedding
from attnlab.model.readout import set_max
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec, Vocabulary
from attnlab.text_files import text_lines, unreadable


class Auto(Embedding):
    """Stands in a configuration for the embedding that suits the data, until these are known."""

    numbers = None

    @classmethod
    def resolved(cls, config: EmbeddingConfig, spec: DataSpec) -> EmbeddingConfig:
        """A learned vector for each id, a matrix for vectors of numbers."""
        return LearnedEmbedding() if spec.features is None else LinearEmbedding()


class OneHot(Embedding):
    """A fixed random unit code for each word, never trained: (N,) ids -> (N, D).

    One axis per word would make all words equally far apart; random directions do so nearly, at width D.
    """

    by_vocabulary: ClassVar[Mapping[str, str]] = {"codes": "words"}

    def __init__(self, config: keys.OneHotEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        codes = torch.randn(len(spec.vocabularies["words"]), width)
        self.codes: Tensor
        self.register_buffer("codes", codes / codes.norm(dim=1, keepdim=True) * width**0.5)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.codes[sets.values])


class Learned(Embedding):
    """A learned vector for each word, the same as exact one-hot followed by a matrix: (N,) ids -> (N, D)."""

    by_vocabulary: ClassVar[Mapping[str, str]] = {"table.weight": "words"}

    def __init__(self, config: LearnedEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.table = table(len(spec.vocabularies["words"]), width)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.table(sets.values))


class Pretrained(Embedding):
    """Vectors from a file, brought to width D by a matrix: (N,) ids -> (N, D).

    Words that the file lacks start as small random vectors. `config.features` is the file's width.
    """

    by_vocabulary: ClassVar[Mapping[str, str]] = {"table.weight": "words"}

    def __init__(self, config: PretrainedEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        assert config.features is not None, "filled in from the file before the model is built"
        self.table = table(len(spec.vocabularies["words"]), config.features)
        self.table.weight.requires_grad_(config.trainable)
        self.project = linear.Linear(config.features, width)

    @classmethod
    def resolved(cls, config: EmbeddingConfig, spec: DataSpec) -> EmbeddingConfig:
        """With the width of the file's vectors. Raises UserError where there is no such file, or no vector in it."""
        assert isinstance(config, PretrainedEmbedding)
        if config.features is not None:
            return config
        for _, numbers in read_vectors(user_path(config.path)):
            return replace(config, features=len(numbers))
        raise UserError(f"`embedding.path={config.path}`: no vectors in it")

    def start_from_files(self, config: EmbeddingConfig, spec: DataSpec) -> None:
        assert isinstance(config, PretrainedEmbedding)
        self.load(user_path(config.path), spec.vocabularies["words"])

    def load(self, path: Path, vocabulary: Vocabulary) -> int:
        """Copy the file's vectors of known words, scaled to unit variance; returns how many there were.

        Raises UserError where the file has none of the words, or vectors of another width.
        """
        rows, vectors, width = [], [], self.table.embedding_dim
        for word, numbers in read_vectors(path):
            if len(numbers) != width:
                raise UserError(
                    f"`embedding.features={width}`: {path} gives {len(numbers)} numbers for a word; leave the key out"
                )
            row = vocabulary.ids.get(word)
            if row is not None:
                rows.append(row)
                vectors.append(numbers)
        if not rows:
            raise UserError(f"`embedding.path={path}`: none of its words occurs in the training data")
        known = torch.tensor(vectors)
        with torch.no_grad():
            self.table.weight[torch.tensor(rows)] = known / known.std().clamp_min(1e-6)
        return len(rows)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.project(self.table(sets.values)))


class WordChar(Embedding):
    """A learned vector per word plus one made from its characters: (N,) ids, and parts -> (N, D).

    Each distinct word of the batch is computed once: a convolution over its characters, then the maximum of each filter
    (Ma & Hovy 2016, section 2.1), so that order counts and unseen words have a vector.
    """

    needs_parts = True
    by_vocabulary: ClassVar[Mapping[str, str]] = {"table.weight": "words", "characters.weight": "characters"}

    def __init__(self, config: keys.WordCharEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.table = table(len(spec.vocabularies["words"]), width)
        self.characters = table(len(spec.vocabularies["characters"]), config.char_width)
        self.convolution = nn.Conv1d(
            config.char_width, config.char_filters, config.char_window, padding=config.char_window // 2
        )
        self.project = linear.Linear(config.char_filters, width)

    def forward(self, sets: VectorSets) -> VectorSets:
        assert sets.parts is not None and sets.part_index is not None, "word_char needs the words' characters"
        return sets.with_values(self.table(sets.values) + self.from_characters(sets.parts)[sets.part_index])

    def from_characters(self, words: VectorSets) -> Tensor:
        """U words as sets of character ids -> (U, D).

        A filter's output for a window is a sum over the window's characters, and there are few characters: the product
        of each filter with each character at each offset is one small table, and no word is padded to the longest.
        """
        layout, weight = words.layout, self.convolution.weight  # (filters, char_width, window)
        bias: Tensor = self.convolution.bias  # type: ignore[assignment]
        with torch.autocast(weight.device.type, enabled=False):
            products = self.characters.weight @ weight.permute(2, 1, 0)  # (window, characters, filters)
            window, characters, _ = products.shape
            offset = torch.arange(window, device=weight.device)
            row = torch.arange(len(words.values), device=weight.device)
            # (characters of all words, window): the position in its word, and the row, of each character of each window.
            position, row = (x[:, None] + offset - window // 2 for x in (layout.position, row))
            inside = (position >= 0) & (position < layout.counts[layout.set_index][:, None])
            index = words.values[row.clamp_(0, max(0, len(row) - 1))] + characters * offset
            # A last row of zeros stands for what is beyond the word.
            products = pad(products.flatten(0, 1), (0, 0, 0, 1))
            outputs = embedding_bag(index.where(inside, len(products) - 1), products, mode="sum")
            maxima = set_max(outputs, layout, empty=torch.finfo(outputs.dtype).min)
        return self.project((maxima + bias).relu())


class Linear(Embedding):
    """Numbers through a matrix (for patches: Dosovitskiy et al. 2021, eq. 1): (N, F) -> (N, D)."""

    numbers = True

    def __init__(self, config: LinearEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        assert spec.features is not None
        self.project = linear.Linear(spec.features, width)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.project(sets.values))


class StridedConvolution(Embedding):
    """Every `stride`-th vector, made from its neighbours: (N, F) -> (N', D), N' about N / stride.

    Beyond the ends of a set the neighbours are zeros. What remains keeps its coordinates. Raises UserError where the data
    have other than one coordinate.
    """

    numbers = True

    def __init__(self, config: keys.StridedConvolutionEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        assert spec.features is not None
        if spec.num_coords != 1:
            raise UserError(
                f"`embedding={config.name}` needs vectors in a row (one coordinate); these have {spec.num_coords}"
            )
        self.stride = config.stride
        self.convolution = nn.Conv1d(
            spec.features, width, config.window, config.stride, padding=config.window // 2
        )

    def forward(self, sets: VectorSets) -> VectorSets:
        layout = Layout.of([-(-length // self.stride) for length in sets.lengths]).to(sets.values.device)
        padded, _ = sets.pad()  # (B, L, F)
        outputs = self.convolution(padded.transpose(1, 2)).transpose(1, 2)  # (B, L', D)
        rows = layout.set_index * sets.layout.max_length + layout.position * self.stride
        coords = None if sets.coords is None else sets.layout.pad(sets.coords).flatten(0, 1)[rows]
        return VectorSets(layout.pack(outputs), layout, coords)


def table(rows: int, width: int) -> nn.Embedding:
    """A table of small random vectors, (rows, width).

    With the usual unit variance the random vectors of rare words outweigh positions and characters, and are memorised
    (measured on grammar and UD EWT: standard deviations of 0.02 to 0.5 do alike, 1 costs half a point and more).
    """
    embedding = nn.Embedding(rows, width)
    nn.init.normal_(embedding.weight, std=0.1)
    return embedding


LARGEST = torch.finfo(torch.float32).max


def read_vectors(path: Path) -> Iterator[tuple[str, list[float]]]:
    """(word, numbers) of each line of a GloVe or word2vec text file, plain or .gz; the head line of word2vec ("count
    width") is skipped.

    Raises UserError where there is no such file, and for a line that isn't text or has another width.
    """
    if not is_regular(path):
        raise UserError(
            f"`embedding.path={path}`: {'a folder; give a file of it' if path.is_dir() else 'no such file'}"
        )
    width = None
    for number, line in enumerate(text_lines(path), 1):
        if problem := unreadable(line):
            raise UserError(f"{path}:{number}: {problem}")
        fields = line.rstrip(" \t\r\n").split(" ")  # words may hold any other white space
        if number == 1 and len(fields) == 2:
            continue
        width = len(fields) - 1 if width is None else width
        # A few words of GloVe 840B hold spaces: the numbers are the last `width` fields.
        word, numbers = " ".join(fields[:-width]), fields[-width:]
        try:
            vector = [float(x) for x in numbers]
        except ValueError:
            vector = []
        usable = vector and all(map(math.isfinite, vector)) and max(map(abs, vector)) <= LARGEST
        if not word or width < 2 or not usable:
            raise UserError(f"{path}:{number}: expected a word and {width} numbers")
        yield word, vector
