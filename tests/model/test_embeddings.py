"""Words to vectors: what is learned, what is fixed, what is read from files."""

import gzip
from pathlib import Path

import pytest
import torch
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab.config import LearnedEmbedding, OneHotEmbedding, PretrainedEmbedding, WordCharEmbedding
from attnlab.errors import UserError
from attnlab.model.embeddings import Learned, OneHot, Pretrained, WordChar, read_vectors
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec, Vocabulary

words = Vocabulary.from_counts({"saw": 3, "was": 2, "tea": 1})
characters = Vocabulary.from_counts(dict.fromkeys("sawte", 1))
spec = DataSpec("text", 1, None, {}, {"words": words, "characters": characters})


def test_exact_one_hot_and_a_matrix_is_the_learned_table() -> None:
    learned = Learned(LearnedEmbedding(), spec, width=8)
    ids = torch.tensor([0, 2, 3, 2])
    exact = torch.nn.functional.one_hot(ids, len(words)).float()
    matrix = torch.nn.Linear(len(words), 8, bias=False)
    matrix.weight.data = learned.table.weight.data.T.clone()
    assert torch.equal(matrix(exact), learned(VectorSets.of(ids)).values)
    weight = torch.randn(4, 8)
    (matrix(exact) * weight).sum().backward()
    (learned(VectorSets.of(ids)).values * weight).sum().backward()
    assert torch.allclose(matrix.weight.grad.T, learned.table.weight.grad), "they learn alike, too"


def test_one_hot_codes_are_fixed_equally_long_and_nearly_equally_far_apart() -> None:
    many = DataSpec("text", 1, None, {}, {"words": Vocabulary.from_counts({f"w{i}": 1 for i in range(60)})})
    embedding = OneHot(OneHotEmbedding(), many, width=512)
    assert list(embedding.parameters()) == []
    codes = embedding(VectorSets.of(torch.arange(60))).values
    assert torch.allclose(codes.norm(dim=1), torch.full((60,), 512**0.5))
    distances = torch.pdist(codes) / (2 * 512) ** 0.5
    assert distances.min() > 0.9 and distances.max() < 1.1


def spelled(*texts: str) -> VectorSets:
    parts = VectorSets.of(torch.tensor(characters.encode("".join(texts))), [len(t) for t in texts])
    ids = torch.zeros(len(texts), dtype=torch.int64)
    return VectorSets.of(ids, parts=parts, part_index=torch.arange(len(texts)))


def test_characters_count_in_their_order_and_not_by_their_neighbours() -> None:
    embedding = WordChar(WordCharEmbedding(), spec, width=8)
    saw, was, again = embedding(spelled("saw", "was", "saw")).values
    assert torch.equal(saw, again) and not torch.allclose(saw, was)
    alone = embedding(spelled("saw")).values[0]
    beside_a_long_word = embedding(spelled("saw", "teasawteasaw")).values[0]
    assert torch.allclose(alone, beside_a_long_word, atol=1e-6)


@given(st.lists(st.integers(0, 9), max_size=6), st.sampled_from([1, 3, 5]))
@settings(max_examples=30, deadline=None)
def test_a_words_vector_is_a_convolution_over_its_characters_and_the_maximum(
    lengths: list[int], window: int
) -> None:
    torch.manual_seed(0)
    embedding = WordChar(WordCharEmbedding(char_window=window), spec, width=8)
    ids = torch.randint(0, len(characters), (sum(lengths),))
    ours = embedding.from_characters(VectorSets.of(ids, lengths))
    rows = []
    for word in ids.split(lengths):
        answers = embedding.convolution(embedding.characters(word).T) if len(word) else torch.zeros(128, 1)
        rows.append(embedding.project(answers.relu().amax(1)))
    expected = torch.stack(rows) if rows else ours
    torch.testing.assert_close(ours, expected)
    if sum(lengths):
        parameters = [
            embedding.characters.weight,
            *embedding.convolution.parameters(),
            *embedding.project.parameters(),
        ]
        weight = torch.linspace(-1, 1, ours.numel()).view_as(ours)
        gradients = [torch.autograd.grad((x * weight).sum(), parameters) for x in (ours, expected)]
        torch.testing.assert_close(*gradients, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("head_line", ["", "3 2\n", "\ufeff", "\ufeff3 2\n"])
@pytest.mark.parametrize("zipped", [False, True])
def test_vectors_are_read_from_text(tmp_path: Path, head_line: str, zipped: bool) -> None:
    text = head_line + "saw 1 -2.5\n. . . 3 4\nnever 0 0.5\n"
    path = tmp_path / ("v.txt.gz" if zipped else "v.txt")
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    first, second, third = read_vectors(path)
    assert first == ("saw", [1.0, -2.5]) and third == ("never", [0.0, 0.5])
    assert second == (". . .", [3.0, 4.0]), "a word may hold spaces"


def test_only_spaces_separate_the_numbers_of_a_vector(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("a\u00a0b 1 2 \n\u3000 3 4\r\n\x85 5 6\n", encoding="utf-8", newline="\n")
    assert list(read_vectors(path)) == [("a\u00a0b", [1, 2]), ("\u3000", [3, 4]), ("\x85", [5, 6])]


def test_known_words_get_the_files_vectors(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("saw 1 -1\nnever 5 5\n")
    embedding = Pretrained(PretrainedEmbedding(path=str(path), features=2), spec, width=4)
    assert embedding.load(path, words) == 1
    first, second = embedding.table.weight[words.ids["saw"]].tolist()
    assert first == pytest.approx(-second) and first > 0


def test_vectors_of_another_width_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("never 1 -1\nsaw 5 5\n")
    embedding = Pretrained(PretrainedEmbedding(path=str(path), features=3), spec, width=4)
    with pytest.raises(UserError, match=r"`embedding.features=3`: .*v.txt gives 2 numbers"):
        embedding.load(path, words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("saw 1 2\nwas 1 x\n", ":2:"),
        ("saw 1 2\nwas 1\n", ":2:"),
        ("saw 1 2\nwas 1 nan\n", ":2:"),
        ("saw 1 2\nwas 1 -1e39\n", ":2:"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "v.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=expected):
        list(read_vectors(path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    old, packed = tmp_path / "v.txt", tmp_path / "v.gz"
    old.write_bytes("größer 1 2\n".encode("latin-1"))
    packed.write_text("saw 1 2\n")
    for path, expected in ((old, "not UTF-8 text"), (packed, "not a whole gzip file")):
        with pytest.raises(UserError, match=expected):
            list(read_vectors(path))


def test_the_real_format() -> None:
    (path,) = shared_data("glove_sample").glob("*.gz")
    vectors = dict(read_vectors(path))
    assert len(vectors) == 100 and {len(v) for v in vectors.values()} == {100} and "the" in vectors
