"""A checkpoint is whole or it is not used; what was saved before survives whatever happens."""

import errno
import json
import os
import struct
from pathlib import Path

import pytest
import torch
from run_mutations import with_digests

from attnlab.errors import UserError
from attnlab.training import checkpoint


def write(folder: Path, number: int) -> None:
    checkpoint.save(folder, {"model": {"w": torch.full((3,), float(number))}}, {"update": number})


def read(folder: Path) -> tuple[int, str]:
    found, warning = checkpoint.load(folder)
    assert found.tensors["model"]["w"].tolist() == [float(found.state["update"])] * 3
    return found.state["update"], warning


def test_the_newest_is_read_and_the_one_before_is_kept(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write(tmp_path / "last", number)
    assert read(tmp_path / "last") == (3, "")
    assert read(tmp_path / "last.previous") == (2, "")


DAMAGES = {
    "truncated": lambda p: p.write_bytes(p.read_bytes()[:-4]),
    "one bit": lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
    "gone": lambda p: p.unlink(),
    "not tensors": lambda p: p.write_bytes(b"x" * p.stat().st_size),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_gives_way_to_the_previous_and_says_so(tmp_path: Path, damage: str) -> None:
    write(tmp_path / "last", 1)
    write(tmp_path / "last", 2)
    DAMAGES[damage](tmp_path / "last" / "model.safetensors")
    update, warning = read(tmp_path / "last")
    assert update == 1 and "damaged" in warning and "last.previous" in warning


@pytest.mark.parametrize("state", ["{", "[]", "null", "{}", '{"files": []}', '{"files": {"model": 3}}'])
def test_state_that_is_none_counts_as_damage(tmp_path: Path, state: str) -> None:
    write(tmp_path / "last", 1)
    (tmp_path / "last" / "state.json").write_text(state)
    with pytest.raises(UserError, match="damaged"):
        checkpoint.load(tmp_path / "last")


def test_a_file_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "last", 1)
    state = json.loads((tmp_path / "last" / "state.json").read_text())
    state["files"]["../secret"] = state["files"]["model"]
    (tmp_path / "last" / "state.json").write_text(json.dumps(state))
    with pytest.raises(UserError, match="strange file name"):
        checkpoint.load(tmp_path / "last")


def test_between_the_two_renames_the_new_one_is_found(tmp_path: Path) -> None:
    write(tmp_path / "last", 1)
    write(tmp_path / "last", 2)
    (tmp_path / "last").rename(tmp_path / "last.new")
    assert read(tmp_path / "last") == (2, "") and checkpoint.exists(tmp_path / "last")


def test_a_full_disk_harms_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "last", 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        write(tmp_path / "last", 2)
    monkeypatch.undo()
    assert read(tmp_path / "last") == (1, "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["last"]
    write(tmp_path / "last", 3)
    assert read(tmp_path / "last") == (3, "")


def head(entries: object, body: int = 12) -> bytes:
    """A file of tensors: what its head says, and bytes."""
    text = entries if isinstance(entries, str) else json.dumps(entries)
    return struct.pack("<Q", len(text)) + text.encode() + bytes(body)


def tensor(shape: list[int], begins: int, ends: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begins, ends]}


HEADS = {
    "no length": b"abc",
    "a head beyond the file": struct.pack("<Q", 2**62) + b"{}",
    "deep": head("[" * 100_000),
    "no object": head([]),
    "a shape of words": head({"w": tensor(["3"], 0, 12)}),
    "a shape below 0": head({"w": tensor([-3], 0, 12)}),
    "another size": head({"w": tensor([4], 0, 12)}),
    "an absurd shape": head({"w": tensor([2**40, 2**40, 0], 0, 0)}, 0),
    "an unknown type": head({"w": tensor([3], 0, 12, "C7")}),
    "overlapping": head({"w": tensor([3], 0, 12), "v": tensor([2], 4, 12)}),
    "beyond the end": head({"w": tensor([4], 0, 16)}),
    "a hole": head({"w": tensor([2], 4, 12)}),
    "bytes of no tensor": head({"w": tensor([2], 0, 8)}),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_damaged_head_of_tensors_is_noticed_though_its_digest_is_right(case: str, tmp_path: Path) -> None:
    write(tmp_path / "last", 1)
    write(tmp_path / "last", 2)
    (tmp_path / "last" / "model.safetensors").write_bytes(HEADS[case])
    with_digests(tmp_path / "last")
    update, warning = read(tmp_path / "last")
    assert update == 1 and "last is damaged (model.safetensors: " in warning


def test_a_link_among_its_files_is_refused_and_nothing_else_is_tried(tmp_path: Path) -> None:
    write(tmp_path / "last", 1)
    write(tmp_path / "last", 2)
    (tmp_path / "last" / "state.json").rename(tmp_path / "state.json")
    (tmp_path / "last" / "state.json").symlink_to(tmp_path / "state.json")
    with pytest.raises(UserError, match=r"state\.json: a link"):
        checkpoint.load(tmp_path / "last")
