"""Keys of `embedding=`."""

from collections.abc import Iterator
from dataclasses import dataclass

from attnlab.config.keys import WIDEST, key
from attnlab.registry import EMBEDDINGS


@dataclass
class EmbeddingConfig:
    """Values to vectors."""

    name: str = key("???", "choice", choices=EMBEDDINGS)


@dataclass
@EMBEDDINGS.builtin("auto", "attnlab.model.embeddings:Auto")
class AutoEmbedding(EmbeddingConfig):
    """What suits the data: a learned vector for each word, or a matrix for vectors of numbers."""


@dataclass
@EMBEDDINGS.builtin("one_hot", "attnlab.model.embeddings:OneHot")
class OneHotEmbedding(EmbeddingConfig):
    """A fixed random unit code per word: all words equally far apart, nothing learned."""


@dataclass
@EMBEDDINGS.builtin("learned", "attnlab.model.embeddings:Learned")
class LearnedEmbedding(EmbeddingConfig):
    """A learned vector per word."""


@dataclass
@EMBEDDINGS.builtin("pretrained", "attnlab.model.embeddings:Pretrained")
class PretrainedEmbedding(EmbeddingConfig):
    """Vectors read from a GloVe or word2vec text file (.gz too), then trained on."""

    path: str = key("???", "text file of vectors: a word and its numbers on each line")
    features: int | None = key(None, "width of the file's vectors; null: read from the file", min=1, max=WIDEST)
    trainable: bool = key(True, "whether training changes the vectors")


@dataclass
@EMBEDDINGS.builtin("word_char", "attnlab.model.embeddings:WordChar")
class WordCharEmbedding(EmbeddingConfig):
    """A learned vector per word, plus one made from its characters by a small convolution."""

    char_width: int = key(32, "width of a character's vector", min=1, max=WIDEST)
    char_window: int = key(5, "width of the convolution's window, in characters (odd)", min=1, max=1001)
    char_filters: int = key(128, "number of filters of the convolution", min=1, max=WIDEST)

    def problems(self) -> Iterator[str]:
        if self.char_window % 2 == 0:
            yield f"`embedding.char_window={self.char_window}` must be odd"


@dataclass
@EMBEDDINGS.builtin("linear", "attnlab.model.embeddings:Linear")
class LinearEmbedding(EmbeddingConfig):
    """Vectors of numbers, brought to width D by a matrix."""


@dataclass
@EMBEDDINGS.builtin("strided_convolution", "attnlab.model.embeddings:StridedConvolution")
class StridedConvolutionEmbedding(EmbeddingConfig):
    """A convolution in steps over neighbouring vectors: the set becomes shorter."""

    window: int = key(5, "width of the convolution's window, in vectors (odd)", min=1, max=1001)
    stride: int = key(2, "stride of the convolution: sets become this many times shorter", min=1, max=1000)

    def problems(self) -> Iterator[str]:
        if self.window % 2 == 0:
            yield f"`embedding.window={self.window}` must be odd"
