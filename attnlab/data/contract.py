"""What every loader gives: the contract between `data/` and whoever trains, scores or shows.

A loader is a class derived from `Data`, registered in `registry.LOADERS`; its splits are derived from `Split`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from attnlab.config import DataConfig
from attnlab.data.prep.batching import Indices
from attnlab.data.prep.crossval import Folds
from attnlab.errors import UserError
from attnlab.sets import Batch, Example, VectorSets
from attnlab.spec import DataSpec

Gold = str | float | Sequence[str] | Sequence[float] | Sequence[int] | NDArray[np.float32]
"""The right answer of one example, in words or numbers, as heads predict it: see `attnlab.targets`."""


@dataclass(frozen=True)
class Drawing:
    """A graph as it is drawn: a name for each node, and (E, 2) nodes that are connected."""

    names: Sequence[str]
    edges: NDArray[np.int64]


@dataclass(frozen=True)
class Playback:
    """A recording that can be heard: (T,) samples, `rate` of them in a second."""

    samples: NDArray[np.int16]
    rate: int


Picture = NDArray[np.uint8] | NDArray[np.float32] | Drawing
"""(height, width, channels) bytes, or (height, width) levels to be drawn from dark to bright, or a graph."""


class Batches(Protocol):
    """What can be predicted: the splits of a data set, or examples that a user gives."""

    lengths: NDArray[np.int64]

    def __len__(self) -> int: ...

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of examples -> these examples, packed in this order."""


@runtime_checkable
class FrameSummaries(Protocol):
    """What splits whose vectors are frames of sound know besides."""

    def summaries(self) -> NDArray[np.float32]:
        """(n, 2F): mean and standard deviation of each recording's features, before they are normalised."""

    def loudness(self) -> Sequence[NDArray[np.float32]]:
        """Of each recording (L,): mean of each vector's features, such as log energy, less the recording's mean."""


