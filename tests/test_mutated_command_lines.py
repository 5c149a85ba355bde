"""Whatever stands on a command line, it is composed, or refused by one printable sentence, within a second."""

import contextlib
import io
import time
import unicodedata
from pathlib import Path
from random import Random

import pytest

from attnlab import compose, groups
from attnlab.cli import main
from attnlab.config import Config, Sweep, documented_keys, keys_of
from attnlab.errors import UserError
from attnlab.help import example
from attnlab.lab.sweep import folder as sweep_folder
from attnlab.lab.sweep import space
from attnlab.lab.sweep.search import Search
from attnlab.registry import GROUPS

PLAIN = (
    "", "0", "1", "2", "-1", "007", "1e3", "1e999", "-1e999", "nan", "inf", "0.5", "9" * 30, "9" * 101, "9" * 5000, "true",
    "null", "None", "???", "full", "window:8", "window:1e999", "[]", "[1,2]", "[[1],{a:2}]", "{}", "{a:1}", "a,b", "1,2,3",
    ",", "a b", "'a,b'", '"a (1)"', "'", '"', "\\", "${seed}", "${..seed}", "${oc.env:NOPE}", "${a", "$", "~", "~x/y", "/",
    "../..", ".", "*", "glob(*)", "choice()", "choice(1,2)", "choice(1,choice(2,3))", "choice(range(1,3),2)", "range(3,1)",
    "range(1,4)", "range(1,4,0)", "range(0,1,0.3)", "range(1,1000000000)", "range(1e999)", "range(nan,1)",
    "interval(1,2)", "interval(2,1)", "interval(0,inf)", "int(interval(1,9))", "int(interval(1,1e300))",
    "tag(log,interval(-1,1))", "tag(log,interval(1e-4,1))", "tag(x,choice(1,2))", "shuffle(1,2)", "shuffle([1,2])",
    "sort(2,1,a)", "sort(3,1,2)", "extend_list(1)", "str(1,2)", "int(a)", "int(1e999)", "float(1)", "bool(2)", "int(null)",
    "\x1b[31m", '"\x1b]0;x\x07"', "a\nb", '"a\nb"', "\t", "\u202eabc", '"\u202e"', "\u2028", "\ud800", "\udcff", "é", "😀",
    "\u200d", "٣", "²", "a=b", "a#b", "a&b", "[" * 100 + "]" * 100, "(" * 300, "{a:" * 50, "x" * 20_000, "'" * 500,
)  # fmt: skip
"""Values of every kind, good for some key or for none."""
VERBS = (
    "train",
    "train -m",
    "sweep",
    "eval",
    "runs",
    "data",
    "help",
    "bench",
    "__complete",
    "completion",
    "nothing",
    "",
)
KEYS = {key.path: key for key in (*documented_keys(Config), *documented_keys(Sweep, "sweep."))}
for _group, _parts in GROUPS.items():
    for _part in _parts:
        KEYS |= {key.path: key for key in documented_keys(keys_of(_group, _part), f"{_group}.")}
NAMES = [*KEYS]
NAMES += [*groups.NAMES, *groups.NAMES, "space", "run", "split", "sort", "show", "sections", "updates", "plugins"]
NAMES += [
    "hydra.launcher",
    "hydra/launcher",
    "hydra.searchpath",
    "~encoder",
    "+new",
    "++seed",
    "encoder@head",
    "a",
    "",
    "=",
    "é",
]


def a_word(random: Random) -> str:
    """A key with a value of a kind that may suit it or not."""
    name = random.choice(NAMES)
    if name in groups.NAMES and random.random() < 0.5:
        return f"{name}={random.choice(groups.choices(name))}"
    value = random.choice(PLAIN)
    if name in KEYS and random.random() < 0.5:
        value = random.choice(
            (example(KEYS[name]), *KEYS[name].choices, "1", "2", "null", "0.1", "true", "1,2", "[a]")
        )
    if random.random() < 0.15:
        value = random.choice(("[{}]", "{},{}", "choice({})", "'{}'", '"{}"', "-{}", "{}e9", "[{},[{}]]")).replace(
            "{}", value
        )
    return (
        f"{name}={value}"
        if random.random() < 0.95
        else random.choice((name, value, f"={value}", f"{name}=={value}"))
    )


