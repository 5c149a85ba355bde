"""`attnlab <verb> [key=value …]`: the first word chooses what to do. Nothing heavy is imported before."""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attnlab.errors import RankFailed, Stopped, UserError, printable, suggestion

if TYPE_CHECKING:
    from attnlab.runs import RunFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; a user's mistake is one sentence on stderr and exit code 2.

    arguments: None: those of this process, which is then ours: a second Ctrl-C ends it at once.
    """
    if arguments is None:
        from attnlab import interrupts

        interrupts.end_at_the_second()
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    _prepare_streams()
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except Stopped as stopped:
        return 128 + stopped.signal
    except RankFailed as failed:
        if debug:
            raise
        if told := str(failed):
            print(f"attnlab: {told}", file=sys.stderr)
        return 1
    except UserError as error:
        if debug:
            raise
        print(f"attnlab: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # what reads our output has ended, as in `attnlab train --help | head`
        _drop_output()
        return 141  # as a shell tells of SIGPIPE
    except OSError as error:
        _drop_lost_output()
        if debug or (error.filename is None and error.strerror is None):
            raise
        where = f"{error.filename}: " if error.filename else ""
        # What may not be opened, or isn't there, has nothing to do with what was written.
        unharmed = (
            "" if isinstance(error, PermissionError | FileNotFoundError) else "; nothing already written is lost"
        )
        print(f"attnlab: {printable(f'{where}{error.strerror}')}{unharmed}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attnlab: interrupted", file=sys.stderr)
        return 130


def _prepare_streams() -> None:
    """Output takes any text: what its encoding lacks is written as `\\u20ac`. Without an output there is nothing to tell."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # until the process ends
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_lost_output() -> None:
    """Where standard output takes no more, as on a full disk, drop what waits for it."""
    try:
        sys.stdout.flush()
    except OSError:
        _drop_output()


def _drop_output() -> None:
    """Let what standard output didn't take go nowhere, so that Python, too, is silent about it when it ends."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _run(words: list[str]) -> int:
    """The verb that the first word names; without one, or with an option instead, the overview or the version."""
    if "WORLD_SIZE" in os.environ:  # one of several processes, as torch's launcher starts them
        from attnlab import interrupts

        interrupts.end_with_parent(int(os.environ.get("ATTNLAB_LAUNCHER", os.getppid())))
    verb, *rest = words or ["--help"]
    if verb in ("--help", "-h") or words == ["help"]:
        from attnlab import help

        print(help.OVERVIEW, end="")
    elif verb == "--version":
        from attnlab import __version__

        print(f"attnlab {__version__}")
    elif verb == "__complete":  # what the scripts of `attnlab completion` ask
        from attnlab import completion

        print("".join(f"{line}\n" for line in completion.answer(rest)), end="")
    elif verb not in VERBS:
        raise UserError(f"`{verb}`: no such command; {suggestion(verb, VERBS)}")
    else:
        if verb not in ("runs", "prune", "completion"):  # which use no parts
            from attnlab import plugins

            plugins.load([] if verb in ("predict", "inspect", "export") else rest)  # whose words are anything
        if "--help" in rest or "-h" in rest:
            from attnlab import help

            print(help.verb_page(verb, [word for word in rest if not word.startswith(("-", "run="))]))
        elif verb in ("train", "eval") and "WORLD_SIZE" in os.environ:
            # Before torch is imported: what its lines on lost connections mean is told in a sentence.
            os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
            from attnlab.training.follow import together

            return together(VERBS[verb], rest)
        else:
            return VERBS[verb](rest) or 0
    return 0


def train(words: list[str]) -> int | None:
    """attnlab train: one run, with -m a run for each combination, or more of the run that `run=` names. Raises UserError
    for options that it doesn't have, or that don't go together."""
    options = [word for word in words if word.startswith("-")]
    overrides = [word for word in words if not word.startswith("-")]
    for option in options:
        if option not in ("-m", "--multirun", "--cfg"):
            if right := _as_key(option, words):
                raise UserError(f"`{option}`: no such option; write `{right}`")
            known = ("--multirun", "--cfg", "--debug", "--help")
            raise UserError(f"`{option}`: no such option; {suggestion(option, known)}")
    if "--cfg" in words:
        _show_config(words, options)
        return None
    _refuse_bare_run(overrides)
    if "WORLD_SIZE" in os.environ:  # started, perhaps again, by torchrun, which says the same each time
        overrides = _begun(overrides)
    if any(word.startswith("run=") for word in overrides):
        if options:
            raise UserError(f"`{options[0]}`: for new runs; `run=` continues one that began")
        _say_at_once(f"Reading {' '.join(word for word in overrides if word.startswith('run='))}")
        from attnlab.training import launch
        from attnlab.training.train import train

        if launch.wanted(config := launch.continued(overrides)):
            launch.check(config.trainer, config.trainer.ranks or 1)
            return launch.launch("train", overrides, config.trainer)
        _tell_finished(train(*overrides).folder)
        return None
    from attnlab import compose, compose_joint
    from attnlab.command_words import shell_word

    if compose_joint.wanted(overrides):
        return _train_joint(overrides, options)
    runs = compose.each_run(overrides) if options else [overrides]
    configs = [compose.compose(run) for run in runs]  # all are accepted before the first one starts
    first = configs[0]
    place = f", {shell_word('data.path', first.data.path)}" if first.data.path else ""
    _say_at_once(f"Preparing {first.task}: {first.data.name}{place}")
    if options:
        from attnlab.lab.multirun import train_each

        return train_each(configs, runs)
    from attnlab.training import launch
    from attnlab.training.train import start

    if launch.wanted(first):
        return launch.new_run(first, overrides)[0]
    _tell_finished(start(first, overrides).folder)
    return None


def _train_joint(overrides: list[str], options: list[str]) -> int | None:
    """A run of several tasks that share a trunk. Raises UserError for options."""
    from attnlab import compose_joint

    if options:
        raise UserError(f"`{options[0]}`: trains runs of one task each; start each joint run by itself")
    composed = compose_joint.compose_joint(overrides)
    _say_at_once(f"Preparing {composed.config.task}: {', '.join(composed.words)}")
    from attnlab.training import joint, launch

    if launch.wanted(composed.config):
        return launch.new_run(composed.config, overrides)[0]
    _tell_finished(joint.start(composed, overrides).folder)
    return None


def _tell_finished(folder: "RunFolder") -> None:
    """Write a finished run's report, of a joint one those of its parts, and say what its folder could do without."""
    from attnlab.lab import prune
    from attnlab.lab.report.command import after_training

    for run in map(folder.part, folder.parts() or [""]):
        if not run.report.exists() or run.report.stat().st_mtime_ns < run.results.stat().st_mtime_ns:
            after_training(run)
    prune.tell(folder)


