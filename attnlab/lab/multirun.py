"""`attnlab train -m`: a run for each combination of the listed values, and at the end a table of what each setting came to."""

from collections.abc import Sequence

from attnlab.config import Config
from attnlab.errors import Stopped, UserError, printable
from attnlab.lab import run_groups
from attnlab.lab.report.command import after_training
from attnlab.lab.run_rows import Row, read_row
from attnlab.training.report import Reporter
from attnlab.training.train import start


def train_each(configs: Sequence[Config], runs: Sequence[Sequence[str]]) -> None:
    """Train one after the other, each in a run folder of its own. runs: the words of each, with one value for every key.
    Raises UserError and Stopped, as `train` does."""
    varied = [i for i, words in enumerate(zip(*runs, strict=True)) if len(set(words)) > 1]
    keys = [runs[0][i].partition("=")[0] for i in varied]
    rows: list[Row] = []
    try:
        for number, (config, run) in enumerate(zip(configs, runs, strict=True), 1):
            title = f"Run {number} of {len(runs)}: {' '.join(run[i] for i in varied)}" if len(runs) > 1 else ""
            folder = start(config, run, title=title).folder
            after_training(folder)
            # A choice of a group is told as it was typed: several may be the same part with other keys.
            values = dict(run[i].partition("=")[::2] for i in varied)
            rows.append(read_row(folder.path, str(folder.path.parent)) | values)
    except (Stopped, UserError):
        _show(rows, keys)
        raise
    _show(rows, keys)


def _show(rows: Sequence[Row], keys: Sequence[str]) -> None:
    """The settings of the runs that have finished, where there are several."""
    if len(rows) > 1:
        besides = [key for key in keys if key != "seed"]
        groups, reporter = run_groups.groups_of(rows, besides), Reporter()
        reporter.table(run_groups.table(groups, besides))
        for line in run_groups.notes(groups, rows):
            reporter.say(printable(line))
