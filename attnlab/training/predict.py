"""`attnlab predict`: what a run answers about inputs of any number, block by block, in their order."""

import gc
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np

from attnlab.command_words import options_and_others
from attnlab.config import Seq2seqHead
from attnlab.data.contract import GivenSplit, Input, InputReader
from attnlab.data.prep.inputs import STDIN
from attnlab.data.prep.progress import counted
from attnlab.disk import write_pieces
from attnlab.errors import UserError, printable
from attnlab.local_files import user_path
from attnlab.plural import plural
from attnlab.runs import is_run, is_sweep, located
from attnlab.sets import Answer, Prediction
from attnlab.targets import kind_named
from attnlab.training.predictions import Answers, csv_line, json_line, most_probable
from attnlab.training.run import Run, load_run

FORMS = {".jsonl": "json", ".csv": "csv", ".txt": "text"}
"""What `--out` writes, by the ending of its name."""
VALUED = {"--top": "3", "--out": "answers.csv", "--skip": "3"}
"""Options with a value, and an example of it."""
FLAGS = ("--json", "--csv")
UNKNOWN = 10
"""Names that training never saw which are told after the answers."""
SHOWN = 100
"""Characters of a text that stand beside its answer."""
GIVE = "give a text in quotes, a file or a folder behind the run"
USAGE = "write `attnlab predict RUN INPUT…`, where RUN is a run folder or `latest`"


@dataclass(frozen=True)
class Options:
    """What the words of `attnlab predict` say. form: json, csv or text. top: classes that are told; None: without `--top`.
    out: None: standard output. skip: inputs that are passed over."""

    run: str
    inputs: tuple[str, ...]
    form: str = "text"
    top: int | None = None
    out: Path | None = None
    skip: int = 0

    @classmethod
    def of(cls, words: Sequence[str]) -> "Options":
        """Raises UserError for words that say no run, for options that there aren't, and for values that they cannot have."""
        named, plain = options_and_others(words, VALUED, FLAGS)
        if not plain:
            raise UserError(f"no run is named; {USAGE}")
        run, *inputs = plain
        for word in _before_separator(words):
            if re.match(r"(data|encoder|head|trainer|embedding)\.\w+=", word):
                raise UserError(
                    f"`{word}`: `attnlab predict` takes no keys; `attnlab eval run={run} data.path=FILE {word}` does (and needs no "
                    "labels), or write `--` before a text that begins so"
                )
        if run != "latest" and not located(run).is_dir():
            right = f"; write `{run.removeprefix('run=')}`" if run.startswith("run=") else f"; {USAGE}"
            raise UserError(
                f"`{run[:100]}` is not a run folder; the first argument must be one, or `latest`{right}"
            )
        for other in inputs:
            if is_run(other) or is_sweep(user_path(other)):
                raise UserError(f"`{other}`: a second run folder; name one run at a time")
        out = Path(named["--out"]) if "--out" in named else None
        forms = [option[2:] for option in ("--json", "--csv") if option in named]
        if len(forms) == 2:
            raise UserError("`--json --csv`: choose one of them")
        of_name = FORMS.get(out.suffix.lower()) if out is not None else None
        if forms and of_name is not None and of_name != forms[0]:
            raise UserError(
                f"`--out {out} --{forms[0]}`: its name says {of_name}; leave out --{forms[0]}, or name another file"
            )
        if not forms and out is not None:
            if out.suffix.lower() not in FORMS:
                raise UserError(f"`--out {out}`: let its name end in .jsonl, .csv or .txt, or add --json or --csv")
            forms = [FORMS[out.suffix.lower()]]
        top = _number(named, "--top", 1) if "--top" in named else None
        skip = _number(named, "--skip", 0) if "--skip" in named else 0
        return cls(run, tuple(inputs), forms[0] if forms else "text", top, out, skip)


def _before_separator(words: Sequence[str]) -> Sequence[str]:
    """Those that may be options; all behind `--` are inputs."""
    return words[: words.index("--")] if "--" in words else words


def _number(named: Mapping[str, str], option: str, least: int) -> int:
    text = named[option]
    if not re.fullmatch(r"[0-9]{1,15}", text) or int(text) < least:
        raise UserError(f"`{option} {text}`: give a whole number, {least} or more")
    return int(text)


def predict(words: Sequence[str]) -> int:
    """Answer about all inputs; 0, or 1 where some could not be read, which is told in their places. Raises UserError as
    `Options.of` does, and for a run that cannot be asked."""
    options = Options.of(words)
    if not options.inputs and (sys.stdin is None or sys.stdin.isatty()):
        raise UserError(
            f"nothing to predict; {USAGE}, and INPUT a text in quotes, a file or a folder, or `{STDIN}` for standard input"
        )
    run = load_run(options.run)
    if isinstance(head := run.config.head, Seq2seqHead) and options.top is not None:
        most = head.beam if head.temperature is None else options.top
        if options.top > most:
            raise UserError(
                f"`--top {options.top}`: this run searches among {plural(most, 'answer')} (`head.beam`)"
            )
        head.n_best = options.top  # the model's head has the same object
    run.model.head.top = options.top
    stream = Stream(run, run.reader(), options)
    gc.freeze()  # the model stays: Python needn't look through it whenever it frees what earlier answers left
    shown = options.out is not None or not sys.stdout.isatty()
    with counted("Predicting") if shown else _uncounted() as progress:
        pieces = stream.pieces(progress, () if sys.stdin is None else sys.stdin.buffer)
        if options.out is not None:
            write_pieces(options.out, pieces)
        else:
            for piece in pieces:
                sys.stdout.write(piece)
                sys.stdout.flush()
    return stream.told()


