"""What a person sees of a run: progress on a terminal, plain lines in the log, tables at the end."""

import io
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from attnlab import metrics
from attnlab.disk import append_text
from attnlab.errors import printable
from attnlab.training.evaluate import Evaluation
from attnlab.training.state import Validation

SHOWN = ("accuracy", "macro_f1", "span_f1", "bleu", "exact_match", "wer", "loss")


class Reporter:
    """Writes to the console and to the run's log.txt; shows a bar where there is a terminal."""

    def __init__(self, log: Path | None = None, quiet: bool = False) -> None:
        # Off a terminal rich assumes 80 columns, which would cut off the names of scores.
        self.console = _console(None if sys.stdout.isatty() else 120, quiet=quiet)
        self.log = log
        self._bar: Progress | None = None
        self._started = time.monotonic()

    def say(self, text: str, style: str | None = None) -> None:
        """Lines for the console and the log. Raises BrokenPipeError where nobody reads the console any more."""
        text = "\n".join(map(printable, text.split("\n")))
        self.console.print(text, style=style)
        if self.log is not None:
            append_text(self.log, text + "\n")

    def warn(self, text: str) -> None:
        """A line that stands out."""
        self.say(f"Warning: {text}", style="yellow")

    def note(self, warnings: Iterable[str]) -> None:
        """Warnings for the log alone: they were told already."""
        if self.log is not None:
            with self.log.open("a", encoding="utf-8") as stream:
                stream.writelines(f"Warning: {text}\n" for text in warnings)

    def table(self, table: Table) -> None:
        """A table for the console and the log."""
        self.console.print(table)
        if self.log is not None:
            lines = io.StringIO()
            _console(120, lines).print(table)
            append_text(self.log, lines.getvalue())

    @contextmanager
    def only_log(self, wanted: bool = True) -> Iterator[None]:
        """Inside, where it is wanted, nothing is written to the console."""
        before = self.console.quiet
        self.console.quiet = before or wanted
        try:
            yield
        finally:
            self.console.quiet = before

    @contextmanager
    def bar(self, done: int, updates: int) -> Iterator[None]:
        """Inside, show progress through the updates, on a terminal only."""
        if self.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("updates"),
                TimeRemainingColumn(), TextColumn("loss {task.fields[loss]:.4f}"),
                console=self.console, transient=True,
            )  # fmt: skip
            self._task = self._bar.add_task("training", total=updates, completed=done, loss=0.0)
        with self._bar or nullcontext():
            yield
        self._bar = None

    def update(self, update: int, loss: float) -> None:
        """Move the bar. loss: of training, shown beside it."""
        if self._bar is not None:
            self._bar.update(self._task, completed=update, loss=loss)

    def validation(self, validation: Validation, beside: Iterable[str] = ()) -> None:
        """One line for each validation: first the score that stars go by, then those `beside` it."""
        names, values = dict.fromkeys((validation.monitor, *beside, *SHOWN)), validation.scores
        scores = "  ".join(f"{name} {shown(values[name])}" for name in names if name in values)
        star = " *" if validation.best else ""
        self.say(
            f"{clock(time.monotonic() - self._started)}  epoch {validation.epoch:>3}  update {validation.update:>6}  "
            f"train loss {validation.train_loss:.4f}  validation {scores}  "
            f"{validation.vectors_per_second:,.0f} vectors/s{star}"
        )


class PipedConsole(Console):
    """Raises BrokenPipeError where what reads it has ended, which rich itself answers by ending the process."""

    def on_broken_pipe(self) -> None:
        raise


def _console(width: int | None, file: IO[str] | None = None, quiet: bool = False) -> Console:
    """Shows text as it is: `[b]` and `:cat:` are labels of somebody's data here, no markup. file: None: the terminal."""
    return PipedConsole(
        markup=False, emoji=False, highlight=False, width=width, file=file, quiet=quiet, soft_wrap=file is None
    )


def details(reporter: Reporter, evaluation: Evaluation, lengths: Mapping[str, list[int]]) -> None:
    """What scores don't say: how well each class is found, and each type of span, and which are confused; how long texts become, and how BLEU was
    computed. lengths: empty where answers are no texts."""
    show_classes(reporter, evaluation.classes, evaluation.spans, evaluation.questions)
    if evaluation.confusion:
        reporter.table(confusion_table(evaluation.confusion))
    if lengths:
        reporter.table(length_table(lengths))
        reporter.say(
            f"bleu: {metrics.text.bleu_signature()}; bleu_lower: {metrics.text.bleu_signature(lower=True)}"
        )


def show_classes(
    reporter: Reporter, classes: metrics.Tallies, spans: metrics.Tallies, questions: metrics.Tallies
) -> None:
    """How well each of several classes is found, each type of span, and the answer yes to each question. That one class alone is
    always right says nothing."""
    if len(classes) > 1:
        _show_tallies(reporter, "class", "classes", classes)
    if len(classes) > 1 and spans:
        _show_tallies(reporter, "type of span", "types of span", spans)
    if questions:
        _show_tallies(reporter, "question", "questions", questions, ": the answer yes")


def new_table(title: str, words: Iterable[str], numbers: Iterable[str]) -> Table:
    """No rows yet. words, numbers: titles of the columns, those of numbers to the right."""
    table = Table(title=title, title_justify="left")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


NO_SCORE = "–"
"""Stands in the place of a score that would say nothing."""


