"""What every loader gives: the contract between `data/` and whoever trains, scores or shows.

A loader is called as `Loader(config.data, seed, spec, parts)`; `attnlab.training.run.LOADERS` names them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy import bool_, int64
from numpy.typing import NDArray

from attnlab.sets import Batch, Example
from attnlab.spec import DataSpec


class Split(Protocol):
    """Training, validation or test examples of prepared data."""

    lengths: NDArray[int64]
    """Vectors of each example, for batching: (n,), or (n, 2) of sources and targets where answers are sequences."""
    keys: Sequence[str]
    """Where each example came from: file:line, a file's name, …"""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Example:
        """One example alone, as it is evaluated."""

    def batch(self, indices: NDArray[int64], epoch: int | None = None) -> Batch:
        """These examples, packed. With an epoch they are augmented, by a pure function of (seed, epoch, index)."""

    def gold(self, target: str) -> Sequence[Any]:
        """The right answer of each example in words or numbers, as heads predict them; "" is not scored."""

    def content(self, i: int) -> bytes:
        """What example i consists of: the same for the same example in another split."""

    def show(self, i: int) -> dict[str, Any]:
        """What a person would want to see of example i in a line of predictions: its words, its file, …"""

    def slices(self) -> dict[str, list[NDArray[bool_]]]:
        """Marks on the vectors of each example, for scores on the marked ones alone; may be empty."""

    def ceiling(self) -> float | None:
        """Accuracy of a perfect reader, where the data know it."""


class Data(Protocol):
    """A prepared data set: `splits` holds some of train, validation and test.

    A loader whose data can be cross-validated has the keys `data.folds` and `data.fold`, and a class method
    `folds(config.data, seed) -> data.folds.Folds`; with a fold, its splits are that fold's.
    """

    spec: DataSpec
    splits: dict[str, Any]
    folder: Path
    """Where the prepared data lie; baselines are kept there too."""
    fingerprint: str
    """Of everything that the examples depend on; a run is resumed only on data with the same one."""
    notice: str
    """For generated data: that they are, and how to use real ones. Else empty."""
    commit: str | None
    """Of a data set on the hub: the one that was read; `train` writes it into the run's configuration."""
    warnings: list[str]
    """What the user should know before training."""
