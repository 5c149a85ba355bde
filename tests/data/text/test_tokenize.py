"""Text to words: by what Unicode takes for one character, so that nothing invisible is a word."""

import unicodedata

import pytest
from conftest import shared_data
from hypothesis import given
from hypothesis import strategies as st

from attnlab import compose
from attnlab.data.text import tokenize
from attnlab.data.text.loader import Text
from attnlab.data.text.tokenize import read_anew, tokens

WORDS = {
    "ZWNJ": ("می\u200cخواهم 0", ["می\u200cخواهم", "0"]),
    "ZWJ": ("क्\u200dष!", ["क्\u200dष", "!"]),
    "emoji": ("❤️ 1️⃣2️⃣ 12️⃣ ☺☺️", ["❤️", "1️⃣", "2️⃣", "1", "2️⃣", "☺", "☺️"]),
    "families": ("👨\u200d👩\u200d👧👍🏽👍", ["👨\u200d👩\u200d👧", "👍🏽", "👍"]),
    "flags": ("🇩🇪🇫🇷x", ["🇩🇪", "🇫🇷", "x"]),
    "soft hyphen and joiner": ("co\u00adoperate foo\u2060bar", ["co\u00adoperate", "foo\u2060bar"]),
    "byte order mark": ("\ufeffso w\ufeffe", ["so", "w\ufeffe"]),
    "directions": ("\u200fשלום\u200e, \u2066x\u2069", ["שלום\u200e", ",", "x\u2069"]),
    "zero-width space": ("foo\u200bbar \u200b", ["foo", "bar"]),
    "fillers and controls": ("\u3164 x\x07y \x00", ["x", "y"]),
    "marks": ("!\u0308 5\u0338 cafe\u0301-creme\u0300", ["!\u0308", "5\u0338", "cafe\u0301-creme\u0300"]),
    "jamo": ("\u1100\u1161\u11a8 한국어", ["\u1100\u1161\u11a8", "한국어"]),
    "no spaces between words": ("我喜欢。ひと カタカナ สวัสดี ក្រុម", [*"我喜欢。ひと", "カタカナ", "ส", "วั", "ส", "ดี", "ក្រុ", "ម"]),
    "as ever": ("1,234.5 don't l’eau well-made 2nd m² a_b", ["1,234.5", "don't", "l’eau", "well-made", "2", "nd", "m²", "a_b"]),
    "names": ("@me #tag x.org/y", ["@", "me", "#", "tag", "x", ".", "org", "/", "y"]),
    "nothing": ("\u200b\u200d\ufeff \u3000", []),
}  # fmt: skip


@pytest.mark.parametrize("case", WORDS)
def test_a_word_ends_where_a_character_does(case: str) -> None:
    text, expected = WORDS[case]
    assert tokens(text, "words") == expected


def test_a_character_is_what_a_reader_takes_for_one() -> None:
    assert tokens("e\u0301 कि 👍🏽\u200b🇩🇪\u200d!", "characters") == ["e\u0301", "कि", "👍🏽", "🇩🇪\u200d", "!"]


@given(
    st.text(
        st.one_of(
            st.characters(codec="utf-8", exclude_categories=["Cn", "Co"]), st.sampled_from("a1-' \u0301\u200d")
        )
    )
)
def test_nothing_visible_is_lost_and_nothing_else_is_a_word(text: str) -> None:
    for how in ("words", "characters"):
        pieces = tokens(text, how)
        assert all(piece and tokenize._VISIBLE.search(piece) for piece in pieces)
        joined = "".join(pieces)
        visible = [
            c for c in text if tokenize._VISIBLE.match(c) and not c.isspace() and unicodedata.category(c) != "Cc"
        ]
        assert [c for c in joined if tokenize._VISIBLE.match(c)] == visible


@given(
    st.text(
        st.characters(max_codepoint=0x22FF, exclude_categories=["Cn"]).filter(
            lambda c: not tokenize._NOT_PLAIN.match(c)
        )
    )
)
def test_plain_text_is_split_alike_by_both_expressions(text: str) -> None:
    assert tokenize._PLAIN_WORD.findall(text) == tokenize._WORD.findall(text)
    assert not read_anew(text, "words") and not read_anew(text, "characters")


def test_the_real_english_data_keep_their_fingerprint() -> None:
    path = shared_data("sst2")
    words = ["task=sentiment", "data=csv", f"data.path={path}", "data.text=1", "data.label=2", "data.tokens=words"]
    assert Text(compose.compose(words).data, seed=1).meta["changes"] == []


def test_no_text_takes_long() -> None:
    for text in ("🇩" * 100_001, "a\u0301\u00ad" * 50_000, "\u0301" * 100_000, "-a'" * 50_000 + "\u0301"):
        assert len(tokens(text, "words")) <= len(text)
