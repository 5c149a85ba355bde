"""Texts and labels from .csv, .tsv and .jsonl: the same rows whatever the format, one sentence for a bad one."""

import csv
import gzip
import io
import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab import compose
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.files.tables import read_table
from attnlab.data.text.given import SentenceReader
from attnlab.data.text.loader import Text
from attnlab.data.text.tokenize import tokens
from attnlab.errors import UserError

NASTY = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=20)


def opened(path: Path, *overrides: str) -> Text:
    return Text(compose.compose(["task=sentiment", "data=csv", f"data.path={path}", *overrides]).data, seed=1)


def rows(path: Path, columns=("text", "label"), skip: bool = False) -> list[tuple[int, list[str]]]:
    return list(read_table(path, columns, BadRows(skip)))


@given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=5), st.booleans())
@settings(deadline=None)
def test_what_a_csv_writer_writes_is_read_again(tmp_path_factory, pairs: list[tuple[str, str]], bom: bool) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows([("text", "label"), *pairs])
    path.write_bytes((b"\xef\xbb\xbf" if bom else b"") + stream.getvalue().encode())
    assert [tuple(cells) for _, cells in rows(path)] == pairs


@given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=5))
@settings(deadline=None)
def test_what_a_json_writer_writes_is_read_again(tmp_path_factory, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "x.jsonl.gz"
    text = "".join(json.dumps({"label": label, "text": words}) + "\n" for words, label in pairs)
    path.write_bytes(gzip.compress(text.encode()))
    assert [tuple(cells) for _, cells in rows(path)] == pairs


def test_what_is_missing_in_json_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": null, "label": NaN}\n{"text": true, "label": 0.5}\n')
    assert rows(path) == [(1, ["", ""]), (2, ["1", "0.5"])]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('text,label\n"two\nlines",a\n\nplain,b\n')
    assert rows(path) == [(2, ["two\nlines", "a"]), (5, ["plain", "b"])]


def test_a_tsv_is_never_quoted_and_columns_have_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text('"so he said\t1\n5" wide\t0\n')
    assert rows(path, (2, 1)) == [(1, ["1", '"so he said']), (2, ["0", '5" wide'])]


BAD = {
    "too few columns": ("x.csv", b"text,label\nfine\n", "x.csv:2: 1 columns, where the first row has 2"),
    "too many columns": (
        "x.csv",
        b"text,label\na, b,good\n",
        "x.csv:2: 3 columns, where the first row has 2; a text that holds a comma, or whatever separates cells, stands",
    ),
    "nul": ("x.csv", b"text,label\nok,a\nfi\0ne,good\n", "x.csv:3: holds a NUL character"),
    "latin 1": ("x.csv", "text,label\nfilm génial,good\n".encode("latin-1"), "x.csv:2: not UTF-8"),
    "stray quote": ("x.csv", b'text,label\n"fine"ly,good\n', "x.csv:2: not a row of a .csv file"),
    "open quote": ("x.csv", b'text,label\n"fine,good\n', "x.csv:2: not a row of a .csv file"),
    "no json": ("x.jsonl", b'{"text": "a", "label": 1}\n{"text": \n', "x.jsonl:2: not a JSON object"),
    "json list": ("x.jsonl", b"[1]\n", "x.jsonl:1: not a JSON object"),
    "digits": ("x.jsonl", b'{"text": "a", "label": ' + b"1" * 5000 + b"}\n", "x.jsonl:1: not a JSON object"),
    "missing key": ("x.jsonl", b'{"txt": "a", "label": 1}\n', "x.jsonl:1: no `text`; did you mean `txt`?"),
    "nested": ("x.jsonl", b'{"text": ["a"], "label": 1}\n', "x.jsonl:1: `text` holds a list"),
    "half a character": ("x.jsonl", b'{"text": "\\ud800", "label": 1}\n', "x.jsonl:1: not UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_named_or_left_out_and_counted(case: str, tmp_path: Path) -> None:
    name, content, expected = BAD[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        rows(path)
    assert expected in str(caught.value) and "data.skip_bad=true" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    bad = BadRows(skip=True)
    list(read_table(path, ("text", "label"), bad))
    assert bad.count == 1 and bad.summary().startswith("1 bad row was left out") and expected in bad.summary()


@pytest.mark.parametrize("end", ["", 'b",b\n'], ids=["never closed", "closed by another"])
def test_lines_that_an_open_quote_swallows_are_told_and_counted(end: str, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        'text,label\na,a\n"fine,a\n' + "b,b\n" * 3 + (f'"{end}' if end else "") + ("c,c\n" if end else "")
    )
    bad = BadRows(skip=True)
    found = list(read_table(path, ("text", "label"), bad))
    assert found == [(2, ["a", "a"]), *([(8, ["c", "c"])] if end else [])]
    last = 7 if end else 6
    assert bad.count == last - 2 and "x.csv:3: not a row of a .csv file" in bad.first
    assert f"a quote opened there runs on to line {last}" in bad.first


def test_a_cell_may_be_as_long_as_a_book(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\n" + "a " * 100_000 + ",b\n")
    assert [len(cells[0]) for _, cells in rows(path)] == [200_000]


FILES = {
    "no such column": (
        "x.csv",
        b"txt,label\n",
        ("text", "label"),
        "x.csv:1: no column `text`; did you mean `txt`?",
    ),
    "other capitals": ("x.csv", b"TEXT,label\n", ("text", "label"), "no column `text`; did you mean `TEXT`?"),
    "two of a name": ("x.csv", b"text,label,text\n", ("text", "label"), "2 columns are called `text`"),
    "no such number": ("x.tsv", b"a\tb\n", (1, 3), "x.tsv:1: no column 3; the first row has 2"),
    "semicolons": (
        "x.csv",
        b"text;lable\na, b;c\n",
        ("text", "label"),
        "x.csv:1: no column `label`; did you mean `lable`?",
    ),
    "semicolons, numbered": ("x.csv", b"a, b;c\n", (1, 3), "x.csv:1: no column 3"),
    "tabs and semicolons": (
        "x.csv",
        b"text\tlabel\na;b;c\n",
        (1, 2),
        "x.csv:1: one column; it seems to be separated by tabs",
    ),
    "commas": (
        "x.tsv",
        b"text,label\na,b\n",
        ("text", "label"),
        "x.tsv:1: one column; it seems to be separated by commas",
    ),
    "numbers of keys": ("x.jsonl", b"{}\n", (1, 2), "columns of .jsonl have names"),
    "old line ends": ("x.tsv", b"text\tlabel\ra\tb\r", ("text", "label"), "lines end with carriage returns alone"),
    "no gzip": ("x.csv.gz", b"text,label\n", ("text", "label"), "not a whole gzip file"),
    "half a gzip": (
        "x.csv.gz",
        gzip.compress(b"text,label\n", mtime=0)[:-9],
        ("text", "label"),
        "not a whole gzip file",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_read_at_all_is_never_skipped(case: str, tmp_path: Path) -> None:
    name, content, columns, expected = FILES[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        rows(tmp_path / name, columns, skip=True)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "how, expected",
    [
        ("words", ["Don't", "pay", "$", "3.50", "-", "it", "’", "s", "well-made", "!", "!"]),
        ("spaces", ["Don't", "pay", "$3.50", "-", "it", "’", "s", "well-made!!"]),
        ("characters", list("Don'tpay$3.50-it’swell-made!!")),
    ],
)
def test_a_text_in_pieces(how: str, expected: list[str]) -> None:
    assert tokens("Don't pay $3.50 -\tit ’ s well-made!!\n", how) == expected


@pytest.mark.parametrize("numbers, spread", [([0.1] * 3, 1.0), ([1.6e9, 1.6e9 + 1, 1.6e9 + 2], (2 / 3) ** 0.5)])
def test_numbers_are_learned_as_they_stand_in_the_file(
    numbers: list[float], spread: float, tmp_path: Path
) -> None:
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + "".join(f"a b,{number}\n" for number in numbers * 20))
    data = opened(path, "data.target_kind=number", "data.validation=0", "data.test=0")
    split = data.splits["train"]
    assert data.spec.targets["label"].std == pytest.approx(spread)
    assert split.batch(np.arange(len(split))).targets["label"].tolist() == split.gold("label") == numbers * 20


@pytest.mark.parametrize("word", ["हिन्दी", "தமிழ்", "cafe\u0301", "cafe\u0301-creme\u0300", "שָׁלוֹם"])
def test_accents_and_vowel_signs_belong_to_their_word(word: str) -> None:
    assert tokens(f"{word}, {word}!", "words") == [word, ",", word, "!"]


def test_answers_of_each_kind(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("text,stars,funny,sad\n" + "a b,1,1,\nc,5,0,1\nd,3,,0\n" * 20)
    stars = opened(path, "data.label=stars", "data.target_kind=number", "data.validation=0", "data.test=0")
    target, split = stars.spec.targets["label"], stars.splits["train"]
    assert target.mean == pytest.approx(np.mean(split.gold("label"))) and target.std == pytest.approx(
        np.std(split.gold("label"))
    )
    everything = np.arange(len(split))
    assert split.batch(everything).targets["label"].tolist() == split.gold("label")
    several = opened(
        path, "data.label=[funny,sad]", "data.target_kind=classes", "data.validation=0", "data.test=0"
    )
    assert several.spec.targets["label"].classes == ("funny", "sad")
    split = several.splits["train"]
    assert {tuple(row) for row in split.gold("label")} == {(1, -1), (0, 1), (-1, 0)}
    assert split.batch(everything).targets["label"].tolist() == split.gold("label")
    with pytest.raises(UserError, match=r"data=csv: 1 question \(funny\), but the run learned 2 questions"):
        Text(replace(several.config, label=["funny"]), 1, several.spec)
    single = opened(path, "data.label=stars", "data.validation=0", "data.test=0").splits["train"]
    target = single.data.spec.targets["label"]
    assert target.classes == ("1", "3", "5") and sum(target.counts) == len(single)
    ids = single.batch(everything).targets["label"]
    assert [target.classes[i] for i in ids] == single.gold("label")


def test_without_a_validation_file_texts_are_held_out_once_and_together(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    texts = [f"text {i % 150}" for i in range(300)]  # every text twice
    path.write_text("text,label\n" + "".join(f"{text},{text[-1]}\n" for text in texts))
    splits = opened(path, "data.validation=0.2").splits
    found = {name: [" ".join(split.show(i)["words"]) for i in range(len(split))] for name, split in splits.items()}
    assert set(found) == {"train", "validation", "test"} and sorted(chain(*found.values())) == sorted(texts)
    assert not any(
        set(found[a]) & set(found[b])
        for a, b in (("train", "validation"), ("train", "test"), ("validation", "test"))
    )
    # Ten classes of 30 texts, of which pairs stay together.
    assert {name: len(own) for name, own in found.items()} == {"train": 210, "validation": 60, "test": 30}


def test_sentences_of_a_user_are_packed_as_those_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("text,label\n" + '"A fine, fine film",good\nbad,bad\n' * 10)
    config = compose.compose(
        ["task=sentiment", "data=csv", f"data.path={path}", "data.validation=0", "data.test=0"]
    ).data
    data = Text(config, seed=1, parts=True)
    prepared, reader = (
        data.splits["train"].batch(np.array([0, 1])).inputs,
        SentenceReader(config, data.spec, parts=True),
    )
    for sentences in (["A fine, fine film", "bad"], [["A", "fine", ",", "fine", "film"], ["bad"]]):
        examples = [reader.example(sentence, "typed") for sentence in sentences]
        typed = reader.split(examples, ["first", "second"]).batch(np.array([0, 1])).inputs
        assert typed.values.tolist() == prepared.values.tolist() and typed.lengths == prepared.lengths == (5, 1)
        assert typed.coords.tolist() == prepared.coords.tolist()

        def spelled(sets):
            singles = sets.parts.unbind()
            return [singles[i].values.tolist() for i in sets.part_index]

        assert spelled(typed) == spelled(prepared)
    for wrong in ("", ["a", ""], [], 5):
        with pytest.raises(UserError):
            reader.example(wrong, "typed")


def test_counts_of_the_real_sentences() -> None:
    folder = shared_data("sst2")
    data = Text(compose.compose(["task=sentiment", "data=sst2", f"data.path={folder}"]).data, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 6920, "validation": 872, "test": 1821,
    }  # fmt: skip
    target = data.spec.targets["label"]
    assert target.classes == ("0", "1") and target.counts == (3310, 3610)


ENCODED = [
    ("cp1252", "très “bien” – 5 €"),
    ("utf-16", "größer 東京"),
    ("latin-1", "déjà"),
    ("shift_jis", "東京"),
    ("utf-8-sig", "naïve"),
]


@pytest.mark.parametrize("encoding, text", ENCODED, ids=[name for name, _ in ENCODED])
@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])
def test_files_in_any_encoding_are_read_when_it_is_named(
    encoding: str, text: str, zipped: bool, tmp_path: Path
) -> None:
    path = tmp_path / ("x.csv.gz" if zipped else "x.csv")
    data = f"text,label\r\n{text},good\r\nplain,bad\r\n".encode(encoding)
    path.write_bytes(gzip.compress(data) if zipped else data)
    found = list(read_table(path, ("text", "label"), BadRows(False), encoding=encoding))
    assert found == [(2, [text, "good"]), (3, ["plain", "bad"])]


UNREADABLE = {
    "cp1252 for utf-8": (
        "café,good".encode("cp1252"),
        [],
        "x.csv:2: not UTF-8 text; name its encoding by `data.encoding=`, which is cp1252",
    ),
    "utf-16 for utf-8": (
        "text,label\na,b\n".encode("utf-16"),
        [],
        "x.csv:1: UTF-16 text; save the file as UTF-8, or set `data.encoding=utf-16`",
    ),
    "utf-16 without a mark": (
        "text,label\na,b\n".encode("utf-16-le"),
        [],
        "x.csv:1: UTF-16 text; save the file as UTF-8, or set `data.encoding=utf-16`",
    ),
    "utf-16-be without a mark": ("text,label\n".encode("utf-16-be"), [], "or set `data.encoding=utf-16-be`"),
    "utf-8 for utf-16": (b"odd", ["data.encoding=utf-16"], "utf-16"),
    "cp1252 without it": (b"\x81,good", ["data.encoding=cp1252"], "x.csv:2: not cp1252 text"),
    "unknown": (b"a,b", ["data.encoding=windows"], "`data.encoding=windows`: unknown"),
    "no encoding of text": (b"a,b", ["data.encoding=hex"], "`data.encoding=hex`: unknown"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_another_encoding_is_refused_with_what_to_say(case: str, tmp_path: Path) -> None:
    content, words, expected = UNREADABLE[case]
    path = tmp_path / "x.csv"
    path.write_bytes(content if case.startswith("utf-16") else b"text,label\n" + content + b"\n" * 2)
    with pytest.raises(UserError) as caught:
        opened(path, *words)
    assert expected in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_group_is_held_out_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text(
        "text,label,author\n" + "".join(f"text {i},{i % 2},writer {i % 20 // 2}\n" for i in range(200))
    )
    splits = opened(path, "data.group=author", "data.validation=0.2", "data.test=0.2").splits
    writers = {
        name: {int(split.show(i)["words"][1]) % 20 // 2 for i in range(len(split))}
        for name, split in splits.items()
    }
    assert sorted(chain(*writers.values())) == list(range(10)) and all(writers.values())
    with pytest.raises(UserError, match=r"empty column `author` \(`data.group`\)"):
        path.write_text("text,label,author\na,b,\n")
        opened(path, "data.group=author")


def test_words_and_tags_in_columns_of_any_kind(tmp_path: Path) -> None:
    def rows(name: str, content: str, *words: str) -> list[tuple[list[str], list[str]]]:
        path = tmp_path / name
        path.write_bytes(content.encode())
        split = Text(
            compose.compose(
                ["task=pos", "data=tagged", f"data.path={path}", *words, "data.validation=0", "data.test=0"]
            ).data,
            seed=1,
        ).splits["train"]
        return [(split.show(i)["words"], split.gold("tags")[i]) for i in range(len(split))]

    expected = [(["New York", "it"], ["PROPN", "PRON"]), (["go"], ["VERB"])]
    assert rows("a.tsv", "\ufeffNew York\tPROPN\r\nit\tPRON\r\n\r\n\r\ngo\tVERB") == expected
    assert rows("b.txt", "it  PRON\n \ngo VERB\n")[0] == (["it"], ["PRON"])
    assert rows("c.txt", "it PRON x\n", "data.words=1", "data.tags=2") == [(["it"], ["PRON"])]
    assert rows("c.conll", "it PRP B-NP O\ngo VB O O\n\n", "data.tags=3") == [(["it", "go"], ["B-NP", "O"])]
    objects = [{"w": ["New York", "it"], "t": ["PROPN", None]}, {"w": ["go"], "t": ["VERB"]}]
    named = rows("d.jsonl", "\n".join(map(json.dumps, objects)), "data.words=w", "data.tags=t")
    assert named == [(["New York", "it"], ["PROPN", ""]), (["go"], ["VERB"])]
    broken = json.dumps({"words": ["see\nthis", "x"], "tags": ["N", "V"]})
    with pytest.raises(UserError, match="`words` has a word with a line feed"):
        rows("f.jsonl", broken)
    with pytest.raises(UserError, match="3 columns, where a word"):
        rows("g.txt", "it PRON x\n")
    for words, problem in (
        (["data.tags=t"], "columns of text have numbers"),
        (["data.tags=0"], "numbered from 1"),
    ):
        with pytest.raises(UserError, match=problem):
            rows("e.txt", "a B\n", *words)


def test_the_same_bytes_are_other_rows_in_another_format(tmp_path: Path) -> None:
    content = "text\tlabel\n" + '"a, b"\tgood\n"c"\tbad\n' * 10
    for name in ("x.tsv", "x.csv"):
        (tmp_path / name).write_text(content)
    for name, words in (("x.tsv", ['"', "a", ",", "b", '"']), ("x.csv", ["a", ",", "b"])):
        train = opened(tmp_path / name, "data.validation=0", "data.test=0").splits["train"]
        assert len(train) == 20 and train.show(0)["words"] == words


def test_where_all_is_too_long_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\na b c,good\n")
    with pytest.raises(UserError, match=r"no rows of at most `data.max_length=2` words in it"):
        opened(path, "data.max_length=2", "data.too_long=drop")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@given(st.lists(st.tuples(NASTY, NASTY), min_size=1, max_size=5))
@settings(deadline=None, max_examples=30)
def test_the_separator_is_found(tmp_path_factory, separator: str, pairs: list[tuple[str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    stream = io.StringIO()
    csv.writer(stream, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *pairs])
    path.write_bytes(stream.getvalue().encode())
    assert [tuple(cells) for _, cells in rows(path)] == pairs


SEPARATED = {
    "as spreadsheets say it": ("sep=;\na,b;c\nd;e\n", (1, 2), [["a,b", "c"], ["d", "e"]]),
    "commas of texts": ("text;label\na, b;c\nd, e;f\n", ("text", "label"), [["a, b", "c"], ["d, e", "f"]]),
    "without names": ("a b;c\nd;e, f\n", (1, 2), [["a b", "c"], ["d", "e, f"]]),
    "a comma, where it gives these columns": ("a;b,c\nd;e,f\n", (1, 2), [["a;b", "c"], ["d;e", "f"]]),
    "decimal commas": ("text;price\na;1,5\nb;2,5\n", ("text", "price"), [["a", "1,5"], ["b", "2,5"]]),
    "one column": ("text\na; b\nc\n", ("text",), [["a; b"], ["c"]]),
}


@pytest.mark.parametrize("case", SEPARATED)
def test_a_comma_separates_wherever_it_can(case: str, tmp_path: Path) -> None:
    content, columns, expected = SEPARATED[case]
    (tmp_path / "x.csv").write_text(content)
    assert [cells for _, cells in read_table(tmp_path / "x.csv", columns, BadRows(True))] == expected


def test_a_separator_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("a;b,c\nd;e,f\n" * 9)
    words = ["data.text=1", "data.label=2", "data.separator=semicolon", "data.validation=0", "data.test=0"]
    assert opened(path, *words).spec.targets["label"].classes == ("b,c", "e,f")
    path.rename(tmp_path / "train.tsv")
    with pytest.raises(UserError, match=r"`data.separator=semicolon`: train.tsv: a .tsv has tabs"):
        opened(tmp_path / "train.tsv", *words)


# --- several columns, and columns beside ------------------------------------------------------------

BOTH = ["data.text=[title,body]", "data.validation=0", "data.test=0"]


def test_several_columns_are_joined_with_a_boundary(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("title,label,body\nFine film,good,I like it\n,bad,So so\nDull,bad,\n")
    data = opened(path, *BOTH)
    assert [data.splits["train"].show(i)["words"] for i in range(3)] == [
        ["Fine", "film", "<sep>", "I", "like", "it"],
        ["<sep>", "So", "so"],
        ["Dull", "<sep>"],
    ]
    reader = SentenceReader(data.config, data.spec, parts=True)
    assert reader.example("Fine<sep> <so>", "typed") == ["Fine", "<sep>", "<", "so", ">"]
    path.write_text("title,label,body\n ,good,\n")
    with pytest.raises(UserError, match=r"train\.csv:2: no words in columns `title` and `body`"):
        opened(path, *BOTH)


def test_columns_beside_stand_by_their_row_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    cells = [(f"r{i}", f"text {i}", "ab"[i % 2], "x,y" if i % 3 else "") for i in range(40)]
    with path.open("w") as stream:
        csv.writer(stream).writerows([("id", "text", "label", "date"), *cells, ("", "no label", "", "z")])
    words = ["data.skip_bad=true", "data.test=0.4"]
    plain, kept = opened(path, *words), opened(path, *words, "data.id=id", "data.keep=[date,label]")
    assert plain.fingerprint == kept.fingerprint and plain.folder_of_rows == kept.folder_of_rows
    assert any("data.id=id: 1 of 41 rows for train have none" in warning for warning in kept.warnings)
    by_text = {f"text {i}": cells[i] for i in range(40)}
    for name, split in kept.splits.items():
        assert split.keys == plain.splits[name].keys == [plain.splits[name].name(i) for i in range(len(split))]
        for i in range(len(split)):
            row = by_text[" ".join(split.show(i)["words"])]  # type: ignore[arg-type]
            assert (split.name(i), split.kept(i)) == (row[0], {"date": row[3], "label": row[2]})
    with pytest.raises(
        UserError, match=r"`data.keep=\[dte\]`: .*train.csv:1: no column `dte`; did you mean `date`?"
    ):
        opened(path, "data.keep=[dte]", *words)


def test_spellings_of_a_label_are_one_class_and_a_group(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label,who\n" + "a,e\u0301,Zoe\u0308\nb,\u00e9,Zo\u00eb\nc,x\u00a0,Ann \nd,x,Ann\n" * 9)
    data = opened(path, "data.group=who", "data.validation=0", "data.test=0")
    assert dict(zip(data.spec.targets["label"].classes, data.spec.targets["label"].counts, strict=True)) == {
        "x": 18,
        "\u00e9": 18,
    }
    assert any(
        "class names were put in normal form" in w and w.endswith(": 18, the first at x.csv:2")
        for w in data.warnings
    )
    assert data.meta["changes"] == ["class names", "group"]


def test_a_text_of_invisible_characters_has_no_words(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("text,label\na,b\n\u200b\u200d,b\n")
    with pytest.raises(UserError, match=r"x\.csv:3: no words in column `text`"):
        opened(path)
