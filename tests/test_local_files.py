"""Only regular files are opened, and none is waited for."""

import os
import socket
import stat
from pathlib import Path

import pytest

from attnlab import local_files
from attnlab.errors import UserError
from attnlab.local_files import is_regular, name_text, open_regular, read_regular


def test_a_file_is_read_also_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00bytes")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "link") == b"\x00bytes" and is_regular(tmp_path / "link")
    assert (
        not is_regular(tmp_path) and not is_regular(tmp_path / "none") and not is_regular(tmp_path / ("x" * 300))
    )
    with pytest.raises(UserError, match="none: no such file"):
        open_regular(tmp_path / "none")
    with pytest.raises(UserError, match="a folder, not a file"):
        open_regular(tmp_path)


def test_what_would_be_waited_for_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    short = Path(os.path.relpath(tmp_path / "socket"))  # a socket's name has at most 107 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(min(str(short), str(tmp_path / "socket"), key=len))
    kinds = {"pipe": "a named pipe", "link": "a named pipe", "socket": "a socket", "/dev/zero": "a device"}
    for name, kind in kinds.items():
        with pytest.raises(UserError, match=f"{name}: {kind}, which is never read"):
            open_regular(tmp_path / name)


def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for(tmp_path: Path, monkeypatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(local_files, "is_regular", lambda path: True)
    with pytest.raises(UserError, match="a named pipe"):
        open_regular(tmp_path / "pipe")


def test_links_to_nothing_and_what_may_not_be_read_are_told(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("link", "circle"):
        with pytest.raises(UserError, match=f"{name}: a link to a file that is missing; remove it"):
            is_regular(tmp_path / name)
    (tmp_path / "mine").write_text("x")

    def refused(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refused)  # whoever runs the tests may be allowed everything
    with pytest.raises(UserError, match="mine: Permission denied"):
        open_regular(tmp_path / "mine")


def test_names_of_any_bytes_become_text() -> None:
    assert not is_regular(Path("a\0b"))
    assert name_text(os.fsdecode(b"caf\xe9")) == "caf\\xe9" and name_text("café") == "café"
    assert stat.S_IFIFO in local_files.KINDS