@dataclass(frozen=True)
class Column:
    """What a table shows of one split, of a baseline or of a fold. examples: how many were scored; None where that is not
    known. undefined: of scores that would say nothing, why. intervals: 95 % intervals of scores."""

    scores: Mapping[str, float]
    examples: int | None = None
    undefined: Mapping[str, str] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def cell(self, score: str) -> str:
        """Empty where it was not measured."""
        if score in self.scores:
            return shown(self.scores[score])
        return NO_SCORE if score in self.undefined else ""


def shown(score: float) -> str:
    """With four decimals; a small one, as of numbers in a large unit, with four digits."""
    return f"{score:.4g}" if 0 < abs(score) < 0.001 else f"{score:.4f}"


def interval(low: float, high: float) -> str:
    """With as many digits as say something, two of the width: 0.943–0.949, 24.1–27.8."""
    width, largest = high - low, max(abs(low), abs(high))
    most = max(4, 3 - math.floor(math.log10(largest))) if largest else 4
    digits = min(most, max(0, 1 - math.floor(math.log10(width)))) if width > 0 else 4
    return f"{low:.{digits}f}{' to ' if low < 0 else '–'}{high:.{digits}f}"


def show_scores(reporter: Reporter, title: str, columns: Mapping[str, Column]) -> None:
    """The table, and below it a line of intervals, and one for each reason why there is no score."""
    reporter.table(score_table(title, columns))
    for name, column in columns.items():
        if column.intervals:
            limits = (f"{score} {interval(*limits)}" for score, limits in column.intervals.items())
            reporter.say(f"95 % intervals of {name}, from resampled examples: {', '.join(limits)}")
    for reason in reasons(columns):
        reporter.say(reason)


def score_table(title: str, columns: Mapping[str, Column]) -> Table:
    """A row for how many examples there are, and one for each score; a column for each of what was scored."""
    table = new_table(title, ["score"], [name.replace("_", " ") for name in columns])
    table.columns[0].no_wrap = True
    counts = [column.examples for column in columns.values()]
    if any(count is not None for count in counts):
        table.add_row("examples", *("" if count is None else f"{count:,}" for count in counts))
    named = (name for column in columns.values() for name in (*column.scores, *column.undefined))
    for score in sorted(dict.fromkeys(named), key="loss".__eq__):
        table.add_row(score, *(column.cell(score) for column in columns.values()))
    return table


def reasons(columns: Mapping[str, Column]) -> list[str]:
    """For each reason why scores are missing, a line that names them, and where."""
    missing: dict[tuple[str, str], list[str]] = {}
    for name, column in columns.items():
        for score, reason in column.undefined.items():
            missing.setdefault((name, reason), []).append(score)
    where: dict[tuple[str, str], list[str]] = {}
    for (name, reason), scores in missing.items():
        where.setdefault((", ".join(scores), reason), []).append(name.replace("_", " "))
    return [
        f"{NO_SCORE} {scores} (column{'s' * (len(names) > 1)} {', '.join(names)}): {reason}"
        for (scores, reason), names in where.items()
    ]


MOST_CLASSES = 20
"""Rows of a table of classes, at the most."""


def _show_tallies(
    reporter: Reporter, one: str, several: str, tallies: metrics.Tallies, more_of_title: str = ""
) -> None:
    """A row for each of them; of many, those with most right answers, and below, how many more there are."""
    reporter.table(tally_table(one, tallies, f"Each {one}{more_of_title}"))
    if (more := len(tallies) - MOST_CLASSES) > 0:
        reporter.say(f"The {MOST_CLASSES} most frequent {several}; {more:,} more {several if more > 1 else one}")


def tally_table(name: str, tallies: metrics.Tallies, title: str) -> Table:
    """Precision, recall, F1 and the number of right answers: of each of few, else of the most frequent."""
    shown = (
        sorted(tallies, key=lambda label: (-tallies[label].right, label))
        if len(tallies) > MOST_CLASSES
        else tallies
    )
    table = new_table(title, [name], ["precision", "recall", "F1", "support"])
    for label in list(shown)[:MOST_CLASSES]:
        tally = tallies[label]
        scores = (f"{score:.4f}" for score in (tally.precision, tally.recall, tally.f1))
        table.add_row(label, *scores, f"{tally.right:,}")
    return table


def confusion_table(confusion: metrics.Confusion) -> Table:
    """Every pair of few classes, the most frequent mistakes of many. A class that is only answered has a column."""
    classes = sorted({name for pair in confusion for name in pair})
    if len(classes) <= 10:
        table = new_table("Confusion matrix (rows: true, columns: predicted)", [""], classes)
        for right in sorted({right for right, _ in confusion}):
            table.add_row(right, *(str(confusion.get((right, answered), 0)) for answered in classes))
        return table
    table = new_table("Most confused", ["true", "predicted"], ["times"])
    for right, answered, times in metrics.most_confused(confusion):
        table.add_row(right, answered, str(times))
    return table


def length_table(lengths: Mapping[str, list[int]]) -> Table:
    """How long the answers are, and the right ones: a row for each."""
    names = {0.0: "shortest", 0.5: "median", 1.0: "longest"}
    quantiles = [names.get(quantile, f"{100 * quantile:.0f} %") for quantile in metrics.text.QUANTILES]
    table = new_table("Lengths in words", [""], quantiles)
    for name, numbers in lengths.items():
        table.add_row(name, *map(str, numbers))
    return table


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60:>3}:{int(seconds) % 60:02}"
