"""Help: short without words, about the chosen parts with words, and whole for one key; nothing is left unsaid."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from attnlab import compose, compose_joint, glossary, groups, help
from attnlab.cli import VERBS, main
from attnlab.command_words import parse
from attnlab.config import Config, Sweep, Trainer, documented_keys, keys_of
from attnlab.config.keys import KeyDoc, _value_problems
from attnlab.registry import BASELINES, GROUPS, METRICS

NODES = [(group, name, keys_of(group, name)) for group, registry in GROUPS.items() for name in registry]
KEYS = {
    (name, key.path): (node, key)
    for group, name, node in [("", "", Config), ("sweep", "", Sweep), *NODES]
    for key in documented_keys(node, f"{group}." if group else "")
}


def page(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_a_page_fits_the_screen(verb: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    lines = page(capsys, *([verb] if verb else []), "--help").splitlines()
    assert len(lines) <= 60 and all(len(line) <= 120 for line in lines)


def test_without_words_all_choices_are_named_and_the_keys_used_most(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "train", "--help")
    assert all(re.search(rf"\b{name}\b", text) for group in groups.NAMES for name in groups.choices(group))
    assert len(help.USED_MOST) == 20 and all(f"  {path}=" in text for path in help.USED_MOST)
    assert "encoder.depth=2 " in text and "data.bands" not in text


def test_with_words_the_chosen_parts_are_shown_with_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "train", "task=digits", "encoder.depth=5", "--help")
    assert "encoder.depth=5 " in text and "encoder.width=64 " in text and "data.patch=4 " in text
    assert "data.bands" not in text and "head.beam" not in text
    text = page(capsys, "train", "data=csv", "--help")
    assert (
        "data.label=label" in text
        and "data.patch" not in text
        and "data=csv: Any table of texts and labels" in text
    )
    assert "embedding.path=???" in page(capsys, "train", "embedding=pretrained", "--help")


def test_a_joint_run_shows_its_parts_and_what_they_share(capsys: pytest.CaptureFixture[str]) -> None:
    text = page(
        capsys,
        "train",
        "task=joint",
        "parts=[pos,digits]",
        "parts.pos.data.limit=5",
        "optimizer.lr=0.01",
        "--help",
    )
    assert "task=pos data.limit=5; its keys: attnlab train task=pos data.limit=5 --help" in text.replace(
        "\n" + 32 * " ", " "
    )
    assert "optimizer.lr=0.01" in text and "trainer.mixing=0.5" in text and "trainer.accumulate=8" in text
    assert "encoder.scope=" not in text and "trainer.batch_vectors=" not in text


def test_the_words_before_help_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "task=digtis", "--help"]) == 2
    assert "did you mean `digits`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("encoder.scope", ["window:RADIUS", "default   full", "edges (graph_attention)", "attnlab train encoder.scope=window:8"]),
        ("limit", ["data.limit: ", "graphs", "at least 1, or null"]),
        ("optimizer.beta1", ["a number, from 0 to 0.99999", "default   0.9"]),
        ("head.readout", ["mean | max | sum | attention", "task="]),
        ("encoder.cell", ["lstm | gru", "encoder=  recurrent", "attnlab train encoder=recurrent encoder.cell=gru"]),
        ("encoder.kernel", ["| kernel    | scores "]),
        ("baselines", ["true | false", "attnlab train baselines=false"]),
        ("sweep.trials", ["or null", "attnlab sweep"]),
        ("split", ["an argument of `attnlab eval`"]),
        ("data", ["digits", "1,797 real handwritten digits", "`attnlab data --help`"]),
        ("experiment", ["ud_ewt"]),
        ("encoder=attention_slim", ["half the usual width", "feed_forward: 2", "attnlab train encoder=attention_slim --help"]),
        ("encoder=recurrent", ["An LSTM or GRU"]),
        ("space=rate", ["optimizer.lr=tag"]),
        ("eval", ["usage: attnlab eval"]),
        ("attention_slim", ["encoder=attention_slim: "]),
        ("wer", ["metric wer: Words that would have to be inserted"]),
        ("additive", ["score additive: "]),
        ("support", ["support: the number of labels of a class or span type"]),
        ("Ceiling", ["ceiling: the best possible accuracy"]),
        ("coords", ["coordinates, coords: the location of a vector"]),
        ("key", ["key (of an example): where it came from", "key (of the configuration): a dotted name"]),
        ("group", ["data.group: ", "group (of runs): ", "group: examples that stay in one split"]),
        ("accuracy/unseen", ["accuracy/unseen: the accuracy on unseen words or vectors only", "unseen: words that do not occur in", "metric accuracy: "]),
        ("macro f1", ["metric macro_f1: F1, the harmonic mean"]),
        ("naive_bayes", ["baseline naive_bayes: "]),
        ("spans", ["span: consecutive vectors"]),
        ("vectors", ["vector: one element of a set"]),
        ("LSTM", ["LSTM, GRU: the cells of"]),
        ("tpe", ["tpe: a search that draws"]),
        ("verdict", ["verdict: what a comparison"]),
        ("most frequent class", ["baseline most_frequent_class: Always the most frequent class"]),
    ],
)  # fmt: skip
def test_one_word_is_told(word: str, shown: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = page(capsys, "help", word)
    assert [part for part in shown if part not in text] == []


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("encoder.scpe", "did you mean `encoder.scope`?"),
        ("lmit", "did you mean `data.limit`?"),
        ("encoder=attention_slm", "did you mean `attention_slim`?"),
        ("evl", "did you mean `eval`?"),
        ("suport", "did you mean `support`?"),
        ("naive_baye", "did you mean `naive_bayes`?"),
        ("macro_f", "did you mean `macro_f1`?"),
        ("data.shift", "`data.shift` is called data.time_shift or data.translate now"),
    ],
)
def test_a_word_that_there_is_not_is_refused(word: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["help", word]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("group", [*groups.NAMES, "space"])
def test_every_choice_has_its_sentence(group: str) -> None:
    for name in groups.choices(group):
        sentence = groups.sentence(group, name)
        assert 10 < len(sentence) < 180 and sentence[0] == sentence[0].upper(), f"{group}={name}: {sentence}"


@pytest.mark.parametrize(("name", "path"), KEYS)
def test_every_key_has_its_sentence_its_values_and_an_example(name: str, path: str) -> None:
    """The example is accepted as the command line accepts it."""
    node, key = KEYS[name, path]
    assert key.sentence and key.values
    group, _, rest = path.partition(".")
    chosen = group in (*GROUPS, "sweep")
    tree = OmegaConf.create({group: node}) if chosen else OmegaConf.structured(node)
    (override,) = parse([f"{path}={help.example(key)}"])
    compose._set(tree, override, override.value())
    owner = Trainer if group == "trainer" else node
    (entry,) = (entry for entry in fields(owner) if entry.name == (rest or path))
    value = OmegaConf.select(tree, path)
    assert (
        list(_value_problems(path, OmegaConf.to_object(value) if OmegaConf.is_config(value) else value, entry))
        == []
    )


def test_what_help_says_of_a_verbs_own_words_is_what_the_verb_takes() -> None:
    from attnlab.lab.bench import command as bench
    from attnlab.lab.runs_table import OPTIONS

    assert {word.name: word.default for word in help.WORDS["bench"]} == bench.DEFAULTS
    assert {word.name for word in help.WORDS["runs"]} == {*OPTIONS, "margin"}
    assert set(help.WORDS) == set(help.USAGE) == set(VERBS)


def test_an_example_is_another_value_than_the_default_within_the_limits() -> None:
    def example(
        default: object, kind: object, choices: tuple[str, ...] = (), min: float = 0, max: float = 0.9
    ) -> str:
        return help.example(KeyDoc("a.b", default, "", kind, choices, min, max, True))

    assert example(0.5, float) == "0.5" and example(0.25, float) == "0.5" and example(0.0, float) == "0.1"
    assert example(None, int, min=100, max=10**9) == "100" and example(None, int, max=10**9) == "10"
    assert example("x", str, ("x", "y")) == "y" and example(None, str, ("x",)) == "x"


def test_every_score_and_baseline_has_a_whole_sentence() -> None:
    from attnlab.training import baselines  # noqa: F401  # registers them

    for registry in (METRICS, BASELINES):
        assert len(registry) > 10
        cut = [name for name in registry if not re.fullmatch(r"\S.{10,}[.)]", registry.sentence(name))]
        assert cut == [], registry.kind


def test_the_glossary_in_docs_says_what_help_says() -> None:
    """Of every table the first two columns, but for the line of names."""
    page = Path(__file__).parents[1].joinpath("docs", "glossary.md").read_text(encoding="utf-8")
    rows = [line.strip("|").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    told = {cells[0].strip(): cells[1].strip() for cells in rows if cells[0].strip() not in ("letter", "word")}
    assert told == glossary.MEANINGS


def test_no_word_of_the_glossary_has_two_entries_without_a_sense() -> None:
    for entry in glossary.MEANINGS:
        same = [other for other, _ in glossary.meanings(glossary.names(entry)[0])]
        assert entry in same and sum(" (" not in other for other in same) <= 1


def examples(path: str) -> list[list[str]]:
    """The words of `attnlab train` in each example that help prints of a key."""
    lines = [line for block in help._key_blocks(path, help._every_key()[path]) for line in block.splitlines()]
    shown = [line.split()[1:] for line in lines if line.startswith("  example")]
    assert shown
    return [words[2:] for words in shown if words[1] == "train"]


def accept(words: list[str]) -> None:
    (compose_joint.compose_joint if compose_joint.wanted(words) else compose.compose)(words)


ONES_OWN = {"plugins"}
"""Keys whose example names what only the user has."""


@pytest.mark.parametrize(
    "path", ["embedding.window", "data.id", "data.label", "data.time", "data.fold", *help.OF_JOINT]
)
def test_an_example_is_accepted_as_a_whole(path: str) -> None:
    for words in examples(path):
        accept(words)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted({*help._every_key()} - ONES_OWN))
def test_every_example_is_accepted_as_a_whole(path: str) -> None:
    for words in examples(path):
        accept(words)
