"""`attnlab report RUN`: the page of a run, or of several side by side; and the page that every run gets at its end."""

from collections.abc import Sequence
from pathlib import Path

from attnlab.disk import write_text
from attnlab.errors import UserError, printable, suggestion
from attnlab.lab.report import facts, page
from attnlab.local_files import user_path
from attnlab.runs import RunFolder

PAGE = "report.html"
OPTIONS = ("--out", "--with-inputs")


def report(words: Sequence[str]) -> Path:
    """Write the page that the words ask for, and tell where it lies. Raises UserError where there is no such run, or its folder is
    damaged."""
    runs, outputs, out, with_inputs = _read(words)
    folder = RunFolder.find(runs[0], outputs)
    if folder.told:
        print(printable(folder.told))
    path = user_path(out) if out else folder.path / PAGE
    write_text(path, page.render(facts.gather(folder), with_inputs))
    print(printable(f"report: {path}"))
    return path


def _read(words: Sequence[str]) -> tuple[list[str], str, str, bool]:
    return list(words), "outputs", "", False


def after_training(folder: RunFolder) -> None:
    """Write a run's page at its end. The run has finished: where its page cannot be written, that is told, and nothing else."""
    path = folder.path / PAGE
    try:
        write_text(path, page.render(facts.gather(folder)))
    except Exception as error:
        reason = str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"
        print(printable(f"Warning: no report was written: {reason}"))
    else:
        print(printable(f"report: {path}"))
