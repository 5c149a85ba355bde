"""Every key of the configuration: one dataclass per node, with type, default and one sentence each.

Nothing here imports torch or Hydra: a mistake in the configuration is found before anything heavy
is loaded. `compose.py` turns words on the command line into these dataclasses.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any

from attnlab.combinations import (
    KERNELS,
    POSITIONS,
    SCORES,
    parse_count,
    parse_scope,
    parse_scopes,
    parse_structures,
    refusal,
)
from attnlab.errors import UserError, suggestion


def key(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """A documented configuration key; `choices`, `least` and `most` are checked by `check`."""
    metadata = {"help": help, "choices": choices, "least": least, "most": most}
    if isinstance(default, list):
        return field(default_factory=lambda: list(default), metadata=metadata)
    return field(default=default, metadata=metadata)


# --- data -----------------------------------------------------------------------------------------


@dataclass
class Origin:
    """What may be known of any data set."""

    name: str = key("???", "the data set's name")
    origin: str | None = key(None, "where the data are to be had, for `attnlab data` and for whoever lacks them")
    licence: str | None = key(None, "under which terms they are, as far as it is known")


@dataclass
class OnHub(Origin):
    """A data set that may be had from the Hugging Face hub."""

    hub: str | None = key(
        None, "its id on the Hugging Face hub, such as user/name; read where there is no data.path"
    )
    config: str | None = key(None, "hub: which of its configurations; null: the only one")
    revision: str | None = key(
        None, "hub: a commit, branch or tag; null: the newest; a run keeps the commit that it was trained on"
    )

    def hub_problems(self, generated: bool) -> Iterator[str]:
        """generated: whether these data come with the program."""
        if self.hub is None:
            for name in ("config", "revision"):
                if getattr(self, name) is not None:
                    yield f"`data.{name}={getattr(self, name)}` needs `data.hub=`"
        elif generated:
            yield f"`data.hub={self.hub}`: data={self.name} come with the program; choose data for your own, such as csv"
        elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.hub):
            yield f"`data.hub={self.hub}`: write an id such as stanfordnlp/imdb; files of your own go by `data.path=`"


def encoding_problems(encoding: str) -> Iterator[str]:
    """Why there is no such encoding of text."""
    try:
        known = codecs.lookup(encoding)._is_text_encoding
    except LookupError:
        known = False
    if not known:
        yield f"`data.encoding={encoding}`: unknown; usual ones are utf-8, utf-16, cp1252 and latin-1"


@dataclass
class TextData(OnHub):
    """Sentences of words."""

    loader: str = key("text", "which loader reads it", choices=("text",))
    source: str = key("???", "where the sentences come from", choices=("grammar", "reviews", "conllu"))
    path: str | None = key(None, "local file, or folder of them; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(None, "use only the first so many training examples", least=1)
    validation: float = key(
        0.1, "share of the training examples held out where there is no validation split", least=0, most=0.9
    )
    test: float = key(
        0.1, "share of the training examples held out where there is no test split", least=0, most=0.9
    )
    split_seed: int = key(0, "of held-out shares", least=0)
    skip_bad: bool = key(False, "leave bad rows out, and count them, instead of refusing the file")
    tokens: str = key(
        "words",
        "what a string is split into: words and punctuation marks, what stands between spaces, or characters",
        choices=("words", "spaces", "characters"),
    )
    max_length: int = key(2048, "longest sentence, in words", least=1)
    too_long: str = key("refuse", "what happens to a longer one", choices=("refuse", "cut", "drop"))
    min_count: int = key(1, "training words seen less often share the unknown word's vector", least=1)
    unknown: float = key(
        1.0,
        "a word seen c times in training is replaced by <unk> with probability unknown / (unknown + c)",
        least=0,
        most=100,
    )

    def problems(self) -> Iterator[str]:
        yield from self.hub_problems(self.source in ("grammar", "reviews"))
        yield from encoding_problems(self.encoding)
        if self.validation + self.test > 0.9:
            yield f"`data.validation={self.validation}` and `data.test={self.test}` must leave a tenth for training"


@dataclass
class TaggedData(TextData):
    """Words and their tags: in two columns, in .jsonl, or on the hub."""

    loader: str = key("tagged", "which loader reads it", choices=("tagged",))
    source: str = key("tagged", "where the sentences come from", choices=("tagged",))
    words: Any = key(None, "where the words are: a column's number (null: 1), or its name in .jsonl (null: words)")
    tags: Any = key(None, "where their tags are: a column's number (null: 2), or its name in .jsonl (null: tags)")

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        for name in ("words", "tags"):
            column = getattr(self, name)
            if column is not None and (isinstance(column, bool) or not isinstance(column, int | str)):
                yield f"`data.{name}={column}`: a column is a name or a number"
            elif isinstance(column, int) and column < 1:
                yield f"`data.{name}={column}`: columns are numbered from 1"


@dataclass
class TableData(TextData):
    """Rows of a .csv, .tsv or .jsonl file: a text and what is to be said of it."""

    loader: str = key("table", "which loader reads it", choices=("table",))
    source: str = key("table", "where the sentences come from", choices=("table",))
    text: Any = key(
        "text", "the column of the text: its name in the header line, or its number where there is none"
    )
    label: Any = key("label", "the column of the label; of target_kind=classes a list: `[funny,sad]`")
    group: Any = key(None, "a column, such as the author: rows that agree in it are held out together")
    target_kind: str = key(
        "class",
        "what a label is: one class, a number, or yes (1), no (0) or unknown (empty) in each of several columns",
        choices=("class", "classes", "number"),
    )

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        several = self.target_kind == "classes"
        if isinstance(self.label, list) != several:
            wanted = "a list of columns" if several else "one column"
            yield f"`data.label={self.label}`: data.target_kind={self.target_kind} needs {wanted}"
        columns = [self.text, *(self.label if isinstance(self.label, list) else [self.label])]
        columns += [] if self.group is None else [self.group]
        numbers = [column for column in columns if isinstance(column, int)]
        if any(not isinstance(column, int | str) or isinstance(column, bool) for column in columns):
            yield f"`data.text={self.text} data.label={self.label}`: a column is a name or a number"
        elif numbers and len(numbers) < len(columns):
            yield (
                f"`data.text={self.text} data.label={self.label}`: give either names, which stand in the first line, "
                "or numbers, where there is no such line"
            )
        elif any(number < 1 for number in numbers):
            yield f"`data.text={self.text} data.label={self.label}`: columns are numbered from 1"
        elif len(set(columns)) < len(columns):
            yield f"`data.text={self.text} data.label={self.label}`: the same column twice"


@dataclass
class ParallelData(OnHub):
    """Sentences with their translations."""

    loader: str = key("parallel", "which loader reads it", choices=("parallel",))
    source: str = key("???", "in which form the pairs come", choices=("bilingual", "lines", "table"))
    path: str | None = key(None, "folder of local files, or a table; null for generated data and the hub")
    encoding: str = key(
        "utf-8", "how the files write letters: utf-8, utf-16, cp1252 (Windows), latin-1, shift_jis, …"
    )
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    source_language: str = key("en", "what is translated: the ending of its files, or its column")
    target_language: str = key("de", "what it is translated into")
    test_name: str | None = key(None, "which test set, where there are several, such as test_2016_flickr")
    limit: int | None = key(None, "use only the first so many training pairs", least=1)
    validation: float = key(
        0.1, "share of the training pairs held out where there is no validation split", least=0, most=0.9
    )
    test: float = key(0.1, "share of the training pairs held out where there is no test split", least=0, most=0.9)
    split_seed: int = key(0, "of held-out shares", least=0)
    skip_bad: bool = key(False, "leave bad rows out, and count them, instead of refusing the file")
    tokens: str = key(
        "bpe",
        "what text is split into: pieces of words (bpe, unigram), words and punctuation marks, or characters",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(8000, "tokens learned from training text, at the most; not for characters", least=100)
    joint_vocabulary: bool = key(False, "one list of tokens for both languages")
    max_length: int = key(1024, "longest sentence on either side, in tokens", least=1)
    too_long: str = key("refuse", "what happens to a pair with a longer one", choices=("refuse", "cut", "drop"))

    def problems(self) -> Iterator[str]:
        yield from self.hub_problems(self.source == "bilingual")
        yield from encoding_problems(self.encoding)
        if self.source_language == self.target_language:
            yield f"`data.target_language={self.target_language}` is the source language, too"
        if self.test_name is not None and self.source != "lines":
            yield f"`data.test_name={self.test_name}`: only data=parallel and its like have several test sets"


@dataclass
class ImageData(OnHub):
    """Pictures as sets of patches, each with its row and column."""

    loader: str = key("image", "which loader reads it", choices=("image",))
    source: str = key("???", "in which form the pictures come", choices=("digits", "idx", "folder", "cifar10"))
    path: str | None = key(None, "folder of local files; null for embedded data and the hub")
    image: str = key("image", "hub: the column of the pictures")
    label: str = key("label", "hub: the column of their classes")
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(None, "use only the first so many training pictures", least=1)
    validation: float = key(
        0.1, "share of the training pictures held out, where there is no validation split", least=0, most=0.9
    )
    test: float = key(
        0.1, "share of the training pictures held out, where there is no test split", least=0, most=0.9
    )
    split_seed: int = key(0, "of held-out shares", least=0)
    classes: list[str] | None = key(None, "idx: the names of classes 0, 1, …; null: their numbers")
    colour: str = key("rgb", "channels that pictures are brought to", choices=("grey", "rgb"))
    patch: int = key(4, "side of a patch, in pixels; 1: a vector for each pixel", least=1)
    stride: int | None = key(None, "pixels from one patch to the next; null: patches don't overlap", least=1)
    max_length: int = key(4096, "most patches of a picture", least=1)
    flip: bool = key(False, "training: mirror every other picture, left to right")
    shift: int = key(0, "training: move pictures by up to so many pixels each way", least=0)
    skip_bad: bool = key(False, "leave out pictures that cannot be used, and count them, instead of stopping")

    def problems(self) -> Iterator[str]:
        yield from self.hub_problems(self.source == "digits")
        if self.stride is not None and self.stride > self.patch:
            yield f"data.stride={self.stride} must be at most data.patch={self.patch}, or pixels would be lost"


@dataclass
class SpeechData(OnHub):
    """Recordings of speech, cut into short frames."""

    loader: str = key("speech", "which loader reads it", choices=("speech",))
    source: str = key(
        "???",
        "where the recordings come from",
        choices=("voices", "fsdd", "folder", "manifest", "speech_commands"),
    )
    path: str | None = key(None, "folder of recordings, or manifest file; null for generated data and the hub")
    audio: str = key("audio", "hub: the column of the recordings")
    label: str = key("label", "hub: the column of their classes")
    speaker: str | None = key(None, "hub: the column of who speaks")
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(None, "use only so many training examples, evenly spread over the list", least=1)
    max_length: float = key(60.0, "longest recording, in seconds", least=0.001)
    too_long: str = key("refuse", "what happens to a longer one", choices=("refuse", "cut", "drop"))
    skip_bad: bool = key(False, "leave out recordings that cannot be used, with a count, instead of refusing")
    strings: bool = key(False, "source=voices: strings of 3 to 5 digits instead of single ones")
    text: str | None = key(None, "source=manifest: the column of what is said; null: no transcripts")
    tokens: str = key(
        "characters",
        "what transcripts are split into, as for data=parallel",
        choices=("bpe", "unigram", "words", "characters"),
    )
    subwords: int = key(
        1000, "tokens learned from training transcripts, at the most; not for characters", least=100
    )
    join: float | None = key(
        None, "utterances of about so many seconds, joined from recordings of one speaker", least=0.1
    )
    join_repeats: int = key(4, "how often each recording occurs in joined utterances", least=1)
    # From sound to vectors.
    rate: int = key(8000, "samples per second; recordings at another rate are resampled", least=100)
    channels: str = key("mix", "how several channels become one", choices=("mix", "left", "refuse"))
    features: str = key("log_mel", "what describes a frame", choices=("log_mel", "mfcc", "fbank"))
    bands: int = key(40, "mel bands", least=2)
    coefficients: int = key(20, "features=mfcc: coefficients kept", least=1)
    window: float = key(25.0, "length of a frame, in milliseconds", least=1)
    hop: float = key(10.0, "from one frame to the next, in milliseconds", least=1)
    normalise: str = key(
        "utterance",
        "mean 0 and variance 1 of each feature over what",
        choices=("utterance", "training", "none"),
    )
    stack: int = key(3, "neighbouring frames that become one vector", least=1)
    # Of training recordings, drawn anew in every epoch.
    noise: float | None = key(None, "loudest added noise: its signal-to-noise ratio in dB; null: none")
    gain: float = key(0.0, "louder or softer by up to so many dB", least=0)
    shift: float = key(0.0, "earlier or later by up to so many milliseconds", least=0)
    speed: float = key(0.0, "faster or slower by up to this share, pitch and formants with it", least=0, most=0.5)
    mask_time: float = key(0.0, "longest of two masked stretches of time, in milliseconds", least=0)
    mask_bands: int = key(0, "broadest of two masked ranges of features", least=0)
    # Who is trained on, who is tested.
    validation: float = key(
        0.1, "share of training examples held out where the source names none", least=0, most=0.9
    )
    test: float = key(0.1, "share of all examples held out where the source names none", least=0, most=0.9)
    group: str | None = key(None, "keep examples of one speaker in one split", choices=("speaker",))
    folds: str | None = key(
        None, "cross-validation: a number of folds, or `speaker` to leave each one out in turn"
    )
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(0, "of held-out shares and folds", least=0)

    def problems(self) -> Iterator[str]:
        yield from self.hub_problems(self.source == "voices")
        if (
            self.folds is not None
            and self.folds != "speaker"
            and not (self.folds.isdecimal() and int(self.folds) > 2)
        ):
            yield f"`data.folds={self.folds}`: write a number of at least 3, or `speaker`"
        if self.fold is not None and self.folds is None:
            yield f"`data.fold={self.fold}` needs `data.folds=`"
        if self.folds is not None and self.join is not None:
            yield "`data.join` and `data.folds` cannot be combined: joined utterances follow the source's own split"
        if self.text is not None and self.source != "manifest":
            yield f"`data.text={self.text}` names a column of a manifest: `data=speech_manifest`"
        if self.text is not None and self.too_long == "cut":
            yield "`data.too_long=cut` would cut what is heard, but not what is said (`data.text`); choose refuse or drop"
        if self.strings and self.source != "voices":
            yield "`data.strings=true` is for generated data (`data=voices`); join recordings by `data.join=`"
        if self.join is not None and self.source == "voices":
            yield "`data.join` is for recordings; generated strings of digits come by `data.strings=true`"
        if self.features == "mfcc" and self.coefficients > self.bands:
            yield f"`data.coefficients={self.coefficients}` must be at most data.bands={self.bands}"


GRAPH_SOURCES = ("molecules", "karate", "tu", "molecule_net", "jsonl")


@dataclass
class GraphData(Origin):
    """Graphs: nodes with features, and the edges between them."""

    name: str = key("???", "the data set's name; of TU sets that of their files, as in MUTAG_A.txt")
    loader: str = key("graph", "which loader reads it", choices=("graph",))
    source: str = key("???", "where the graphs come from", choices=GRAPH_SOURCES)
    path: str | None = key(
        None, "folder of a TU set, table of MoleculeNet, or .jsonl file or folder; null for embedded data"
    )
    hub: str | None = key(
        None,
        "source=tu, molecule_net: name of a set, such as ENZYMES or ESOL; downloaded where there is no data.path",
    )
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    limit: int | None = key(None, "use only so many training graphs, evenly spread over the list", least=1)
    target_kind: str = key(
        "class",
        "jsonl: what a label is: one class, a number, a list of yes (1), no (0) or unknown (null), or a class for "
        "each node",
        choices=("class", "number", "classes", "vector_classes"),
    )
    directed: bool = key(False, "jsonl: an edge leads only from its first node to its second")
    structure: Any = key(
        None,
        "what tells a node's role, joined to its features: laplacian:8, random_walk:16, degree, size (of its graph) or a "
        "list; null: none, or degree where nodes have no features",
    )
    flip_signs: bool = key(True, "training: flip the signs of laplacian vectors, which mean nothing, at random")
    labelled: int = key(4, "source=karate: nodes of each side whose label is learned", least=1)
    skip_bad: bool = key(False, "leave bad graphs out, and count them, instead of refusing")
    validation: float = key(
        0.1, "share of training graphs held out where the source names none", least=0, most=0.9
    )
    test: float = key(0.1, "share of all graphs held out where the source names none", least=0, most=0.9)
    folds: str | None = key(None, "cross-validation: a number of folds")
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(0, "of held-out shares and folds, and of the nodes that are labelled", least=0)

    def __post_init__(self) -> None:
        self.name = self.name or self.hub or ""

    def problems(self) -> Iterator[str]:
        if not self.name:
            yield f"`data.name` is missing: which set of data={self.source}; set it with `data.name=…`, or by `data.hub=…`"
        if self.hub is not None:
            yield from self._hub_problems(self.hub)
        if self.folds is not None and not (self.folds.isdecimal() and int(self.folds) > 2):
            yield f"`data.folds={self.folds}`: write a number of at least 3"
        if self.fold is not None and self.folds is None:
            yield f"`data.fold={self.fold}` needs `data.folds=`"
        if self.folds is not None and (self.source == "karate" or self.target_kind == "vector_classes"):
            yield "`data.folds` divides graphs by their label; these have labels for nodes"
        try:
            parse_structures(self.structure)
        except UserError as error:
            yield str(error)

    def _hub_problems(self, hub: str) -> Iterator[str]:
        if self.source not in ("tu", "molecule_net"):
            yield f"`data.hub={hub}`: only sets of data=tu and data=molecule_net are downloaded by name"
        elif self.name != hub:
            yield f"`data.hub={hub} data.name={self.name}`: two names; give one"
        elif not re.fullmatch(r"\w[\w.-]*", hub):
            yield f"`data.hub={hub}`: write the name of a set, such as ENZYMES"


# --- model ----------------------------------------------------------------------------------------


@dataclass
class AutoEmbedding:
    """What suits the data: a learned vector for each word, or a matrix for vectors of numbers."""

    name: str = key("auto", "choice; a run keeps what was chosen", choices=("auto",))


@dataclass
class OneHotEmbedding:
    """A fixed random unit code per word: all words equally far apart, nothing learned."""

    name: str = key("one_hot", "choice", choices=("one_hot",))


@dataclass
class LearnedEmbedding:
    """A learned vector per word."""

    name: str = key("learned", "choice", choices=("learned",))


@dataclass
class PretrainedEmbedding:
    """Vectors read from a GloVe or word2vec text file (.gz too), then trained on."""

    name: str = key("pretrained", "choice", choices=("pretrained",))
    path: str = key("???", "the text file: a word and its numbers per line")
    features: int | None = key(None, "width of the file's vectors; null: read from the file", least=1)
    trainable: bool = key(True, "whether training changes the vectors")


@dataclass
class WordCharEmbedding:
    """A learned vector per word, plus one made from its characters by a small convolution."""

    name: str = key("word_char", "choice", choices=("word_char",))
    char_width: int = key(32, "width of a character's vector", least=1)
    char_window: int = key(5, "characters that the convolution sees at once (odd)", least=1)
    char_filters: int = key(128, "features that the convolution looks for", least=1)


PARAMETERS_HELP = "about so many in the encoder, such as 1M: picks encoder.width; null: the width as given"


@dataclass
class LinearEmbedding:
    """Vectors of numbers, brought to width D by a matrix."""

    name: str = key("linear", "choice", choices=("linear",))


@dataclass
class StridedConvolutionEmbedding:
    """A convolution in steps over neighbouring vectors: the set becomes shorter."""

    name: str = key("strided_convolution", "choice", choices=("strided_convolution",))
    window: int = key(5, "neighbouring vectors seen at once (odd)", least=1)
    stride: int = key(2, "vectors from one step to the next", least=1)

    def problems(self) -> Iterator[str]:
        if self.window % 2 == 0:
            yield f"`embedding.window={self.window}` must be odd"


@dataclass
class AttentionEncoder:
    """Pre-norm blocks: attention over the set, then a feed-forward layer for each vector."""

    name: str = key("attention", "choice", choices=("attention",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(2, "number of blocks", least=1)
    heads: int = key(4, "H: attention heads", least=1)
    head_width: int | None = key(None, "K: width of one head; null: D / H", least=1)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", least=1)
    activation: str = key("gelu", "of the feed-forward layer", choices=("gelu", "relu"))
    dropout: float = key(0.1, "after embedding, attention and feed-forward", least=0, most=0.99)
    attention_dropout: float = key(0.0, "share of attention weights dropped in training", least=0, most=0.99)
    score: str = key("scaled_dot", f"how well two vectors match: {', '.join(SCORES)}", choices=SCORES)
    scope: Any = key(
        "full",
        "who may look at whom: full, window:RADIUS (in coordinates, or a time such as window:40ms), edges, causal; "
        "a list is cycled over the layers",
    )
    position: str = key("rotary", f"how places enter: {', '.join(POSITIONS)}", choices=POSITIONS)
    max_place: int = key(512, "position=learned: places from 0 up to below this one are trained", least=1)
    kernel: str = key("auto", f"how attention is computed: auto, {', '.join(KERNELS)}", choices=("auto", *KERNELS))

    @property
    def width_of_head(self) -> int:
        """K."""
        return self.head_width or self.width // self.heads

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return 2 if self.head_width else 2 * self.heads

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)
        if self.width % self.heads and self.head_width is None:
            yield (
                f"encoder.width={self.width} must be a multiple of encoder.heads={self.heads}, "
                "unless encoder.head_width is set"
            )
        try:
            scopes = parse_scopes(self.scope)
        except UserError as error:
            yield f"`encoder.scope`: {error}"
            return
        for scope in scopes:
            refused = refusal(self.kernel, self.score, scope, self.position)
            if refused:
                yield f"`encoder`: {refused}"


@dataclass
class RecurrentEncoder:
    """An LSTM or GRU that reads the vectors in order of their places, forwards and backwards."""

    name: str = key("recurrent", "choice", choices=("recurrent",))
    width: int = key(128, "D: width of every vector inside the model (even: half for each direction)", least=2)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(2, "number of layers", least=1)
    cell: str = key("lstm", "what carries the past", choices=("lstm", "gru"))
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    width_step = 2

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)
        if self.width % 2:
            yield f"encoder.width={self.width} must be even: half of it reads forwards, half backwards"


@dataclass
class ConvolutionEncoder:
    """Pre-norm residual convolutions over places on a line or a grid."""

    name: str = key("convolution", "choice", choices=("convolution",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(4, "number of layers", least=1)
    radius: int = key(1, "places seen on each side along each axis, by each layer", least=0)
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    width_step = 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)


@dataclass
class FullyConnectedEncoder:
    """A window of neighbours through one fully connected layer per block: what attention replaces."""

    name: str = key("fully_connected", "choice", choices=("fully_connected",))
    width: int = key(128, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(1, "number of blocks", least=1)
    radius: int = key(3, "neighbours seen on each side", least=0)
    dropout: float = key(0.1, "after embedding and each block", least=0, most=0.99)

    width_step = 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)


@dataclass
class GraphConvEncoder:
    """Residual graph convolutions of PyTorch Geometric over the edges."""

    name: str = key("graph_conv", "choice", choices=("graph_conv",))
    width: int = key(64, "D: width of every vector inside the model", least=1)
    parameters: Any = key(None, PARAMETERS_HELP)
    depth: int = key(4, "number of layers", least=1)
    convolution: str = key(
        "gin",
        "what a node does with its neighbours; gcn doesn't look at edge values",
        choices=("gin", "gatv2", "gcn"),
    )
    heads: int = key(4, "convolution=gatv2: attention heads", least=1)
    dropout: float = key(0.1, "after embedding and each layer", least=0, most=0.99)

    @property
    def width_step(self) -> int:
        """Widths that fit are multiples of this."""
        return self.heads if self.convolution == "gatv2" else 1

    def problems(self) -> Iterator[str]:
        yield from _parameters_problem(self.parameters)
        if self.convolution == "gatv2" and self.width % self.heads:
            yield f"encoder.width={self.width} must be a multiple of encoder.heads={self.heads}"


def _parameters_problem(parameters: object) -> Iterator[str]:
    if parameters is not None:
        try:
            parse_count(parameters)
        except UserError as error:
            yield str(error)


@dataclass
class TaggingHead:
    """N→N: a label for each vector."""

    name: str = key("tagging", "choice", choices=("tagging",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")


@dataclass
class ClassificationHead:
    """N→1: one answer for the whole set."""

    name: str = key("classification", "choice", choices=("classification",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")
    readout: str = key("mean", "how a set becomes one vector", choices=("mean", "max", "sum", "attention"))
    class_weights: str = key("equal", "of the classes in the loss", choices=("equal", "balanced"))


@dataclass
class GraphHead(ClassificationHead):
    """N→1: one answer for a graph; counting its nodes may matter, so they are summed."""

    name: str = key("graph", "choice", choices=("graph",))
    readout: str = key("sum", "how a graph becomes one vector", choices=("mean", "max", "sum", "attention"))


@dataclass
class Seq2seqHead:
    """N→M: a decoder writes a new sequence, and decides itself how long it becomes."""

    name: str = key("seq2seq", "choice", choices=("seq2seq",))
    target: str | None = key(None, "which target of the data it learns; null: the one that it can")
    depth: int = key(2, "number of the decoder's blocks", least=1)
    heads: int = key(4, "H: attention heads", least=1)
    feed_forward: int = key(4, "hidden width of the feed-forward layer, in multiples of D", least=1)
    dropout: float = key(0.1, "after embedding, attention and feed-forward", least=0, most=0.99)
    score: str = key("scaled_dot", f"how well two vectors match: {', '.join(SCORES)}", choices=SCORES)
    position: str = key("rotary", f"how places enter: {', '.join(POSITIONS)}", choices=POSITIONS)
    max_place: int = key(512, "position=learned: so many tokens can be written", least=1)
    label_smoothing: float = key(0.1, "share of each right token that is spread over all", least=0, most=0.99)
    beam: int = key(5, "sequences kept while writing; 1: greedy, as in validations during training", least=1)
    length_penalty: float = key(1.0, "hypotheses are ranked by log P / length to this power", least=0)
    n_best: int = key(1, "answers told for each set; the first is scored", least=1)
    temperature: float | None = key(
        None, "draw tokens at random, at this temperature, instead of searching", least=1e-3
    )
    least_length: float = key(0.0, "fewest tokens written, for each vector of the source", least=0)
    most_length: float = key(
        2.0, "most tokens written, for each vector of the source, besides more_length", least=0
    )
    more_length: int = key(10, "tokens that may be written whatever the source's length", least=1)

    def problems(self) -> Iterator[str]:
        if self.temperature is None and self.n_best > self.beam:
            yield f"`head.n_best={self.n_best}` must be at most head.beam={self.beam}"
        refused = refusal("auto", self.score, parse_scope("causal"), self.position)
        if refused:
            yield f"`head`: {refused}"


# --- training -------------------------------------------------------------------------------------


@dataclass
class AdamW:
    """AdamW (Loshchilov & Hutter 2019), one fused step for all weights."""

    name: str = key("adamw", "choice", choices=("adamw",))
    lr: float = key(3e-3, "highest learning rate", least=0)
    weight_decay: float = key(0.01, "on matrices; biases and norms are spared", least=0)
    beta1: float = key(0.9, "decay of the mean gradient", least=0, most=0.99999)
    beta2: float = key(0.98, "decay of the mean squared gradient", least=0, most=0.99999)


@dataclass
class Schedule:
    """Learning rate as a share of `optimizer.lr`, counted in updates."""

    name: str = key("cosine", "choice", choices=("cosine", "constant"))
    warmup: float = key(0.1, "share of all updates in which the rate rises from 0", least=0, most=1)
    final: float = key(0.01, "cosine: where the rate ends, as a share of the highest", least=0, most=1)


@dataclass
class Trainer:
    """The training loop."""

    epochs: int = key(15, "passes over the training data", least=1)
    updates: int | None = key(None, "stop after so many updates instead of `epochs`", least=1)
    batch_vectors: int = key(1500, "vectors (words, frames, …) per batch, at the most", least=1)
    accumulate: int = key(1, "batches per update", least=1)
    clip: float = key(1.0, "largest gradient norm; 0: no clipping", least=0)
    average: float = key(0.99, "decay of the averaged weights that are evaluated; 0: none", least=0, most=0.99999)
    average_best: int = key(
        1, "the mean of the weights of so many best validations is tried at the end; 1: the best alone", least=1
    )
    validate_every: int | None = key(None, "updates between validations; null: once an epoch", least=1)
    monitor: str | None = key(None, "validation score that picks the best; null: the head's own")
    patience: int | None = key(None, "stop after so many validations without a better one", least=1)
    save_minutes: float = key(5.0, "minutes between saves besides those at validations", least=0)
    precision: str = key("fp32", "of matrix products", choices=("fp32", "bf16"))
    device: str = key("auto", "where to compute", choices=("auto", "cpu", "cuda"))
    threads: int | None = key(None, "CPU threads; null: torch's choice", least=1)
    workers: int = key(0, "processes that prepare batches; 0: a thread of the training process", least=0)


@dataclass
class JsonlLogger:
    """Only the run folder's own record, metrics.jsonl, which is always written."""

    name: str = key("jsonl", "choice", choices=("jsonl",))


