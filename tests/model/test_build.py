"""Models of parts from outside, and what is filled in from data and files before a model is built."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from attnlab.config import (
    AttentionEncoder,
    Config,
    EmbeddingConfig,
    EncoderConfig,
    HeadConfig,
    LearnedEmbedding,
    LinearEmbedding,
    PretrainedEmbedding,
    TaggingHead,
)
from attnlab.config.keys import key
from attnlab.config.model.embedding import AutoEmbedding
from attnlab.errors import UserError
from attnlab.model import build as models
from attnlab.model.interfaces import Embedding, Encoder, Head
from attnlab.model.width import count_parameters
from attnlab.registry import EMBEDDINGS, ENCODERS, HEADS
from attnlab.sets import Batch, Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary

WORDS = Vocabulary.from_counts({"saw": 3, "was": 2, "tea": 1})
TEXT = DataSpec("text", 1, None, {"tags": Target("vector_classes", ("A", "B"), (2, 1))}, {"words": WORDS})
FRAMES = DataSpec("speech", 1, 5, {"loudness": Target("number", mean=1.0, std=2.0)}, {})


@dataclass
class HalvesKeys(EmbeddingConfig):
    """Every second vector through a matrix."""

    name: str = key("halves", "choice", choices=EMBEDDINGS)


@dataclass
class MixerKeys(EncoderConfig):
    """Each vector through layers of its own."""

    name: str = key("mixer", "choice", choices=ENCODERS)
    wide: int = key(3, "hidden width, in multiples of D", min=1)


@dataclass
class MedianKeys(HeadConfig):
    """A number from the mean of the set."""

    name: str = key("median", "choice", choices=HEADS)


class Halves(Embedding):
    numbers = True
    stride = 2

    def __init__(self, config: HalvesKeys, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.project = nn.Linear(spec.features or 0, width)

    def forward(self, sets: VectorSets) -> VectorSets:
        rows = [values[::2] for values in sets.values.split(sets.lengths)]
        return VectorSets.of(self.project(torch.cat(rows)), [len(values) for values in rows])


class Mixer(Encoder):
    def __init__(self, config: MixerKeys, spec: DataSpec) -> None:
        super().__init__(config, spec)
        hidden = config.wide * config.width
        self.layers = nn.Sequential(nn.Linear(config.width, hidden), nn.ReLU(), nn.Linear(hidden, config.width))

    def forward(self, sets: VectorSets) -> VectorSets:
        return sets.with_values(self.layers(sets.values))


class MeanNumber(Head):
    kinds = ("number",)

    def __init__(self, config: MedianKeys, spec: DataSpec, width: int) -> None:
        super().__init__(config, spec, width)
        self.layer = nn.Linear(width, 1)

    def numbers(self, encoded: VectorSets) -> torch.Tensor:
        means = [self.layer(values).mean() for values in encoded.values.split(encoded.lengths)]
        return torch.stack(means)

    def loss(self, encoded: VectorSets, targets: Targets) -> Loss:
        errors = (self.numbers(encoded) - targets[self.target]).abs()
        return Loss(errors.sum(), torch.tensor(len(errors)))

    def predict(self, encoded: VectorSets, greedy: bool = False) -> list[Prediction]:
        return [Prediction(value, None) for value in self.numbers(encoded).tolist()]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for registry in (EMBEDDINGS, ENCODERS, HEADS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    EMBEDDINGS.register("halves", HalvesKeys)(Halves)
    ENCODERS.register("mixer", MixerKeys)(Mixer)
    HEADS.register("median", MedianKeys)(MeanNumber)
    yield


def config_of(embedding: EmbeddingConfig, encoder: EncoderConfig, head: HeadConfig) -> Config:
    return Config(task="test", embedding=embedding, encoder=encoder, head=head)


def test_parts_from_outside_are_built_sized_and_used_like_any_other(plugins: None) -> None:
    config = config_of(HalvesKeys(), MixerKeys(parameters="10k"), MedianKeys())
    models.resolve(config, FRAMES)
    assert config.head.target == "loudness"
    model = models.build(config, FRAMES)
    assert abs(count_parameters(model.encoder) - 10_000) < 500
    sets = VectorSets.of(torch.randn(7, 5), [4, 3])
    loss = model(Batch(sets, {"loudness": torch.tensor([1.0, 2.0])}, ("a", "b")))
    loss.total.backward()
    assert int(loss.count) == 2 and all(p.grad is not None for p in model.parameters())
    assert len(model.predict(sets)) == 2 and model.encode(sets).lengths == (2, 2)


def test_parts_from_outside_are_refused_where_they_do_not_fit(plugins: None) -> None:
    with pytest.raises(UserError, match=r"`embedding=halves`: text data are ids; choose one of learned"):
        models.build(config_of(HalvesKeys(), MixerKeys(), TaggingHead()), TEXT)
    with pytest.raises(UserError, match=r"head=median learns number; the data have `tags` \(vector_classes\)"):
        models.build(config_of(LearnedEmbedding(), MixerKeys(), MedianKeys()), TEXT)
    frames = DataSpec("speech", 1, 5, {"tags": TEXT.targets["tags"]}, {})
    with pytest.raises(UserError, match=r"`embedding=halves` shortens sets, but `head=tagging` answers for each"):
        models.build(config_of(HalvesKeys(), MixerKeys(), TaggingHead()), frames)


def test_an_encoder_without_parameters_has_no_width_that_matches(plugins: None) -> None:
    ENCODERS.register("none", EncoderConfig)(Encoder)
    config = config_of(LearnedEmbedding(), EncoderConfig(name="none", parameters="1k"), TaggingHead())
    with pytest.raises(UserError, match=r"`encoder.parameters=1k`: encoder=none has 0 at any width"):
        models.resolve(config, TEXT)


@pytest.mark.parametrize(
    "spec, head, expected", [(TEXT, "tagging", LearnedEmbedding), (FRAMES, "graph", LinearEmbedding)]
)
def test_auto_becomes_what_suits_the_data(spec: DataSpec, head: str, expected: type) -> None:
    config = config_of(AutoEmbedding(), AttentionEncoder(width=8), HEADS.keys(head)())
    assert not models.needs_parts(config)
    model = models.build(config, spec)
    assert config.embedding == expected()
    assert isinstance(model.embedding, EMBEDDINGS.get(config.embedding.name, Embedding))


def test_the_width_of_pretrained_vectors_is_read_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("saw 1 -1 0\nnever 5 5 5\n", encoding="utf-8")
    config = config_of(PretrainedEmbedding(path=str(path)), AttentionEncoder(width=8), TaggingHead())
    config.members = 2
    models.resolve(config, TEXT)
    assert config.embedding == PretrainedEmbedding(path=str(path), features=3)
    model = models.build(config, TEXT)
    models.start_from_files(model, config, TEXT)
    for member in model.members:
        row = member.embedding.table.weight[WORDS.ids["saw"]]
        assert row[0] == -row[1] and row[2] == 0 != row[0]
