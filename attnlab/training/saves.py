"""What a training run leaves in its folder while it goes on; of several processes, one writes it."""

from torch import Tensor

from attnlab.runs import RunFolder, Scores
from attnlab.training import checkpoint
from attnlab.training.candidates import Candidates
from attnlab.training.replicate import Replicated


class Saves:
    """`last/` and `best/`, the candidates for the mean of the best (count: how many; 1: none), and the texts predicted in
    validations. strategy: says of the model's tensors what the whole ones are, of which this process may hold parts."""

    def __init__(self, folder: RunFolder, count: int, strategy: Replicated) -> None:
        self.folder, self.strategy = folder, strategy
        self.candidates = Candidates(folder.candidates, count) if count > 1 else None

    def last(self, tensors: dict[str, dict[str, Tensor]], state: dict[str, object]) -> None:
        """Write everything that the rest of the run depends on. Raises UserError where the disk refuses it."""
        whole = {name: self.strategy.whole(group) for name, group in tensors.items()}
        checkpoint.save(self.folder.last, whole, state)

    def best(self, part: str, weights: dict[str, Tensor], state: dict[str, object]) -> None:
        """Write the best weights so far; of a joint run those of one part, which are a whole model. Raises UserError where the
        disk refuses it."""
        checkpoint.save(self.folder.part(part).best, {"model": self.strategy.whole(weights)}, state)

    def candidate(self, weights: dict[str, Tensor], scores: Scores, monitor: str, update: int) -> None:
        """Offer the weights of a validation, see `Candidates.offer`."""
        if self.candidates:
            self.candidates.offer(self.strategy.whole(weights), scores, monitor, update)

    def mean(self, like: dict[str, Tensor]) -> dict[str, Tensor] | None:
        """The mean weights of the candidates; None where none is wanted. Raises UserError where they aren't those of a model
        with weights `like` these."""
        if self.candidates is None:
            return None
        weights = self.candidates.mean()
        checkpoint.refuse_other_tensors(weights, like, self.candidates.folder)
        return weights

    def forget_after(self, update: int) -> None:
        """Drop what a resumed run will offer again."""
        if self.candidates:
            self.candidates.forget_after(update)

    def hypotheses(self, part: str, update: int, text: str) -> None:
        """Keep the texts that were predicted for the validation examples after this update."""
        self.folder.part(part).write_hypotheses(update, text)


class Unwritten(Saves):
    """Those of a process that leaves the writing to another: it reads what that one has written."""

    def last(self, tensors: dict[str, dict[str, Tensor]], state: dict[str, object]) -> None:
        for group in tensors.values():
            self.strategy.whole(group)

    def best(self, part: str, weights: dict[str, Tensor], state: dict[str, object]) -> None:
        self.strategy.whole(weights)

    def candidate(self, weights: dict[str, Tensor], scores: Scores, monitor: str, update: int) -> None:
        if self.candidates:
            self.strategy.whole(weights)

    def forget_after(self, update: int) -> None:
        pass

    def hypotheses(self, part: str, update: int, text: str) -> None:
        pass


def saves_of(folder: RunFolder, count: int, strategy: Replicated) -> Saves:
    """Those of this process among the ones that compute a run."""
    kind = Unwritten if strategy.ranks.rank else Saves
    return kind(folder, count, strategy)
