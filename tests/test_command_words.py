"""One way to read a word, whatever verb it stands behind."""

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnlab import compose
from attnlab.command_words import LONGEST, parse, parse_single, shell_word, split_words, text, texts
from attnlab.errors import LONGEST_SENTENCE, UserError, printable
from attnlab.lab.sweep import space

REFUSED = {
    "encoder.depth=range(3,1)": "no number lies in this range",
    "encoder.depth=range(5,1)": "no number lies in this range",
    "encoder.depth=range(1,4,-1)": "no number lies in this range",
    "encoder.depth=range(1,4,0)": "a range whose step is 0 has no end",
    "encoder.dropout=range(0.1,0.4,0.0)": "a range whose step is 0 has no end",
    "encoder.dropout=range(0,inf)": "a range goes from a number to a number",
    "encoder.depth=range(1,1000000000)": "999,999,999 values; at most 10,000 are listed",
    "encoder.depth=choice()": "empty choice is not legal",
    "encoder.depth=range(1,3),4": "has no choice(…), range(…) or interval(…) within it",
    "encoder.depth=tag(log,choice(1,2))": "tags are for intervals",
    "encoder.depth=shuffle(1,2)": "keeps the order of lists",
    "encoder.scope=shuffle([full,causal])": "keeps the order of lists",
    "encoder.scope=[choice(full,causal)]": "stand for the whole value, not within a list",
    "encoder.depth=sort(2,a)": "not supported between instances",
    "encoder.depth=extend_list(1)": "Unknown function 'extend_list'",
    "optimizer.lr=interval(3,1)": "an interval begins below its end",
    "optimizer.lr=interval(0,inf)": "an interval goes from a number to a number",
    "optimizer.lr=interval(nan,1)": "an interval goes from a number to a number",
    "optimizer.lr=tag(log,interval(-1,1))": "a logarithm needs an interval above 0",
    "optimizer.lr=tag(log,x,interval(1,2))": "no such tag `x`; the only one is `log`",
}


@pytest.mark.parametrize("word", REFUSED)
def test_train_m_and_sweep_refuse_the_same_by_the_same_sentence(word: str) -> None:
    with pytest.raises(UserError) as by_train:
        compose.each_run([word])
    with pytest.raises(UserError) as by_sweep:
        space.read([word])
    assert str(by_train.value) == str(by_sweep.value)
    assert str(by_train.value).startswith(f"`{word}`: ") and REFUSED[word] in str(by_train.value)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (f"outputs={'[' * 21}{']' * 21}", "brackets within brackets, more than 20 deep"),
        (f"trainer.epochs={'9' * 101}", "a number of more than 100 digits"),
        (f"optimizer.lr={'9_' * 101}9", "a number of more than 100 digits"),
        (f"outputs={'x' * LONGEST}", "an argument of 10,008 characters; at most 10,000 are read"),
        ("outputs=\udcff", "holds bytes that are no UTF-8"),
        ("=b", "write key=value"),
        ("", "write key=value"),
    ],
)
def test_limits(word: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        parse([word])
    assert sentence in str(refused.value) and len(str(refused.value)) <= LONGEST_SENTENCE


def test_brackets_and_digits_within_quotes_are_text() -> None:
    (found,) = parse([f"outputs='{'[' * 50}{'9' * 500}'"])
    assert found.value() == "[" * 50 + "9" * 500


@settings(deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.text("[]()\\\"' ,=$é")
)
def test_a_folder_that_is_told_is_read_as_it_was(name: str) -> None:
    (word,) = shlex.split(shell_word("run", name))
    assert text(word) == name


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ('outputs="a (1), [b] é"', "a (1), [b] é"),
        ("outputs='it\\'s'", "it's"),
        ("outputs=a (1)", "a (1)"),
        ("outputs=jürgen/x", "jürgen/x"),
        ("outputs=1e3", "1e3"),
        ("outputs=007", "007"),
        ("outputs=[a,b]", "[a,b]"),
        ("outputs=a,b", "a,b"),
        ("outputs=", ""),
    ],
)
def test_a_verbs_own_word(word: str, value: str) -> None:
    assert split_words([word, "seed=1"], {"outputs": "x"}) == ({"outputs": value}, ["seed=1"])


def test_several_texts() -> None:
    assert texts("task=pos,sentiment") == ["pos", "sentiment"]
    assert texts("encoder.scope=[window:3,full],full") == ["[window:3,full]", "full"]
    assert texts("data.path='a,b',c") == ["a,b", "c"] and texts("seed=1") == ["1"]


