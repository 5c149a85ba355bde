"""`init=RUN`: a new run starts with the weights of another run's encoder and, if wanted, of its embedding.

Every tensor is taken by its name and shape, or the run is refused: an encoder that had taken a part of its weights would train,
and nobody would notice. Two parts are the new run's own: its head, and what tells positions and edges apart
(`Encoder.of_places`) where the other run has other ones.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from torch import Tensor

from attnlab import compose
from attnlab.command_words import as_written
from attnlab.config import AttentionEncoder, Config, EmbeddingConfig, EncoderConfig, TextData
from attnlab.data import loader
from attnlab.data.contract import Data
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.model.build import Model
from attnlab.model.interfaces import Embedding, Encoder
from attnlab.plural import plural
from attnlab.runs import RunFolder, run_folders
from attnlab.spec import DataSpec, Vocabulary
from attnlab.training import cross_validation
from attnlab.training.run import best_weights, load_data

OF_NO_WEIGHT = (
    "position", "max_position", "scope", "kernel", "dropout", "attention_dropout", "parameters", "trained",  # of encoders
    "path", "trainable",  # of embeddings
)  # fmt: skip
"""Keys that two runs may have different: what is taken doesn't depend on them."""

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Taken:
    """What a new run has taken of another one, as its init.json holds it.

    run: the folder; blake2b: the hash of its best weights' file. encoder_tensors, encoder_weights: how many tensors, and numbers
    in them. encoder_new: the parts of the encoder that start at random. rows: of each vocabulary, how many entries of how many
    the embedding has taken. embedding_tensors, embedding_weights: as of the encoder, 0 where `init_embedding` is false. With
    `members`, the counts are of each.
    """

    run: str
    blake2b: str
    encoder_tensors: int
    encoder_weights: int
    encoder_new: tuple[str, ...]
    embedding_tensors: int
    embedding_weights: int
    rows: dict[str, tuple[int, int]]

    @property
    def line(self) -> str:
        """What is told when the run starts."""
        encoder = f"encoder: {self.encoder_tensors} tensors, {self.encoder_weights:,} weights of {_short(Path(self.run))}"
        rows = ", ".join(f"{taken:,} of {count:,} {name}" for name, (taken, count) in self.rows.items())
        tensors = f"{plural(self.embedding_tensors, 'tensor')}, {self.embedding_weights:,} weights"
        embedding = (rows or tensors) if self.embedding_tensors else "new"
        return "; ".join(
            [encoder, *(f"{n}: new" for n in self.encoder_new), f"embedding: {embedding}", "head: new"]
        )


@dataclass(frozen=True, eq=False)
class _Source:
    """The run whose weights are taken. weights: of the whole model."""

    folder: Path
    config: Config
    spec: DataSpec
    weights: Tensors
    blake2b: str

    @property
    def name(self) -> str:
        """As it is told."""
        return _short(self.folder)

    def part(self, name: str, member: int) -> dict[str, Tensor]:
        """The weights of its embedding or encoder, by their names there. member: of a new run's members, whose number is
        counted round where this run has fewer."""
        number = member % self.config.members
        beginning = f"others.{number - 1}.{name}." if number else f"{name}."
        return {n.removeprefix(beginning): t for n, t in self.weights.items() if n.startswith(beginning)}


def located(config: Config) -> Config:
    """The same, with the folder of the run that `init=` names. Raises UserError where there is none."""
    if config.init is None:
        return config
    return replace(config, init=os.path.abspath(RunFolder.find(config.init, config.outputs, "init").path))


def refuse_latest(config: Config, several: str) -> None:
    """Raises UserError where one of several runs would start from the one before it. several: what makes them."""
    if config.init == "latest":
        raise UserError(
            f"`init=latest`: with {several}, a run would start from the one before it; name the run's folder"
        )


def words_of(config: Config, overrides: Sequence[str]) -> list[str]:
    """The arguments that make the encoder, and with `init_embedding` the embedding, as that of the run which `init=` names, where
    nobody states otherwise. Raises UserError where there is no such run."""
    if config.init is None:
        return []
    saved = compose.load_saved(RunFolder.find(config.init, config.outputs, "init").config)
    parts: list[tuple[str, EncoderConfig | EmbeddingConfig, EncoderConfig | EmbeddingConfig]]
    parts = [("encoder", config.encoder, saved.encoder)]
    if config.init_embedding and loader(config.data) is loader(saved.data):
        parts.append(("embedding", config.embedding, saved.embedding))
    stated, words = compose.stated(overrides), list[str]()
    for group, own, others in parts:
        if own.name != others.name and group in stated:
            continue  # refused later, by what is stated
        words += [f"{group}={others.name}"] * (own.name != others.name)
        keys = {
            f"{group}.{name}": value
            for name, value in asdict(others).items()
            if name not in (*OF_NO_WEIGHT, "name")
        }
        words += [f"{key}={as_written(value)}" for key, value in keys.items() if key not in stated]
    return words


