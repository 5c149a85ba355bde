"""What an answer that is always the same comes to, by which the parts of a joint run are compared."""

from statistics import fmean

import numpy as np

from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.data.prep.batching import Batching
from attnlab.errors import UserError
from attnlab.model.interfaces import Head
from attnlab.sets import Prediction
from attnlab.targets import kind_named
from attnlab.training.baselines import hidden, simple
from attnlab.training.baselines.base import Problem
from attnlab.training.engine import Engine
from attnlab.training.evaluate import perfect
from attnlab.training.monitor import monitor_for
from attnlab.training.parts import Scale

CONSTANT = {
    "class": simple.LargerClass,
    "vector_classes": simple.LargerClass,
    "classes": simple.MostFrequentAnswers,
    "number": simple.Median,
    "vector_numbers": simple.Median,
    "hidden_words": hidden.MostFrequentWord,
    "hidden_numbers": hidden.MeanVector,
}
"""Of each kind of target, the baseline that gives every example the same answer; of sequences, it is an empty text."""
BATCHES = 8
"""From which the number of answers in a batch is told."""
EXAMPLES = 2000
"""Of those whose answers are made when they are asked for, since vectors are hidden in them, about so many are looked at."""


def constant_loss(data: Data, head: Head) -> float:
    """The mean loss of the best constant answer on the training data, as `head` measures it without class weights and label
    smoothing; 0 where such an answer is always right."""
    target, gold = data.spec.target(head.target), data.splits["train"].gold(head.target)
    if head.hides:
        gold = gold[:: -(-len(gold) // EXAMPLES)]
    if head.kind == "sequence":
        ids = data.spec.codecs[target.codec].encode([str(text) for text in gold])
        gold = [[*tokens, -1] for tokens in ids]  # -1: that the text ends
    return kind_named(head.kind).constant_loss(gold, target)


def answers(config: Config, data: Data, head: Head) -> float:
    """How many a batch of the training data has, in the mean of some. The gradient of a mean over n answers has noise in proportion
    to 1/√n: a batch of 1,500 words gives a much steadier one than a batch of 25 pictures."""
    split = data.splits["train"]
    batches = Batching(split.lengths, config.trainer.batch_vectors, config.seed).epoch(0)[:BATCHES]
    return max(1.0, fmean(float(head.count(split.batch(indices, 0).targets)) for indices in batches))


def scale_of(config: Config, data: Data, head: Head, engine: Engine) -> Scale:
    """Between which validation scores a part lies. Raises UserError where a constant answer is a perfect one."""
    split = data.splits["validation"]
    monitor, _ = monitor_for(config.trainer.monitor, head, split)
    if monitor == "loss":
        scale = Scale(monitor, constant_loss(data, head), 0.0)
    else:
        problem = Problem(config, data, engine, "validation")
        if head.kind == "sequence":
            found = problem.measure([Prediction("", None)] * len(split))
        else:
            found = CONSTANT[head.kind]().scores(problem)
        ideal = perfect(head, split, [monitor.partition("/")[0]]).scores[monitor]
        scale = Scale(monitor, found.get(monitor, 0.0), ideal)
    if np.isclose(scale.simple, scale.perfect):
        raise UserError(
            f"an answer that is always the same has the best possible {monitor}; there is nothing to be learned"
        )
    return scale