class Split:
    """Training, validation or test examples of prepared data."""

    lengths: NDArray[np.int64]
    """Vectors of each example, for batching: (n,), or (n, 2) of sources and targets where answers are sequences."""
    keys: Sequence[str]
    """Where each example came from: file:line, a file's name, …"""
    answered: bool = True
    """Whether anything is known of right answers; without them, examples are only predicted."""

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, i: int) -> Example:
        """One example alone, as it is evaluated."""
        batch = self.batch(np.array([i]))
        return Example(batch.inputs, batch.targets, self.keys[i])

    def batch(self, indices: Indices, epoch: int | None = None) -> Batch:
        """(B,) numbers of examples -> these examples, packed in this order.

        With an epoch they are augmented, by a pure function of (seed, epoch, index).
        """
        raise NotImplementedError

    def gold(self, target: str) -> Sequence[Gold]:
        """The right answer of each example, in words or numbers, as heads predict them; "" is not scored.

        Raises UserError where the data have no such target.
        """
        raise NotImplementedError

    def content(self, i: int) -> bytes:
        """What example i consists of: the same for the same example in another split."""
        raise NotImplementedError

    def show(self, i: int) -> dict[str, object]:
        """What a person would want to see of example i in a line of predictions: its words, its file, …"""
        raise NotImplementedError

    def name(self, i: int) -> str:
        """What example i is called in predictions: its key, or what the user's own column says."""
        return self.keys[i]

    def kept(self, i: int) -> dict[str, str]:
        """What the user wants to see beside the predictions of example i, by the names of columns."""
        return {}

    def unknown(self, i: int) -> float | None:
        """The share of the words of example i that training never saw; None where it has no words."""
        return None

    def picture(self, i: int) -> Picture | None:
        """How example i looks, where that says more than the words of `show`."""
        return None

    def playback(self, i: int) -> Playback | None:
        """How example i sounds, read once more from where it came; None where it is no sound, or is no longer there."""
        return None

    def shown_beside(self, inputs: VectorSets, hidden: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """(N, F) numbers of a batch of this split that other vectors hold, too, and show unless they are among the (N,) hidden
        ones; None where no vectors share any."""
        return None

    def slices(self) -> dict[str, list[NDArray[np.bool_]]]:
        """By name, (L,) marks on the vectors of each example, for scores on the marked vectors alone; may be empty."""
        return {}

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""
        return None

    def evidence(self, i: int) -> NDArray[np.bool_] | None:
        """The vectors of example i that are known to decide its right answer: (L,) marks; or (L, L), of the answer in each row
        the vectors that decide it, rows without marks for those of which nothing is known; or, of output sequences, (M, L)
        for each token, `</s>` included. None where nothing is known."""
        return None


@dataclass(frozen=True)
class Input:
    """One thing that a user gives to be predicted, as it was found. key: where: file:line, a file's name. value: what its
    reader takes: a text, a path, … shown: how a person recognises it. error: why it could not be read; "" where it could.
    kept: what the user wants beside its answer, by the names of columns.
    """

    key: str
    value: object
    shown: str
    error: str = ""
    kept: Mapping[str, str] = field(default_factory=dict)

    def located(self, error: str) -> str:
        """What is wrong with it, behind its key unless that is said already."""
        return error if self.key in error else f"{self.key}: {error}"


class GivenSplit(Split):
    """Examples that a user gives, of which no right answer is known."""

    answered = False
    beside: Sequence[Mapping[str, str]] = ()
    """What is kept of each example, by the names of columns; empty where nothing is kept of any."""

    def kept(self, i: int) -> dict[str, str]:
        return dict(self.beside[i]) if self.beside else {}

    def gold(self, target: str) -> Sequence[Gold]:
        """Raises UserError: nothing is known."""
        raise UserError(f"`head.target={target}`: nothing says what is right of inputs that are only predicted")

    def unknown_words(self, i: int) -> Sequence[str]:
        """Those words of example i, or names of its nodes and edges, that training never saw."""
        return ()


@dataclass(frozen=True)
class Readings:
    """What became of several inputs. split: the examples of those that could be read; rows: their numbers among the inputs.
    errors: by their numbers, what is wrong with the others."""

    split: GivenSplit
    rows: list[int]
    errors: dict[int, str]


class InputReader:
    """Makes examples of what a user gives, by the steps by which training made them of files."""

    block: ClassVar[int]
    """Inputs that are read and predicted together, so that any number needs little memory."""
    what: ClassVar[str]
    """What one input is: a sentence, a recording, …"""
    run = "RUN"
    """The run as a command line names it, for errors that say which command would do."""

    def inputs(self, words: Sequence[str], stdin: Iterable[bytes]) -> Iterator[Input]:
        """What the words of a command line stand for: inputs themselves, files, folders, or `-`, the lines of standard
        input. What cannot be read is an input with its error, in its place."""
        raise NotImplementedError

    def read(self, inputs: Sequence[Input]) -> Readings:
        """Examples of these inputs."""
        raise NotImplementedError


E = TypeVar("E")


class Reader(InputReader, Generic[E]):
    """Makes one example after the other. E: what is known of an example until it is packed."""

    def example(self, value: object, key: str) -> E:
        """One input as its example. Raises UserError for what is no such input, or cannot be used."""
        raise NotImplementedError

    def split(self, examples: Sequence[E], keys: Sequence[str]) -> GivenSplit:
        """Examples to be packed into batches."""
        raise NotImplementedError

    def read(self, inputs: Sequence[Input]) -> Readings:
        """Examples of these inputs."""
        examples, rows, errors = list[E](), list[int](), dict[int, str]()
        for number, given in enumerate(inputs):
            if given.error:
                errors[number] = given.error
                continue
            try:
                examples.append(self.example(given.value, given.key))
                rows.append(number)
            except UserError as error:
                errors[number] = str(error)
        split = self.split(examples, [inputs[row].key for row in rows])
        if any(inputs[row].kept for row in rows):
            split.beside = [inputs[row].kept for row in rows]
        return Readings(split, rows, errors)


class Data:
    """A prepared data set: `splits` holds some of train, validation and test."""

    spec: DataSpec
    splits: Mapping[str, Split]
    folder: Path
    """Where the prepared data lie; baselines are kept there too."""
    fingerprint: str
    """Of everything that the examples depend on; a run is resumed only on data with the same one."""
    notice: str = ""
    """For generated data: that they are, and how to use real ones. Else empty."""
    commit: str | None = None
    """Of a data set on the hub: the one that was read; `train` writes it into the run's configuration."""
    warnings: list[str]
    """What the user should know before training."""
    unnamed: bool = False
    """Whether nothing says of which split the examples are: what isn't held out is for training, and where data are
    given to be scored, all of them are."""

    def __init__(self, config: DataConfig, seed: int, spec: DataSpec | None = None, parts: bool = False) -> None:
        """Reads and prepares the data, or opens what was prepared before. Where examples have no right answers, and the
        configuration asks for none, the spec has no targets.

        seed: of augmentation. spec: of the data themselves, or that of a run, whose vocabularies and classes then hold.
        parts: whether vectors carry the sets that they are made of (the characters of words). Raises UserError for data
        that cannot be used.
        """
        raise NotImplementedError

    @classmethod
    def unlabelled(cls, config: DataConfig) -> DataConfig:
        """The configuration by which the same data are read where nobody needs right answers: as it is where examples have
        them, so that the splits are the same, else one that asks for none."""
        return config

    @classmethod
    def folds(cls, config: DataConfig, seed: int) -> Folds:
        """What `data.folds` makes of these data. Raises UserError where they cannot be divided."""
        raise UserError(f"`data.folds`: data={config.name} cannot be cross-validated")

    @classmethod
    def reader(cls, config: DataConfig, spec: DataSpec, parts: bool = False) -> InputReader:
        """What reads inputs for a run. config, spec: of the run; parts: as above. Raises UserError where such data are only
        read as a whole."""
        raise UserError(
            f"data={config.name}: inputs like these are predicted by `attnlab eval` with data.path= alone"
        )


@runtime_checkable
class PictureSplit(Protocol):
    """A split of pictures, by their pixels."""

    heights: NDArray[np.int32]
    widths: NDArray[np.int32]
    channels: int

    def __len__(self) -> int: ...

    def pixels(self, indices: Indices) -> NDArray[np.uint8]:
        """(B,) numbers of pictures of one size -> (B, height, width, channels)."""


@runtime_checkable
class GraphSummaries(Protocol):
    """A split of graphs, each by a row of numbers that forgets which nodes are neighbours."""

    def bags(self) -> NDArray[np.float64]:
        """(n, F): how often each name of nodes occurs, the mean of each of their numbers, and how many nodes there are."""

    def degree_counts(self) -> NDArray[np.float64]:
        """(n, D): how many nodes have 0, 1, 2, … neighbours."""
