"""What a model starts from besides random numbers: files of vectors, how often each class has a word, and another run."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from attnlab.config import ClassificationHead, Config
from attnlab.data.contract import Data
from attnlab.model import build as models
from attnlab.model.build import Model
from attnlab.training.from_run import Taken, take

BATCH = 4096
"""Examples that are counted at a time."""
ROWS = 10_000
"""Words whose ratios are computed at a time."""


def start(model: Model, config: Config, data: Data) -> Taken | None:
    """Put into a new model what its run starts from; returns what it took of another run. Raises UserError where files, or that
    run, lack it."""
    models.start_from_files(model, config, data.spec)
    _start_bag(model, config, data)
    return None if config.init is None else take(model, config, data.spec)


def _start_bag(model: Model, config: Config, data: Data) -> None:
    """Let a bag of words begin as naive Bayes."""
    if not isinstance(config.head, ClassificationHead) or not config.head.bag:
        return
    times, target = config.head.bag, config.head.target
    assert target is not None, "filled in when the model was built"
    for member in model.members:
        assert member.bag is not None, "asked for by the same key"
        member.bag.start(times * stretch for stretch in class_ratios(data, target))


def class_ratios(data: Data, target: str) -> Iterator[Tensor]:
    """Of one stretch of the vocabulary after the other, (R, C): log P(word | class), add-one smoothed, minus its mean over
    classes; by these a naive Bayes classifier weighs words (Wang & Manning 2012, section 2). Of `<unk>`, and of words that no
    class has, 0."""
    counts = _counts(data, target)
    totals = np.asarray(counts.sum(axis=0)).ravel() + counts.shape[0]
    for first in range(0, counts.shape[0], ROWS):
        stretch = counts[first : first + ROWS].toarray()
        logarithms = np.log1p(stretch) - np.log(totals)
        ratios = logarithms - logarithms.mean(axis=1, keepdims=True)
        seen = stretch.any(axis=1, keepdims=True)
        yield torch.from_numpy(np.where(seen, ratios, 0).astype(np.float32))


def _counts(data: Data, target: str) -> csr_array:
    """(V, C): how often each word occurs in the training examples of each class."""
    split, spec = data.splits["train"], data.spec
    shape = len(spec.vocabularies["words"]), len(spec.target(target).classes)
    counts = csr_array(shape, dtype=np.int64)
    for first in range(0, len(split), BATCH):
        batch = split.batch(np.arange(first, min(first + BATCH, len(split))))
        classes = batch.targets[target]
        assert isinstance(classes, Tensor)
        of_words: NDArray[np.int64] = classes.numpy()[batch.inputs.layout.set_index.numpy()]
        words = batch.inputs.values.numpy()
        known = (of_words >= 0) & (words > 0)
        ones = np.ones(int(known.sum()), dtype=np.int64)
        counts += csr_array((ones, (words[known], of_words[known])), shape)
    return counts
