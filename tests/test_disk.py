"""Files are the old ones or the new ones, never half of either."""

import os
from pathlib import Path

import pytest

from attnlab.disk import (
    append_text,
    lock,
    make_folder,
    open_regular,
    plain_files,
    read_json,
    read_jsonl,
    read_text,
    read_yaml,
    write_bytes,
    write_json,
    write_text,
)  # fmt: skip
from attnlab.errors import Damaged, UserError


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


UNSOUND = {
    "deep.json": ("[" * 100_000, "not valid JSON .nested too deeply."),
    "deeper than ours.json": ("[" * 102 + "]" * 102, "nested more than 100 deep"),
    "digits.json": ('{"a": ' + "1" * 10_000 + "}", "not valid JSON .a whole number of too many digits."),
    "half.json": ('{"a": "\\ud800"}', "half a character"),
    "latin.json": ("{}\xe9", "not UTF-8"),
    "type.json": ("[]", "type.json: a list where an object should be"),
    "deep.yaml": ("[" * 100_000, "not valid YAML .nested too deeply."),
    "digits.yaml": ("a: " + "1" * 10_000, "not valid YAML .a whole number of too many digits."),
    "sexagesimal.yaml": ("a: 1" + ":10" * 100_000, "not valid YAML .a whole number of too many digits."),
    "aliases.yaml": ("a: &a [x]\nb: [*a, *a]", "not valid YAML .an alias or a tag."),
    "tag.yaml": ("a: !!int ''", "not valid YAML .an alias or a tag."),
    "date.yaml": ("a: 2001-01-01", "holds datetime.date"),
    "key.yaml": ("1: a", "a key that is no text: 1"),
    "block.yaml": ("a: b: c", "not valid YAML .mapping values are not allowed in this context in line 1."),
    "large.yaml": ("a: b\n#" + "c" * (1 << 20), "larger than"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_no_file_of_ours_holds_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    text, sentence = UNSOUND[name]
    path = tmp_path / name
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(Damaged, match=sentence) as refused:
        (read_yaml if path.suffix == ".yaml" else read_json)(path, dict[str, int])
    assert str(refused.value).startswith(str(path)) and "\n" not in str(refused.value)


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    link = tmp_path / "log.txt"
    link.symlink_to("outside")
    (tmp_path / "folder").symlink_to(tmp_path)
    for use in (
        lambda: write_text(link, "theirs"),
        lambda: append_text(link, "theirs"),
        lambda: read_text(link),
        lambda: open_regular(link),
        lambda: lock(link),
        lambda: plain_files(tmp_path),
        lambda: make_folder(tmp_path / "folder"),
    ):
        with pytest.raises(UserError, match=r"(log\.txt|folder): a link"):
            use()
    assert (tmp_path / "outside").read_text() == "mine"
    with open_regular(link, follow_links=True) as stream:  # a user's own may be one
        assert stream.read() == b"mine"


def test_what_was_foreseen_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    for name in ("a.json.new.txt", ".a.json.new", "a.json.new"):
        (tmp_path / name).symlink_to("outside")
    write_json(tmp_path / "a.json", 1)
    assert (tmp_path / "outside").read_text() == "mine" and read_json(tmp_path / "a.json", int) == 1


def test_a_pipe_or_a_folder_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name, kind in (("pipe", "a named pipe"), ("folder", "a folder")):
        for use in (
            read_text,
            open_regular,
            lambda path: append_text(path, "x"),
            lambda path: write_text(path, "x"),
        ):
            with pytest.raises(UserError, match=f"{name}: {kind} where a file should be"):
                use(tmp_path / name)
    with pytest.raises(UserError, match="/dev/null: a device where a file should be"):
        open_regular(Path("/dev/null"))
    with pytest.raises(UserError, match="a device"):
        open_regular(Path("/dev/zero"), follow_links=True)


def test_a_file_that_another_folder_shares_grows_here_alone(tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("a\n")
    os.link(tmp_path / "copy", tmp_path / "log.txt")
    append_text(tmp_path / "log.txt", "b\n")
    assert (tmp_path / "copy").read_text() == "a\n" and (tmp_path / "log.txt").read_text() == "a\nb\n"
