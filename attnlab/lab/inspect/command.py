"""`attnlab inspect`: a page on what a run answers about inputs, where it looks, and what its answers are due to."""

import io
import os
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from attnlab.command_words import options_and_others, shell_word
from attnlab.data.contract import Input, Split
from attnlab.data.prep.inputs import STDIN
from attnlab.disk import read_bytes, write_bytes, write_text
from attnlab.errors import Damaged, UserError, printable
from attnlab.lab.inspect import heads, heads_page
from attnlab.lab.inspect.content import Content, Wanted, looked_into
from attnlab.local_files import user_path
from attnlab.model.attention.recorder import attention_layers
from attnlab.pages.page import Array, Json, packed, page
from attnlab.runs import is_run, is_sweep, located
from attnlab.training.predictions import json_line
from attnlab.training.run import Run, load_run

VALUED = {
    "--example": "KEY", "--split": "test", "--examples": "200", "--vector": "3", "--token": "3", "--why": "NOUN", "--not": "VERB",
    "--compare": "RUN", "--out": "page.html",
}  # fmt: skip
"""Options with a value, and an example of it."""
OF_INPUTS = ("--vector", "--token", "--why", "--not", "--compare", "--weights")
"""Options that `--split` has no use for."""
FLAGS = ("--weights", "--json")
MOST = 20
"""Inputs of one page."""
LARGEST_PAGE = 1 << 26
MARK = b'data-page="attnlab-inspect"'
"""By this a page is known, so that no other file is overwritten; in `templates/inspect.html`."""
OF_DATA = "`--example KEY` for one example of the run's data, `--split test` for all of its test data"
GIVE = f"give a text in quotes or a file behind the run, or {OF_DATA}"
USAGE = "write `attnlab inspect RUN INPUT…`, where RUN is a run folder or `latest`"
ANSWERS = {
    "class": "a class of the input", "classes": "yes or no to several questions", "number": "a number", "vector_classes": "a class of each vector",
    "vector_numbers": "a number of each vector", "sequence": "a sequence",
}  # fmt: skip
"""What a run answers with, by the kinds of targets."""
SCRIPTS = ("view.js", "words.js", "views.js", "inspect.js")


@dataclass(frozen=True)
class Options:
    """What the words of `attnlab inspect` say. example: the key of one of the run's own examples. split: whose heads are described;
    examples: how many of it are explained. compare: another run. wanted: what is asked about each input."""

    run: str
    inputs: tuple[str, ...]
    wanted: Wanted
    out: Path
    example: str | None = None
    split: str | None = None
    examples: int = heads.EXAMPLES
    compare: str | None = None
    weights: bool = False
    json: bool = False

    @classmethod
    def of(cls, words: Sequence[str]) -> "Options":
        """Raises UserError for words that say no run, for options that there aren't, and for values that they cannot have."""
        named, plain = options_and_others(words, VALUED, FLAGS)
        if not plain:
            raise UserError(f"no run is named; {USAGE}")
        run, *inputs = plain
        for other in (run, *([named["--compare"]] if "--compare" in named else [])):
            if other != "latest" and not located(other).is_dir():
                right = f"; write `{other.removeprefix('run=')}`" if other.startswith("run=") else f"; {USAGE}"
                where = "" if other is not run else ", which comes first"
                raise UserError(f"`{other[:100]}`: no run folder{where}{right}")
        for other in inputs:
            if is_run(other) or is_sweep(user_path(other)):
                raise UserError(f"`{other}`: a second run folder; write `{shell_word('--compare', other)}`")
        example, split = named.get("--example"), named.get("--split")
        given = [what for what, there in (("inputs", inputs), ("--example", example), ("--split", split)) if there]
        if len(given) > 1:
            raise UserError(f"`{' '.join(given)}`: choose one of them")
        if not given:
            if sys.stdin is None or sys.stdin.isatty():
                raise UserError(f"nothing to inspect; {USAGE}, and INPUT a text in quotes or a file, or {OF_DATA}")
            inputs = [STDIN]
        useless = [option for option in (OF_INPUTS if split else ("--examples",)) if option in named]
        if useless:
            told = (
                "it is about single inputs"
                if split
                else "it is about a whole split; write `--split test --examples 200`"
            )
            raise UserError(f"`{useless[0]}`: {told}")
        examples = _whole(named["--examples"], "--examples") if "--examples" in named else heads.EXAMPLES
        out = Path(named.get("--out", "inspect.html"))
        if out.suffix.lower() != ".html":
            raise UserError(f"`--out {out}`: let its name end in .html")
        if "--json" in named and "--out" in named:
            raise UserError("`--json --out`: numbers go to standard output, where no page is written")
        vector, token = _number(named, "--vector"), _number(named, "--token")
        weights = "--weights" in named
        wanted = Wanted(vector, token, named.get("--why"), named.get("--not"), weights)
        return cls(
            run, tuple(inputs), wanted, out, example, split, examples, named.get("--compare"), weights, "--json" in named
        )  # fmt: skip


