"""`attnlab prune`: what finished runs keep only to be trained further, which is most of what they take on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnlab.command_words import shell_word, split_words
from attnlab.disk import plain_files
from attnlab.errors import UserError, printable
from attnlab.plural import plural
from attnlab.runs import RunFolder, run_folders
from attnlab.training import checkpoint

REMOVE = "--yes"
WORTH_TELLING = 10**6
"""Bytes."""


@dataclass(frozen=True)
class Spare:
    """What a finished run can do without: folders, and how many bytes they hold."""

    run: RunFolder
    folders: list[Path]
    size: int


def prune(words: Sequence[str]) -> None:
    """List what can be freed or, with `--yes`, free it. Raises UserError for other words, and where there is no such run."""
    keys = [word for word in words if word != REMOVE]
    named, others = split_words(keys, {"run": "", "outputs": "outputs"})
    if others:
        raise UserError(
            f"`{others[0]}`: no such word; `attnlab prune` takes run=FOLDER, outputs=FOLDER and {REMOVE}"
        )
    outputs = Path(named["outputs"])
    if named["run"]:
        chosen = RunFolder.find(named["run"], named["outputs"]).path
        paths = [
            chosen,
            *(path for path in run_folders(chosen) if path != chosen),
        ]  # and the folds of a cross-validation
    else:
        paths = run_folders(outputs)
    found = [spare for path in sorted(paths) if (spare := spare_of(RunFolder(path))).size]
    for spare in found:
        print(printable(f"{_megabytes(spare.size):>10}  {spare.run.path}"))
    runs, total = plural(len(found), "finished run"), _megabytes(sum(spare.size for spare in found))
    if not found:
        print("Nothing to free: no finished run keeps files that only further training needs.")
    elif REMOVE in words:
        for spare in found:
            free(spare)
        print(f"Freed {total} of {runs}.")
    else:
        print(
            f"Pruning frees {total} of {runs}; pruned runs can still evaluate and predict, but not train further."
        )
        print(
            f"Free it with: attnlab prune {' '.join([*(shell_word(n, v) for n, v in named.items() if v), REMOVE])}"
        )


def tell(run: RunFolder) -> None:
    """Say what a run that has just finished could free, with its folds, where that is worth a line."""
    size = sum(spare_of(RunFolder(path)).size for path in run_folders(run.path))
    if size > WORTH_TELLING:
        words = f"{shell_word('run', str(run.path))} {REMOVE}"
        print(
            printable(
                f"{_megabytes(size)} in this folder serve only to train further; to delete them: attnlab prune {words}"
            )
        )


def spare_of(run: RunFolder) -> Spare:
    """Of a run that hasn't finished, or is damaged, nothing."""
    try:
        bests = [run.part(name).best for name in run.parts() or [""]]  # of a joint run, each part has its own
        if run.state() != "finished" or not all(map(checkpoint.is_whole, bests)):
            return Spare(run, [], 0)
        whole = [folder for folder in (run.last, run.candidates) if folder.exists()]
        folders = [*checkpoint.copies(run.best), *checkpoint.copies(run.last), *whole]
        return Spare(run, folders, sum(file.stat().st_size for folder in folders for file in plain_files(folder)))
    except (UserError, OSError):
        return Spare(run, [], 0)


def free(spare: Spare) -> None:
    """Whenever the process ends in between, the run can be trained further, or is one that cannot."""
    with spare.run.held():
        if spare.run.results.exists():  # otherwise it is being trained further by now
            for folder in spare.folders:
                checkpoint.remove(folder)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
