"""Generated sequences for recall and copying: the right answers are those that the words give."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab.compose import compose
from attnlab.data import open_data
from attnlab.data.synthetic import copying, recall
from attnlab.errors import UserError


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 8))
def test_each_question_is_answered_by_the_one_pair_at_its_distance(
    seed: int, distances: list[int], pairs: int
) -> None:
    for s in recall.sequences(5, seed, distances, pairs):
        asked = [place for place, answer in enumerate(s.answers) if answer]
        assert 1 <= len(asked) <= pairs and len({s.words[place] for place in asked}) == len(asked)
        for place in asked:
            assert s.distances[place] in distances
            key, answer = s.words[place], s.answers[place]
            assert s.words[place - s.distances[place]] == key + answer
            assert [word for word in s.words if word[0] == key and word[0] != "w"].count(key + answer) == 1
        assert all(s.distances[place] == 0 for place in range(len(s.words)) if place not in asked)


def test_tags_copy_the_words_before() -> None:
    (s,) = copying.sequences(1, 3, [9], [2, 5], 4)
    assert s.tags[:5] == ("",) * 5
    assert all(tag == s.words[i - 2] + s.words[i - 5] for i, tag in enumerate(s.tags) if i >= 5)


def test_splits_and_draws_differ() -> None:
    def sets(draw: int) -> list[list[str]]:
        data = open_data(compose(["data=copying", "data.sequences=3", f"data.draw={draw}"]).data, seed=1)
        return [data.splits[name].show(0)["words"] for name in ("train", "validation", "test")]

    found = [tuple(words) for draw in (0, 1, 2) for words in sets(draw)]
    assert len(set(found)) == 9
    assert found == [tuple(words) for draw in (0, 1, 2) for words in sets(draw)]


def test_lengths_and_distances_of_the_test_split_have_scores_of_their_own() -> None:
    words = ["data=copying", "data.sequences=10", "data.test_lengths=[16,64]"]
    data = open_data(compose(words).data, seed=1)
    assert set(data.splits["test"].lengths.tolist()) == {16, 64} and max(data.splits["train"].lengths) <= 32
    assert {"length_16", "length_64"} <= set(data.spec.slices)
    assert data.splits["test"].ceiling() == 1.0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["data=copying", "data.lengths=[3,32]"], "above every shift"),
        (["data=copying", "data.test_lengths=[2]"], "at least 4"),
        (["data=recall", "data.distances=[]"], "at least 1"),
        (["data=recall", "data.pairs=9"], "8"),
        (["data=recall", "data.path=x.txt"], "data=tagged"),
    ],
)
def test_what_cannot_be_made_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(UserError, match=r"data\.") as error:
        compose(words)
    assert told in str(error.value)