def test_numbers_are_text_where_text_is_meant() -> None:
    config = compose.compose(["outputs=1e3", "folder=1_0", "data.origin=True"])
    assert (config.outputs, config.folder, config.data.origin) == ("1e3", "1_0", "True")


def test_what_is_repeated_is_printable() -> None:
    error = UserError("`a\x1b[31m\nb\u202ec\udcff\u2028\x85\x7f`: no")
    assert str(error) == r"`a\x1b[31m\nb\u202ec\udcff\u2028\x85\x7f`: no"
    assert printable("می‌خواهم 👨‍👩‍👧 é") == "می‌خواهم 👨‍👩‍👧 é"
    cut = str(UserError("`" + "x" * 10_000 + "`: no such file"))
    assert len(cut) <= LONGEST_SENTENCE and cut.endswith("`: no such file") and " … " in cut


@pytest.mark.parametrize("value", ["${..seed}", "${oc.env:NOPE}", "${nothing}", "${outputs}", "[${a}"])
def test_references_to_nothing(value: str) -> None:
    with pytest.raises(UserError) as refused:
        compose.compose([f"outputs={value}"])
    assert str(refused.value).startswith(f"`outputs={value}`: ")


def test_a_reference_to_another_key() -> None:
    assert compose.compose(["encoder.heads=${seed}", "seed=2"]).encoder.heads == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("trainer.epochs=abc", "`trainer.epochs=abc`: write a whole number, from 1 to 1,000,000"),
        ("trainer.epochs=1.5", "`trainer.epochs=1.5`: write a whole number, from 1 to 1,000,000"),
        ("trainer.epochs=", "`trainer.epochs=`: write a whole number, from 1 to 1,000,000"),
        ("trainer.patience=x", "`trainer.patience=x`: write a whole number, from 1 to 1,000,000, or null"),
        ("optimizer.lr=x", "`optimizer.lr=x`: write a number above 0"),
        ("baselines=2e0", "`baselines=2.0`: write true | false"),
        ("trainer.epochs=1000001", "`trainer.epochs=1000001` must be at most 1,000,000"),
        ("trainer.threads=100000", "`trainer.threads=100000` must be at most 1,024"),
        ("encoder.width=100000", "`encoder.width=100000` must be at most 65,536"),
        ("encoder.parameters=999999999999M", "`encoder.parameters=999999999999M`: write at most 1000000M"),
        ("optimizer.lr=1e999", "`optimizer.lr=inf`: write a number"),
        ("experiment=null", "`experiment=null`: no such choice; choose one of "),
        ('outputs="a\0b"', r"`outputs=a\x00b`: no text holds the character U+0000"),
        ("hydra.launcher=null", "`hydra.launcher=null`: Hydra's own keys have no effect here"),
        ("hydra.searchpath=[pkg://os]", "`hydra.searchpath=[pkg://os]`: Hydra's own keys have no effect here"),
    ],
)
def test_values_that_no_key_takes(word: str, sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        compose.compose([word])
    assert str(refused.value).startswith(sentence)


@pytest.mark.parametrize(
    ("words", "word", "whole"),
    [
        (["data.path=my", "file.csv"], "file.csv", "'data.path=my file.csv'"),
        (["seed=1", "data.keep=[date,", "who]", "seed=2"], "who]", "'data.keep=[date, who]'"),
        (["data.path=a,", "b.csv"], "b.csv", """'data.path="a, b.csv"'"""),
    ],
)
def test_a_value_that_the_shell_has_parted_is_shown_in_quotes(words: list[str], word: str, whole: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_single(words)
    assert str(refused.value).startswith(f"`{word}`: write key=value; ")
    assert str(refused.value).endswith(f": {whole}")
    assert len(parse_single(shlex.split(whole))) == 1, "as it is shown, it is one value"


def test_a_comma_is_shown_in_quotes() -> None:
    with pytest.raises(UserError, match=r"""quotes: 'data.path="a,b.csv"'$"""):
        parse_single(["data.path=a,b.csv"])
    assert parse_single(['data.path="a,b.csv"'])[0].value() == "a,b.csv"


def test_so_many_runs_are_not_meant() -> None:
    with pytest.raises(UserError, match=r"`-m`: these arguments are 1,000,000 runs; at most 10,000"):
        compose.each_run(["seed=range(0,1000)", "encoder.depth=range(0,1000)"])
