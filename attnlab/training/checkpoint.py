"""Saving and loading of tensors and plain state: safetensors and JSON, never code.

A checkpoint is a folder that appears complete: it is written beside, flushed and renamed, and the one
before it stays as `<name>.previous` until the next save. `state.json` holds the size and hash of every
file, so that a damaged checkpoint is noticed and the previous one used.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NotRequired, TypedDict

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as dump_tensors
from torch import Tensor

from attnlab.disk import flush, parse_json, read_bytes, read_json, refuse_link, write_flushed
from attnlab.errors import Damaged, UserError
from attnlab.model.former_names import present_names
from attnlab.schema import Count, checked
from attnlab.training.engine import memory_bytes

STATE = "state.json"
NUMBER_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8,
    "F64": 8,
}  # fmt: skip
"""Of each type of number in a file of tensors."""


class FileRecord(TypedDict):
    """What state.json says of another file of its checkpoint: its size, and the hash of its contents."""

    bytes: Count
    blake2b: str


class SavedTensor(TypedDict):
    """What the head of a file of tensors says of one: where its numbers begin and end."""

    dtype: str
    shape: list[Count]
    data_offsets: tuple[Count, Count]


class Weights(TypedDict):
    """The state of a checkpoint of weights alone: after which update, and the fingerprint of the data."""

    update: NotRequired[Count]
    data: NotRequired[str | None]


@dataclass(frozen=True)
class Checkpoint:
    """tensors: by file name, then by tensor name. state: plain JSON. folder: where it was found. hashes: of each file's
    contents, BLAKE2b of 16 bytes in hexadecimal."""

    tensors: dict[str, dict[str, Tensor]]
    state: dict[str, object]
    folder: Path
    hashes: dict[str, str]


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


def load(folder: Path, accept: Callable[[Checkpoint], None] = lambda checkpoint: None) -> tuple[Checkpoint, str]:
    """The newest complete checkpoint, and a warning if it isn't the one in `folder` itself.

    accept: raises Damaged for a checkpoint that is complete, but not what is looked for: then the one before is tried, too.
    Raises UserError where there is none, or a link among its files.
    """
    problems = []
    # Between the two renames the newest checkpoint lies complete under its temporary name.
    for candidate in (folder, _beside(folder, "new"), _beside(folder, "previous")):
        if not os.path.lexists(candidate / STATE):
            continue
        try:
            checkpoint = _read(candidate)
            accept(checkpoint)
        except Damaged as error:
            problems.append(f"{candidate} is damaged ({str(error).removeprefix(f'{candidate}/')})")
            continue
        return checkpoint, f"{problems[0]}; using {candidate} instead" if problems else ""
    raise UserError("; ".join(problems) if problems else f"{folder}: no checkpoint there")


def exists(folder: Path) -> bool:
    """Whether anything was saved in a folder, complete or not."""
    return any(os.path.lexists(_beside(folder, ending) / STATE) for ending in ("", "new", "previous"))


def is_whole(folder: Path) -> bool:
    """Whether the checkpoint in `folder` itself is as it was written."""
    try:
        _read(folder)
    except UserError:
        return False
    return True


def copies(folder: Path) -> list[Path]:
    """What saving, or removing, has left beside the checkpoint in `folder`."""
    beside = (_beside(folder, ending) for ending in ("new", "previous", "gone"))
    return [path for path in beside if os.path.lexists(path)]


def remove(folder: Path) -> None:
    """By renaming it first: a process that is ended meanwhile leaves nothing half removed under its name. Raises UserError
    where a link stands in its place."""
    refuse_link(folder)
    gone = _beside(folder, "gone")
    shutil.rmtree(gone, ignore_errors=True)
    folder.rename(gone)
    shutil.rmtree(gone)


def refuse_other_tensors(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: object) -> None:
    """Raises Damaged where tensors differ in names, shapes or types of numbers from those that a model has."""
    problem = f"{where}: these tensors don't fit config.yaml and spec.json:"
    if missing := sorted(expected.keys() - found.keys()):
        raise Damaged(f"{problem} {missing[0]!r} is missing")
    if besides := sorted(found.keys() - expected.keys()):
        raise Damaged(f"{problem} there is a {besides[0]!r} besides")
    for name, tensor in found.items():
        has, wanted = (f"{str(t.dtype).removeprefix('torch.')} {tuple(t.shape)}" for t in (tensor, expected[name]))
        if has != wanted:
            raise Damaged(f"{problem} {name} is {has}, not {wanted}")


def _read(folder: Path) -> Checkpoint:
    """Raises Damaged where a file isn't as it was written."""
    refuse_link(folder)
    try:
        state = read_json(folder / STATE, dict[str, object])
        files = checked(dict[str, FileRecord], state.pop("files", None), f"{STATE} doesn't tell its files")
        tensors = {}
        for name, expected in files.items():
            if not name.isidentifier():
                raise Damaged(f"strange file name {name!r}")
            data = read_bytes(folder / f"{name}.safetensors", min(expected["bytes"], memory_bytes()))
            if expected != {"bytes": len(data), "blake2b": _digest(data)}:
                raise Damaged(f"{name}.safetensors, of {len(data)} bytes, isn't as it was written")
            refuse_unsound_tensors(data, folder / f"{name}.safetensors")
            tensors[name] = present_names(load_tensors(data))
    except (OSError, SafetensorError, MemoryError) as error:
        raise Damaged(f"{folder}: {error}") from error
    return Checkpoint(tensors, state, folder, {name: file["blake2b"] for name, file in files.items()})


def refuse_unsound_tensors(data: bytes, where: object) -> None:
    """Raises Damaged where a file of tensors isn't one whose tensors follow each other and fill it, which the library
    relies upon."""
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise Damaged(f"{where}: shorter than its first bytes say")
    try:
        head = data[8 : 8 + length].decode()
    except UnicodeDecodeError as error:
        raise Damaged(f"{where}: its head is no text") from error
    entries = checked(dict[str, object], parse_json(head, where), where)
    checked(dict[str, str], entries.pop("__metadata__", {}), where)
    tensors = checked(dict[str, SavedTensor], entries, where)
    end, size = 0, len(data) - 8 - length
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        (begins, ends), shape = tensor["data_offsets"], tensor["shape"]
        sound = begins == end and len(shape) <= 8 and all(length <= max(1, size) for length in shape)
        if not sound or ends - begins != math.prod(shape) * NUMBER_BYTES.get(tensor["dtype"], 0):
            raise Damaged(f"{where}: {name!r} isn't where, or as large as, its head says")
        end = ends
    if end != size:
        raise Damaged(f"{where}: {size - end} bytes belong to no tensor")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}") if ending else folder
