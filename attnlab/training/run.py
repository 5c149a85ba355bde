"""A run with its model in memory, from its folder alone: evaluate it, or let it predict."""

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from attnlab import compose
from attnlab.command_words import shell_word
from attnlab.config import Config, CrossValidated, DataConfig, GraphData, MaskedHead, TableData
from attnlab.data import loader, open_data
from attnlab.data.contract import Batches, Data, Input, InputReader
from attnlab.data.masking import Masked, Masking
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.runs import Results, RunFolder, run_folders
from attnlab.schema import checked
from attnlab.sets import Prediction
from attnlab.spec import DataSpec
from attnlab.training import changes, checkpoint, cross_validation
from attnlab.training.engine import Engine
from attnlab.training.evaluate import Evaluation, evaluate, predict
from attnlab.training.memory import check_memory


@dataclass(frozen=True, eq=False)
class Run:
    """A run folder with its best weights in memory: evaluate it, or let it predict. fingerprint: of the data that it
    was trained on; None where an earlier version did not save it."""

    folder: RunFolder
    config: Config
    spec: DataSpec
    model: models.Model
    engine: Engine
    fingerprint: str | None

    @property
    def results(self) -> Results:
        """What results.json holds."""
        return self.folder.read_results()

    def data(self) -> Data:
        """The run's data, or other data of the same kind where `config.data` has been changed. Raises UserError for
        data that cannot be used."""
        return load_data(self.config, self.spec)

    def evaluate(self, split: str = "test", data: Data | None = None) -> Evaluation:
        """Scores and predictions of the best weights, by default of `data_to_score`. Raises UserError where the data have no
        such split."""
        data = self.data_to_score(split) if data is None else data
        if split not in data.splits:
            raise UserError(f"`split={split}`: the data have {', '.join(data.splits)}")
        return evaluate(self.model, data.splits[split], self.engine, self.config.trainer.batch_vectors)

    def data_to_score(self, split: str) -> Data:
        """The run's data, or other data that are given to be scored: of these nothing is held out or left out. Where nothing
        says of which split their examples are, all of them are `split`.

        Raises UserError for data that cannot be used.
        """
        saved = compose.load_saved(self.folder.config)
        if not changes.other_data(saved.data, self.config.data):
            return self.data()
        data = load_data(replace(self.config, data=undivided(self.config.data)), self.spec)
        if not {"validation", "test"} <= data.splits.keys():  # the run would hold some out of its own
            with contextlib.suppress(UserError):
                own = self.data()
                if own.fingerprint == self.fingerprint:  # its own data in another place
                    return own
        if data.unnamed:
            data.splits = {split: data.splits["train"]}
        return data

    def refuse_hidden(self, command: str) -> None:
        """Raises UserError where the model answers about hidden vectors alone, of which the inputs of a command have none."""
        if self.model.head.hides:
            again, init = (shell_word(key, str(self.folder.path)) for key in ("run", "init"))
            raise UserError(
                f"{self.folder.path}: this run answers about hidden vectors, of which `attnlab {command}` has none; "
                f"`attnlab eval {again}` scores it, and `{init}` starts other runs from its weights"
            )

    def reader(self) -> InputReader:
        """What makes examples of sentences, files, arrays or graphs that a user gives. Raises UserError where the run's data
        are only read as a whole."""
        self.refuse_hidden("predict")
        reader = loader(self.config.data).reader(self.config.data, self.spec, models.needs_parts(self.config))
        reader.run = str(self.folder.path)
        return reader

    def predict(self, inputs: Sequence[object]) -> list[Prediction]:
        """An answer for each input, as evaluation would give it.

        Texts: strings, split as `data.tokens` says, or lists of words. Recordings: paths, or (samples, rate) with samples (T,) or
        (T, channels). Pictures: paths, or uint8 of shape (H, W) or (H, W, C). Graphs: JSON or its dictionary, networkx graphs,
        PyTorch Geometric's `Data`. Raises UserError for the first input that cannot be used.
        """
        reader = self.reader()
        if isinstance(inputs, str | bytes | Mapping) or not isinstance(inputs, Iterable):
            raise UserError(f"give a list of {reader.what}s, not `{inputs!r}`")
        given = [Input(f"{reader.what} {number}", value, "") for number, value in enumerate(inputs, 1)]
        readings = reader.read(given)
        for number, error in readings.errors.items():
            raise UserError(f"{reader.what} {number + 1} of {len(given)}: {error}")
        return self.answers(readings.split)

    def answers(self, sets: Batches) -> list[Prediction]:
        """An answer for each of these sets."""
        return (
            predict(self.model, sets, self.engine, self.config.trainer.batch_vectors) if len(sets.lengths) else []
        )


