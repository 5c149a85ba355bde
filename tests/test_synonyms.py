"""What other programs call things: no word hides a key or a choice, and every right word is one."""

from functools import cache
from pathlib import Path

import pytest

from attnlab import compose, groups, synonyms
from attnlab.attention_options import parse_position, parse_scope, parse_score
from attnlab.cli import main
from attnlab.config import Config, Sweep, documented_keys, keys_of, renamed
from attnlab.errors import UserError, suggestion
from attnlab.lab.run_rows import STATES
from attnlab.registry import GROUPS, POSITIONS, SCOPES, SCORES

PARTS = {
    "position": (POSITIONS, parse_position),
    "scope": (SCOPES, parse_scope),
    "score": (SCORES, parse_score),
}
VALUES = [(of, right, words) for of, table in synonyms.VALUES.items() for right, words in table.items()]


@cache
def keys() -> dict[str, tuple[str, ...]]:
    """Every key, former names too, with its values where they can be listed."""
    found = [*documented_keys(Config), *documented_keys(Sweep, "sweep.")]
    former = []
    for group, registry in GROUPS.items():
        for node in (keys_of(group, part) for part in registry):
            found += documented_keys(node, f"{group}.")
            former += [f"{group}.{name}" for name in renamed(node)]
    return {key.path: key.choices for key in found} | dict.fromkeys(former, ())


def assert_is_right(line: str) -> None:
    """Every word of a line chooses what there is, or sets a key of what the line chooses to one of its values."""
    words = dict(word.split("=") for word in line.split())
    for name, value in words.items():
        if name in groups.NAMES:
            assert value in groups.choices(name)
        else:
            group = name.partition(".")[0]
            node = groups.keys(group, words[group]) if group in words else None
            known = {key.path: key.choices for key in documented_keys(node, f"{group}.")} if node else keys()
            assert value.strip("[]") in known[name] or (value == "FILE" and not known[name])


def test_a_word_for_a_key_is_none_itself_and_means_one() -> None:
    known = {*keys(), *groups.NAMES}
    assert set(synonyms.KEYS) <= known
    words = " ".join(synonyms.KEYS.values()).split()
    assert len(set(words)) == len(words) and not known & set(words)
    assert list(map(synonyms.spelt, words)) == words, "otherwise nobody finds it"


@pytest.mark.parametrize("of, right, words", VALUES, ids=[right for _, right, _ in VALUES])
def test_a_word_for_a_value_is_none_itself_and_means_one(of: str, right: str, words: str) -> None:
    if of in PARTS:
        registry, parse = PARTS[of]
        parse(right.replace("RADIUS", "8"))
        choices = list(registry)
    elif of == "state":
        choices = list(STATES)
        assert right.strip("'").removeprefix("state=") in choices
    else:
        choices = groups.choices(of) if of in groups.NAMES else keys()[of]
        assert_is_right(right)
    every = [word for other, _, listed in VALUES if other == of for word in listed.split()]
    assert choices and not set(words.split()) & set(choices)
    assert len(set(every)) == len(every) and all(map(str.islower, filter(str.isalpha, every)))
    for word in words.split():
        assert suggestion(word, choices, of=of).startswith(f"write `{right}`")


def test_a_choice_of_that_name_and_words_of_the_user_come_first() -> None:
    assert suggestion("LSTM", ["lstm", "recurrent"], of="encoder") == "did you mean `lstm`?"
    assert suggestion("random_seed", ["seed", "text"]) == "choose one of seed, text", "columns of a table, say"
    assert suggestion("d_model", ["encoder.depth", "width"], of="") == "choose one of encoder.depth, width"


def test_the_words_of_earlier_runs_are_helped_too(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(compose.to_yaml(compose.compose()))
    with pytest.raises(UserError, match=r"`max_epochs`: no such key in this run; it is `trainer\.epochs` here"):
        compose.load_saved(tmp_path / "config.yaml", ["max_epochs=3"])


def test_a_key_that_other_data_have_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"it is `data\.separator` here, which comes with data=csv or parallel"):
        compose.compose(["delimiter=tab"])
    assert main(["eval", "latest"]) == 2
    assert "`latest`: write `run=latest`" in capsys.readouterr().err
