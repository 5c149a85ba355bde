"""What one run of `attnlab train` is given besides its configuration and data."""

from dataclasses import dataclass

from attnlab.runs import RunFolder
from attnlab.training.engine import Engine
from attnlab.training.listener import Listener, Validation
from attnlab.training.report import Reporter
from attnlab.training.tracking import Tracking


@dataclass(frozen=True)
class Session(Listener):
    """Where a run is computed and kept, and who is told how it goes."""

    engine: Engine
    folder: RunFolder
    reporter: Reporter
    tracking: Tracking

    def updated(self, update: int, loss: float) -> None:
        self.reporter.update(update, loss)

    def validated(self, validation: Validation) -> None:
        self.folder.append_metrics(validation.line())
        self.reporter.validation(validation)
        self.tracking.log(validation.line())
        self.reporter.update(validation.update, validation.train_loss)
