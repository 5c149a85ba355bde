"""What a run remembers of its data survives the disk, and nothing strange comes back from it."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attnlab.errors import UserError
from attnlab.spec import DataSpec, Target, Vocabulary

words = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)


@example({"a\rb": 1, "\t": 2, "\u2028": 1}, 1)
@given(st.dictionaries(words, st.integers(1, 9)), st.integers(1, 3))
def test_vocabulary_counts_frequent_words_first_and_survives_the_disk(
    tmp_path_factory: pytest.TempPathFactory, counts: dict[str, int], min_count: int
) -> None:
    vocabulary = Vocabulary.from_counts(counts, min_count)
    path = tmp_path_factory.mktemp("vocabulary") / "words.tsv"
    vocabulary.save(path)
    assert Vocabulary.load(path) == vocabulary
    assert list(vocabulary.counts[1:]) == sorted(vocabulary.counts[1:], reverse=True)
    assert set(vocabulary.words[1:]) == {w for w, n in counts.items() if n >= min_count and w != "<unk>"}
    assert all(vocabulary.words[i] == w for i, w in zip(vocabulary.encode(counts), counts, strict=True) if i)


def test_spec_survives_the_disk(tmp_path: Path) -> None:
    spec = DataSpec(
        modality="text",
        num_coords=1,
        features=None,
        targets={"tags": Target("vector_classes", ("NOUN", "VERB"), (3, 2))},
        vocabularies={"words": Vocabulary.from_counts({"saw": 2})},
        slices=("distant",),
        structure=("degree", "laplacian:2"),
    )
    spec.save(tmp_path)
    assert DataSpec.load(tmp_path) == spec


def test_what_an_earlier_version_saved_is_read_by_present_names(tmp_path: Path) -> None:
    target = Target("number", mean=1.0, std=2.0)
    spec = DataSpec("image", 2, 3, {"places": target}, {}, feature_mean=(1.0,), feature_std=(0.5,))
    spec.save(tmp_path)
    path = tmp_path / "spec.json"
    text = path.read_text().replace("num_coords", "places").replace('"feature_std"', '"feature_spread"')
    path.write_text(text.replace('"std"', '"spread"'))
    assert DataSpec.load(tmp_path) == spec, "a target may be called as a field was"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("spec.json", "{", "not a data description"),
        ("spec.json", "[]", "not a data description"),
        ("vocabulary-words.tsv", "<unk>\t0\nsaw\n", "vocabulary-words.tsv:2"),
        ("vocabulary-words.tsv", "saw\t1\n", "vocabulary-words.tsv:1"),
    ],
)
def test_damaged_descriptions_are_refused(tmp_path: Path, name: str, text: str, expected: str) -> None:
    DataSpec("text", 1, None, {}, {"words": Vocabulary.from_counts({"a": 1})}).save(tmp_path)
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=expected):
        DataSpec.load(tmp_path)


def test_a_vocabulary_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    DataSpec("text", 1, None, {}, {}).save(tmp_path)
    saved = json.loads((tmp_path / "spec.json").read_text()) | {"vocabularies": ["../../secret"]}
    (tmp_path / "spec.json").write_text(json.dumps(saved))
    with pytest.raises(UserError, match="plain word"):
        DataSpec.load(tmp_path)