def _number(named: Mapping[str, str], option: str) -> int | None:
    """Counted from 0; users count from 1."""
    if option not in named:
        return None
    return _whole(named[option], option) - 1


def _whole(text: str, option: str) -> int:
    """From 1 on."""
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) < 1:
        raise UserError(f"`{option} {text}`: give a whole number, counted from 1")
    return int(text)


@dataclass(frozen=True, eq=False)
class Chosen:
    """An example that is to be looked into. key: where it stands; shown: how a person recognises it."""

    split: Split
    row: int
    key: str
    shown: str


@dataclass(frozen=True, eq=False)
class Unreadable:
    """An input that cannot be looked into. error: why, with where it stands."""

    error: str


def inspect(words: Sequence[str]) -> int:
    """Write the page, or print its numbers; 0, or 1 where some inputs could not be looked into, which is told. Raises UserError as
    `Options.of` does, and where none could be."""
    options = Options.of(words)
    if not options.json:
        _refuse_other_file(options.out)
    runs = [load_run(name) for name in (options.run, options.compare) if name is not None]
    for run in runs:
        run.refuse_hidden("inspect")
    if options.split is not None:
        _over_split(heads.inspect_split(runs[0], options.split, options.examples), options)
        return 0
    _refuse_other_questions(runs, options)
    titles, shown, errors = _looked_into(runs, options)
    for error in errors:
        print(printable(f"attnlab: {error}"), file=sys.stderr)
    code = int(bool(errors))
    if options.json:
        for content in (content for each in shown for content in each):
            sys.stdout.write(json_line(_numbers(content)))
        return code
    write_text(options.out, written(runs, titles, shown))
    if options.weights:
        _write_weights(options.out.with_suffix(".weights.npz"), shown)
    for content in (content for each in shown for content in each):
        print(printable(content.line))
    print(f"The page: {options.out}")
    return code


def _refuse_other_questions(runs: Sequence[Run], options: Options) -> None:
    """Raises UserError where a second run answers another kind of question."""
    for other in runs[1:]:
        kind, of_first = (run.model.head.kind for run in (other, runs[0]))
        if kind != of_first:
            raise UserError(
                f"`--compare {options.compare}`: it answers with {ANSWERS[kind]}, but {options.run} with {ANSWERS[of_first]}; "
                "compare runs that answer the same question"
            )


def _looked_into(runs: Sequence[Run], options: Options) -> tuple[list[str], list[list[Content]], list[str]]:
    """Names of the inputs that every run can look into, what each run makes of each of them, and why others cannot be. Raises
    UserError where there are none."""
    stdin = [] if STDIN not in options.inputs or sys.stdin is None else list(islice(sys.stdin.buffer, MOST + 1))
    chosen = [_chosen(run, options, stdin) for run in runs]
    titles, shown, errors = list[str](), [list[Content]() for _ in runs], list[UserError]()
    told = list[str]()
    for each in zip(*chosen, strict=True):
        key = ""
        try:
            contents = list[Content]()
            for run, one in zip(runs, each, strict=True):
                if isinstance(one, Unreadable):
                    raise UserError(one.error)
                key = one.key
                contents.append(looked_into(run, one.split, one.row, options.wanted, one.shown))
        except UserError as error:
            errors.append(error)
            told.append(str(error) if key in str(error) else f"{key}: {error}")
            continue
        titles.append(next(one.shown for one in each if isinstance(one, Chosen)))
        for contents_of_run, content in zip(shown, contents, strict=True):
            contents_of_run.append(content)
    if errors and not titles:
        raise errors[0]
    return titles, shown, told


def _over_split(found: heads.Inspected, options: Options) -> None:
    """Write the page of a split's heads and explanations, or print its numbers."""
    if options.json:
        sys.stdout.write(json_line(heads_page.as_json(found)))
        return
    write_text(options.out, heads_page.written(found))
    for sentence in heads_page.sentences(found):
        print(printable(sentence))
    print(f"The page: {options.out}")