@dataclass
class WandbLogger(JsonlLogger):
    """Weights & Biases beside metrics.jsonl; it never asks anything, and its failure never stops a run."""

    name: str = key("wandb", "choice", choices=("wandb",))
    mode: str = key("offline", "offline: `wandb sync` sends it later", choices=("offline", "online", "disabled"))
    project: str = key("attnlab", "in which project runs appear")
    entity: str | None = key(None, "user or team; null: the account's own")
    group: str | None = key(None, "runs that belong together; a sweep puts its name here")
    folder: str | None = key(None, "where wandb keeps its files; null: `outputs`/wandb")


@dataclass
class Config:
    """Everything a run depends on; saved with it as config.yaml."""

    task: str = key("???", "what is learned; names the run's folder")
    data: Any = key("???", "data set (group)")
    embedding: Any = key("???", "values to vectors (group)")
    encoder: Any = key("???", "vectors to vectors that know of each other (group)")
    head: Any = key("???", "vectors to answers (group)")
    optimizer: Any = key("???", "optimizer (group)")
    schedule: Any = key("???", "learning rate over updates (group)")
    logger: Any = key("???", "who is told besides metrics.jsonl (group)")
    trainer: Trainer = field(default_factory=Trainer, metadata={"help": "the training loop"})
    seed: int = key(1, "of weights, order of examples, dropout and generated data", least=0)
    outputs: str = key("outputs", "folder in which run folders are made")
    folder: str | None = key(None, "this run's own folder; null: a new one in `outputs`, named by task and time")
    baselines: bool = key(True, "whether `train` measures the data's baselines")
    score_test: bool = key(True, "whether `train` ends with a score on test data; a sweep scores only its choice")