def warning(config: Config) -> str:
    """What should be known of a run whose encoder isn't trained as a whole; "" of others."""
    if config.encoder.trained == "all" or config.init is not None:
        return ""
    return (
        f"encoder.trained={config.encoder.trained} without init=RUN: the rest of the encoder keeps the random weights that it "
        "began with"
    )


def knowing_its_words(config: Config, data: Data) -> Data:
    """The data of a new run. If it takes the embedding of a run on text, and is on text itself, its words and characters are
    those of that run and, after these, those of its own training data; classes are its own.

    They are opened by a spec, as they are when the new run is continued. Raises UserError where there is no such run, and
    where these data have nothing in common with it.
    """
    if not config.init_embedding or not isinstance(config.data, TextData):
        return data
    folder, _ = _found(config)
    theirs = DataSpec.load(folder.path)
    if theirs.modality != "text" or theirs.codecs:  # tokens of pairs are no words
        return data
    own, run = data.spec.vocabularies, _short(folder.path)
    extended = {
        name: _extended(name, theirs.vocabularies[name], vocabulary, run)
        for name, vocabulary in own.items()
        if name in theirs.vocabularies
    }
    opened = load_data(config, replace(data.spec, vocabularies=own | extended))
    opened.warnings = data.warnings  # a spec is taken for one that was warned of before
    return opened


def _extended(name: str, theirs: Vocabulary, own: Vocabulary, run: str) -> Vocabulary:
    """The entries of another run's vocabulary, then those of `own` that it lacks. Each has been seen as often as in both training
    data together, so that `data.unknown` does not hide what the other run knows well and these data show once. Raises
    UserError where they have nothing in common."""
    if not any(entry in theirs.ids for entry in own.words[1:]):
        raise _nothing_in_common(name, run)
    counts = dict(zip(theirs.words, theirs.counts, strict=True))
    for entry, count in zip(own.words, own.counts, strict=True):
        counts[entry] = counts.get(entry, 0) + count
    return Vocabulary(tuple(counts), tuple(counts.values()))


def _nothing_in_common(name: str, run: str) -> UserError:
    return UserError(
        f"`init_embedding=true`: none of the {name} of these data occurs in those of {run}; leave init_embedding out"
    )


def take(model: Model, config: Config, spec: DataSpec) -> Taken:
    """Put into a new model what `config.init` asks for. Raises UserError where that run has no weights, or others than this
    model can take."""
    source = _read(config)
    _refuse_other_keys("encoder", config.encoder, source.config.encoder, source.name, "")
    if config.init_embedding:
        _refuse_other_embedding(config, spec, source)
    for number, member in enumerate(model.members):
        encoder, new = _encoder(member.encoder, spec, source, number)
        member.encoder.load_state_dict(member.encoder.state_dict() | encoder)
        embedding, rows = _embedding(member.embedding, spec, source, number) if config.init_embedding else ({}, {})
        member.embedding.load_state_dict(member.embedding.state_dict() | embedding)
    if not encoder:
        raise UserError(
            f"`init={source.name}`: encoder={config.encoder.name} has no weights to be taken; leave it out"
        )
    return Taken(
        str(source.folder),
        source.blake2b,
        len(encoder),
        _numbers(encoder),
        new,
        len(embedding),
        _numbers(embedding),
        rows,
    )


def _numbers(tensors: Tensors) -> int:
    return sum(tensor.numel() for tensor in tensors.values())


def _found(config: Config) -> tuple[RunFolder, Config]:
    """The run that `config.init` names, and its configuration. Raises UserError where there is none, and for several folds."""
    assert config.init is not None
    folder = RunFolder.find(config.init, config.outputs, "init")
    saved = compose.load_saved(folder.config)
    if cross_validation.wanted(saved):
        folds = sorted(path for path in run_folders(folder.path) if path != folder.path)
        one = f", such as `init={folds[0]}`" if folds else ""
        raise UserError(
            f"`init={config.init}`: a cross-validation has a model for each fold; name the folder of one{one}"
        )
    return folder, saved


def _read(config: Config) -> _Source:
    """Raises UserError where `config.init` is no run with weights."""
    folder, saved = _found(config)
    spec = DataSpec.load(folder.path)
    best = best_weights(folder, models.sizes(saved, spec))
    return _Source(folder.path, saved, spec, best.tensors["model"], best.hashes["model"])


