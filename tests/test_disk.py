"""Files are the old ones or the new ones, never half of either."""

import os
from pathlib import Path

import pytest

from attnlab.disk import read_json, read_jsonl, write_bytes, write_json, write_text
from attnlab.errors import UserError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    value = {"word": "für\u2028immer", "numbers": [1, 2.5, None]}
    write_json(tmp_path / "new" / "a.json", value)
    assert read_json(tmp_path / "new" / "a.json", dict[str, object]) == value
    write_text(tmp_path / "b.txt", "a\nb\r\n")
    assert (tmp_path / "b.txt").read_bytes() == b"a\nb\r\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.txt", "new"]


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"a\.bin: could not be written \(No space left on device\).*unharmed"):
        write_bytes(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"] and path.read_bytes() == b"old"


def test_lines_that_are_still_being_written_wait(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    assert read_jsonl(path, dict[str, str]) == []
    path.write_text('{"word": "a\u2028b"}\n{"wor', encoding="utf-8")
    assert read_jsonl(path, dict[str, str]) == [{"word": "a\u2028b"}]


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="not valid JSON"):
        read_json(tmp_path / "a.json", object)
