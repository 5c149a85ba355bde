"""Values to vectors of width D: the only place where words, characters and numbers differ."""

import math
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad

from attnlab.config import (
    LearnedEmbedding,
    LinearEmbedding,
    OneHotEmbedding,
    PretrainedEmbedding,
    StridedConvolutionEmbedding,
    WordCharEmbedding,
)
from attnlab.errors import UserError
from attnlab.model import linear
from attnlab.model.interfaces import Embedding
from attnlab.model.readout import set_max
from attnlab.sets import Layout, VectorSets
from attnlab.spec import DataSpec, Vocabulary
from attnlab.text_files import text_lines, unreadable


class OneHot(Embedding):
    """A fixed random unit code for each word, never trained: (N,) -> (N, D).

    One axis per word would make all words equally far apart; random directions do so nearly, at width D.
    """

    def __init__(self, config: OneHotEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
        codes = torch.randn(len(spec.vocabularies["words"]), width)
        self.codes: Tensor
        self.register_buffer("codes", codes / codes.norm(dim=1, keepdim=True) * width**0.5)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.codes[sets.values])


class Learned(Embedding):
    """A learned vector for each word: (N,) -> (N, D). The same as exact one-hot followed by a matrix."""

    def __init__(self, config: LearnedEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.table = table(len(spec.vocabularies["words"]), width)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.table(sets.values))


class Pretrained(Embedding):
    """Vectors from a file, brought to width D by a matrix: (N,) -> (N, D).

    Words that the file lacks start as small random vectors. `config.features` is the file's width;
    `load` fills the table when training starts, a run folder brings its own.
    """

    def __init__(self, config: PretrainedEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
        assert config.features is not None, "filled in from the file before the model is built"
        self.table = table(len(spec.vocabularies["words"]), config.features)
        self.table.weight.requires_grad_(config.trainable)
        self.project = linear.Linear(config.features, width)

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
        found = torch.tensor(vectors)
        with torch.no_grad():
            self.table.weight[torch.tensor(rows)] = found / found.std().clamp_min(1e-6)
        return len(rows)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.project(self.table(sets.values)))


class WordChar(Embedding):
    """A learned vector per word plus one made from its characters: (N,) and parts -> (N, D).

    Each distinct word of the batch is spelled once: a convolution over its characters, then the
    largest answer of each filter (Ma & Hovy 2016, section 2.1), so that order counts and unseen
    words have a vector.
    """

    needs_parts = True

    def __init__(self, config: WordCharEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.table = table(len(spec.vocabularies["words"]), width)
        self.characters = table(len(spec.vocabularies["characters"]), config.char_width)
        self.convolution = nn.Conv1d(
            config.char_width, config.char_filters, config.char_window, padding=config.char_window // 2
        )
        self.project = linear.Linear(config.char_filters, width)

    def forward(self, sets: VectorSets) -> VectorSets:
        assert sets.parts is not None and sets.part_index is not None, "word_char needs the words' characters"
        spelled = self.spell(sets.parts)
        return sets.with_values(self.table(sets.values) + spelled[sets.part_index])

    def spell(self, words: VectorSets) -> Tensor:
        """U words as sets of character ids -> (U, D).

        What a filter says of a window is a sum of what it says of each character in each of the window's places, and
        there are few characters: all of that is one small table, and no word is padded to the longest.
        """
        layout, weight = words.layout, self.convolution.weight  # (filters, char_width, window)
        bias: Tensor = self.convolution.bias  # type: ignore[assignment]
        with torch.autocast(weight.device.type, enabled=False):
            said = self.characters.weight @ weight.permute(2, 1, 0)  # (window, characters, filters)
            window, characters, _ = said.shape
            number = torch.arange(window, device=weight.device)
            row = torch.arange(len(words.values), device=weight.device)
            # (characters of all words, window): in which row of the word, and of all, each window's characters stand.
            place, row = (x[:, None] + number - window // 2 for x in (layout.position, row))
            inside = (place >= 0) & (place < layout.counts[layout.set_index][:, None])
            own = words.values[row.clamp_(0, max(0, len(row) - 1))] + characters * number
            # A last row of zeros stands for what is beyond the word.
            said = pad(said.flatten(0, 1), (0, 0, 0, 1))
            answers = embedding_bag(own.where(inside, len(said) - 1), said, mode="sum")
            best = set_max(answers, layout, empty=torch.finfo(answers.dtype).min)
        return self.project((best + bias).relu())


class Linear(Embedding):
    """Numbers through a matrix (for patches: Dosovitskiy et al. 2021, eq. 1): (N, F) -> (N, D)."""

    numbers = True

    def __init__(self, config: LinearEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
        assert spec.features is not None
        self.project = linear.Linear(spec.features, width)

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.project(sets.values))


class StridedConvolution(Embedding):
    """Every `stride`-th vector, made from its neighbours: (N, F) -> (N', D), N' about N / stride.

    Beyond the ends of a set the neighbours are zeros. What remains keeps its coordinates.
    """

    numbers = True
    shortens = True

    def __init__(self, config: StridedConvolutionEmbedding, spec: DataSpec, width: int) -> None:
        super().__init__()
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
        answers = self.convolution(padded.transpose(1, 2)).transpose(1, 2)  # (B, L', D)
        rows = layout.set_index * sets.layout.max_length + layout.position * self.stride
        coords = None if sets.coords is None else sets.layout.pad(sets.coords).flatten(0, 1)[rows]
        return VectorSets(layout.pack(answers), layout, coords)


def table(rows: int, width: int) -> nn.Embedding:
    """A table of small random vectors.

    The usual unit variance would make each rare word a loud random code, which is remembered instead of
    understood and drowns positions and spelling (measured on grammar and UD EWT: 0.02 to 0.5 do alike, 1 costs
    half a point and more).
    """
    embedding = nn.Embedding(rows, width)
    nn.init.normal_(embedding.weight, std=0.1)
    return embedding


EMBEDDINGS: dict[str, type[Embedding]] = {
    "one_hot": OneHot,
    "learned": Learned,
    "pretrained": Pretrained,
    "word_char": WordChar,
    "linear": Linear,
    "strided_convolution": StridedConvolution,
}


LARGEST = torch.finfo(torch.float32).max


def read_vectors(path: Path) -> Iterator[tuple[str, list[float]]]:
    """(word, numbers) of each line of a GloVe or word2vec text file, plain or .gz; the head line of word2vec ("count
    width") is skipped.

    Raises UserError where there is no such file, and for a line that isn't text or has another width.
    """
    if not path.is_file():
        raise UserError(f"`embedding.path={path}`: no such file")
    width = None
    for number, line in enumerate(text_lines(path), 1):
        if problem := unreadable(line):
            raise UserError(f"{path}:{number}: {problem}")
        fields = line.rstrip().split(" ")
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


def vector_width(path: Path) -> int:
    """How many numbers the file gives for a word."""
    for _, numbers in read_vectors(path):
        return len(numbers)
    raise UserError(f"`embedding.path={path}`: no vectors in it")