def _short(path: Path) -> str:
    """As one would type it in this folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _refuse_other_keys(
    group: str,
    own: EncoderConfig | EmbeddingConfig,
    others: EncoderConfig | EmbeddingConfig,
    run: str,
    otherwise: str,
) -> None:
    """Raises UserError with the first key of a part that must be the same in both runs and isn't, and with all that would make
    it so. otherwise: what else can be done."""
    ours, theirs = asdict(own), asdict(others)
    if own.name != others.name:
        raise UserError(f"`{group}={own.name}`: {run} has {others.name}; set {group}={others.name}{otherwise}")
    differing = [name for name in ours if name not in OF_NO_WEIGHT and ours[name] != theirs[name]]
    if "head_width" in differing and _width_of_head(own) == _width_of_head(others):
        differing.remove("head_width")  # which one of them states, and the other has by default
    if not differing:
        return
    words = [f"{group}.{name}={as_written(theirs[name])}" for name in differing]
    if ours.get("parameters") is not None and "width" in differing:
        words.append(f"{group}.parameters=null")  # from which the width follows
    first = (
        f"`{group}.{differing[0]}={as_written(ours[differing[0]])}`: {run} has {as_written(theirs[differing[0]])}"
    )
    raise UserError(f"{first}; to start with its {group}, set {' '.join(words)}{otherwise}")


def _width_of_head(part: EncoderConfig | EmbeddingConfig) -> int | None:
    return part.width_of_head if isinstance(part, AttentionEncoder) else None


def _encoder(
    encoder: Encoder, spec: DataSpec, source: _Source, member: int
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The weights that an encoder takes, and its parts that take none. Raises UserError where it has others besides."""
    own, theirs = encoder.state_dict(), source.part("encoder", member)
    new = []
    for part in encoder.of_places:
        names = [name for name in own if name.startswith(part)]
        if names and not _same_places(source, spec, names, own, theirs):
            new.append(part.removesuffix("."))
    shared = {name: tensor for name, tensor in own.items() if not name.startswith(encoder.of_places)}
    given = {name: tensor for name, tensor in theirs.items() if not name.startswith(encoder.of_places)}
    for name in sorted(shared.keys() | given.keys()):
        ours, other = (tuple(some[name].shape) if name in some else "missing" for some in (shared, given))
        if ours != other:
            raise UserError(
                f"`init={source.name}`: encoder.{name} is {ours} here and {other} there, since this encoder depends on the "
                f"coordinates and edges of the data ({_described(spec)} here, {_described(source.spec)} there); start from a "
                "run on such data"
            )
    places = {name for name in own if name.startswith(encoder.of_places) and name.split(".")[0] not in new}
    return {name: theirs[name] for name in (*shared, *sorted(places))}, tuple(new)


def _same_places(source: _Source, spec: DataSpec, names: list[str], own: Tensors, theirs: Tensors) -> bool:
    """Whether weights that tell places apart mean the same in both runs: in data of one kind, with the same shapes, which the tables
    of `learned` and `relative` positions have not."""
    fitting = all(name in theirs and theirs[name].shape == own[name].shape for name in names)
    return fitting and spec.modality == source.spec.modality


def _described(spec: DataSpec) -> str:
    return f"{plural(spec.num_coords, 'coordinate')}, {plural(spec.edge_features or 0, 'number')} for an edge"


def _refuse_other_embedding(config: Config, spec: DataSpec, source: _Source) -> None:
    """Raises UserError where the embedding of the other run reads other values."""
    ours, theirs = (
        "ids" if s.features is None else f"{s.modality} data, vectors of {plural(s.features, 'number')}"
        for s in (spec, source.spec)
    )
    if ours != theirs:
        raise UserError(
            f"`init_embedding=true`: {source.name} has learned from {theirs}, and these are {ours}; leave init_embedding out"
        )
    _refuse_other_keys(
        "embedding", config.embedding, source.config.embedding, source.name, ", or leave init_embedding out"
    )


def _embedding(
    embedding: Embedding, spec: DataSpec, source: _Source, member: int
) -> tuple[dict[str, Tensor], dict[str, tuple[int, int]]]:
    """The weights that an embedding takes, and of each vocabulary how many entries of how many. Tables keep their random rows
    for entries that the other run hasn't. Raises UserError where it hasn't any, and where it has no such weights."""
    own, theirs = embedding.state_dict(), source.part("embedding", member)
    taken, rows = dict[str, Tensor](), dict[str, tuple[int, int]]()
    for name, tensor in own.items():
        vocabulary = embedding.by_vocabulary.get(name)
        shape = tensor.shape[1:] if vocabulary else tensor.shape
        if name not in theirs or (theirs[name].shape[1:] if vocabulary else theirs[name].shape) != shape:
            raise UserError(
                f"`init_embedding=true`: {source.name} has no embedding.{name} of shape {tuple(tensor.shape)}; leave "
                "init_embedding out"
            )
        taken[name] = theirs[name]
        if vocabulary:
            taken[name], count = _by_entry(tensor, theirs[name], vocabulary, spec, source)
            rows[vocabulary] = (count, len(tensor) - 1)  # without `<unk>`
    return taken, rows


def _by_entry(own: Tensor, theirs: Tensor, name: str, spec: DataSpec, source: _Source) -> tuple[Tensor, int]:
    """A table (V, …) with the rows of another one for the entries that both vocabularies have, and how many these are besides
    `<unk>`. Raises UserError where there are none."""
    ids = source.spec.vocabularies[name].ids
    both = [(row, ids[entry]) for row, entry in enumerate(spec.vocabularies[name].words) if entry in ids]
    if len(both) < 2:
        raise _nothing_in_common(name, source.name)
    table = own.clone()
    table[[row for row, _ in both]] = theirs[[row for _, row in both]].to(own)
    return table, len(both) - 1
