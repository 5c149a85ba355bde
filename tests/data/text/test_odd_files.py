"""Files as spreadsheets, editors and joined downloads leave them: what is read, what is told, what is refused."""

import gzip
import json
from pathlib import Path

import pytest

from attnlab import compose
from attnlab.data.files.bad_rows import JOINED, BadRows
from attnlab.data.files.names import HEADER
from attnlab.data.files.tables import KEPT_QUOTES, MERGED, REPEATED, SEPARATOR_LINE, number_in, read_table
from attnlab.data.text.lines import SPACES
from attnlab.data.text.loader import Text
from attnlab.data.warnings import warnings
from attnlab.errors import UserError

WHOLE = ("data.validation=0", "data.test=0")
Row = tuple[list[str], object]


def loaded(path: Path, task: str, data: str, *words: str) -> Text:
    return Text(
        compose.compose([f"task={task}", f"data={data}", f"data.path={path}", *WHOLE, *words]).data, seed=1
    )


def examples(data: Text, target: str) -> list[Row]:
    train = data.splits["train"]
    return [(train.show(i)["words"], answer) for i, answer in enumerate(train.gold(target))]  # type: ignore[misc]


def table(path: Path, columns: tuple[str, ...] | tuple[int, ...] = ("text", "label")) -> tuple[list, BadRows]:
    bad = BadRows(skip=False)
    return list(read_table(path, columns, bad)), bad


@pytest.mark.parametrize("cell", ["1_5", "1_000.5", "", "x", "1,5"])
def test_what_is_no_number(cell: str) -> None:
    assert number_in(cell) != number_in(cell)


def test_a_number_with_an_underscore_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na,1.5\nb,1_5\n")
    with pytest.raises(UserError, match=r"x.csv:3: label `1_5` is not a number"):
        loaded(tmp_path / "x.csv", "sentiment", "csv", "data.target_kind=number")


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"text": "a", "label": "g", "more": {"a": 1, "a": 2}}\n{"text": "b", "label": "g", "label": "h"}\n'
    )
    with pytest.raises(UserError, match=r"x.jsonl:2: `label` stands twice in one object"):
        table(path)
    bad = BadRows(skip=True)
    assert list(read_table(path, ("text", "label"), bad)) == [(1, ["a", "g"])] and bad.count == 1


def test_a_list_of_objects_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('[{"text": "a", "label": "g"}]')
    with pytest.raises(UserError, match="has no list around its objects"):
        table(tmp_path / "x.jsonl")


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_joined_tables_are_read_as_one(ending: str, tmp_path: Path) -> None:
    path, part = (
        tmp_path / f"x.{ending}",
        "\ufefftext,label\na,good\nb,bad\n".replace(",", "\t" if ending == "tsv" else ","),
    )
    path.write_text(part + part)
    rows, bad = table(path)
    assert rows == [(2, ["a", "good"]), (3, ["b", "bad"]), (5, ["a", "good"]), (6, ["b", "bad"])]
    assert bad.notes == {JOINED: (1, f"{path.name}:4"), REPEATED: (1, f"{path.name}:4")}
    assert bad.changes == {JOINED, REPEATED}


def test_joined_json_is_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"text": "a", "label": 1}\n\ufeff{"text": "b", "label": 2}\n')
    rows, bad = table(tmp_path / "x.jsonl")
    assert rows == [(1, ["a", "1"]), (2, ["b", "2"])] and bad.notes == {JOINED: (1, "x.jsonl:2")}


@pytest.mark.parametrize("name", ["e\u0301tat", " \u00e9tat ", "\ufeff\u00e9tat", "\u00e9tat\u200b"])
def test_a_column_is_found_by_what_can_be_seen(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"text,{name}\na,1\n")
    (tmp_path / "x.jsonl").write_text(json.dumps({"text": "a", name: 1}) + "\n")
    for path in tmp_path.iterdir():
        assert [cells for _, cells in table(path, ("text", "\u00e9tat"))[0]] == [["a", "1"]]


