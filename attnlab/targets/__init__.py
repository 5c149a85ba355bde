"""What a head can learn: each kind of target is one object that knows how its answers are stored, what a wrong one costs,
what is predicted, and by which metrics it is scored.

The kinds by name: `class` and `vector_classes` (`single_label.py`), `classes` (`multi_label.py`), `number` and `vector_numbers`
(`numbers.py`), `sequence` (`sequence.py`), `hidden_words` and `hidden_numbers` (`hidden.py`).
"""

import collections.abc

from attnlab.errors import UserError
from attnlab.spec import Target
from attnlab.targets.base import Columns, StoredAnswers, TargetKind
from attnlab.targets.hidden import HiddenNumbers, HiddenWords
from attnlab.targets.multi_label import MultiLabel
from attnlab.targets.numbers import Numbers
from attnlab.targets.sequence import Sequence
from attnlab.targets.single_label import SingleLabel, unseen_labels

__all__ = ["KINDS", "StoredAnswers", "kind_named", "stored_answers", "unseen_labels"]

KINDS: dict[str, TargetKind] = {
    kind.name: kind
    for kind in (
        SingleLabel("class", per_vector=False),
        SingleLabel("vector_classes", per_vector=True),
        MultiLabel(),
        Numbers("number", per_vector=False),
        Numbers("vector_numbers", per_vector=True),
        Sequence(),
        HiddenWords(),
        HiddenNumbers(),
    )
}


def kind_named(name: str) -> TargetKind:
    """The kind of a target. Raises UserError where there is none of this name, as in a damaged spec.json."""
    if name not in KINDS:
        raise UserError(f"target kind `{name}`: choose one of {', '.join(KINDS)}")
    return KINDS[name]


def stored_answers(
    columns: Columns, name: str, target: Target, labels: collections.abc.Sequence[str]
) -> StoredAnswers:
    """A target's `StoredAnswers`, from the same arguments. Raises UserError as `kind_named` does."""
    return kind_named(target.kind).stored_answers(columns, name, target, labels)
