"""The sweep folder: outputs/<task>/<time>-<4 letters>/ with the sweep's record and a run folder for each trial."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TypedDict

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from attnlab import compose
from attnlab.command_words import as_written, parse
from attnlab.config import Sweep, check, documented_keys
from attnlab.disk import plain_files, read_yaml, write_text
from attnlab.errors import UserError, suggestion
from attnlab.lab.sweep.space import Space
from attnlab.local_files import user_path
from attnlab.runs import SWEEP, RunFolder, flat, new_folder, trial_folder


class Record(TypedDict):
    """What sweep.yaml holds: the words of the runs, and the keys of `Sweep`."""

    words: list[str]
    sweep: dict[str, object]


class SweepFolder:
    """Paths of one sweep."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.request = path / SWEEP
        self.base = path / "base.yaml"  # the configuration that its first words composed
        self.journal = path / "journal.jsonl"  # Optuna's: what was tried and what came of it
        self.results = path / "results.json"
        self.page = path / "report.html"
        self.log = path / "log.txt"
        self.locks = path / "locks"

    def runs(self, number: int, seeds: Sequence[str]) -> dict[str, RunFolder]:
        """The run folder of each seed of a trial."""
        several = len(seeds) > 1
        return {seed: RunFolder(trial_folder(self.path, number, seed if several else None)) for seed in seeds}


def split_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of the runs, and those that begin with `sweep.`."""
    settings = [word for word in words if word.startswith("sweep.")]
    return [word for word in words if word not in settings], settings


def read_settings(words: Sequence[str], base: Mapping[str, object] | None = None) -> Sweep:
    """`sweep.*` words over the given settings, or over configs/sweep.yaml. Raises UserError where they don't fit."""
    if base is None:
        base = yaml.safe_load((compose.config_folder() / "sweep.yaml").read_text(encoding="utf-8"))
    names, line = {entry.name for entry in fields(Sweep)}, ""
    try:
        node = OmegaConf.merge(OmegaConf.structured(Sweep), base)
        assert isinstance(node, DictConfig)
        for override in parse(words):
            name = (override.key_or_group or "").removeprefix("sweep.")
            if name not in names:
                raise UserError(f"`sweep.{name}`: no such key; {suggestion(name, names)}")
            if override.is_sweep_override():
                raise UserError(f"`{override.input_line}`: a sweep is searched in one way; give one value")
            line = f"sweep.{name}={as_written(override.value())}"
            node[name] = override.value()
        settings = OmegaConf.to_object(node)
    except OmegaConfBaseException as error:
        kind = next(
            (key.values for key in documented_keys(Sweep, "sweep.") if line.startswith(f"{key.path}=")), ""
        )
        raise UserError(
            f"`{line}`: write {kind}" if kind else f"`sweep.*`: {compose.one_sentence(error)}"
        ) from error
    assert isinstance(settings, Sweep)
    check(settings, "sweep.")
    return settings


def create(words: Sequence[str], settings: Sweep, space: Space) -> SweepFolder:
    """A new sweep folder; sweep.yaml is written last, with it the folder is a sweep."""
    config = compose.compose(space.example())
    folder = SweepFolder(new_folder(Path(config.outputs) / config.task))
    folder.locks.mkdir()
    write_text(folder.base, compose.to_yaml(config))
    _write(folder, words, settings)
    return folder


def find(name: str, outputs: str) -> SweepFolder:
    """The folder that `sweep=` names: a path, or `latest` for the newest below `outputs`. Raises UserError for none, and
    where a link lies in it."""
    if name == "latest":
        paths = [path.parent for path in Path(outputs).glob(f"*/*/{SWEEP}")]
        if not paths:
            raise UserError(
                f"`sweep=latest`: no sweeps in {outputs}/; start one with `attnlab sweep encoder.depth=1,2`"
            )
        folder = SweepFolder(max(paths, key=lambda path: (path.name[:15], path.stat().st_mtime_ns)))
    else:
        folder = SweepFolder(user_path(name))
        if not folder.request.is_file():
            raise UserError(f"`sweep={name}`: not a sweep folder (it has no sweep.yaml)")
    plain_files(folder.path)  # refuses links
    return folder


def continued(folder: SweepFolder, words: Sequence[str]) -> tuple[list[str], Sweep]:
    """The words and settings of a sweep that is to be finished, with other `sweep.parallel=` or `sweep.trials=`. Raises UserError
    where anything else is to be changed, or more trials are wanted after the choice was tested."""
    saved = _read_record(folder)
    run_words, changed = split_words(words)
    new = [word for word in run_words if word not in saved["words"]]
    if new:
        keys = {word.partition("=")[0] for word in new}
        before = [word for word in saved["words"] if word.partition("=")[0] in keys]
        was = f"it was `{' '.join(before)}`" if before else "it wasn't there"
        raise UserError(f"`{' '.join(new)}`: a sweep is finished as it was begun, and {was}; start a new sweep")
    begun, settings = read_settings((), saved["sweep"]), read_settings(changed, saved["sweep"])
    for entry in fields(Sweep):
        old, now = getattr(begun, entry.name), getattr(settings, entry.name)
        if old != now and entry.name not in ("parallel", "trials"):
            raise UserError(
                f"`sweep.{entry.name}={now}`: a sweep is finished as it was begun, and it was {old}; start a new sweep"
            )
    if settings.trials != begun.trials and folder.results.exists():
        raise UserError(
            f"`sweep.trials={settings.trials}`: this sweep is finished and its choice was scored on test data; "
            "start a new sweep"
        )
    _write(folder, saved["words"], settings)
    return saved["words"], settings


def _read_record(folder: SweepFolder) -> Record:
    """What sweep.yaml holds. Raises UserError where this version doesn't write such a file."""
    saved = read_yaml(folder.request, Record)
    right = "a sweep is finished by the version of attnlab that began it; start a new one"
    known = {entry.name for entry in fields(Sweep)}
    for name in sorted(map(str, saved["sweep"].keys() ^ known)):
        has = "is not there" if name in known else "is no key of this version"
        raise UserError(f"{folder.request}: `sweep.{name}` {has}; {right}")
    return saved


def refuse_changes(folder: SweepFolder, space: Space) -> None:
    """Raises UserError where the same words compose another configuration than when the sweep began."""
    before = flat(read_yaml(folder.base, dict[str, object]))
    now = flat(yaml.safe_load(compose.to_yaml(compose.compose(space.example()))))
    different = [
        f"{name}: {before.get(name, 'absent')} → {now.get(name, 'absent')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name, "absent") != now.get(name, "absent")
    ]
    if different:
        raise UserError(
            f"{folder.path}: the configuration has changed since this sweep began ({'; '.join(different)}); "
            "put it back, or start a new sweep"
        )


def _write(folder: SweepFolder, words: Sequence[str], settings: Sweep) -> None:
    record = {"words": list(words), "sweep": asdict(settings)}
    write_text(folder.request, yaml.safe_dump(record, sort_keys=False, allow_unicode=True))