def test_columns_that_only_look_alike_are_not_guessed(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text, label,label \na,1,2\n")
    with pytest.raises(UserError, match="no column `label`"):
        table(tmp_path / "x.csv")


def test_the_line_that_tells_a_spreadsheet_the_separator_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("sep=,\ntext,label\na,good\n")
    rows, bad = table(tmp_path / "x.csv")
    assert rows == [(3, ["a", "good"])] and bad.notes == {SEPARATOR_LINE: (1, "x.csv:1")}


def test_names_of_columns_are_no_example_where_columns_have_numbers(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("Text,Label\na,good\n")
    rows, bad = table(tmp_path / "x.csv", (1, 2))
    assert rows == [(2, ["a", "good"])] and bad.notes == {HEADER: (1, "x.csv:1")}
    (tmp_path / "y.csv").write_text("text,good\na,good\n")
    assert len(table(tmp_path / "y.csv", (1, 2))[0]) == 2


def test_rows_that_an_open_quote_takes_in_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('text,label\n"oops,good\nb,bad\nscreen of 5",good\nc,bad\n')
    rows, bad = table(path)
    assert len(rows) == 2 and bad.notes == {MERGED: (1, "x.csv:2")} and not bad.changes
    path.write_text('text,label\n"Never again,\nI say.",bad\n"Two\nlines",good\n')
    assert not table(path)[1].notes


@pytest.mark.parametrize(
    ("ending", "row", "told"),
    [
        ("csv", 'x, "good"', True), ("csv", 'x,"good"', False), ("csv", '"a ""b""",good', False),
        ("csv", 'say "hi",good', False), ("tsv", '"He said ""hi"""\tgood', True), ("tsv", '"Hello," he said, "bye"\tgood', False),
        ("tsv", '"\tgood', False),
    ],
)  # fmt: skip
def test_quotes_that_are_kept_are_told(ending: str, row: str, told: bool, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    path.write_text("text,label\n".replace(",", "\t" if ending == "tsv" else ",") + row + "\n")
    assert table(path)[1].notes == ({KEPT_QUOTES[f".{ending}"]: (1, f"{path.name}:2")} if told else {})


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(b"text,label\na,b\n", mtime=0), "a gzip file; let its name end in .gz"),
        (b"PK\x03\x04\x14\0\x06\0", r"a zip file or a spreadsheet \(.xlsx\)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "only a pointer of Git LFS"),
        ("text,label\na,b\n".encode("utf-32"), "UTF-32 text; .* `data.encoding=utf-32`"),
    ],
)
def test_files_of_another_format_are_named(data: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(data)
    with pytest.raises(UserError, match=what):
        loaded(tmp_path / "x.csv", "sentiment", "csv")


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u200e", "\u00ad"])
def test_invisible_characters_make_no_other_class_or_group(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"text,label,author\na,good,ann\nb,{mark}good,ann{mark}\nc,bad,bob\n")
    data = loaded(path, "sentiment", "csv", "data.group=author")
    assert data.spec.targets["label"].classes == ("bad", "good")
    assert any("invisible characters" in warning for warning in data.warnings)
    path.write_text(f"text,label,author\na,good,{mark}\n")
    with pytest.raises(UserError, match=r"x.csv:2: empty column `author`"):
        loaded(path, "sentiment", "csv", "data.group=author")


def test_classes_that_look_alike_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\na,very good\nb,Very good\nc,very\u00a0good\nd,a\ne,A\n")
    told = [w for w in warnings(loaded(path, "sentiment", "csv")) if "capitals" in w]
    assert told == [
        "label: classes that differ only in capitals or white space are different classes: "
        "`Very good` (1) and `very good` (1) and `very\u00a0good` (1)"
    ]


def test_a_label_that_is_likely_misspelled_is_told_with_its_counts(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    labels = ["positive"] * 20 + ["negative"] * 20 + ["positve", "grade 1", "grade 2", "three"] + ["tree"] * 20
    path.write_text("text,label\n" + "".join(f"t {i},{label}\n" for i, label in enumerate(labels)))
    words = ("data.validation=0", "data.test=0")
    told = [w for w in warnings(loaded(path, "sentiment", "csv", *words)) if "misspelling" in w]
    assert told == [
        "label: a class that differs by one letter from a frequent one may be a misspelling: `positve` (1) beside "
        "`positive` (20)"
    ], "short names, and digits, are told apart by a letter"


NUMBERS = {
    "prices": ([f"{i * 7.5}" for i in range(30)], True),
    "years": ([str(1900 + 3 * i) for i in range(30)], True),
    "stars": (list("12345") * 6, False),
    "numbers of classes": ([str(i) for i in range(30)], False),
    "names": ([f"{i}a" for i in range(30)], False),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_many_numbers_as_labels_are_asked_about(case: str, tmp_path: Path) -> None:
    labels, asked = NUMBERS[case]
    path = tmp_path / "train.csv"
    path.write_text("text,price\n" + "".join(f"t {i},{label}\n" for i, label in enumerate(labels)))
    words = ("data.label=price", "data.validation=0", "data.test=0")
    told = [warning for warning in loaded(path, "sentiment", "csv", *words).warnings if "target_kind" in warning]
    question = "30 different numbers, each a class of its own; did you mean data.target_kind=number?"
    assert told == ([f"`data.label=price`: {question}"] if asked else [])


# --- words and tags ---------------------------------------------------------------------------------


def word(number: int, form: str, tag: str) -> str:
    return f"{number}\t{form}\t_\t{tag}\t_\t_\t0\troot\t_\t_\n"


def test_columns_of_another_order_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    columns = "ID FORM UPOS LEMMA XPOS FEATS HEAD DEPREL DEPS MISC"
    path.write_text(f"# global.columns = {columns}\n1\tDogs\tNOUN\tdog\t_\t_\t0\troot\t_\t_\n\n")
    with pytest.raises(UserError, match=f"x.conllu:1: the columns are {columns}, not those of CoNLL-U"):
        loaded(path, "pos", "ud_ewt")
    path.write_text(
        "# global.columns = ID FORM LEMMA UPOS XPOS FEATS HEAD DEPREL DEPS MISC\n" + word(1, "Dogs", "NOUN")
    )
    assert examples(loaded(path, "pos", "ud_ewt"), "tags") == [(["Dogs"], ["NOUN"])]


def test_spaces_at_the_ends_of_words_make_no_other_word(tmp_path: Path) -> None:
    (tmp_path / "x.conllu").write_text(word(1, " New York ", "NOUN") + word(2, "runs", "VERB"))
    (tmp_path / "x.jsonl").write_text(json.dumps({"words": [" New York ", "runs"], "tags": ["NOUN", "VERB"]}))
    for name, source in (("x.conllu", "ud_ewt"), ("x.jsonl", "tagged")):
        data = loaded(tmp_path / name, "pos", source)
        assert examples(data, "tags") == [(["New York", "runs"], ["NOUN", "VERB"])]
        assert f"{SPACES}: 1, the first at {name}:1" in data.warnings


def test_a_word_of_spaces_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.conllu").write_text(word(1, "  ", "NOUN"))
    with pytest.raises(UserError, match=r"x.conllu:1: a word without form"):
        loaded(tmp_path / "x.conllu", "pos", "ud_ewt")


def test_joined_files_of_tags(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("Dogs\tNOUN\nbark\tVERB\n\n\ufeffDogs\tNOUN\n")
    data = loaded(path, "pos", "tagged")
    assert examples(data, "tags") == [(["Dogs", "bark"], ["NOUN", "VERB"]), (["Dogs"], ["NOUN"])]
    assert f"{JOINED}: 1, the first at x.txt:4" in data.warnings
    path.write_text("Dogs\tNOUN\nbark\tVERB\n\ufeffDogs\tNOUN\n")
    with pytest.raises(UserError, match=r"x.txt:3: a byte order mark within a sentence"):
        loaded(path, "pos", "tagged")


def test_names_of_columns_are_no_word(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("Word\tTag\nDogs\tNOUN\nbark\tVERB\n\nform\tNOUN\n")
    data = loaded(path, "pos", "tagged")
    assert examples(data, "tags") == [(["Dogs", "bark"], ["NOUN", "VERB"]), (["form"], ["NOUN"])]
    assert f"{HEADER}: 1, the first at x.txt:1" in data.warnings


def test_the_fingerprint_changes_only_where_examples_do(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("text,label\na,good\n")
    (tmp_path / "y.csv").write_text("text,label\ntext,label\na,good\n")
    plain, changed = (loaded(tmp_path / name, "sentiment", "csv") for name in ("x.csv", "y.csv"))
    assert (plain.meta["changes"], changed.meta["changes"]) == ([], [REPEATED])
    assert examples(plain, "label") == examples(changed, "label")
