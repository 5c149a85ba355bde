"""A mistake in arguments or files is answered with what would be right: the key, the choice, the folder."""

import re
import wave
from pathlib import Path

import pytest

from attnlab.cli import main
from attnlab.config import Seq2seqHead
from attnlab.data.prep.inputs import text_inputs
from attnlab.training.baselines import ahead
from attnlab.training.report import length_table

TREEBANK = "".join(f"{i}\t{w}\t_\t{u}\t_\t_\t_\t_\t_\t{t}\n" for i, w, u, t in (
    (1, "Anna", "PROPN", "B-PER"), (2, "met", "VERB", "O"), (3, "Acme", "PROPN", "B-ORG"),
)) + "\n"  # fmt: skip


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    rows = [f"a good film {i};shop {i};{'yes' if i % 2 else 'no'};{i}" for i in range(60)]
    (folder / "table.csv").write_text("\n".join(["text;shop;queue;price", *rows]) + "\n")
    mixed = [f"text {i};{i if i % 3 else 'none'}" for i in range(60)]
    (folder / "mixed.csv").write_text("\n".join(["text;label", *mixed]) + "\n")
    (folder / "ner.conllu").write_text("".join(TREEBANK.replace("met", f"met{i}") for i in range(60)))
    (folder / "mt").mkdir()
    for language in ("en", "de"):
        (folder / "mt" / f"train.{language}").write_text("a\n" * 20)
    for name in ("high", "low"):
        (folder / "wavs" / name).mkdir(parents=True)
        for i in range(3):
            with wave.open(str(folder / "wavs" / name / f"{i}.wav"), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(16_000)
                sound.writeframes(b"\0\1" * 8000)
    (folder / "pictures" / "red").mkdir(parents=True)
    (folder / "pictures" / "red" / "1.png").write_bytes(b"never opened")
    return folder


TABLE = ["data=csv", "data.path=table.csv", "data.text=text", "data.label=queue"]
SENTENCES = {
    "several texts": (["data=csv", "data.path=table.csv", "data.text=text,shop"], "write 'data.text=[text,shop]'"),
    "several kept": ([*TABLE, "data.keep=shop,price"], "for several columns write 'data.keep=[shop,price]'"),
    "several metrics": ([*TABLE, "head.metrics=accuracy,loss"], "for several values write 'head.metrics=[accuracy,loss]'"),
    "separator": ([*TABLE, "data.separator=comma"], "write data.separator=semicolon, or leave the key out"),
    "words as numbers": (["task=regression", *TABLE], "table.csv:2: label `no` is not a number, and hardly any in column `queue`"),
    "words as numbers, skipped": (["task=regression", *TABLE, "data.skip_bad=true"], "as classes write task=classification"),
    "some words": (
        ["task=regression", "data=csv", "data.path=mixed.csv"], "mixed.csv:2: label `none` is not a number; put it right",
    ),
    "treebank": (["data=tagged", "data.path=ner.conllu"], "as in data.words=2 data.tags=10"),
    "numbers as words": (["data=tagged", "data.path=ner.conllu", "data.tags=10"], "column 1 counts the words of each sentence"),
    "a side of a text": (["data=parallel", "data.path=mt/train.en"], "write the folder that it lies in, data.path=mt"),
    "a table of pairs": (["data=parallel", "data.path=table.csv"], "add data.source=table"),
    "no such folder": (["data=parallel", "data.path=wav"], "no such folder; did you mean `wavs`?"),
    "a recording": (["data=speech_folder", "data.path=wavs/low/0.wav"], "holds their classes, such as data.path=wavs"),
    "a table of graphs": (["data=tu", "data.name=X", "data.path=table.csv"], "a file, where a folder is needed; for a table choose"),
    "no pictures": (["data=image_folder", "data.path=wavs"], "wavs/high: no pictures in it (.png, .jpg, .jpeg); it holds 3 recordings, which data=speech_folder reads"),
    "no recordings": (["data=speech_folder", "data.path=pictures"], "it holds 1 picture, which data=image_folder reads"),
    "no table": (["data=csv", "data.path=wavs"], "it holds 6 recordings, which data=speech_folder reads"),
    "no manifest": (["data=speech_manifest", "data.path=wavs"], "for a folder of recordings choose data=speech_folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_says_what_would_be_right(name: str, here: Path, monkeypatch, capsys) -> None:
    words, sentence = SENTENCES[name]
    monkeypatch.chdir(here)
    assert main(["data", *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error and len(error.splitlines()) == 1


def test_rows_without_a_number_are_left_out_where_others_have_one(here: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(here)
    assert main(["data", "task=regression", "data=csv", "data.path=mixed.csv", "data.skip_bad=true"]) == 0
    assert "20 bad rows were left out" in capsys.readouterr().out


def test_a_treebank_is_words_with_tags_where_both_columns_are_named(here: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(here)
    assert main(["data", "data=tagged", "data.path=ner.conllu", "data.words=2", "data.tags=10"]) == 0
    assert re.search(r"Anna/B-PER met\d+/O Acme/B-ORG", capsys.readouterr().out)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("nue.csv", "no such file; did you mean `{folder}/neu.csv`?"),
        ("x.mp3", "or files of them: .txt (one on each line), .csv, .tsv or .jsonl"),
        ("x.conll", "is predicted by `attnlab eval run=RUN data.path="),
    ],
)
def test_an_input_that_cannot_be_read_is_told_with_what_can(name: str, expected: str, tmp_path: Path) -> None:
    for there in ("neu.csv", "x.mp3", "x.conll"):
        (tmp_path / there).write_text("")
    (given,) = text_inputs([str(tmp_path / name)], (), lambda path: iter(()), "sentence", "RUN")
    assert expected.format(folder=tmp_path) in given.error
    assert ("attnlab eval" in given.error) == name.endswith(".conll"), "no command reads sound for a run on texts"


def test_lengths_and_searched_answers_are_called_so() -> None:
    assert length_table({"answers": [1, 2, 3, 4, 5, 6, 7]}).title == "Lengths in words"
    assert ahead._decoded(config_with(Seq2seqHead(beam=5))) == " by beam search, head.beam=5"
    assert ahead._decoded(config_with(Seq2seqHead(beam=1))) == "", "as while training"


def config_with(head: Seq2seqHead):
    from attnlab import compose

    config = compose.compose(["task=translation"])
    config.head = head
    return config
