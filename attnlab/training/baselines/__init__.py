"""What simple answers reach on the same test data, so that a score can be judged.

Each is measured once for a prepared data set, and kept beside it; a plugin's is measured for every run.
"""

from attnlab.config import Config
from attnlab.data.contract import Data
from attnlab.disk import read_json, write_json
from attnlab.metrics import Measured
from attnlab.registry import BASELINES
from attnlab.training.baselines import graphs, images, sequences, simple, speech, text  # noqa: F401, each registers its own
from attnlab.training.baselines.base import Baseline, Problem
from attnlab.training.engine import Engine

__all__ = ["Baseline", "Problem", "baselines"]
VERSION = 4
"""Of how baselines are measured."""


def baselines(config: Config, data: Data, engine: Engine) -> dict[str, Measured]:
    """Scores of simple answers on the test split, by name, the ceiling last; none where nothing is tested."""
    if "test" not in data.splits:
        return {}
    problem = Problem(config, data, engine)
    fitting = {name: baseline for name in BASELINES if (baseline := BASELINES.get(name, Baseline)()).fits(problem)}
    chosen = "".join(f"-{name}" for name in config.head.metrics or ())
    path = data.folder / f"baselines-{config.head.name}-{config.head.target}{chosen}-{VERSION}.json"
    measured = {name: Measured(*kept) for name, kept in (read_json(path) if path.exists() else {}).items()}
    missing = {name: _measured(baseline, problem) for name, baseline in fitting.items() if name not in measured}
    if missing:
        measured |= missing
        # A plugin's baseline may be another one tomorrow, under the same name.
        ours = {name: scores for name, scores in measured.items() if BASELINES.plugin(name) is None}
        write_json(path, {name: [of_it.scores, of_it.undefined] for name, of_it in ours.items()})
    return {name: measured[name] for name in sorted(fitting, key="ceiling".__eq__)}


def _measured(baseline: Baseline, problem: Problem) -> Measured:
    problem.undefined = {}
    return Measured(baseline.scores(problem), problem.undefined)