def _chosen(run: Run, options: Options, stdin: Sequence[bytes]) -> list[Chosen | Unreadable]:
    """What to look into, as this run reads it, each input in its place."""
    if options.example is not None:
        return [_own_example(run, options.example)]
    reader = run.reader()
    inputs = list[Input]()
    for given in reader.inputs(options.inputs, stdin):
        inputs.append(given)
        if len(inputs) > MOST:
            raise UserError(f"more than {MOST} inputs, which is the most that one page shows; give fewer")
    readings = reader.read(inputs)
    if not inputs:
        names = ", ".join(options.inputs)
        empty = "standard input is empty" if names == STDIN else f"no input in {names}"
        raise UserError(f"nothing to inspect: {empty}; {GIVE}")
    rows, errors = {number: row for row, number in enumerate(readings.rows)}, readings.errors
    return [
        Unreadable(given.located(errors[number])) if number in errors
        else Chosen(readings.split, rows[number], given.key, given.shown)
        for number, given in enumerate(inputs)
    ]  # fmt: skip


def _own_example(run: Run, key: str) -> Chosen | Unreadable:
    """An example of the run's own data, by its key in the files of predictions. Raises UserError where there is none."""
    splits = run.data().splits
    names = [name for name in ("test", "validation", "train") if name in splits and len(splits[name])]
    for name in names:
        split = splits[name]
        row = next((row for row in range(len(split)) if key in (split.keys[row], split.name(row))), None)
        if row is not None:
            return Chosen(split, row, key, _recognised(split, row, f"{name}: {key}"))
    first = splits[names[0]]
    raise UserError(
        f"`--example {key}`: no such key in the run's data; keys stand in its predictions-….jsonl, such as `{first.name(0)}`"
    )


def _recognised(split: Split, row: int, name: str) -> str:
    """An example's words behind its name, where it has some."""
    shown = split.show(row)
    words, source = shown.get("words"), shown.get("source", shown.get("said"))
    text = " ".join(map(str, words)) if isinstance(words, list) else source
    return f"{name}: {text}" if text else name


def written(runs: Sequence[Run], titles: Sequence[str], shown: Sequence[Sequence[Content]]) -> str:
    """The page. titles: of the inputs; shown: of each run, what it makes of each input."""
    sets = [
        (f"set-{number}-{column}", packed(content.facts, content.arrays))
        for column, contents in enumerate(shown)
        for number, content in enumerate(contents)
    ]
    values = {"columns": [_facts_of(run) for run in runs], "titles": titles, "sets": sets}
    return page("inspect.html", f"attnlab inspect: {titles[0][:80]}", values, SCRIPTS)


def _facts_of(run: Run) -> dict[str, object]:
    """What is said of a run above its column."""
    config, encoder = run.config, run.config.encoder
    return {
        "name": run.folder.path.name, "task": config.task, "data": config.data.name, "encoder": encoder.name,
        "parameters": f"{sum(p.numel() for p in run.model.parameters()):,} parameters", "attention": bool(attention_layers(run.model)),
    }  # fmt: skip


def _numbers(content: Content) -> dict[str, object]:
    """All that a page holds as lists of numbers; layers, heads, vectors and tokens that are named count from 1, as options do."""
    facts = dict(content.facts)
    for name in ("chosen", "alignment"):
        if isinstance(head := facts[name], Mapping):
            facts[name] = {**head, "layer": _from_1(head["layer"]), "head": _from_1(head["head"])}
    if isinstance(question := facts["question"], Mapping):
        facts["question"] = {**question, "vector": _from_1(question["vector"]), "step": _from_1(question["step"])}
    if isinstance(evidence := facts["evidence"], Sequence):
        facts["evidence"] = [_from_1(vector) for vector in evidence]
    return {**facts, "numbers": {name: _listed(array) for name, array in content.arrays.items()}}


def _from_1(number: Json) -> Json:
    return number + 1 if isinstance(number, int) else number


def _listed(array: Array) -> object:
    """Nested lists, with null for what is no number."""
    cells = array.astype(object)
    cells[~np.isfinite(array)] = None
    return cells.tolist()


def _write_weights(path: Path, shown: Sequence[Sequence[Content]]) -> None:
    """The weights as they were computed, in float32: run/input/layer, (H, Lq, Lk)."""
    tables = {
        f"{column}/{number}/{name}": table
        for column, contents in enumerate(shown)
        for number, content in enumerate(contents)
        for name, table in content.weights.items()
    }
    if not tables:
        print("attnlab: no attention layers, so that there are no weights to write", file=sys.stderr)
        return
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:  # what `np.load` reads
        for name, table in tables.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, table, allow_pickle=False)
    write_bytes(path, stream.getvalue())
    print(f"The weights: {path}")


def _refuse_other_file(path: Path) -> None:
    """Raises UserError where anything but a page of ours stands in its place."""
    if not os.path.lexists(path):
        if not path.parent.is_dir():
            raise UserError(f"`--out {path}`: there is no folder {path.parent}")
        return
    try:
        ours = MARK in read_bytes(path, LARGEST_PAGE)[:100_000]
    except Damaged:
        ours = False
    if not ours:
        raise UserError(f"{path}: a file that is no page of `attnlab inspect`; name another by --out")
