"""Text to ids and back."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlab.codec import BEGIN, END, KINDS, UNKNOWN, Codec
from attnlab.errors import UserError

TEXTS = ["Ein Mann schläft.", "Zwei Männer, ein Hund: wach!", "(Sie) liest „das“ Buch – 3,5 Mal."]
CODECS = {kind: Codec.learn(TEXTS, kind, 200) for kind in KINDS}
LETTERS = sorted(set("".join(TEXTS)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learned_comes_back(kind: str, tmp_path: Path) -> None:
    codec = CODECS[kind]
    assert [codec.decode(ids) for ids in codec.encode(TEXTS)] == TEXTS
    assert codec.tokens[:3] == (UNKNOWN, BEGIN, END) and len(codec.tokens) == len(codec)
    codec.save(tmp_path / "codec.json")
    again = Codec.load(tmp_path / "codec.json")
    assert again.tokens == codec.tokens and again.encode(TEXTS) == codec.encode(TEXTS)
    assert again == codec and again != Codec.learn(TEXTS[:1], kind, 200)


@pytest.mark.parametrize("kind", ["bpe", "characters"])
@given(text=st.text(alphabet=LETTERS))
def test_known_letters_come_back_in_any_order(kind: str, text: str) -> None:
    (ids,) = CODECS[kind].encode([text])
    assert CODECS[kind].decode(ids) == " ".join(text.split())


def test_marks_in_a_text_are_text() -> None:
    for codec in CODECS.values():
        (ids,) = codec.encode(["<s> Ein </s>"])
        assert 1 not in ids and 2 not in ids


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "codec.json"
    path.write_text("{}")
    with pytest.raises(UserError, match="not a codec written by attnlab"):
        Codec.load(path)