def _begun(overrides: list[str]) -> list[str]:
    """The words that go on with the run in `folder=`, where there is one; else the same."""
    from attnlab.command_words import text
    from attnlab.runs import is_run

    folders = [text(word) for word in overrides if word.startswith("folder=")]
    return [f"run={folders[-1]}"] if folders and is_run(folders[-1]) else overrides


def _say_at_once(line: str) -> None:
    """Tell what is done before torch is imported, which takes seconds."""
    print(printable(line), flush=True)


TABLES = (".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz")


def _as_key(option: str, words: list[str]) -> str:
    """`key=value` for an option of other programs, such as `--epochs 3`; "" where none is meant."""
    from attnlab import help, synonyms

    name, equals, value = option.lstrip("-").partition("=")
    behind = words[words.index(option) + 1 :][:1]
    value = (
        value if equals else next((word for word in behind if "=" not in word and not word.startswith("-")), "…")
    )
    if name in ("data", "file", "train-file", "path", "input"):
        return f"data=csv data.path={value}"
    ending = synonyms.spelt(name)
    meant = [key for key in help.USED_MOST if key == name or key.rpartition(".")[2] == ending]
    key = meant[0] if meant else synonyms.key(name)
    return f"{key}={value}" if key else ""


def _refuse_bare_run(words: list[str]) -> None:
    """Raises UserError for a run folder, or `latest`, that stands where `run=` should name it, and for a table without its
    key. A word behind `key=value` may be the rest of that value, which a shell has parted: `command_words` says so."""
    for number, word in enumerate(words):
        if word and "=" not in word and not (number and "=" in words[number - 1]):
            from attnlab.command_words import shell_word
            from attnlab.local_files import user_path
            from attnlab.runs import is_run, is_sweep

            if word == "latest" or is_run(word) or is_sweep(user_path(word)):
                raise UserError(f"`{word}`: write `{shell_word('run', word)}`")
            if word.lower().endswith(TABLES):
                raise UserError(f"`{word}`: write `data=csv {shell_word('data.path', word)}`")


def _show_config(words: list[str], options: list[str]) -> None:
    """attnlab train --cfg job: the configuration instead of a run."""
    position = words.index("--cfg")
    if words[position + 1 : position + 2] != ["job"]:
        raise UserError("`--cfg`: write `--cfg job`")
    if len(options) > 1:
        given = " ".join(options)
        raise UserError(f"`{given}`: `--cfg job` shows one configuration, and goes with no other option")
    from attnlab import compose, compose_joint
    from attnlab.attention_options import kernel_table
    from attnlab.training import defaults

    overrides = words[:position] + words[position + 2 :]
    if compose_joint.wanted(overrides):
        composed = compose_joint.compose_joint(overrides)
        print(compose.to_yaml(composed.config), end="")
        for name, own in composed.words.items():
            print(f"# {name}: attnlab train {' '.join(own)} --cfg job")
        return
    config, line = defaults.settle(compose.compose(overrides), overrides)
    print(f"# {line}\n" if line else "", compose.to_yaml(config), sep="", end="")
    if config.encoder.name == "attention":
        print("\n# encoder.kernel: which computes what")
        print("".join(f"# {line}\n" for line in kernel_table().splitlines()), end="")


