"""`attnlab <verb> [key=value …]`: the first word chooses what to do. Nothing heavy is imported before."""

import os
import sys
from collections.abc import Callable, Sequence

from attnlab.attention_options import kernel_table
from attnlab.errors import Stopped, UserError, suggestion

HELP = """\
attnlab: one attention encoder for words, speech frames, image patches and graph nodes.

usage: attnlab <verb> [key=value ...]

  train   train a model and score it             attnlab train task=pos
          continue a run that was stopped        attnlab train run=latest
          several runs from one line             attnlab train -m encoder.depth=1,2,4 seed=1,2
          show the configuration                 attnlab train task=pos --cfg job
          list every key                         attnlab train --help
  sweep   many runs, searched and compared       attnlab sweep 'optimizer.lr=tag(log,interval(1e-4,1e-2))'
          finish one that was stopped            attnlab sweep sweep=latest
          list its own keys                      attnlab sweep --help
  runs    a table of all runs                    attnlab runs task=pos sort=-score
  data    look at data before training           attnlab data data=csv data.path=FILE
          every data set in a line               attnlab data --list
  eval    score a run again, or on other data    attnlab eval run=latest split=validation
  bench   speed of training on this machine      attnlab bench sections=tagging,images

options: --debug shows tracebacks; --version
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; a user's mistake is one sentence on stderr and exit code 2."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if not words or words[0] in ("--help", "-h", "help"):
        print(HELP, end="")
        return 0
    if words[0] == "--version":
        from attnlab import __version__

        print(f"attnlab {__version__}")
        return 0
    verb, *rest = words
    if verb in VERBS and verb not in ("train", "sweep") and ("--help" in rest or "-h" in rest):  # these list keys
        print(HELP, end="")
        return 0
    try:
        if verb not in VERBS:
            raise UserError(f"`{verb}`: no such verb; {suggestion(verb, VERBS)}")
        code = VERBS[verb](rest)
        sys.stdout.flush()
        return code
    except UserError as error:
        if debug:
            raise
        print(f"attnlab: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads what we say has seen enough, as in `attnlab train --help | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141  # as a shell tells of SIGPIPE
    except OSError as error:
        if debug or (error.filename is None and error.strerror is None):
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"attnlab: {where}{error.strerror}; nothing already written is lost", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("attnlab: interrupted", file=sys.stderr)
        return 130


def train(words: list[str]) -> int:
    """attnlab train: compose by Hydra, or continue the run that `run=` names."""
    if "--help" in words or "-h" in words:
        return _list_keys()
    flags = [word for word in words if word.startswith("-")]
    for flag in flags:
        if flag not in ("-m", "--multirun", "--cfg"):
            raise UserError(
                f"`{flag}`: no such option; {suggestion(flag, ('--multirun', '--cfg', '--debug', '--help'))}"
            )
    if "--cfg" in words:
        position = words.index("--cfg")
        if words[position + 1 : position + 2] != ["job"]:
            raise UserError("`--cfg`: write `--cfg job`")
        if len(flags) > 1:
            raise UserError(
                f"`{' '.join(flags)}`: `--cfg job` shows one configuration, and goes with no other option"
            )
        return _show_config([word for i, word in enumerate(words) if i not in (position, position + 1)])
    overrides = [word for word in words if not word.startswith("-")]
    if any(word.startswith("run=") for word in overrides):
        if flags:
            raise UserError(f"`{flags[0]}`: for new runs; `run=` continues one that began")
        return _guarded(lambda: _train_words(overrides))
    from attnlab import compose

    compose.register_schemas()
    compose.check_overrides(overrides)
    if not flags:
        compose.compose(overrides)  # refuses what Hydra would, without Hydra's traceback
    return _guarded(lambda: _hydra(flags, overrides))


def _hydra(flags: list[str], overrides: list[str]) -> None:
    """Hand over to hydra.main, which runs once, or once for each combination of a multirun."""
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import DictConfig

    from attnlab import compose

    def job(node: DictConfig) -> None:
        from attnlab.training.train import start

        try:
            start(compose.accepted(node), list(HydraConfig.get().overrides.task))
        except Exception as reason:
            raise _Leave(reason) from reason

    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to `main`, which tells them in one sentence
    sys.argv = ["attnlab", *flags, *overrides]
    try:
        hydra.main(version_base="1.3", config_path=str(compose.config_folder()), config_name="train")(job)()
    except _Leave as leave:
        raise leave.reason from None


class _Leave(BaseException):
    """Carries an error past Hydra, which would print more than one sentence about it."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


