"""Which file is which split, by their names or by keys; what is taken for none is told."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from attnlab.compose import compose
from attnlab.config import DataConfig
from attnlab.data import open_data
from attnlab.data.contract import Data
from attnlab.data.files.layout import resembled, split_of
from attnlab.data.prep import cache
from attnlab.errors import UserError


def write_table(path: Path, count: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"text {path.name} {i},{'ab'[i % 2]}\n" for i in range(count))
    path.write_text("text,label\n" + rows)


def write_tags(path: Path, count: int) -> None:
    path.write_text("".join(f"{path.stem}{i}\tA\nv\tB\n\n" for i in range(count)))


def write_treebank(path: Path, count: int) -> None:
    path.write_text("".join(f"1\t{path.stem}{i}\t_\tNOUN\t_\t_\t_\t_\t_\t_\n\n" for i in range(count)))


def write_graphs(path: Path, count: int) -> None:
    graphs = (
        {"nodes": [[float(i), len(path.stem)], [0, 0]], "edges": [[0, 1]], "label": "ab"[i % 2]}
        for i in range(count)
    )
    path.write_text("".join(json.dumps(graph) + "\n" for graph in graphs))


def write_pairs(path: Path, count: int) -> None:
    for language in ("en", "de"):
        path.with_suffix(f".{language}").write_text("".join(f"{path.stem} {i} {language}\n" for i in range(count)))


def write_pair_table(path: Path, count: int) -> None:
    path.write_text("en,de\n" + "".join(f"{path.stem} {i},{i}\n" for i in range(count)))


PAIRS = ("task=translation", "data=parallel", "data.tokens=words")
SOURCES: dict[str, tuple[tuple[str, ...], str, Callable[[Path, int], None]]] = {
    "tables": (("task=sentiment", "data=csv"), ".csv", write_table),
    "tags": (("task=pos", "data=tagged"), ".txt", write_tags),
    "treebanks": (("task=pos", "data=ud_ewt"), ".conllu", write_treebank),
    "graphs": (("task=graph", "data=graph_jsonl"), ".jsonl", write_graphs),
    "pairs": (PAIRS, "", write_pairs),
    "pair tables": ((*PAIRS, "data.source=table"), ".csv", write_pair_table),
}


def opened(folder: Path, *words: str) -> Data:
    return open_data(compose([*words, f'data.path="{folder}"']).data, seed=1)


def counts(data: Data) -> dict[str, int]:
    return {name: len(split) for name, split in data.splits.items()}


def refusal(folder: Path, *words: str) -> str:
    with pytest.raises(UserError) as refused:
        opened(folder, *words)
    return str(refused.value)


@pytest.mark.parametrize("source", SOURCES)
def test_files_of_no_split_are_told_with_the_keys_that_use_them(tmp_path: Path, source: str) -> None:
    words, ending, write = SOURCES[source]
    for name, count in {"train": 40, "validation_matched": 11, "my-test": 7}.items():
        write(tmp_path / f"{name}{ending}", count)
    data = opened(tmp_path, *words)
    left = {"pairs": "my-test, validation_matched"}.get(source, f"my-test{ending}, validation_matched{ending}")
    assert counts(data) == {"train": 32, "validation": 4, "test": 4} and data.warnings[0] == (
        f"`data.path={tmp_path}`: left out: {left}; `data.validation_name=validation_matched` and `data.test_name=my-test` "
        "would use them; until then a share of the training examples is held out for validation and test"
    )
    named = opened(tmp_path, *words, "data.validation_name=validation_matched", "data.test_name=my-test")
    assert counts(named) == {"train": 40, "validation": 11, "test": 7} and named.warnings == []
    assert named.fingerprint != data.fingerprint
    other = opened(tmp_path, *words, "data.train_name=my-test", "data.validation=0.2", "data.test_name=train")
    by_class = source in ("tables", "graphs")  # which have two classes, both of them validated
    assert counts(other) == {"train": 6 - by_class, "validation": 1 + by_class, "test": 40}
    there = "train" if source == "pairs" else f"train{ending}"
    assert refusal(tmp_path, *words, "data.test_name=tset").startswith("`data.test_name=tset`: there are ")
    assert there in refusal(tmp_path, *words, "data.test_name=tset")
    message = refusal(tmp_path, *words, "data.test_name=train", "data.train_name=train")
    assert f"`{there}` is named for two splits" in message


@pytest.mark.parametrize("source", SOURCES)
def test_a_folder_without_training_files_names_what_was_seen(tmp_path: Path, source: str) -> None:
    words, ending, write = SOURCES[source]
    write(tmp_path / f"b{ending}", 20)
    write(tmp_path / f"my-train{ending}", 20)
    message = refusal(tmp_path, *words)
    assert "choose them by" in message or "there is no training file; seen are b" in message
    assert f"my-train{ending}" in message and "data.train_name=" in message
    write(tmp_path / f"test{ending}", 20)
    message = refusal(tmp_path, *words)
    assert "to learn from; " in message and "`data.train_name=my-train`" in message, (
        "it isn't only the test that counts"
    )
    assert counts(opened(tmp_path, *words, "data.train_name=my-train"))["test"] == 20


def test_one_of_several_files_is_chosen_by_its_name(tmp_path: Path) -> None:
    words = SOURCES["tables"][0]
    for name, count in {"train": 20, "train.v2": 30, "test": 5, "testing": 6}.items():
        write_table(tmp_path / f"{name}.csv", count)
    assert "several train files (train.csv, train.v2.csv); choose one by `data.train_name=`" in refusal(
        tmp_path, *words
    )
    chosen = [*words, "data.train_name=train.v2", "data.test_name=testing.csv", "data.validation=0"]
    assert counts(opened(tmp_path, *chosen)) == {"train": 30, "test": 6}
    write_table(tmp_path / "other.csv", 3)
    assert opened(tmp_path, *chosen, "data.validation_name=test").warnings == [], "every split was named"
    (warning,) = opened(tmp_path, *chosen).warnings
    assert "left out: other.csv; `data.validation_name=` would use it" in warning
    alone, shares = tmp_path / "other.csv", ["data.validation=0", "data.test=0.4"]
    found = counts(opened(alone, *words, "data.test_name=testing", *shares))
    assert found == {"train": 2, "test": 1}, "a single file is read whatever a run calls others"
    assert "no training texts" in refusal(alone, *words, "data.test_name=other")


def test_a_packed_copy_is_the_same_file_and_another_content_is_not(tmp_path: Path) -> None:
    for source, name in {"tables": "train.csv", "pairs": "train.de"}.items():
        words, ending, write = SOURCES[source]
        folder = tmp_path / source
        folder.mkdir()
        write(folder / f"train{ending}", 20)
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        data = opened(folder, *words)
        assert counts(data) == {"train": 16, "validation": 2, "test": 2} and data.warnings == []
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes() + b"more,x\n"))
        assert f"{name}, {name}.gz" in refusal(folder, *words) or "differ; keep one" in refusal(folder, *words)
        (folder / f"{name}.gz").write_bytes(b"no gzip")
        assert name in refusal(folder, *words)
    packed = opened(tmp_path / "tables", *SOURCES["tables"][0], "data.train_name=train.csv", "data.test=0")
    assert counts(packed) == {"train": 18, "validation": 2}


def test_names_in_capital_letters_are_read_and_housekeeping_is_not(tmp_path: Path) -> None:
    write_table(tmp_path / "TRAIN.CSV", 20)
    (tmp_path / "Test.Csv.GZ").write_bytes(gzip.compress(b"text,label\nfine,a\n"))
    for name in ("._train.csv", ".train.csv", "~$train.csv", "README.csv"):
        write_table(tmp_path / name, 3)
    data = opened(tmp_path, *SOURCES["tables"][0], "data.validation=0")
    assert counts(data) == {"train": 20, "test": 1}
    assert data.warnings == ["1 of 2 classes has no example in the test split: b"]
    assert counts(opened(tmp_path / "TRAIN.CSV", *SOURCES["tables"][0]))["train"] == 16


def test_a_split_that_is_no_table_is_told(tmp_path: Path) -> None:
    write_table(tmp_path / "train.csv", 20)
    write_table(tmp_path / "val" / "part.csv", 5)
    (tmp_path / "test.parquet").write_bytes(b"")
    (warning,) = opened(tmp_path, *SOURCES["tables"][0]).warnings
    assert "left out: test.parquet, val; files of splits end in .csv, .tsv, .jsonl" in warning
    assert f"`data.path={tmp_path}/deep`?" not in refusal(tmp_path / "val", *SOURCES["tables"][0])
    (tmp_path / "train.csv").rename(tmp_path / "val" / "train.csv")
    assert f"; `data.path={tmp_path}/val`?" in refusal(tmp_path, *SOURCES["tables"][0])


@pytest.mark.parametrize("source", SOURCES)
def test_pipes_links_to_nothing_and_empty_files(tmp_path: Path, source: str) -> None:
    words, ending, write = SOURCES[source]
    write(tmp_path / f"train{ending}", 20)
    test = tmp_path / f"test{ending or '.de'}"
    os.mkfifo(test)
    assert f"{test}: a named pipe" in refusal(tmp_path, *words)
    test.unlink()
    test.symlink_to("gone")
    assert f"{test}: a link to a file that is missing" in refusal(tmp_path, *words)
    test.unlink()
    write(tmp_path / f"test{ending}", 0)
    for path in tmp_path.glob("test*"):
        path.write_bytes(b"")
    if source == "graphs":  # all graphs are of one set, whose training part isn't empty
        assert counts(opened(tmp_path, *words))["train"] == 16
    else:
        assert "test" in refusal(tmp_path, *words)
    for name in ("/dev/null", "/dev/zero"):
        assert "a device" in refusal(Path(name), *words) or "no such folder" in refusal(Path(name), *words)


@pytest.mark.parametrize("source", SOURCES)
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, source: str, monkeypatch) -> None:
    words, ending, write = SOURCES[source]
    write(tmp_path / f"train{ending}", 23)
    digest = cache._digest

    def and_more(path: Path) -> bytes:
        """The digest of a file to which somebody adds as much as it holds, at once."""
        found = digest(path)
        path.write_bytes(path.read_bytes() + path.read_bytes().partition(b"\n")[2])
        return found

    with monkeypatch.context() as patch:
        patch.setattr(cache, "_digest", and_more)
        message = refusal(tmp_path, *words)
    assert message.startswith(f"{tmp_path}/train.") and "changed while it was read" in message
    assert sum(counts(opened(tmp_path, *words)).values()) > 40, "nothing was kept of the first try"


def test_names_that_resemble_splits() -> None:
    found = {
        name: resembled(name)
        for name in ("validation_matched.csv", "my-train", "testset", "val2017", "latest", "value")
    }
    assert found == {
        "validation_matched.csv": "validation", "my-train": "train", "testset": "test", "val2017": "validation",
        "latest": None, "value": None,
    }  # fmt: skip
    assert [split_of(name) for name in ("en-ud-dev.conllu", "TEST.x", "train_1", "Val")] == [
        "validation", "test", None, "validation",
    ]  # fmt: skip


def test_keys_of_names_are_refused_where_there_is_nothing_to_choose() -> None:
    for words in (("task=social", "data=karate"), ("task=keywords", "data=voices"), ("task=pos", "data=grammar")):
        with pytest.raises(
            UserError, match=r"`data\.test_name=x`: data=\w+ has no files or folders to choose from"
        ):
            open_data(compose([*words, "data.test_name=x"]).data, seed=1)
    assert DataConfig(name="x").train_name is None