@contextmanager
def _uncounted() -> Iterator[Callable[[int], None]]:
    """Where answers appear on the terminal themselves."""
    yield lambda done: None


@dataclass(frozen=True)
class Block:
    """Some inputs that were read together. rows: by the numbers of those that could be, the number of their example; errors:
    what is wrong with the others."""

    inputs: Sequence[Input]
    answers: Answers
    split: GivenSplit
    rows: dict[int, int]
    errors: dict[int, str]


class Stream:
    """Answers about any number of inputs as text, a block of them at a time."""

    def __init__(self, run: Run, reader: InputReader, options: Options) -> None:
        self.run, self.reader, self.options = run, reader, options
        self.done, self.failed, self.first_error = 0, 0, ""
        self.unknown = dict[str, None]()  # names that no answer tells of

    def pieces(self, progress: Callable[[int], None], stdin: Iterable[bytes]) -> Iterator[str]:
        """The text of each block; progress is told how many inputs are done. Raises UserError where `--skip` leaves no input."""
        words = self.options.inputs or (STDIN,)
        inputs = self.reader.inputs(words, stdin)
        passed = sum(1 for _ in islice(inputs, self.options.skip))
        if passed < self.options.skip or (passed and (first := next(inputs, None)) is None):
            raise UserError(
                f"`--skip {self.options.skip}`: there {'is' if passed == 1 else 'are'} only {plural(passed, 'input')}"
            )
        inputs = chain([first], inputs) if passed and first is not None else inputs
        table, lines = Table(), Lines(self.run, self.options.top)
        write = {"json": _json_lines, "csv": table.rows, "text": lines.lines}[self.options.form]
        while taken := list(islice(inputs, self.reader.block)):
            for block in self._answered(taken):
                self.failed += len(block.errors)
                for number, error in block.errors.items():
                    self.first_error = self.first_error or block.inputs[number].located(error)
                if self.options.form != "text":  # where a share of unknown words stands beside answers about texts
                    for row in range(len(block.split)):
                        if len(self.unknown) <= UNKNOWN and block.split.unknown(row) is None:
                            self.unknown |= dict.fromkeys(block.split.unknown_words(row))
                yield "".join(write(block))
            self.done += len(taken)
            progress(self.done)
        yield table.rest()

    def _answered(self, inputs: Sequence[Input]) -> Iterator[Block]:
        """The inputs with their answers. Where the model refuses one of them, such as a set that is longer than its learned
        positions reach, the others are answered without it."""
        readings = self.reader.read(inputs)
        errors = dict(readings.errors)
        try:
            predictions = self.run.answers(readings.split)
        except UserError as error:
            if len(inputs) > 1:
                middle = len(inputs) // 2
                yield from self._answered(inputs[:middle])
                yield from self._answered(inputs[middle:])
                return
            predictions, errors = [], {0: str(error)}
        answers = Answers(readings.split, self.run.model.head, predictions, with_gold=False, top=self.options.top)
        rows = {number: row for row, number in enumerate(readings.rows) if number not in errors}
        yield Block(inputs, answers, readings.split, rows, errors)

    def told(self) -> int:
        """The exit code; says on standard error what could not be answered, and that nothing was given."""
        if not self.done:
            given = ", ".join(self.options.inputs)
            empty = "standard input is empty" if given in ("", STDIN) else f"no input in {given}"
            left = "" if self.options.out is None else f"; {self.options.out} has no answers"
            print(printable(f"attnlab: nothing to predict: {empty}{left or f'; {GIVE}'}"), file=sys.stderr)
        if self.failed:
            asked = f"{self.failed:,} of {plural(self.done, 'input')} could not be answered"
            # A single line above has said it already.
            told = self.done == 1 and self.options.form == "text" and self.options.out is None
            first = "" if told else f"; the first: {self.first_error}"
            print(printable(f"attnlab: {asked}{first}"), file=sys.stderr)
        if self.unknown:
            names = f"{', '.join(list(self.unknown)[:UNKNOWN])}{', …' * (len(self.unknown) > UNKNOWN)}"
            print(
                printable(f"attnlab: names that training never saw, which the model cannot tell apart: {names}"),
                file=sys.stderr,
            )
        if self.options.out is not None and self.done:
            answered = (
                f"predicted {plural(self.done - self.failed, 'input')}; the answers are in {self.options.out}"
            )
            print(printable(f"attnlab: {answered}"), file=sys.stderr)
        return int(self.failed > 0)