def _train_words(overrides: list[str]) -> None:
    from attnlab.training.train import train

    train(*overrides)


def _guarded(work: Callable[[], None]) -> int:
    """Run, and turn a stop that was asked for into its exit code."""
    try:
        work()
    except Stopped as stopped:
        return 128 + stopped.signal
    return 0


def _show_config(words: list[str]) -> int:
    from attnlab import compose

    config = compose.compose(words)
    print(compose.to_yaml(config), end="")
    if config.encoder.name == "attention":
        print("\n# encoder.kernel: which computes what")
        print("".join(f"# {line}\n" for line in kernel_table().splitlines()), end="")
    return 0


def _list_keys() -> int:
    """Every group with its choices, every key with its default and sentence."""
    from attnlab import compose
    from attnlab.config import Config, documented_keys
    from attnlab.registry import GROUPS

    print("usage: attnlab train [group=choice ...] [key=value ...] [-m] [--cfg job]\n\ngroups")
    for group in compose.groups():
        print(f"  {group + '=':<12} {' | '.join(compose.choices(group))}")
    print("\nkeys (default): meaning")
    for path, default, sentence in documented_keys(Config):
        if path not in GROUPS:
            print(f"  {path} ({default}): {sentence}")
    for group, registry in GROUPS.items():
        for node in dict.fromkeys(filter(None, map(registry.keys, registry))):
            print(f"\n{group}: {(node.__doc__ or '').splitlines()[0]}")
            for path, default, sentence in documented_keys(node, f"{group}."):
                print(f"  {path} ({default}): {sentence}")
    print(f"\nencoder.kernel: which computes what\n{kernel_table()}", end="")
    return 0


def _list_sweep_keys() -> int:
    from attnlab import compose
    from attnlab.config import Sweep, documented_keys

    print("usage: attnlab sweep [key=values ...] [space=name] [sweep.key=value ...], or sweep=FOLDER|latest\n")
    print("values: a,b,c | choice(a,b) | range(1,9,2) | interval(1e-4,1e-2) | int(interval(1,8)) | tag(log,...)")
    print(f"space= {' | '.join(compose.choices('space'))}\n\nkeys (default): meaning")
    for path, default, sentence in documented_keys(Sweep, "sweep."):
        print(f"  {path} ({default}): {sentence}")
    return 0


def evaluate(words: list[str]) -> int:
    """attnlab eval: score a saved run again, on its own or other data."""
    from attnlab.compose import split_words

    own, overrides = split_words(words, {"run": "latest", "split": "test", "outputs": "outputs"})
    from attnlab.training import run

    run.score_again(own["run"], own["split"], own["outputs"], overrides)
    return 0


def sweep(words: list[str]) -> int:
    """attnlab sweep: many runs from one line, or the rest of a sweep that was stopped."""
    if "--help" in words or "-h" in words:
        return _list_sweep_keys()
    from attnlab.lab.sweep.command import sweep as search

    def work() -> None:
        search(words)

    return _guarded(work)


def data(words: list[str]) -> int:
    """attnlab data: what the data that these words choose are like, or the list of all data sets."""
    from attnlab.lab import data_report

    for word in words:
        if word.startswith("-") and word != "--list":
            raise UserError(f"`{word}`: no such option; {suggestion(word, ('--list', '--debug'))}")
    if "--list" in words:
        if len(words) > 1:
            raise UserError("`--list`: names every data set; look at one with `attnlab data data=NAME`")
        data_report.list_data_sets()
    else:
        data_report.report(words)
    return 0


def runs(words: list[str]) -> int:
    """attnlab runs: a table of all runs below `outputs=`, filtered and sorted by words."""
    from attnlab.lab.runs_table import show

    show(words)
    return 0


def bench(words: list[str]) -> int:
    """attnlab bench: the speed of this machine in each modality, as figures and as a page."""
    from attnlab.lab.bench.command import bench as measure

    measure(words)
    return 0


VERBS: dict[str, Callable[[list[str]], int]] = {
    "train": train,
    "sweep": sweep,
    "runs": runs,
    "data": data,
    "eval": evaluate,
    "bench": bench,
}

if __name__ == "__main__":
    sys.exit(main())
