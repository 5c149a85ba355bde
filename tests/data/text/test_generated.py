"""Generated data are as fixed as files."""

import pytest

from attnlab.compose import compose
from attnlab.data import open_data

FINGERPRINTS = {
    "task=pos data=grammar": "58e608c6abd9d17d05fd837e",
    "task=sentiment data=reviews": "ebf3be2dc0e4c8ff7312bc7e",
    "task=translation data=bilingual": "9c8ca7b0bb1f214eceb76f4c",
}


@pytest.mark.parametrize("words", FINGERPRINTS)
def test_a_run_of_an_earlier_version_finds_its_data_again(words: str) -> None:
    """A run is resumed only on data with the fingerprint that it began with: another one would end every run that was
    stopped under the version that this fingerprint was written down from."""
    data = open_data(compose(words.split()).data, seed=1)
    assert data.fingerprint == FINGERPRINTS[words]
    ceilings = [split.ceiling() for split in data.splits.values()]
    assert data.notice and all(c == pytest.approx(1.0, abs=0.02) for c in ceilings)