def load_data(config: Config, spec: DataSpec | None = None) -> Data:
    """Prepare and open the data that a configuration names. spec: of a run that is to answer about them. Raises UserError for
    data that cannot be used, and for vectors that aren't those that the run has learned from."""
    if spec is None and isinstance(config.data, TableData) and not isinstance(config.head, MaskedHead):
        _refuse_nothing_learned("data.label=null", not config.data.labels)  # before anything is read
    data = open_data(data_config(config), config.seed, spec, parts=models.needs_parts(config))
    if isinstance(config.head, MaskedHead):
        head = config.head.resolved(config.data, data.spec.modality, data.spec.frame_seconds)
        assert head.mask is not None and head.span is not None, "resolved"
        data = Masked(data, Masking(head.mask, head.span, config.seed))
    else:
        key = "data.target_kind=none" if isinstance(config.data, GraphData) else "data.label=null"
        _refuse_nothing_learned(key, not data.spec.targets)
    if spec is not None:
        first = next(iter(data.splits.values()))[0].inputs
        coords = 0 if first.coords is None else first.coords.shape[1]
        has, learned = _described(first.values.shape[1:], coords), _described((spec.features,), spec.num_coords)
        if has != learned:
            raise UserError(f"data={config.data.name}: these are {has}, but the run has learned from {learned}")
    return data


def _refuse_nothing_learned(key: str, nothing: bool) -> None:
    """Raises UserError where a key says that there is no right answer. nothing: whether it does."""
    if nothing:
        raise UserError(
            f"`{key}`: nothing says what is to be learned; name the label, or train without any by task=masked"
        )


def data_config(config: Config) -> DataConfig:
    """What is opened: without labels where examples have none, and hidden vectors are what is asked."""
    return loader(config.data).unlabelled(config.data) if isinstance(config.head, MaskedHead) else config.data


def _described(width: Sequence[int | None], coords: int) -> str:
    numbers = [str(size) for size in width if size is not None]
    return f"{f'vectors of {numbers[0]} numbers' if numbers else 'ids'} with {coords} coordinates"


def undivided(config: DataConfig) -> DataConfig:
    """Nothing is held out or left out but by the data's own splits."""
    whole = replace(config, validation=0.0, test=0.0, limit=None)
    whole = replace(whole, folds=None, fold=None) if isinstance(whole, CrossValidated) else whole
    return replace(whole, time=None) if isinstance(whole, TableData) else whole


def load_run(run: str | Path, overrides: Sequence[str] = (), outputs: str = "outputs") -> Run:
    """A finished or unfinished run with its best weights, from its folder alone; of a finished sweep, its best trial, which
    is told on stderr. Raises UserError where the folder is damaged, not a run, or holds anything that could run."""
    folder = RunFolder.find(str(run), outputs)
    if folder.told:
        print(f"attnlab: {folder.told}", file=sys.stderr)
    config = compose.load_saved(folder.config, overrides)
    if cross_validation.wanted(config):
        fold = next((path for path in sorted(run_folders(folder.path)) if path != folder.path), None)
        one = f"use the folder of a fold as the run, as in `attnlab predict {fold} INPUT`, or " if fold else ""
        raise UserError(
            f"{folder.path}: a cross-validation has a model for each fold, not a single one; {one}train one model without "
            "`data.folds`"
        )
    spec = DataSpec.load(folder.path)
    changes.check_tokenizer(folder, config, spec)
    best = best_weights(folder, models.sizes(config, spec))
    engine = Engine(config.trainer)
    check_memory(config, spec, engine, training=False)
    model = models.build(config, spec).to(engine.device)
    return with_weights(best, folder, config, spec, model, engine)


def best_weights(folder: RunFolder, sizes: Mapping[str, Tensor]) -> checkpoint.Checkpoint:
    """What lies in `best/`. sizes: tensors as the run's model has them. Raises UserError where it has others: the weights
    of a folder say how large its model may be, before any memory is taken for it."""

    def check(found: checkpoint.Checkpoint) -> None:
        checked(checkpoint.Weights, found.state, f"{found.folder}/{checkpoint.STATE}")
        checkpoint.refuse_other_tensors(found.tensors.get("model", {}), sizes, found.folder)

    saved, warning = checkpoint.load(folder.best, check)
    if warning:
        print(f"attnlab: warning: {warning}", file=sys.stderr)
    return saved


def with_weights(
    saved: checkpoint.Checkpoint, folder: RunFolder, config: Config, spec: DataSpec, model: models.Model,
    engine: Engine,
) -> Run:  # fmt: skip
    """A run whose best weights are put into this model."""
    model.load_state_dict(saved.tensors["model"])
    fingerprint = saved.state.get("data")
    return Run(folder, config, spec, model, engine, None if fingerprint is None else str(fingerprint))