def evaluate(words: list[str]) -> int | None:
    """attnlab eval: score a saved run again, on its own or other data. Raises UserError for a file to write to."""
    from difflib import get_close_matches

    from attnlab import compose, help
    from attnlab.command_words import split_words
    from attnlab.runs import RunFolder

    _refuse_bare_run(words)
    for word in words:
        if word.partition("=")[0] in ("--out", "--output", "out"):
            raise UserError(
                f"`{word}`: eval writes its predictions into the run's folder; to write them elsewhere, use `attnlab predict RUN "
                "FILE --out FILE`"
            )
    eval_words, overrides = split_words(words, {word.name: word.default for word in help.WORDS["eval"]})
    for name in (word.partition("=")[0] for word in overrides):
        if "." not in name and (near := get_close_matches(name, set(eval_words) - {name}, 1, 0.75)):
            raise UserError(f"`{name}`: no such key; did you mean `{near[0]}`?")
    run, part, outputs = eval_words["run"], eval_words["part"], eval_words["outputs"]
    folder = RunFolder.find(run, outputs)
    if part:
        if not folder.is_joint:
            raise UserError(f"`part={part}`: {folder.path} is no joint run; leave it out")
        if part not in folder.parts():
            raise UserError(f"`part={part}`: no such part; {suggestion(part, folder.parts())}")
        folder = folder.part(part)
        run = str(folder.path)
    config = compose.load_saved(folder.config, overrides)
    from attnlab.training import launch
    from attnlab.training.score_again import score_again

    if launch.wanted(config):
        return launch.launch("eval", words, config.trainer)
    score_again(run, eval_words["split"], outputs, overrides)
    return None


def predict(words: list[str]) -> int:
    """attnlab predict: what a run answers about inputs; 1 where some could not be read."""
    from attnlab.training.predict import predict as answer

    return answer(words)


def inspect(words: list[str]) -> int:
    """attnlab inspect: a page on what a run answers about inputs, and why; 1 where some could not be looked into."""
    from attnlab.lab.inspect.command import inspect as look

    return look(words)


def export(words: list[str]) -> int:
    """attnlab export: a run's model as a program of torch alone, and as ONNX."""
    from attnlab.training.export import command

    return command(words)


def sweep(words: list[str]) -> None:
    """attnlab sweep: many runs from one line, or the rest of a sweep that was stopped."""
    from attnlab.lab.sweep.command import sweep as search

    search(words)


def data(words: list[str]) -> None:
    """attnlab data: what the data that these words choose are like, or the list of all data sets. Raises UserError for
    other options, and for words besides `--list`."""
    for word in words:
        if word.startswith("-") and word != "--list":
            raise UserError(f"`{word}`: no such option; {suggestion(word, ('--list', '--debug', '--help'))}")
    from attnlab.lab import data_report

    if "--list" not in words:
        data_report.report(words)
    elif any(word != "--list" and not word.startswith("plugins=") for word in words):
        raise UserError("`--list`: names every data set; look at one with `attnlab data data=NAME`")
    else:
        data_report.list_data_sets()


def runs(words: list[str]) -> None:
    """attnlab runs: a table of all runs below `outputs=`, picked, ordered and grouped by words; `runs compare A B`: which one
    is better."""
    if words[:1] == ["compare"]:
        from attnlab.lab.compare_runs import compare

        compare(words[1:])
        return
    from attnlab.lab.runs_table import show

    show(words)


def report(words: list[str]) -> None:
    """attnlab report: the page of a run, or of several side by side."""
    from attnlab.lab.report.command import report as write

    write(words)


def prune(words: list[str]) -> None:
    """attnlab prune: what finished runs keep only to be trained further is listed, or removed."""
    _refuse_bare_run(words)
    from attnlab.lab.prune import prune as free

    free(words)


def bench(words: list[str]) -> None:
    """attnlab bench: the speed of this machine in each modality, as figures and as a page."""
    from attnlab.lab.bench.command import bench as measure

    measure(words)


def compare(words: list[str]) -> None:
    """attnlab compare: claims of textbooks, measured on this machine, each with a verdict."""
    from attnlab.lab.compare.command import compare as measure

    measure(words)


def explain(words: list[str]) -> None:
    """attnlab help: one key, group, choice, command, score or term each."""
    from attnlab import help

    def page(word: str) -> str:
        try:
            return help.explain(word)
        except UserError:
            from attnlab.training import baselines  # noqa: F401  # registers them, which takes torch

            return help.explain(word)

    named = [word for word in words if not word.startswith("plugins=")]
    print("\n\n".join(map(page, named)))


def completion(words: list[str]) -> None:
    """attnlab completion: the script that makes a shell complete words. Raises UserError for other shells."""
    from attnlab import completion

    if len(words) != 1 or words[0] not in completion.SCRIPTS:
        shell = words[0] if words else ""
        raise UserError(f"`attnlab completion {shell}`: {suggestion(shell, completion.SCRIPTS)}")
    print(completion.SCRIPTS[words[0]], end="")


VERBS: dict[str, Callable[[list[str]], int | None]] = {
    "train": train, "sweep": sweep, "runs": runs, "report": report, "prune": prune, "data": data, "eval": evaluate,
    "predict": predict, "inspect": inspect, "export": export, "bench": bench, "compare": compare,
    "help": explain, "completion": completion,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
