"""Prepared folders are whole, or made anew, and hold plain files."""

import os
from pathlib import Path

import pytest

from attnlab.data.prep.cache import MANIFEST, made_once
from attnlab.errors import UserError


def make(folder: Path) -> None:
    (folder / "rows").write_text("rows")


def put_link(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path.parent.parent / "outside")


def put_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return made_once(tmp_path / "cache" / "name.1", make)


@pytest.mark.parametrize("text", ["", "[]", '{"rows": "x"}', '{"rows": 5}', "[" * 100_000, '{"more": 1}'])
def test_a_damaged_manifest_makes_it_anew(text: str, made: Path) -> None:
    before = (made / MANIFEST).read_text()
    (made / MANIFEST).write_text(text)
    assert made_once(made, make) == made and (made / MANIFEST).read_text() == before


@pytest.mark.parametrize("put, kind", [(put_link, "a link"), (put_pipe, "a named pipe")])
@pytest.mark.parametrize("name", ["rows", MANIFEST, "baselines.json"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(name: str, put, kind: str, made: Path) -> None:
    put(made / name)
    with pytest.raises(UserError, match=f"{name}: {kind}"):
        made_once(made, make)


def test_a_link_in_the_place_of_the_folder_or_its_lock_is_refused(tmp_path: Path, made: Path) -> None:
    made.rename(tmp_path / "elsewhere")
    made.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"name\.1: a link"):
        made_once(made, make)
    made.unlink()
    put_link(made.with_name("name.1.lock"))
    with pytest.raises(UserError, match=r"name\.1\.lock: a link"):
        made_once(made, make)
    assert not (made.parent / "outside").exists()


def test_the_cache_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "disk")
    assert (made_once(tmp_path / "cache" / "name", make) / "rows").read_text() == "rows"
