"""Text to ids and back."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnlab.codec import BEGIN, END, KINDS, UNKNOWN, Codec, TooFewTokens, learn_codecs
from attnlab.errors import Damaged, UserError

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


def saved(kind: str) -> dict:
    return json.loads(CODECS[kind].to_json())


def with_tokens(kind: str, **tokens: int) -> dict:
    codec = saved(kind)
    codec["model"]["vocab"] |= tokens
    return codec


STRANGE = {
    "a pathological expression": saved("words")
    | {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}}},
    "truncation": saved("bpe") | {"truncation": {"max_length": 0, "stride": 5, "strategy": "LongestFirst"}},
    "padding": saved("bpe") | {"padding": {"strategy": {"Fixed": 10**9}, "pad_id": 0, "pad_token": "x"}},
    "replacing without an end": saved("bpe")
    | {"normalizer": {"type": "Replace", "pattern": {"String": ""}, "content": "a"}},
    "a damaged character map": saved("unigram")
    | {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
    "a post-processor": saved("words") | {"post_processor": {"type": "ByteLevel"}},
    "another model": saved("words") | {"model": {"type": "WordPiece", "vocab": {"a": 0}}},
    "an id beyond": with_tokens("words", more=10**6),
    "an id twice": with_tokens("bpe", more=3),
    "an id below 0": with_tokens("characters", more=-1),
    "an empty token": with_tokens("words", **{"": len(CODECS["words"])}),
    "merges of no tokens": saved("bpe") | {"model": saved("bpe")["model"] | {"merges": [["not", "there"]]}},
    "merges that are none": saved("bpe") | {"model": saved("bpe")["model"] | {"merges": [["a"]]}},
    "a score that is none": saved("unigram") | {"model": saved("unigram")["model"] | {"vocab": [["<unk>", "x"]]}},
    "dropout": saved("bpe") | {"model": saved("bpe")["model"] | {"dropout": 0.5}},
    "no specials": saved("words") | {"added_tokens": []},
    "no model": {"decoder": {"type": "Fuse"}},
}


@pytest.mark.parametrize("case", STRANGE)
def test_a_strangers_rules_are_never_applied(case: str, tmp_path: Path) -> None:
    (tmp_path / "codec.json").write_text(json.dumps(STRANGE[case]))
    with pytest.raises(Damaged, match=r"codec\.json: ") as refused:
        Codec.load(tmp_path / "codec.json")
    assert "\n" not in str(refused.value)


HAN = [" ".join(chr(0x4E00 + i + j) for j in range(10)) for i in range(0, 480, 5)]


@pytest.mark.parametrize("kind, least", [("bpe", 3 + 486), ("unigram", 3 + 486 + 1)])
def test_fewer_tokens_than_characters_are_refused_with_what_is_enough(kind: str, least: int) -> None:
    for size in (100, least - 2):
        with pytest.raises(TooFewTokens, match=rf"`data.subwords={size}`.*at least {least}") as caught:
            Codec.learn(iter(HAN), kind, size)
        assert caught.value.least == least
    codec = Codec.learn(iter(HAN), kind, least)
    assert len(codec) <= least and codec.decode(codec.encode(HAN)[3]) == HAN[3]


def test_of_several_codecs_the_least_that_is_enough_for_all_is_told() -> None:
    with pytest.raises(TooFewTokens, match="at least 489"):
        learn_codecs({"source": HAN[:30], "target": HAN}, "bpe", 100)
    assert set(learn_codecs({"source": HAN, "target": HAN}, "words", 100)) == {"source", "target"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_one_letter_is_enough(kind: str) -> None:
    codec = Codec.learn(["a"], kind, 100)
    assert codec.decode(codec.encode(["a"])[0]) == "a"