@dataclass
class Sweep:
    """How `attnlab sweep` searches: its own words, beside those of the runs."""

    sampler: str | None = key(
        None,
        "how values are chosen; null: grid where all can be listed, tpe otherwise",
        choices=("grid", "random", "tpe"),
    )
    trials: int | None = key(None, "how many; null: the whole grid, or 20", least=1)
    pruner: str = key("none", "stops what lags behind: none | median | halving[:FACTOR]")
    warmup: int = key(1, "validations before a trial may be pruned; the first rung of halving", least=1)
    parallel: int = key(1, "trials at a time; CPU threads or GPUs are dealt out to them", least=1)
    seed: int = key(1, "of what the sampler draws", least=0)


# What each group may hold. A saved node finds its dataclass by its `name` (data: by its `loader`).
NODES: dict[str, dict[str, type]] = {
    "data": {
        "text": TextData,
        "tagged": TaggedData,
        "table": TableData,
        "parallel": ParallelData,
        "image": ImageData,
        "speech": SpeechData,
        "graph": GraphData,
    },
    "embedding": {
        "auto": AutoEmbedding,
        "one_hot": OneHotEmbedding,
        "learned": LearnedEmbedding,
        "pretrained": PretrainedEmbedding,
        "word_char": WordCharEmbedding,
        "linear": LinearEmbedding,
        "strided_convolution": StridedConvolutionEmbedding,
    },
    "encoder": {
        "attention": AttentionEncoder,
        "recurrent": RecurrentEncoder,
        "convolution": ConvolutionEncoder,
        "fully_connected": FullyConnectedEncoder,
        "graph_conv": GraphConvEncoder,
    },
    "head": {
        "tagging": TaggingHead,
        "classification": ClassificationHead,
        "graph": GraphHead,
        "seq2seq": Seq2seqHead,
    },
    "optimizer": {"adamw": AdamW},
    "schedule": {"cosine": Schedule, "constant": Schedule},
    "logger": {"jsonl": JsonlLogger, "wandb": WandbLogger},
}


