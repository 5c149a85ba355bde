"""Saving and loading of tensors and plain state: safetensors and JSON, never code.

A checkpoint is a folder that appears complete: it is written beside, flushed and renamed, and the one
before it stays as `<name>.previous` until the next save. `state.json` holds the size and hash of every
file, so that a damaged checkpoint is noticed and the previous one used.
"""

import hashlib
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from attnlab.disk import flush, write_flushed
from attnlab.errors import UserError
from attnlab.model.former_names import present_names

STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """tensors: by file name, then by tensor name. state: plain JSON. folder: where it was found."""

    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, object]
    folder: Path


def save(folder: Path, tensors: dict[str, dict[str, Tensor]], state: dict[str, object]) -> None:
    """Write a checkpoint in place of the one in `folder`, which remains as the previous one. Raises UserError where the
    disk refuses it."""
    new = _beside(folder, "new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        new.mkdir(parents=True)
        files = {}
        with ThreadPoolExecutor(1) as beside:  # hashing takes as long as writing
            for name, group in tensors.items():
                data = dump_tensors({key: tensor.detach().cpu().contiguous() for key, tensor in group.items()})
                digest = beside.submit(_digest, data)
                write_flushed(new / f"{name}.safetensors", data)
                files[name] = {"bytes": len(data), "blake2b": digest.result()}
        write_flushed(new / STATE, json.dumps(state | {"files": files}).encode())
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise UserError(
            f"{folder}: the checkpoint could not be written ({error.strerror}); the one before it is unharmed"
        ) from error
    _rename_into_place(new, folder)


def _rename_into_place(new: Path, folder: Path) -> None:
    """The checkpoint in `folder` becomes the previous one, the new one takes its name. Whenever the process dies in
    between, `load` finds the newest complete one."""
    if folder.exists():
        previous = _beside(folder, "previous")
        shutil.rmtree(previous, ignore_errors=True)
        folder.rename(previous)
    new.rename(folder)
    flush(folder.parent)


def load(folder: Path) -> tuple[Checkpoint, str]:
    """The newest complete checkpoint, and a warning if it isn't the one in `folder` itself. Raises UserError where there
    is none."""
    problems = []
    # Between the two renames the newest checkpoint lies complete under its temporary name.
    for candidate in (folder, _beside(folder, "new"), _beside(folder, "previous")):
        if not (candidate / STATE).is_file():
            continue
        try:
            checkpoint = _read(candidate)
        except (OSError, ValueError, SafetensorError) as error:
            problems.append(f"{candidate} is damaged ({error})")
            continue
        return checkpoint, f"{problems[0]}; using {candidate} instead" if problems else ""
    raise UserError("; ".join(problems) if problems else f"{folder}: no checkpoint there")


def exists(folder: Path) -> bool:
    """Whether anything was saved in a folder, complete or not."""
    return any((_beside(folder, ending) / STATE).is_file() for ending in ("", "new", "previous"))


def _read(folder: Path) -> Checkpoint:
    """Raises ValueError where a file isn't as it was written."""
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    files = state.pop("files", None) if isinstance(state, dict) else None
    if not isinstance(files, dict):
        raise ValueError(f"{STATE} doesn't tell its files")
    tensors = {}
    for name, expected in files.items():
        if not name.isidentifier():
            raise ValueError(f"strange file name {name!r}")
        data = (folder / f"{name}.safetensors").read_bytes()
        if expected != {"bytes": len(data), "blake2b": _digest(data)}:
            raise ValueError(f"{name}.safetensors, of {len(data)} bytes, isn't as it was written")
        tensors[name] = present_names(load_tensors(data))
    return Checkpoint(tensors, state, folder)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}") if ending else folder
