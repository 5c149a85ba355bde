"""What is checked of the data before a model is trained on them."""

import numpy as np

from attnlab.config import AttentionEncoder, Config, Muon, Seq2seqHead
from attnlab.data.contract import Data, Gold, Split
from attnlab.errors import UserError
from attnlab.metrics import Comparison
from attnlab.model.build import Model
from attnlab.sets import Prediction
from attnlab.spec import DataSpec
from attnlab.training.optim import ParameterGroups


def check_counts(config: Config, data: Data) -> None:
    """Raises UserError where a count is beyond what these data have of it."""
    head = config.head
    if isinstance(head, Seq2seqHead) and head.target in data.spec.targets and head.beam > Seq2seqHead.beam:
        tokens = len(data.spec.codecs[data.spec.targets[head.target].codec])
        if head.beam > tokens:
            raise UserError(f"`head.beam={head.beam}`: the vocabulary has {tokens:,} tokens; choose at most that")


def check_answers(model: Model, data: Data) -> None:
    """Raises UserError where no answer of the training, or of the validation examples is known."""
    head = model.head
    for name, called in (("train", "training"), ("validation", "validation")):
        gold = data.splits[name].gold(head.target)
        if not any(_scored(head.kind, right) for right in gold):
            raise UserError(f"no {called} example has an answer to be scored; give it some")


def check_optimizer(config: Config, model: Model) -> None:
    """Raises UserError where an optimizer would have nothing to do that another one doesn't do as well."""
    if isinstance(config.optimizer, Muon) and not ParameterGroups.of(model).hidden:
        raise UserError(
            "`optimizer=muon`: no matrix between layers is trained, for which it would be; use optimizer=adamw"
        )


def _scored(kind: str, right: Gold) -> bool:
    """Whether anything of the right answer of one example is scored."""
    return next(Comparison(kind, [right], [Prediction(right, None)]).pairs(), None) is not None


def check_positions(config: Config, model: Model, data: Data) -> None:
    """Raises UserError where a split has positions that a learned position has no vector for."""
    encoder, head = config.encoder, config.head
    for name, split in data.splits.items():
        if isinstance(encoder, AttentionEncoder) and encoder.position == "learned":
            needed = _positions(split, data.spec, model.embedding.stride, encoder.max_position)
            _check(needed, encoder.max_position, "encoder", f"a set of the {name} split")
        if isinstance(head, Seq2seqHead) and head.position == "learned":
            needed = _answer_length(split, data.spec, model.head.target)
            _check(needed, head.max_position, "head", f"an answer of the {name} split")


def _check(needed: int, max_position: int, part: str, subject: str) -> None:
    if needed > max_position:
        raise UserError(
            f"`{part}.max_position={max_position}`: {subject} takes {needed} positions; choose at least {needed}, or "
            f"another {part}.position"
        )


def _positions(split: Split, spec: DataSpec, stride: int, max_position: int) -> int:
    """How many positions the encoded vectors of a split have along a coordinate, counted from 0."""
    lengths = split.lengths.reshape(len(split), -1)[:, 0]
    if spec.num_coords == 1:
        return int((lengths.max() - 1) // stride * stride + 1)
    # On a grid, a set has at most as many positions as vectors; of larger sets the coordinates are read.
    large = np.flatnonzero(lengths > max_position)
    batches = (split.batch(large[i : i + 64]).inputs for i in range(0, len(large), 64))
    return max((int(sets.coords.max()) + 1 for sets in batches if sets.coords is not None), default=0)


def _answer_length(split: Split, spec: DataSpec, target: str) -> int:
    """How many tokens the longest right answer of a split has, `</s>` included."""
    if split.lengths.ndim == 2:
        return int(split.lengths[:, 1].max())
    texts = [str(answer) for answer in split.gold(target)]
    return 1 + max(map(len, spec.codecs[spec.targets[target].codec].encode(texts)))