def node_type(group: str, node: dict[str, Any]) -> type:
    """The dataclass of a saved node; refuses an unknown name."""
    discriminator = "loader" if group == "data" else "name"
    name = node.get(discriminator)
    if name not in NODES[group]:
        raise UserError(f"`{group}.{discriminator}={name}`: unknown; {suggestion(str(name), NODES[group])}")
    return NODES[group][name]


def check(config: Any, prefix: str = "") -> None:
    """Refuse values out of range with one sentence that names the key."""
    for problem in _problems(config, prefix):
        raise UserError(problem)


def _problems(node: Any, prefix: str) -> Iterator[str]:
    for entry in fields(node):
        path, value = prefix + entry.name, getattr(node, entry.name)
        if is_dataclass(value):
            yield from _problems(value, path + ".")
        else:
            yield from _value_problems(path, value, entry)
    if hasattr(node, "problems"):
        yield from node.problems()


def _value_problems(path: str, value: Any, entry: Field) -> Iterator[str]:
    choices, least, most = (entry.metadata.get(name) for name in ("choices", "least", "most"))
    if isinstance(value, str) and value == "???":
        yield f"`{path}` is missing: {entry.metadata['help']}; set it with `{path}=…`"
    elif choices and value is not None and value not in choices:
        yield f"`{path}={value}`: no such choice; {suggestion(str(value), choices)}"
    elif value is not None and least is not None and value < least:
        yield f"`{path}={value}` must be at least {least:g}"
    elif value is not None and most is not None and value > most:
        yield f"`{path}={value}` must be at most {most:g}"


def documented_keys(node: type, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(path, default, sentence) of every key below a node, for help texts."""
    for entry in fields(node):
        default = entry.default if entry.default is not MISSING else None
        if entry.name == "trainer":
            yield from documented_keys(Trainer, prefix + "trainer.")
        else:
            yield prefix + entry.name, default, entry.metadata["help"]
