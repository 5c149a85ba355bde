"""A run with its model in memory, from its folder alone: evaluate it, or let it predict."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attnlab import compose, metrics
from attnlab.config import Config
from attnlab.data import loader, open_data
from attnlab.data.text.tokenize import Sentences
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.runs import RunFolder, write_text
from attnlab.sets import Prediction
from attnlab.spec import DataSpec
from attnlab.training import changes, checkpoint, folds, report
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation, evaluate, predict, prediction_lines


class Run:
    """A run folder with its model in memory: evaluate it, or let it predict.

    fingerprint: of the data that it was trained on.
    """

    def __init__(
        self, folder: RunFolder, config: Config, spec: DataSpec, model: models.Model, engine: Engine, fingerprint: Any
    ) -> None:  # fmt: skip
        self.folder, self.config, self.spec, self.model, self.engine = folder, config, spec, model, engine
        self.fingerprint = fingerprint

    @property
    def results(self) -> dict[str, Any]:
        """What results.json holds."""
        return self.folder.read_results()

    def data(self) -> Any:
        """The run's data, or other data of the same kind where `config.data` has been changed."""
        return load_data(self.config, self.spec)

    def evaluate(self, split: str = "test", data: Any = None) -> Evaluation:
        """Scores and predictions of the best weights."""
        data = self.data() if data is None else data
        if split not in data.splits:
            raise UserError(f"`split={split}`: the data have {', '.join(data.splits)}")
        return evaluate(self.model, data.splits[split], self.engine, self.config.trainer.batch_vectors)

    def predict(self, sentences: Sequence[str | Sequence[str]]) -> list[Prediction]:
        """An answer for each sentence, given as a string (split as `data.tokens` says) or as a list of words.

        Raises UserError where the run has not learned from text, and for a sentence without words.
        """
        if self.spec.modality != "text":
            raise UserError(f"{self.folder.path}: this run learned from {self.spec.modality}, not from sentences")
        parts = models.needs_parts(self.config)
        sets = Sentences(sentences, self.config.data.tokens, self.spec, parts)
        return predict(self.model, sets, self.engine, self.config.trainer.batch_vectors)


def load_data(config: Config, spec: DataSpec | None = None) -> Any:
    """Prepare and open the data that a configuration names."""
    return open_data(config.data, config.seed, spec, parts=models.needs_parts(config))


def load_run(run: str | Path, overrides: Sequence[str] = (), outputs: str = "outputs") -> Run:
    """A finished or unfinished run with its best weights, from its folder alone.

    Raises UserError where the folder is damaged, not a run, or holds anything that could run.
    """
    folder = RunFolder.find(str(run), outputs)
    config = compose.load_saved(folder.config, overrides)
    if folds.wanted(config):
        raise UserError(f"{folder.path}: a cross-validation; name one of its runs, such as {folder.path}/fold-…")
    spec = DataSpec.load(folder.path)
    changes.check_spelling(folder, config, spec)
    engine = Engine(config.trainer)
    model = models.build(config, spec).to(engine.device)
    found, warning = checkpoint.load(folder.best)
    if warning:
        print(f"attnlab: warning: {warning}", file=sys.stderr)
    try:
        model.load_state_dict(found.tensors["model"])
    except (KeyError, RuntimeError) as error:
        raise UserError(f"{found.folder}: these weights don't fit config.yaml and spec.json") from error
    return Run(folder, config, spec, model, engine, found.state.get("data"))


def write_predictions(run: Run, split: str, data: Any, evaluation: Evaluation, name: str | None = None) -> Path:
    """predictions-<name>.jsonl, a line for each example of the split."""
    lines = prediction_lines(data.splits[split], run.config.head.target, evaluation)
    path = run.folder.predictions(name or split)
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


def word_lengths(run: Run, split: Any, evaluation: Evaluation) -> dict[str, list[int]]:
    """How long the right texts and the answers are."""
    answers = [prediction.value for prediction in evaluation.predictions]
    texts = {"right texts": split.gold(run.config.head.target), "answers": answers}
    return {name: metrics.length_quantiles(own) for name, own in texts.items()}


def score_again(run_name: str, split: str, outputs: str = "outputs", overrides: Sequence[str] = ()) -> Evaluation:
    """What `attnlab eval` does: score the best weights on a split, or on other data of the same kind."""
    folder = RunFolder.find(run_name, outputs)
    config = compose.load_saved(folder.config, overrides)
    if folds.wanted(config):
        return _score_folds_again(folder, config, split, overrides)
    run = load_run(run_name, overrides, outputs)
    data = run.data()
    reporter = report.Reporter()
    for warning in data.warnings:
        reporter.warn(warning)
    evaluation = run.evaluate(split, data)
    saved = compose.load_saved(run.folder.config)
    same = run.fingerprint in (None, data.fingerprint)  # None: a version before this one didn't tell
    if saved.data == run.config.data and not same:
        reporter.warn(f"{run.folder.path}: the data have changed since this run was trained on them")
    own = changes.answers_alike(saved, run.config) and same
    columns = {split: evaluation.scores}
    if own and split != "train" and split in run.results:  # "train" tells how training went
        columns["as trained"] = run.results[split]
    reporter.table(
        report.score_table(f"{run.config.task} on {run.config.data.path or run.config.data.name}", columns)
    )
    lengths = word_lengths(run, data.splits[split], evaluation) if run.model.head.uses_search else None
    report.details(reporter, evaluation.pairs, lengths)
    name = split if own else f"{split}-{data.fingerprint}"
    path = write_predictions(run, split, data, evaluation, name)
    reporter.say(f"Run {run.folder.path}; predictions in {path}")
    return evaluation


def _score_folds_again(folder: RunFolder, config: Config, split: str, overrides: Sequence[str]) -> Evaluation:
    """Every fold by its own best weights; the scores are means."""
    names = loader(config.data).folds(config.data, config.seed).names
    found = {name: score_again(str(folder.fold(name).path), split, overrides=overrides) for name in names}
    folds.tell(report.Reporter(), f"{config.task} on {config.data.name}", {n: e.scores for n, e in found.items()})
    pairs = sum((Counter(dict(e.pairs)) for e in found.values()), Counter[tuple[str, str]]())
    predictions = [prediction for e in found.values() for prediction in e.predictions]
    return Evaluation(predictions, folds.mean([e.scores for e in found.values()]), pairs)
