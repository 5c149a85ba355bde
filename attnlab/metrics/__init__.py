"""Scores of predictions, over plain lists of words and numbers.

A metric is a class derived from `Metric` and registered in `METRICS`: those of classes stand in `labels.py`, of numbers
in `numbers.py`, of hidden vectors in `hidden.py`, of texts (BLEU, WER, …) in `text.py`.
"""

from attnlab.metrics import hidden, labels, numbers, spans, text
from attnlab.metrics.base import (
    JOINT_SCORE,
    LISTED,
    NOT_SCORED,
    Comparison,
    Confusion,
    Measured,
    Metric,
    Slices,
    Undefined,
    Value,
    better,
    chosen,
    direction,
    measure,
    most_confused,
)
from attnlab.metrics.tally import Tallies, Tally, added, by_class

__all__ = [
    "JOINT_SCORE", "LISTED", "NOT_SCORED", "Comparison", "Confusion", "Measured", "Metric", "Slices", "Tallies", "Tally", "Undefined", "Value",
    "added", "better", "by_class", "chosen", "direction", "hidden", "labels", "measure", "most_confused", "numbers", "spans", "text",
]  # fmt: skip
