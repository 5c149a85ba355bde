"""Who is held out: by the key alone, in the asked share."""

from hypothesis import given
from hypothesis import strategies as st

from attnlab.data.splits import held_out, position


@given(st.text(), st.integers(0, 2**32))
def test_the_position_depends_on_key_and_seed_alone(key: str, seed: int) -> None:
    assert 0 <= position(key, seed) < 1 and position(key, seed) == position(key, seed)
    assert not held_out(key, 0.0, seed) and held_out(key, 1.0, seed)


def test_the_share_is_kept_and_seeds_choose_differently() -> None:
    keys = [f"file.csv:{i}" for i in range(10000)]
    chosen = [{key for key in keys if held_out(key, 0.1, seed)} for seed in (0, 1)]
    assert all(900 < len(found) < 1100 for found in chosen)
    assert len(chosen[0] & chosen[1]) < 200


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_more(key: str, one: float, other: float) -> None:
    assert held_out(key, min(one, other)) <= held_out(key, max(one, other))
