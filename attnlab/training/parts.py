"""What a run learns: one task from its data; or several tasks, the parts of a joint run, each from its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.data.mixing import Draw, Group, Mixture
from attnlab.data.prep.batching import Batching
from attnlab.metrics import JOINT_SCORE
from attnlab.model.build import Model
from attnlab.runs import Scores
from attnlab.sets import Batch
from attnlab.training.evaluate import refuse_no_number
from attnlab.training.monitor import monitor_for
from attnlab.training.ranks import Ranks


@dataclass(frozen=True)
class Part:
    """One task. data: with a train and a validation split. factor: of its mean loss in that of an update."""

    config: Config
    data: Data
    factor: float = 1.0

    def monitor(self, model: Model) -> str:
        """The validation score that picks its best weights."""
        return monitor_for(self.config.trainer.monitor, model.head, self.data.splits["validation"])[0]


class Parts:
    """What an ordinary run learns: a single part, which needs no name."""

    def __init__(self, by_name: Mapping[str, Part], accumulate: int, mixing: float = 1.0) -> None:
        self.by_name = dict(sorted(by_name.items()))
        splits = {name: part.data.splits["train"] for name, part in self.by_name.items()}
        batchings = {
            name: Batching(splits[name].lengths, part.config.trainer.batch_vectors, part.config.seed)
            for name, part in self.by_name.items()
        }
        self.mixture = Mixture(batchings, accumulate, mixing)
        self._splits = splits
        self._vectors = {name: split.lengths.reshape(len(split), -1)[:, 0] for name, split in splits.items()}

    @classmethod
    def alone(cls, config: Config, data: Data) -> "Parts":
        """Of an ordinary run."""
        return cls({"": Part(config, data)}, config.trainer.accumulate)

    def batch(self, draw: Draw) -> Batch:
        """The examples of a batch, augmented as in its epoch."""
        return self._splits[draw.part].batch(draw.indices, draw.epoch)

    def vectors(self, group: Group) -> int:
        """In the batches of an update."""
        return sum(int(self._vectors[draw.part][draw.indices].sum()) for draw in group)

    def factors(self, group: Group, counts: Sequence[float], ranks: Ranks) -> list[float]:
        """By what the summed loss of each batch of an update is multiplied, so that the sum of all, divided by the sum of
        counts, is the sum over parts of factor · (summed loss / count). counts: answers in each batch that this rank computes,
        0 for the others."""
        return [1.0] * len(group)

    def refuse_no_number(self, group: Group, totals: Sequence[float], update: int) -> None:
        """Raises UserError where the loss of a batch of an update is no number."""
        for draw, total in zip(group, totals, strict=True):
            refuse_no_number(total, self._splits[draw.part], draw.indices, f" at update {update}")

    @property
    def fingerprint(self) -> str:
        """Of all data."""
        return "+".join(part.data.fingerprint for part in self.by_name.values())

    def monitor(self, models: Mapping[str, Model]) -> str:
        """The score that picks the best weights."""
        ((name, part),) = self.by_name.items()
        return part.monitor(models[name])

    def together(self, scores: Mapping[str, Scores]) -> Scores:
        """All scores of a validation, of those of each part."""
        (found,) = scores.values()
        return found


@dataclass(frozen=True)
class Scale:
    """How good a score is. monitor: its name. simple: that of a constant answer; perfect: that of a reader who is always right."""

    monitor: str
    simple: float
    perfect: float

    def of(self, scores: Scores) -> float:
        """0 for a constant answer, 1 for a perfect one; 0, too, where it is undefined."""
        score = scores.get(self.monitor, self.simple)
        return (score - self.simple) / (self.perfect - self.simple)


class JointParts(Parts):
    """The parts of a joint run. scales: by their names."""

    def __init__(
        self, by_name: Mapping[str, Part], scales: Mapping[str, Scale], accumulate: int, mixing: float
    ) -> None:
        super().__init__(by_name, accumulate, mixing)
        self.scales = scales

    def factors(self, group: Group, counts: Sequence[float], ranks: Ranks) -> list[float]:
        counts = ranks.sum_of_parts(counts)
        of_part = dict.fromkeys(self.by_name, 0.0)
        for draw, count in zip(group, counts, strict=True):
            of_part[draw.part] += count
        return [self.by_name[draw.part].factor * sum(counts) / max(1, of_part[draw.part]) for draw in group]

    def monitor(self, models: Mapping[str, Model]) -> str:
        return JOINT_SCORE

    def together(self, scores: Mapping[str, Scores]) -> Scores:
        """The mean of what each part has reached between a constant and a perfect answer, then all scores, after their part's
        name."""
        reached = [self.scales[name].of(scores[name]) for name in self.by_name]
        named = {f"{name}/{score}": value for name in self.by_name for score, value in scores[name].items()}
        return {JOINT_SCORE: sum(reached) / len(reached)} | named


def scores_of(part: str, scores: Scores) -> Scores:
    """Those of one part among all of a validation, by the names that they have without it: what `Parts.together` has put together."""
    prefix = f"{part}/" if part else ""
    return {name.removeprefix(prefix): score for name, score in scores.items() if name.startswith(prefix)}
