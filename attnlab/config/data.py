"""Keys of `data=`: what any data set has, and what pictures, recordings and graphs have besides."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from attnlab.combinations import parse_structures
from attnlab.config.keys import LARGEST, key
from attnlab.errors import UserError


@dataclass
class Dataset:
    """What is known of any data set, and who of it is trained on."""

    name: str = key("???", "the data set's name")
    origin: str | None = key(None, "where the data are to be had, for `attnlab data` and for whoever lacks them")
    licence: str | None = key(None, "under which terms they are, as far as it is known")
    cache: str | None = key(None, "folder of prepared data; null: $ATTNLAB_CACHE or ~/.cache/attnlab")
    skip_bad: bool = key(False, "leave out examples that cannot be used, and count them, instead of refusing them")
    validation: float = key(
        0.1, "share of the training examples held out where there is no validation split", least=0, most=0.9
    )
    test: float = key(
        0.1, "share of the training examples held out where there is no test split", least=0, most=0.9
    )
    split_seed: int = key(0, "of held-out shares", least=0, most=LARGEST)

    def problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[\w-][\w.-]*", self.name):
            yield f"`data.name={self.name}`: it names folders; write letters, digits, hyphens and dots"
        if self.validation + self.test > 0.9:
            yield f"`data.validation={self.validation}` and `data.test={self.test}` must leave a tenth for training"


@dataclass
class OnHub(Dataset):
    """A data set that may be had from the Hugging Face hub."""

    hub: str | None = key(
        None, "its id on the Hugging Face hub, such as user/name; read where there is no data.path"
    )
    config: str | None = key(None, "hub: which of its configurations; null: the only one")
    revision: str | None = key(
        None, "hub: a commit, branch or tag; null: the newest; a run keeps the commit that it was trained on"
    )

    def hub_problems(self) -> Iterator[str]:
        if self.hub is None:
            for name in ("config", "revision"):
                if getattr(self, name) is not None:
                    yield f"`data.{name}={getattr(self, name)}` needs `data.hub=`"
        elif not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.hub):
            yield f"`data.hub={self.hub}`: write an id such as stanfordnlp/imdb; files of your own go by `data.path=`"


def embedded_problems(data: Any, sources: tuple[str, ...], own: str) -> Iterator[str]:
    """Whether data that come with the program are to be had from elsewhere.

    sources: those that come with it. own: a data set for files of one's own.
    """
    for name in ("path", "hub"):
        value = getattr(data, name)
        if data.source in sources and value is not None:
            yield f"`data.{name}={value}`: data={data.name} come with the program; for your own choose data={own}"


def fold_problems(folds: str | None, fold: str | None, otherwise: str = "") -> Iterator[str]:
    """otherwise: what may stand there instead of a number."""
    if folds is not None and not (folds.isdecimal() and int(folds) > 2):
        yield f"`data.folds={folds}`: write a number of at least 3{otherwise}"
    if fold is not None and folds is None:
        yield f"`data.fold={fold}` needs `data.folds=`"


@dataclass
class ImageData(OnHub):
    """Pictures as sets of patches, each with its row and column."""

    loader: str = key("image", "which loader reads it", choices=("image",))
    source: str = key("???", "in which form the pictures come", choices=("digits", "idx", "folder", "cifar10"))
    path: str | None = key(None, "folder of local files; null for embedded data and the hub")
    image: str = key("image", "hub: the column of the pictures")
    label: str = key("label", "hub: the column of their classes")
    limit: int | None = key(None, "use only the first so many training pictures", least=1)
    classes: list[str] | None = key(None, "idx: the names of classes 0, 1, …; null: their numbers")
    colour: str = key("rgb", "channels that pictures are brought to", choices=("grey", "rgb"))
    patch: int = key(4, "side of a patch, in pixels; 1: a vector for each pixel", least=1)
    stride: int | None = key(None, "pixels from one patch to the next; null: patches don't overlap", least=1)
    max_length: int = key(4096, "most patches of a picture", least=1)
    flip: bool = key(False, "training: mirror every other picture, left to right")
    shift: int = key(0, "training: move pictures by up to so many pixels each way", least=0)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("digits",), "image_folder")
        yield from self.hub_problems()
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
    limit: int | None = key(None, "use only so many training examples, each class in proportion", least=1)
    max_length: float = key(60.0, "longest recording, in seconds", least=0.001)
    too_long: str = key("refuse", "what happens to a longer one", choices=("refuse", "cut", "drop"))
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
    window: float = key(25.0, "length of a frame, in milliseconds", least=1, most=1000)
    hop: float = key(10.0, "from one frame to the next, in milliseconds", least=1, most=1000)
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
    group: str | None = key(None, "keep examples of one speaker in one split", choices=("speaker",))
    folds: str | None = key(
        None, "cross-validation: a number of folds, or `speaker` to leave each one out in turn"
    )
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(0, "of held-out shares and folds", least=0, most=LARGEST)

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        yield from embedded_problems(self, ("voices",), "speech_folder")
        yield from self.hub_problems()
        if self.folds != "speaker":
            yield from fold_problems(self.folds, self.fold, ", or `speaker`")
            if self.folds is not None and self.group is not None:
                yield (
                    f"`data.folds={self.folds} data.group={self.group}`: numbered folds divide what a {self.group} says; "
                    f"`data.folds={self.group}` leaves each {self.group} out in turn"
                )
        if self.folds is not None and self.join is not None:
            yield "`data.join` and `data.folds` cannot be combined: joined utterances follow the source's own split"
        if self.text is not None and self.source != "manifest":
            yield f"`data.text={self.text}` names a column of a manifest: `data=speech_manifest`"
        said = next((name for name in ("text", "strings", "join") if getattr(self, name)), None)
        if said is not None and self.too_long == "cut":
            yield f"`data.too_long=cut` would cut what is heard, but not what is said (`data.{said}`); choose refuse or drop"
        if self.strings and self.source != "voices":
            yield "`data.strings=true` is for generated data (`data=voices`); join recordings by `data.join=`"
        if self.join is not None and self.source == "voices":
            yield "`data.join` is for recordings; generated strings of digits come by `data.strings=true`"
        if self.features == "mfcc" and self.coefficients > self.bands:
            yield f"`data.coefficients={self.coefficients}` must be at most data.bands={self.bands}"
        if self.hop > self.window:
            yield f"`data.hop={self.hop:g}` must be at most data.window={self.window:g}, or samples would be lost"
        features = "coefficients" if self.features == "mfcc" else "bands"
        if self.mask_bands >= getattr(self, features):
            yield f"`data.mask_bands={self.mask_bands}` must be below data.{features}={getattr(self, features)}"
        masks = next((name for name in ("mask_time", "mask_bands") if getattr(self, name)), None)
        if masks is not None and self.normalise == "none":
            yield (
                f"`data.{masks}={getattr(self, masks):g}` hides features behind their mean, which `data.normalise=none` "
                "leaves unknown; choose utterance or training"
            )


GRAPH_SOURCES = ("molecules", "karate", "tu", "molecule_net", "jsonl")


@dataclass
class GraphData(Dataset):
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
    limit: int | None = key(None, "use only so many training graphs, each class in proportion", least=1)
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
    folds: str | None = key(None, "cross-validation: a number of folds")
    fold: str | None = key(None, "the one fold to test on; null: a run for each")
    split_seed: int = key(
        0, "of held-out shares and folds, and of the nodes that are labelled", least=0, most=LARGEST
    )

    def __post_init__(self) -> None:
        self.name = self.name or self.hub or ""

    def problems(self) -> Iterator[str]:
        if not self.name:
            yield f"`data.name` is missing: which set of data={self.source}; set it with `data.name=…`, or by `data.hub=…`"
        if self.hub is not None:
            yield from self._hub_problems(self.hub)
        yield from super().problems()
        yield from embedded_problems(self, ("molecules", "karate"), "graph_jsonl")
        yield from fold_problems(self.folds, self.fold)
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
