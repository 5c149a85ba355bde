"""`attnlab report RUN`: the page of a run, or of several side by side; and the page that every run gets at its end."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnlab import plugins
from attnlab.command_words import text
from attnlab.disk import make_folder, write_text
from attnlab.errors import UserError, printable, suggestion
from attnlab.lab.compare_runs import named_runs, read_margin
from attnlab.lab.report import facts, page, several
from attnlab.local_files import user_path
from attnlab.runs import RunFolder, new_folder

PAGE = "report.html"
OPTIONS = ("--out", "--with-inputs", "--debug", "--help")
USAGE = "write `attnlab report RUN`, where RUN is a run folder or `latest`; of several, `attnlab report RUN RUN`"


@dataclass(frozen=True)
class Asked:
    """What the words of `attnlab report` say. runs: each word that names some. out: the file; None: where it belongs."""

    runs: Sequence[str]
    outputs: str = "outputs"
    out: Path | None = None
    with_inputs: bool = False
    margin: float | None = None

    @classmethod
    def read(cls, words: Sequence[str]) -> "Asked":
        """Raises UserError for options that there aren't, and where no run is named."""
        runs, out, with_inputs, outputs, margin = list[str](), None, False, "outputs", None
        rest = iter(words)
        for word in rest:
            name, equals, value = word.partition("=")
            if name == "--out":
                value = value if equals else next(rest, "")
                if not value or value.startswith("--"):
                    raise UserError("`--out`: give it a file, as in `--out report.html`")
                out = user_path(value)
                if out.suffix.lower() not in (".html", ".htm"):
                    raise UserError(f"`--out {value}`: a report is a page; let its name end in .html")
            elif word == "--with-inputs":
                with_inputs = True
            elif word.startswith("-"):
                raise UserError(f"`{word}`: no such option; {suggestion(word, OPTIONS)}")
            elif name == "outputs" and equals:
                outputs = text(word)
            elif name == "margin" and equals:
                margin = read_margin(word)
            else:
                runs.append(word)
        if not runs:
            raise UserError(f"`attnlab report`: {USAGE}")
        return cls(runs, outputs, out, with_inputs, margin)


def report(words: Sequence[str]) -> Path:
    """Write the page that the words ask for, and tell where it lies. Raises UserError where there is no such run, or its folder is
    damaged."""
    asked = Asked.read(plugins.load(words))
    sides = [(word, _folders(word, asked.outputs)) for word in asked.runs]
    if len(sides) == 1 and len(sides[0][1]) > 1:  # several runs by one word: each is a side
        sides = [(os.path.relpath(folder.path), [folder]) for folder in sides[0][1]]
    if len(sides) == 1:
        (folder,) = sides[0][1]
        made, usual = page.render(facts.gather(folder), asked.with_inputs), folder.path / PAGE
    else:
        _refuse_twice([folder for _, folders in sides for folder in folders])
        made, usual = several.render(sides, asked.margin, asked.with_inputs), None
    path = asked.out or usual or new_folder(Path(asked.outputs) / "report") / PAGE
    make_folder(path.parent)
    write_text(path, made)
    print(printable(f"report: {path}"))
    return path


def _folders(word: str, outputs: str) -> list[RunFolder]:
    """The runs that a word names; one that has not finished, or is a cross-validation, is reported, too."""
    named = text(word) if word.startswith("run=") else word
    if named == "latest" or os.path.isfile(RunFolder(user_path(named)).config):
        return [RunFolder.find(named, outputs)]
    return named_runs(word, {}, outputs)


def _refuse_twice(folders: Sequence[RunFolder]) -> None:
    paths = [folder.path.resolve() for folder in folders]
    if repeated := [path for path in paths if paths.count(path) > 1]:
        raise UserError(f"{os.path.relpath(repeated[0])}: this run is named twice")


def after_training(folder: RunFolder, quiet: bool = False) -> None:
    """Write a run's page at its end, and unless `quiet` tell where. The run has finished: where its page cannot be written,
    that is told, and nothing else."""
    try:
        write_text(folder.report, page.render(facts.gather(folder), quick=True))
    except Exception as error:
        reason = str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"
        print(printable(f"Warning: the run has finished, but its report was not written: {reason}"))
    else:
        if not quiet:
            print(printable(f"report: {folder.report}"))
