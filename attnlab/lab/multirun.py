"""`attnlab train -m`: a run for each combination of the listed values, a line for each, and a table of what each setting came to."""

from collections.abc import Sequence, Set

from attnlab import compose
from attnlab.command_words import shell_word
from attnlab.config import Config
from attnlab.errors import Stopped, UserError, printable
from attnlab.lab import run_groups
from attnlab.lab.report.command import after_training
from attnlab.lab.run_rows import Row, read_row
from attnlab.runs import RunFolder
from attnlab.training import launch
from attnlab.training.baselines.ahead import ahead
from attnlab.training.from_run import refuse_latest
from attnlab.training.report import Reporter, shown
from attnlab.training.train import start


def train_each(configs: Sequence[Config], runs: Sequence[Sequence[str]]) -> int:
    """Train one after the other, each in a run folder of its own; the exit code. What the first one says of the data is shown, and
    all that those of several processes say; each run's own report is in its log.txt. runs: the words of each, with one value for every
    key. Raises UserError and Stopped, as `train` does."""
    varied = [i for i, words in enumerate(zip(*runs, strict=True)) if len(set(words)) > 1]
    keys = [runs[0][i].partition("=")[0] for i in varied]
    rows, reporter, warned = list[Row](), Reporter(), set[str]()
    several, stated = len(runs) > 1, set[str]().union(*map(compose.stated, runs))
    for config in configs:
        refuse_latest(config, "-m")
    try:
        for number, (config, run) in enumerate(zip(configs, runs, strict=True), 1):
            title = f"Run {number} of {len(runs)}: {' '.join(run[i] for i in varied)}" if several else ""
            again = number > 1
            launched = launch.wanted(config)
            if again or launched:
                reporter.say(title, style="bold")
            if launched:
                code, folder = launch.new_run(config, run)
                if code:
                    _show(rows, keys, stated)
                    return code
            else:
                folder = start(config, run, quiet=again, title=title, brief=several).folder
                after_training(folder, quiet=several)
            # A choice of a group is told as it was typed: several may be the same part with other keys.
            values = dict(run[i].partition("=")[::2] for i in varied)
            rows.append(read_row(folder.path, str(folder.path.parent)) | values)
            if several:
                told = folder.read_results().get("warnings", [])
                for warning in told if again and not launched else ():
                    if warning not in warned:
                        reporter.warn(warning)
                warned.update(told)
                reporter.say(printable(_line(rows[-1], folder)))
                if simple := _ahead(config, folder):
                    reporter.say(printable(f"  {simple}"))
    except Stopped:
        found = RunFolder.find(config.folder or "latest", config.outputs)
        if rows and not found.results.exists():  # of the first run this was said already
            reporter.say(f"Stopped; continue this run with: attnlab train {shell_word('run', str(found.path))}")
        _show(rows, keys, stated)
        raise
    except UserError:
        _show(rows, keys, stated)
        raise
    _show(rows, keys, stated)
    return 0


def _line(row: Row, folder: RunFolder) -> str:
    """What one run came to."""
    splits = {"validation": row.get("score"), "test": row.get("test")}
    scores = [f"{name} {row['measure']} {shown(s)}" for name, s in splits.items() if isinstance(s, float | int)]
    seconds = row.get("seconds")
    time = [f"{seconds:.0f} s"] if isinstance(seconds, float | int) else []
    return f"  {', '.join([*scores, *time])}; report in {folder.report}"


def _ahead(config: Config, folder: RunFolder) -> str:
    """Whether a simple baseline has a better validation score than the run, in a line; "" where none has."""
    results = folder.read_results()
    simple, monitor = results.get("validation_baselines", {}), results.get("train", {}).get("monitor", "")
    examples = results.get("examples", {}).get("validation", 0)
    told = ahead(results.get("validation", {}), simple, monitor, config, False, examples)
    return told.partition(": ")[0]  # advice is in the log of each


def _show(rows: Sequence[Row], keys: Sequence[str], stated: Set[str]) -> None:
    """The settings of the runs that have finished, where there are several. stated: the groups and keys that anybody set."""
    if len(rows) > 1:
        besides = [key for key in keys if key != "seed"]
        groups, reporter = run_groups.groups_of(rows, besides), Reporter()
        reporter.table(run_groups.table(groups, besides))
        for line in run_groups.notes(groups, rows):
            reporter.say(printable(line))
        of_one_task = not {"task", "data", "experiment"}.intersection(keys)  # others differ in everything
        if of_one_task and (by_default := run_groups.differences(rows, stated)):
            it = "it" if len(by_default) == 1 else "them"
            told = f"The runs also differ in {', '.join(by_default)}, chosen by default; set {it} to give all the same."
            reporter.say(printable(told))