def mutated(word: str, random: Random) -> str:
    """The word with some characters left out, doubled, exchanged or put in."""
    letters = list(word[:200])
    for _ in range(random.choice((0, 0, 0, 1, 1, 2, 5))):
        at = random.randrange(len(letters) + 1)
        letters[at : at + random.choice((0, 1, 1, 3))] = random.choice(
            (
                "",
                "=",
                ",",
                "[",
                "]",
                "(",
                ")",
                "'",
                '"',
                "\\",
                "$",
                "{",
                "}",
                ":",
                ".",
                "\0",
                "\x7f",
                "\x85",
                "\u2066",
                "٣",
                "9" * 20,
            )
        )
    return "".join(letters) + word[200:]


def a_line(random: Random) -> list[str]:
    words = [mutated(a_word(random), random) for _ in range(random.choice((1, 1, 2, 3)))]
    return [random.choice(VERBS), *words]


def composed(verb: str, words: list[str]) -> None:
    """What a verb makes of its words, up to where it would read data or train. Raises UserError."""
    words = [word for word in words if not word.startswith("-")]
    if verb == "train -m":
        for run in compose.each_run(words)[:3]:
            compose.compose(run)
    elif verb == "sweep":
        searched = space.read([word for word in words if not word.startswith("sweep.")])
        Search.check(searched, sweep_folder.read_settings([word for word in words if word.startswith("sweep.")]))
    else:
        compose.compose(words)


def answer(line: list[str]) -> str:
    """The sentence of a refusal; "" where there is none. Fails where anything else than UserError comes out."""
    verb, *words = line
    if verb in ("train", "train -m", "sweep", "data", "bench"):
        try:
            composed(verb, words)
        except UserError as error:
            return str(error)
        return ""
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = main(line)
    assert code in (0, 2)
    return said.getvalue().removesuffix("\n")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder but for one run, which has no weights."""
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "pos" / "20260101-120000-abcd"
    run.mkdir(parents=True)
    (run / "config.yaml").write_text(compose.to_yaml(compose.compose()))


def assert_answered(line: list[str]) -> None:
    began = time.process_time()
    sentence = answer(line)
    assert time.process_time() - began < 2, line
    assert len(sentence) < 600, line
    assert not any(
        unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or "\u202a" <= c <= "\u202e" for c in sentence
    ), line


FIXED = (
    ["train", "=" * 2], ["train", f"outputs={'[' * 100}{']' * 100}"], ["train", f"trainer.epochs={'9' * 5000}"],
    ["train", "outputs=${..seed}"], ["train -m", "encoder.depth=range(1,1000000000)"], ["sweep", "seed=range(5,1)"],
    ["sweep", "encoder.depth=1,2", "sweep.sampler=???"], ["eval", "run=\x1b[2J"], ["runs", 'show="\u202e"'],
    ["__complete", "data.path=**/\0", "train"], ["train", f"task={'x' * 1_000_000}"], ["\ud800"], [""], ["help", "\n"],
    ["train", "optimizer.lr=1e999"], ["train", "encoder={a:1}"], ["train", "data.path=\udcff"], ["train", 'outputs="\0"'],
)  # fmt: skip


@pytest.mark.parametrize("line", FIXED, ids=range(len(FIXED)))
def test_a_strange_line_is_answered(line: list[str]) -> None:
    assert_answered(line)


@pytest.mark.slow
def test_mutated_lines_are_answered() -> None:
    random = Random(1)
    for _ in range(600):
        line = a_line(random)
        try:
            assert_answered(line)
        except AssertionError:
            raise
        except BaseException as error:
            raise AssertionError(f"{line!r:.600}: {type(error).__name__}: {error!s:.300}") from error