def _json_lines(block: Block) -> Iterator[str]:
    lines = block.answers.lines()
    for number, given in enumerate(block.inputs):
        error = block.errors.get(number)
        yield (
            next(lines)
            if error is None
            else json_line({"key": given.key, **block.answers.beside(given.kept), "error": error})
        )


class Table:
    """Rows of a .csv; the last column is what is wrong with an input."""

    def __init__(self) -> None:
        self._names = list[str]()
        self._waiting = list[
            tuple[str, dict[str, str], str]
        ]()  # errors before the first answer, which says what columns there are

    def rows(self, block: Block) -> Iterator[str]:
        """The rows of a block, behind the line of names where it is the first that has an answer."""
        answered = ((names, text) for names, texts in block.answers.tables(with_errors=True) for text in texts)
        for number, given in enumerate(block.inputs):
            if number not in block.rows:
                self._waiting.append((given.key, block.answers.beside(given.kept), block.errors[number]))
                continue
            names, text = next(answered)
            if not self._names:
                self._names = names
                yield csv_line(names)
            yield from self._errors()
            yield text
        if self._names:
            yield from self._errors()

    def _errors(self) -> Iterator[str]:
        for key, kept, error in self._waiting:
            yield csv_line([key, *(kept.get(name, "") for name in self._names[1:-1]), error])
        self._waiting.clear()

    def rest(self) -> str:
        """Of inputs of which none was answered, their errors."""
        if not self._waiting:
            return ""
        names = list(self._waiting[0][1])
        rows = ([key, *map(kept.__getitem__, names), error] for key, kept, error in self._waiting)
        return "".join(map(csv_line, [["key", *names, "error"], *rows]))


class Lines:
    """Answers as a person reads them: `positive 0.98  A fine film`, `word/TAG`, or the translation itself."""

    def __init__(self, run: Run, top: int | None) -> None:
        self.kind, self.classes, self.top = kind_named(run.model.head.kind), run.model.head.classes, top
        self.width = min(20, max(map(len, self.classes), default=0))

    def lines(self, block: Block) -> Iterator[str]:
        """One or more lines of each input."""
        for number, given in enumerate(block.inputs):
            if number in block.errors:
                yield printable(f"error  {given.located(block.errors[number])}") + "\n"
                continue
            row = block.rows[number]
            prediction, unknown = block.answers.predictions[row], block.split.unknown_words(row)
            never = f"  (unknown: {', '.join(dict.fromkeys(unknown))})" if unknown else ""
            if self.kind.per_vector:
                yield from self._of_vectors(prediction, block.split.show(row).get("words"), given, never)
            elif self.kind.name == "sequence":
                yield printable(str(prediction.value)) + "\n"
                for text, probability in prediction.alternatives:
                    yield f"    {probability:.2g}  {printable(str(text))}\n"
            else:
                yield f"{printable(self._answer(prediction))}  {_short(given.shown)}{printable(never)}\n"

    def _answer(self, prediction: Prediction) -> str:
        """Of a whole set."""
        value = prediction.value
        if isinstance(value, float):
            return f"{value:.6g}"
        if self.kind.name == "class" and self.top is None:
            return f"{value!s:<{self.width}} {prediction.probability:.2f}"
        probabilities = most_probable(prediction, self.top)
        if self.kind.name == "classes":
            assert isinstance(probabilities, Mapping) and not isinstance(value, str | float)
            named = probabilities if self.top else {n: p for n, p in probabilities.items() if p > 0.5}
            return ", ".join(f"{name} {p:.2f}" for name, p in named.items()) or "none"
        assert isinstance(probabilities, Mapping), "of one class"
        return ", ".join(f"{name} {p:.2f}" for name, p in probabilities.items())

    def _of_vectors(self, prediction: Prediction, words: object, given: Input, never: str) -> Iterator[str]:
        """Of each vector: in one line, or with the most probable classes of each in a line of its own."""
        values = [f"{value:.6g}" if isinstance(value, float) else str(value) for value in _each(prediction.value)]
        names = list(map(str, words)) if isinstance(words, list) else None
        most = most_probable(prediction, self.top) if self.top else None
        if most is not None and not isinstance(most, Mapping):
            for i, of_vector in enumerate(most):
                told = "  ".join(f"{name} {p:.2f}" for name, p in of_vector.items())
                yield f"{printable(names[i] if names else str(i))}\t{printable(told)}\n"
            yield "\n"
        elif names is not None:
            pairs = " ".join(f"{word}/{value}" for word, value in zip(names, values, strict=True))
            yield printable(f"{pairs}{never}") + "\n"
        else:
            yield printable(f"{given.shown}: {' '.join(values)}{never}") + "\n"


def _each(value: Answer) -> Sequence[str] | Sequence[float]:
    assert not isinstance(value, str | float | np.ndarray), "an answer for each vector"
    return value


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
