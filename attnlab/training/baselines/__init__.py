"""What simple answers reach on the same data, so that a score can be judged.

Each is measured once for a prepared data set, and kept beside it; a plugin's is measured for every run.
"""

from collections.abc import Callable

from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.disk import read_json, write_json
from attnlab.metrics import Measured
from attnlab.registry import BASELINES
from attnlab.runs import Scores
from attnlab.training.baselines import graphs, hidden, images, sequences, simple, speech, text  # noqa: F401, each registers its own
from attnlab.training.baselines.base import Baseline, NothingToSay, Problem
from attnlab.training.engine import Engine

__all__ = ["Baseline", "Problem", "baselines", "of_splits"]
VERSION = 6
"""Of how baselines are measured."""


def of_splits(
    config: Config, data: Data, engine: Engine, warn: Callable[[str], None]
) -> dict[str, dict[str, Measured]]:
    """What `baselines` gives of the test split and of validation, by the split's name. Generated data are there to be
    learned: what simple answers reach on their validation split would only cost time. warn: is told nothing twice."""
    told: list[str] = []
    names = ("test",) if data.notice else ("test", "validation")
    found = {name: baselines(config, data, engine, told.append, name) for name in names}
    for sentence in dict.fromkeys(told):
        warn(sentence)
    return found


def baselines(
    config: Config, data: Data, engine: Engine, warn: Callable[[str], None], split: str = "test"
) -> dict[str, Measured]:
    """Scores of simple answers on a split, by name, the ceiling last; none where the data have no such split.

    One that fails, or has nothing to say of these data, is left out; warn: is called with its name and the reason.
    """
    if split not in data.splits:
        return {}
    problem = Problem(config, data, engine, split)
    chosen = "".join(f"-{name}" for name in config.head.metrics or ())
    path = data.folder / f"baselines-{split}-{config.head.name}-{config.head.target}{chosen}-{VERSION}.json"
    kept: dict[str, tuple[Scores, dict[str, str]]] = (
        read_json(path, dict[str, tuple[Scores, dict[str, str]]]) if path.exists() else {}
    )
    found: dict[str, Measured] = {}
    for name in BASELINES:
        baseline = BASELINES.get(name, Baseline)()
        try:
            if baseline.fits(problem):
                found[name] = Measured(*kept[name]) if name in kept else _measured(baseline, problem)
        except (
            Exception
        ) as error:  # of whatever library or plugin: a run doesn't stop for what it is compared with
            warn(f"the baseline {name} is left out: {_reason(error)}")
    if found.keys() - kept.keys():
        # A plugin's baseline may be another one tomorrow, under the same name.
        own = {name: (of.scores, of.undefined) for name, of in found.items() if BASELINES.plugin(name) is None}
        write_json(path, kept | own)
    return {name: found[name] for name in sorted(found, key="ceiling".__eq__)}


def _measured(baseline: Baseline, problem: Problem) -> Measured:
    problem.undefined = {}
    return Measured(baseline.scores(problem), problem.undefined)


def _reason(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0]
    return first if isinstance(error, NothingToSay) else f"{type(error).__name__}: {first}"
