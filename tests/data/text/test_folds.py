"""Folds of tables: by groups, and in time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from attnlab.cli import main
from attnlab.compose import compose
from attnlab.config import TableData
from attnlab.data import loader, open_data
from attnlab.data.contract import Data
from attnlab.data.files.times import Moment, moment
from attnlab.errors import UserError

DAY = 24 * 60 * 60.0


def write(path: Path, times: list[str], column: str = "date") -> list[str]:
    """A table with a row for each time, of which each text is another one."""
    rows = [
        f"text {i} {'good' if i % 2 else 'bad'},{'yn'[i % 2]},au{i % 7},{time}" for i, time in enumerate(times)
    ]
    path.write_text("\n".join([f"text,label,author,{column}", *rows]) + "\n")
    return ["task=sentiment", "data=csv", f"data.path={path}"]


def opened(*words: str) -> Data:
    return open_data(compose(words).data, seed=1)


def each_fold(*words: str) -> Iterator[tuple[str, Data]]:
    """The name of each fold, and its data."""
    config = compose(words).data
    assert isinstance(config, TableData)
    for name in loader(config).folds(config, 1).names:
        yield name, open_data(replace(config, fold=name), seed=1)


def refused(*words: str) -> str:
    with pytest.raises(UserError) as error:
        config = compose(words).data
        assert isinstance(config, TableData)
        loader(config).folds(config, 1)
    return str(error.value)


def authors(data: Data, split: str) -> set[int]:
    return {(int(key.rpartition(":")[2]) - 2) % 7 for key in data.splits[split].keys}


def test_cells_are_dates_or_numbers() -> None:
    for cell, value in {
        "1970-01-02": DAY, "1970-01-02T12:00": 1.5 * DAY, "1970-01-02 12:00:00+02:00": (1 + 10 / 24) * DAY,
        "1970-02": 31 * DAY, "1969-12-31": -DAY, "1970-01-01T00:00:00Z": 0.0,
    }.items():  # fmt: skip
        assert moment(cell) == Moment(value, is_date=True), cell
    for cell, value in {"2024": 2024.0, "1717171717": 1717171717.0, "-3.5": -3.5, "1e3": 1000.0}.items():
        assert moment(cell) == Moment(value, is_date=False), cell
    for cell in ("", "31.5.2024", "5/31/2024", "yesterday", "2024-13-01", "2023-02-29", "nan", "inf", "1_000"):
        assert moment(cell) is None, cell


def test_rows_of_a_group_are_in_one_fold(tmp_path: Path) -> None:
    words = [*write(tmp_path / "x.csv", ["2024"] * 70), "data.group=author"]
    for folds in ("3", "group"):
        tested = []
        for name, data in each_fold(*words, f"data.folds={folds}"):
            groups = [authors(data, split) for split in ("train", "validation", "test")]
            assert all(groups) and sum(map(len, groups)) == 7, "no author is on two sides"
            tested += list(groups[2])
            assert folds != "group" or groups[2] == {int(name.removeprefix("au"))}
        assert sorted(tested) == list(range(7))
    assert "there are only 7 different groups (`data.group=author`)" in refused(*words, "data.folds=8")


@pytest.mark.parametrize("written", ["2024-01-{:02}", "{:02}", "2024-01-{:02}T10:00:00Z"])
def test_a_fold_in_time_learns_from_the_past_alone(tmp_path: Path, written: str) -> None:
    days = [1 + (7 * i) % 31 for i in range(93)]  # three rows of each day, in disorder
    words = [
        *write(tmp_path / "x.csv", [written.format(day) for day in days]),
        "data.folds=time:3",
        "data.time=date",
    ]
    tested: list[int] = []
    for _, data in each_fold(*words):
        found = [
            sorted(days[int(key.rpartition(":")[2]) - 2] for key in data.splits[split].keys)
            for split in ("train", "validation", "test")
        ]
        assert found[0][-1] < found[1][0] <= found[1][-1] < found[2][0]
        assert found[0] + found[1] + found[2] == sorted(day for day in days if day <= found[2][-1])
        assert not tested or tested[-1] < found[2][0]
        tested += found[2]
        learned = {word for word in data.spec.vocabularies["words"].words if word.isdecimal()}
        keys = {str(int(key.rpartition(":")[2]) - 2) for key in data.splits["train"].keys}
        assert learned == keys, "no word of what comes later is known"
    assert tested[-1] == 31 and len(set(tested)) == len(tested) / 3


def test_five_folds_in_time_where_no_number_is_given(tmp_path: Path) -> None:
    words = [*write(tmp_path / "x.csv", [str(1990 + i) for i in range(30)]), "data.time=date"]
    config = compose([*words, "data.folds=time"]).data
    assert [len(keys) for keys in loader(config).folds(config, 1).test.values()] == [5] * 5
    assert "there are only 30 different times in column `date`; 29 folds need at least 31" in refused(
        *words, "data.folds=time:29"
    )


def test_times_that_cannot_be_read_or_compared_are_refused_with_their_line(tmp_path: Path, capsys) -> None:
    table = tmp_path / "x.csv"
    in_time = ["data.folds=time:3", "data.time=date"]
    words = [*write(table, [*map(str, range(20)), "5/31/2024"]), *in_time]
    assert main(["train", *words, f"outputs={tmp_path / 'outputs'}"]) == 2
    error = capsys.readouterr().err
    assert f"{table}:22: `5/31/2024` in column `date` (`data.time`) is no date: write 2024-05-31" in error
    assert len(error.splitlines()) == 1
    config = compose([*words, "data.skip_bad=true"]).data
    assert sum(map(len, loader(config).folds(config, 1).test.values())) == 15
    words = [*write(table, ["2024-01-01", *map(str, range(20))]), *in_time]
    assert refused(*words) == (
        "`data.time=date`: x.csv:2 has `2024-01-01`, a date, but x.csv:3 has `0`, a number; write all in one way"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("data.folds=2", "write a number of at least 3, or `group`, or `time`"),
        ("data.folds=time:1 data.time=date", "write a number of at least 3, or `group`, or `time`"),
        (
            "data.folds=author",
            "`data.folds=author`: to test each value of a column `author` in turn, write data.folds=group data.group=author",
        ),
        ("data.folds=grop", "write a number of at least 3, or `group`, or `time`"),
        ("data.folds=group", "`data.folds=group` needs `data.group=`"),
        ("data.folds=time", "`data.folds=time` needs `data.time=`"),
        ("data.time=date", "`data.time=date` needs `data.folds=time`"),
        ("data.folds=time data.time=date data.group=author", "folds in time divide groups; set one of both"),
        ("data.folds=time data.time=label", "the same column twice"),
        ("data.fold=1", "`data.fold=1` needs `data.folds=`"),
        ("data.folds=time data.time=when", "no column `when`; its columns are text, label, author, date"),
        ("data.folds=99", "`data.folds=99`: there are only 20 different examples"),
    ],
)
def test_folds_that_cannot_be_are_refused_in_one_sentence(given: str, sentence: str, tmp_path: Path) -> None:
    words = write(tmp_path / "x.csv", [str(i) for i in range(20)])
    assert sentence in refused(*words, *given.split())


def test_classes_too_rare_for_every_fold_are_told(tmp_path: Path) -> None:
    rows = [f"text {i},{'rare' if i < 3 else 'often'}" for i in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path / 'x.csv'}", "data.folds=5", "data.fold=0"]
    sentence = "`data.folds=5`: 1 class has fewer different examples than there are folds, and no example in some of them: rare"
    assert sentence in opened(*words).warnings
    assert sentence not in opened(*words, "data.folds=3").warnings
