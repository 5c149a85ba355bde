"""Sentences from CoNLL-U and the generator: what is read, how it is packed, what is remembered."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import conllu, shared_data, write_treebank

from attnlab.config import TextData
from attnlab.data.files.bad_rows import BadRows
from attnlab.data.prep.cache import made_once
from attnlab.data.text.conllu import read_conllu
from attnlab.data.text.loader import Text
from attnlab.data.text.source import TextRow
from attnlab.text_files import stretches


def toy(folder: Path, **settings) -> Text:
    config = TextData(name="toy", source="conllu", path=str(folder), cache=str(folder / "cache"), **settings)
    return Text(config, seed=1, parts=True)


def sentences(path: Path) -> list[TextRow]:
    pieces = stretches(path, paragraphs=True)
    return [row for piece in pieces for row in read_conllu(piece, BadRows(skip=False))]


def test_ranges_empty_nodes_and_comments_are_no_words(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    rows = [
        "# text = don't", "1-2\tdon't" + "\t_" * 8, "1\tdo\t_\tAUX" + "\t_" * 6, "2\tn't\t_\tPART" + "\t_" * 6,
        "2.1\tgo\t_\tVERB" + "\t_" * 6, "3\tx\t_\t_" + "\t_" * 6, "",
    ]  # fmt: skip
    path.write_bytes("\r\n".join(rows).encode())
    (row,) = sentences(path)
    assert row.words == ("do", "n't", "x") and row.targets["tags"] == ("AUX", "PART", "")
    assert row.key == "x.conllu:3"


def test_counts_of_the_real_treebank() -> None:
    folder = shared_data("ud_english_ewt")
    rows = sentences(folder / "en_ewt-ud-dev.conllu")
    assert len(rows) == 2001 and sum(len(row.words) for row in rows) == 25147
    assert len({tag for row in rows for tag in row.targets["tags"]}) == 17


def test_parts_spell_each_distinct_word_once(treebank: Path) -> None:
    split = toy(treebank).splits["train"]
    batch = split.batch(np.arange(20)).inputs
    characters = split.data.spec.vocabularies["characters"].words
    spelled = ["".join(characters[c] for c in part.values) for part in batch.parts.unbind()]
    assert len(set(spelled)) == len(spelled)
    words = [word for i in range(20) for word in split.show(i)["words"]]
    assert [spelled[i] for i in batch.part_index] == words


def test_rare_words_are_sometimes_unknown_in_training(treebank: Path) -> None:
    split = toy(treebank, unknown=20.0).splits["train"]
    assert 0.05 < float((split.batch(np.arange(40), epoch=1).inputs.values == 0).float().mean()) < 0.95
    assert (split.batch(np.arange(40)).inputs.values > 0).all(), "evaluation replaces nothing"


def test_the_vocabulary_comes_from_training_alone(tmp_path: Path) -> None:
    folder = write_treebank(tmp_path / "toy")
    (folder / "toy-ud-test.conllu").write_text(conllu([[("zebra", "NOUN")]]))
    data = toy(folder)
    assert "zebra" not in data.spec.vocabularies["words"].ids
    test = data.splits["test"]
    assert test.batch(np.array([0])).inputs.values.tolist() == [0]
    assert test.slices()["unseen"][0].tolist() == [True] and test.show(0)["words"] == ["zebra"]


def test_other_contents_or_settings_are_prepared_anew(tmp_path: Path) -> None:
    folder = write_treebank(tmp_path / "toy")
    whole, limited = toy(folder), toy(folder, limit=10)
    first = whole.fingerprint
    assert toy(folder).fingerprint == first != limited.fingerprint
    assert limited.folder_of_rows == whole.folder_of_rows, "what is prepared serves every limit"
    path = folder / "toy-ud-train.conllu"
    path.write_text(path.read_text() + conllu([[("they", "PRON")]]))
    assert toy(folder).fingerprint != first


def test_preparation_appears_whole_or_not_at_all_and_once(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("disk full")

    with pytest.raises(OSError):
        made_once(tmp_path / "x", fails)
    assert not (tmp_path / "x").exists()
    made = []
    workers = [
        threading.Thread(target=made_once, args=(tmp_path / "x", lambda f: made.append(f))) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(made) == 1 and (tmp_path / "x").is_dir()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("file", ["train.arrow", "forms.txt", "meta.json", "sizes.json"])
def test_a_damaged_preparation_is_made_anew(treebank: Path, file: str, damage: Callable[[Path], None]) -> None:
    first = toy(treebank)
    kept = first.folder_of_rows / file
    killed = first.folder_of_rows.with_name(f"{first.folder_of_rows.name}-killed")
    (first.folder_of_rows / "beside").touch()
    killed.mkdir()
    content = kept.read_bytes()
    again = toy(treebank)
    assert again.folder_of_rows == first.folder_of_rows and (first.folder_of_rows / "beside").exists()
    damage(kept)
    again = toy(treebank)
    assert kept.read_bytes() == content and again.spec == first.spec and not killed.exists()


def test_the_generated_data_know_their_ceiling(tmp_path: Path) -> None:
    data = Text(TextData(name="grammar", source="grammar", limit=50), seed=1)
    test = data.splits["test"]
    assert data.notice and test.ceiling() == pytest.approx(1.0)
    assert 0.02 < np.concatenate(test.slices()["distant"]).mean() < 0.5
    assert len(data.splits["train"]) == 50
