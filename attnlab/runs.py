"""The run folder: the only file that knows the names of what a run leaves on disk.

Everything is written under a temporary name, flushed and renamed. A folder from a stranger is only
numbers and words; anything that could run is refused.
"""

import json
import os
import random
import time
from pathlib import Path
from typing import Any

from attnlab.errors import UserError

_LETTERS = "abcdefghjkmnpqrstuvwxyz"
_PLAIN = {".yaml", ".json", ".jsonl", ".tsv", ".txt", ".html", ".safetensors", ".png", ".svg", ".lock"}


class RunFolder:
    """Paths of one run, and the ways to write there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.overrides = path / "overrides.yaml"
        self.environment = path / "environment.json"
        self.last = path / "last"
        self.best = path / "best"
        self.metrics = path / "metrics.jsonl"
        self.results = path / "results.json"
        self.log = path / "log.txt"
        self.folds = path / "folds.json"

    def made(self) -> "RunFolder":
        """Itself, now on disk."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    def predictions(self, name: str) -> Path:
        return self.path / f"predictions-{name}.jsonl"

    @classmethod
    def create(cls, outputs: str, task: str) -> "RunFolder":
        """outputs/<task>/<time>-<4 letters>/, new and empty."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        letters = random.SystemRandom()
        while True:
            path = Path(outputs) / task / f"{stamp}-{''.join(letters.choices(_LETTERS, k=4))}"
            try:
                path.mkdir(parents=True)
                return cls(path)
            except FileExistsError:
                continue

    @classmethod
    def find(cls, run: str, outputs: str = "outputs") -> "RunFolder":
        """The folder that `run=` names: a path, or `latest` for the newest below `outputs`."""
        if run == "latest":
            folders = [path.parent for path in Path(outputs).glob("**/config.yaml")]
            # The runs of a cross-validation lie in a parent, which is the one that is meant.
            folders = [path for path in folders if not (path.parent / "config.yaml").is_file()]
            if not folders:
                raise UserError(f"`run=latest`: no runs in {outputs}/; start one with `attnlab train task=pos`")
            # Names begin with the time; letters settle runs of the same second by what was written last.
            newest = max(folders, key=lambda path: (path.name[:15], path.stat().st_mtime_ns))
            return cls(newest)._plain()
        path = Path(run).expanduser()
        if not path.is_dir():
            raise UserError(f"`run={run}`: no such folder")
        if not (path / "config.yaml").is_file():
            raise UserError(f"`run={run}`: not a run folder (it has no config.yaml)")
        return cls(path)._plain()

    def _plain(self) -> "RunFolder":
        """Refuse a folder that holds a file which no run writes."""
        for path in sorted(self.path.rglob("*")):
            if path.is_file() and path.suffix not in _PLAIN:
                raise UserError(
                    f"{path}: a run folder holds only numbers and words, never a `{path.suffix or path.name}` "
                    "file; nothing was loaded"
                )
        return self

    def fold(self, name: str) -> "RunFolder":
        """The folder of one run of a cross-validation."""
        return RunFolder(self.path / f"fold-{name}")

    def append_metrics(self, line: dict[str, Any]) -> None:
        """Add a line to metrics.jsonl."""
        with self.metrics.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def forget_metrics_after(self, update: int) -> None:
        """Drop the lines that a resumed run will write again."""
        if self.metrics.exists():
            lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["update"] <= update]
            write_text(self.metrics, "".join(kept))

    def read_results(self) -> dict[str, Any]:
        """results.json, or nothing where the run hasn't finished."""
        if not self.results.exists():
            return {}
        try:
            return json.loads(self.results.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise UserError(f"{self.results}: not valid JSON ({error})") from error


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is either the old one or the new one, whatever happens."""
    unfinished = path.with_name(path.name + ".new.txt")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise UserError(
            f"{path}: could not be written ({error.strerror}); what was there before is unharmed"
        ) from error


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
