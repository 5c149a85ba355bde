"""Pairs of texts: what is read, that pairs stay pairs, and how they are spelled and batched."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import shared_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnlab import compose
from attnlab.codec import END_ID
from attnlab.config import ParallelData
from attnlab.data.pairs.loader import TARGET, Parallel
from attnlab.data.prep.batching import Batching
from attnlab.errors import UserError
from attnlab.spec import DataSpec

ENGLISH = [
    "A man sleeps.",
    "Two men, one dog: awake!",
    "She reads.",
    "He gets up.",
    "They see it.",
    "A dog sleeps.",
]
GERMAN = ["Ein Mann schläft.", "Zwei Männer, ein Hund: wach!", "Sie liest.", "Er steht auf.", "Sie sehen es.", "Ein Hund schläft."]  # fmt: skip


def write(folder: Path, name: str, english: list[str], german: list[str], end: str = "\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for language, lines in (("en", english), ("de", german)):
        (folder / f"{name}.{language}").write_bytes("".join(line + end for line in lines).encode())
    return folder


def opened(folder: Path, spec: DataSpec | None = None, source: str = "lines", **others) -> Parallel:
    keys = {"test": 0.0, "cache": str(folder.parent / "cache")} | others
    config = ParallelData(name="toy", source=source, path=str(folder), **keys)
    return Parallel(config, seed=1, spec=spec)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "toy", "train", ENGLISH, GERMAN)
    write(tmp_path / "toy", "dev", ENGLISH[:2], GERMAN[:2])
    return write(tmp_path / "toy", "test_2016", ENGLISH[2:4], GERMAN[2:4])


def told(data: Parallel, split: str) -> list[tuple[str, str]]:
    """What the ids of each pair say."""
    own, codecs = data.splits[split], data.codecs
    target = codecs[data.spec.targets[TARGET].codec]
    examples = [own[i] for i in range(len(own))]
    return [
        (codecs["source"].decode(e.inputs.values.tolist()), target.decode(e.targets[TARGET].values.tolist()))
        for e in examples
    ]


@pytest.mark.parametrize("tokens", ["bpe", "unigram", "words", "characters"])
@pytest.mark.parametrize("joint", [False, True])
def test_ids_say_what_stands_in_the_files(folder: Path, tokens: str, joint: bool) -> None:
    data = opened(folder, tokens=tokens, joint_vocabulary=joint)
    assert told(data, "train") == list(zip(ENGLISH, GERMAN, strict=True))
    test = data.splits["test"]
    assert test.gold(TARGET) == GERMAN[2:4] and test.show(1) == {"source": ENGLISH[3]}
    assert test.keys == ["test_2016.en:1", "test_2016.en:2"] and len(data.splits["validation"]) == 2
    assert sorted(data.spec.codecs) == (["source"] if joint else ["source", "target"])
    words = data.spec.vocabularies["words"]
    assert words.words == data.spec.codecs["source"].tokens and len(words) == len(data.spec.codecs["source"])
    sources = torch.cat([data.splits["train"][i].inputs.values for i in range(len(ENGLISH))])
    assert list(words.counts) == torch.bincount(sources, minlength=len(words)).tolist()


lines = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), min_size=1, max_size=12).filter(
    str.strip
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(lines, lines), min_size=1, max_size=8))
def test_pairs_stay_aligned_whatever_their_characters(tmp_path_factory, pairs: list[tuple[str, str]]) -> None:
    folder = write(tmp_path_factory.mktemp("pairs") / "toy", "train", *map(list, zip(*pairs, strict=True)))
    data = opened(folder, tokens="characters", validation=0.0)
    train = data.splits["train"]
    texts = [(train.show(i)["source"], gold) for i, gold in enumerate(train.gold(TARGET))]
    first = [pair[0].removeprefix("\ufeff") if i == 0 else pair[0] for i, pair in enumerate(pairs)]
    second = [pair[1].removeprefix("\ufeff") if i == 0 else pair[1] for i, pair in enumerate(pairs)]
    assert texts == [(a.strip(), b.strip()) for a, b in zip(first, second, strict=True) if a.strip() and b.strip()]


def test_targets_end_with_the_end_and_batches_count_both_sides(folder: Path) -> None:
    split = opened(folder).splits["train"]
    batch = split.batch(np.array([4, 0, 3]))
    assert all(target.values[-1] == END_ID and (target.values[:-1] != END_ID).all()
               for target in batch.targets[TARGET].unbind())  # fmt: skip
    assert len(np.concatenate(Batching(split.lengths, 20, seed=1).epoch(0))) == len(ENGLISH)


def test_a_limit_chooses_among_what_was_prepared(folder: Path) -> None:
    whole, limited = opened(folder, tokens="words"), opened(folder, tokens="words", limit=3)
    pairs = told(limited, "train")
    assert len(pairs) == 3 and set(pairs) < set(told(whole, "train")) and pairs != told(whole, "train")[:3]
    assert limited.codecs == whole.codecs and limited.fingerprint != whole.fingerprint
    counts = limited.spec.vocabularies["words"].counts
    assert sum(counts) == sum(limited.splits["train"].lengths[:, 0]) < sum(whole.spec.vocabularies["words"].counts)
    assert told(limited, "validation") == told(whole, "validation")


@pytest.mark.parametrize("source", ["lines", "table"])
def test_a_file_is_the_split_that_its_name_says_whatever_was_prepared_before(tmp_path: Path, source: str) -> None:
    english, german = [f"Dog {i}." for i in range(24)], [f"Hund {i}." for i in range(24)]
    for other in ("validation", "test"):
        folder = tmp_path / f"named-{other}"
        for name, part in (("train", slice(20)), (other, slice(20, None))):
            write(folder, name, english[part], german[part])
            rows = zip(english[part], german[part], strict=True)
            (folder / f"{name}.jsonl").write_text("".join(json.dumps({"en": e, "de": d}) + "\n" for e, d in rows))
        data = opened(folder, source=source, tokens="words", validation=0.1, test=0.1)
        assert data.splits[other].gold(TARGET) == german[20:]


def test_unequal_files_are_refused_with_both_counts(folder: Path) -> None:
    path = folder / "train.de"
    path.write_text(path.read_text() + "Noch einer.\nUnd noch einer.\n")
    with pytest.raises(UserError, match=r"train\.en has 6 lines, but .*train\.de has 8"):
        opened(folder)


def test_empty_sides_are_left_out_with_a_count(tmp_path: Path) -> None:
    folder = write(tmp_path / "toy", "train", [*ENGLISH, "", " ", "Word."], [*GERMAN, "Wort.", "", ""])
    data = opened(folder, validation=0.0)
    assert told(data, "train") == list(zip(ENGLISH, GERMAN, strict=True))
    (warning,) = data.warnings
    assert "3 pairs" in warning and "train.en:7" in warning


def test_line_ends_marks_and_packing_change_nothing(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", "train", ["\ufeff" + ENGLISH[0], *ENGLISH[1:]], GERMAN, end="\r\n")
    path = other / "train.de"
    (other / "train.de.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert told(opened(other, validation=0.0), "train") == told(opened(folder), "train")


def test_bytes_that_are_no_text_name_their_file_and_line(folder: Path) -> None:
    path = folder / "train.de"
    path.write_bytes(path.read_bytes().replace("schläft".encode(), "schläft".encode("latin-1"), 1))
    with pytest.raises(UserError, match=r"train\.de:1: not UTF-8"):
        opened(folder)
    data = opened(folder, skip_bad=True)
    assert told(data, "train") == list(zip(ENGLISH, GERMAN, strict=True))[1:] and "1 bad pair" in data.warnings[0]


def test_which_test_set(folder: Path) -> None:
    write(folder, "test_2017", ENGLISH[4:], GERMAN[4:])
    with pytest.raises(UserError, match=r"test_2016, test_2017.*`data.test_name=`"):
        opened(folder)
    assert opened(folder, test_name="test_2017").splits["test"].gold(TARGET) == GERMAN[4:]
    with pytest.raises(UserError, match=r"test_2016, test_2017"):
        opened(folder, test_name="test_2018")


def test_a_missing_side_is_named(folder: Path) -> None:
    (folder / "dev.de").unlink()
    with pytest.raises(UserError, match=r"no dev\.de"):
        opened(folder)
    with pytest.raises(UserError, match=r"no train\.fr"):
        opened(folder, source_language="fr", target_language="it")


def test_tables_with_a_column_for_each_language(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    pairs = [{"en": e, "de": g} for e, g in zip(ENGLISH, GERMAN, strict=True)]
    files = {
        "plain.jsonl": "".join(json.dumps(p, ensure_ascii=False) + "\n" for p in pairs),
        "hub.jsonl": "".join(json.dumps({"id": 1, "translation": p}) + "\n" for p in pairs),
        "some.tsv": "de\tmore\ten\n" + "".join(f"{p['de']}\t-\t{p['en']}\n" for p in pairs),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
        data = opened(folder / name, source="table", validation=0.0)
        assert told(data, "train") == list(zip(ENGLISH, GERMAN, strict=True)), name
        assert data.splits["train"].keys[0] == f"{name}:{2 if name.endswith('.tsv') else 1}"
    with pytest.raises(UserError, match=r"hub\.jsonl:1: no `fr`"):
        opened(folder / "hub.jsonl", source="table", target_language="fr")


def test_long_pairs(folder: Path) -> None:
    with pytest.raises(UserError, match=r"train\.en:1: 17 tokens, .*`data.max_length=12`"):
        opened(folder, tokens="characters", max_length=12)
    sizes = {"tokens": "characters", "max_length": 17}
    dropped = opened(folder, too_long="drop", **sizes)
    assert len(dropped.splits["train"]) == 5
    assert any("longer pairs of the train split were left out" in warning for warning in dropped.warnings)
    cut = opened(folder, too_long="cut", **sizes)
    assert told(cut, "train")[1] == (ENGLISH[1][:17].strip(), GERMAN[1][:17])
    assert cut.splits["train"].gold(TARGET)[1] == GERMAN[1], "what is right is not cut"


def test_a_share_is_held_out_where_there_is_no_validation_file(tmp_path: Path) -> None:
    english = [f"Sentence {i // 2} is{' ' * (1 + i % 2)}here." for i in range(200)]
    folder = write(tmp_path / "toy", "train", english, [f"Satz {i}." for i in range(200)])
    data = opened(folder, validation=0.2)
    train, held = (
        {" ".join(own.show(i)["source"].split()) for i in range(len(own))} for own in data.splits.values()
    )
    assert not train & held and len(train) + len(held) == 100 and 8 <= len(held) <= 35


def test_other_data_are_spelled_as_the_run_spells(folder: Path, tmp_path: Path) -> None:
    data = opened(folder, tokens="words")
    run = tmp_path / "run"
    run.mkdir()
    data.spec.save(run)
    spec = DataSpec.load(run)
    assert spec == data.spec
    again = opened(folder, spec, tokens="words")
    assert (again.fingerprint, again.folder) == (data.fingerprint, data.folder)
    other = write(tmp_path / "other", "test", ["A dog reads quietly."], ["Ein Hund liest leise."])
    found = opened(other, spec, tokens="words")
    ids = found.splits["test"][0].inputs.values.tolist()
    assert [spec.codecs["source"].tokens[i].strip("▁") for i in ids] == ["A", "dog", "reads", "<unk>", "."]
    assert list(found.splits) == ["test"] and found.splits["test"].gold(TARGET) == ["Ein Hund liest leise."]
    with pytest.raises(UserError, match="no training pairs"):
        opened(other)
    reader = found.reader(found.config, spec, parts=False)
    typed = reader.split([reader.example("A dog reads quietly.", "argument:1")], ["argument:1"])
    assert typed.batch(np.array([0])).inputs.values.tolist() == ids


def test_multi30k_as_its_repository_names_it(tmp_path: Path) -> None:
    settings = {"limit": 500, "joint_vocabulary": True, "subwords": 2000, "cache": str(tmp_path)}
    data = opened(shared_data("multi30k_en_de"), **settings)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 500, "validation": 1014, "test": 1000
    }  # fmt: skip
    assert not data.warnings and data.splits["test"].keys[999] == "test_2016_flickr.en.gz:1000"


def test_generated_pairs_know_their_ceiling_and_say_what_they_are(tmp_path: Path) -> None:
    config = ParallelData(name="bilingual", source="bilingual", limit=100, cache=str(tmp_path), tokens="words")
    data = Parallel(config, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 100, "validation": 1000, "test": 1000
    }  # fmt: skip
    assert data.splits["test"].ceiling() == 1.0 and "generated" in data.notice


def test_a_mark_within_joined_files_is_no_part_of_a_text(tmp_path: Path) -> None:
    english, german = list(ENGLISH), list(GERMAN)
    english[2], german[4] = "\ufeff" + english[2], "\ufeff" + german[4]
    data = opened(write(tmp_path / "joined", "train", english, german), validation=0.0)
    plain = opened(write(tmp_path / "plain", "train", ENGLISH, GERMAN), validation=0.0)
    assert told(data, "train") == told(plain, "train") and data.fingerprint != plain.fingerprint
    (warning,) = (line for line in data.warnings if "U+FEFF" in line)
    assert warning.endswith(f": 2, the first at {tmp_path / 'joined' / 'train.en'}:3")


def test_files_in_other_languages_are_told(tmp_path: Path) -> None:
    folder = write(tmp_path / "three", "train", ENGLISH, GERMAN)
    (folder / "train.fr").write_text("x\n")
    (folder / "README.md").write_text("x\n")
    (warning,) = opened(folder, validation=0.0).warnings
    assert warning.startswith("left out: train.fr, which are not in en and de; `data.source_language=`")
    for language in ("en", "de"):
        (folder / f"train.{language}").rename(folder / f"train.{language}_XX")
    with pytest.raises(
        UserError, match=r"no train\.en and train\.de .*; seen are .*train\.de_XX, train\.en_XX.*: name two"
    ):
        opened(folder)


def test_columns_beside_pairs_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    lines = [f"{i};a dog {i};ein Hund {i}" for i in range(20)]
    path.write_text("\n".join(["nr;en;de", *lines]) + "\n")
    words = ["data=parallel", "data.source=table", f"data.path={path}", "data.tokens=words"]
    plain, kept = (
        Parallel(compose.compose(["task=translation", *words, *more]).data, 1)  # type: ignore[arg-type]
        for more in ([], ["data.id=nr", "data.keep=[de]"])
    )
    assert plain.fingerprint == kept.fingerprint
    for split in kept.splits.values():
        for i in range(len(split)):
            assert split.show(i) == {"source": f"a dog {split.name(i)}"}
            assert split.kept(i) == {"de": f"ein Hund {split.name(i)}"}
    with pytest.raises(UserError, match=r"data.keep=.*: of a table with both languages; set data.source=table"):
        compose.compose(["task=translation", "data=parallel", "data.keep=[nr]"])
