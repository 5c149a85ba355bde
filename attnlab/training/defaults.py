"""Settings that follow from the data, for whoever states none.

A rule for each kind of data and answer: a plain function of how many examples there are, and how large they are. Its table of
trials stands in docs/results.md, under "Defaults". `settle` works the settings out when a run starts, and writes them into
its configuration as if they had been typed; resume, eval and sweeps see ordinary values. What the user states, by words or by
files of configs/, stays; so do experiments, and the quick settings of data that come with the program.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from attnlab import compose
from attnlab.command_words import as_written
from attnlab.config import Config, DataConfig, GraphData, ImageData, SpeechData, TextData
from attnlab.data import loader
from attnlab.data.contract import Data, PictureSplit, Split
from attnlab.errors import UserError
from attnlab.model.interfaces import Head
from attnlab.plural import plural
from attnlab.registry import GROUPS, HEADS
from attnlab.runs import flat
from attnlab.training import cross_validation
from attnlab.training.run import load_data

Settings = dict[str, object]
"""Values by the words that one would type."""


@dataclass(frozen=True)
class Facts:
    """What a rule may know of the training data. vectors: of all examples together; longest: of the longest. side: of pictures, the median of their
    shorter sides, in pixels; else 0."""

    examples: int
    vectors: int
    longest: int
    side: int = 0

    def epochs(self, epochs: int, at: int, most: int) -> int:
        """So many where there are `at` examples, fewer of more examples and more of fewer: epochs · √(at / examples), so that a
        tenth of the examples is trained on with a third of the updates."""
        return max(3, min(most, round(epochs * (at / self.examples) ** 0.5)))

    def batch_vectors(self, least: int, most: int, updates: int) -> int:
        """So many that an epoch has at least so many updates, within limits."""
        return max(least, min(most, self.vectors // updates))


def words_with_tags(facts: Facts) -> Settings:
    """Rare words are read by their letters; the first layer sees neighbours alone, which is where most tags are decided."""
    return {
        "embedding": "word_char",
        "encoder.width": 128,
        "encoder.depth": 2,
        "encoder.scope": ["window:3", "full"],
        "encoder.dropout": 0.3,
        "trainer.epochs": facts.epochs(12, at=12_500, most=60),
        "trainer.batch_vectors": facts.batch_vectors(300, 1500, updates=100),
    }


def texts_with_classes(facts: Facts) -> Settings:
    """A bag of words is hard to beat, so there is one beside a single layer of attention."""
    return {
        "data.unknown": 4,
        "embedding": "word_char",
        "encoder.width": 64,
        "encoder.depth": 1,
        "encoder.dropout": 0.5,
        "head.readout": "mean",
        "head.bag": 0.3,
        "optimizer.lr": 0.001,
        "members": 3 if facts.examples < 20_000 else 1,
        "trainer.epochs": facts.epochs(3, at=7_000, most=30),
        "trainer.batch_vectors": facts.batch_vectors(300, 1500, updates=100),
    }


def texts_with_numbers(facts: Facts) -> Settings:
    """As texts with classes, but for the bag, which is of classes, and a dropout under which numbers are hardly learned. Errors go
    on shrinking for hundreds of updates, which small tables get by many epochs. A mean as readout doesn't depend on length; where numbers
    add up over a text, a sum is better, which is for the user to say."""
    return {
        "data.unknown": 4,
        "embedding": "word_char",
        "encoder.width": 64,
        "encoder.depth": 1,
        "encoder.dropout": 0.1,
        "head.readout": "mean",
        "members": 3 if facts.examples < 2_000 else 1,
        "trainer.epochs": facts.epochs(12, at=7_000, most=120),
        "trainer.batch_vectors": facts.batch_vectors(150, 1500, updates=100),
    }


SOUND: Settings = {
    # Few, smooth coefficients say what is spoken, many sharp bands also who speaks; another speed is another voice.
    "data.features": "mfcc",
    "data.bands": 24,
    "data.coefficients": 13,
    "data.stack": 1,
    "data.noise": 10,
    "data.time_shift": 50,
    "data.speed": 0.25,
}


def recordings_with_classes(facts: Facts) -> Settings:
    """A convolution in steps over frames; no positions, since a word may begin anywhere."""
    return {
        "data.mask_time": min(100, 2 * facts.longest),  # a fifth of the longest recording, of frames of 10 ms
        "embedding": "strided_convolution",
        "embedding.window": 11,
        "embedding.stride": 3,
        "encoder.position": "none",
        "encoder.width": 64,
        "members": 3 if facts.examples < 5_000 else 1,
        "trainer.epochs": facts.epochs(20, at=2_500, most=60),
        "trainer.batch_vectors": 1000,
        "trainer.monitor": "loss",
    }


def pictures_with_classes(facts: Facts) -> Settings:
    """About eight patches to a side, each of which shares half of itself with its neighbours."""
    stride = min(16, max(1, round(facts.side / 8)))
    return {
        "data.patch": min(2 * stride, max(1, facts.side)),
        "data.stride": stride,
        "data.translate": round(facts.side / 14),
        "encoder.position": "learned",
        "encoder.width": 64,
        "encoder.depth": 3,
        "encoder.dropout": 0.1,
        "head.readout": "mean",
        "optimizer.lr": 0.002,
        "optimizer.weight_decay": 0.05,
        "trainer.epochs": facts.epochs(32, at=10_000, most=80),
        "trainer.batch_vectors": 2304,
        "trainer.monitor": "loss",
    }


# Attention averages, where counting may be asked: so nodes know their degree and the size of their graph; and how soon a
# random walk comes back tells rings.
STRUCTURE: Settings = {"data.structure": ["degree", "size", "random_walk:8"]}


def graphs_with_classes(facts: Facts) -> Settings:
    """Attention along edges and over the whole graph in turn. From 2,000 graphs on, what tells them apart may be a rare
    neighbourhood, which takes long to be found; fewer are overfitted by then."""
    few = facts.examples < 2_000
    return {
        "encoder.scope": ["edges", "full"],
        "encoder.position": "none",
        "encoder.width": 32,
        "encoder.depth": 3,
        "encoder.dropout": 0.2 if few else 0.1,
        "head.readout": "mean",
        "optimizer.lr": 0.002,
        "trainer.epochs": facts.epochs(40, at=1_000, most=80) if few else facts.epochs(120, at=4_000, most=120),
        "trainer.batch_vectors": facts.batch_vectors(500, 1000, updates=40),
        "trainer.monitor": "loss",
    }


@dataclass(frozen=True)
class Rule:
    """For data whose keys are of this type, and answers of this kind. example: what an example is called. settings: those that
    follow from the facts. features: those of the data that don't, and decide what is prepared, which may take minutes."""

    keys: type[DataConfig]
    kind: str
    example: str
    settings: Callable[[Facts], Settings]
    features: Settings = field(default_factory=Settings)


RULES = (
    Rule(TextData, "vector_classes", "sentence", words_with_tags),
    Rule(TextData, "class", "text", texts_with_classes),
    Rule(TextData, "number", "text", texts_with_numbers),
    Rule(SpeechData, "class", "recording", recordings_with_classes, SOUND),
    Rule(ImageData, "class", "picture", pictures_with_classes),
    Rule(GraphData, "class", "graph", graphs_with_classes, STRUCTURE),
)


def settle(config: Config, overrides: Sequence[str]) -> tuple[Config, str]:
    """The configuration with the settings that suit its data, where overrides and the user's own files state no others, and a
    line that tells them; as it is, and no line, where no rule is for such data. Raises UserError for data that cannot be
    used."""
    stated = compose.stated(overrides)
    if compose.wants_plain(overrides) or "experiment" in stated or _comes_with_the_program(config.data):
        return config, ""
    kinds = HEADS.get(config.head.name, Head).kinds
    possible = [rule for rule in RULES if isinstance(config.data, rule.keys) and rule.kind in kinds]
    if not possible:
        return config, ""
    _, with_features = _fitting(possible[0].features, config, overrides, stated)
    data = _opened(with_features)
    targets = data.spec.targets
    names = [config.head.target] if config.head.target in targets else list(targets)
    learned = [targets[name].kind for name in names if targets[name].kind in kinds]
    fitting = [rule for rule in possible if [rule.kind] == learned]  # of several targets, one must be chosen
    if not fitting or "train" not in data.splits:
        return config, ""
    (rule,), facts = fitting, _facts(data.splits["train"])
    words, settled = _fitting(rule.features | rule.settings(facts), config, overrides, stated)
    before, now = flat(asdict(config)), flat(asdict(settled))
    changing = [word for word in words if before.get(_key(word)) != now.get(_key(word))]
    if not changing:
        return config, ""
    examples = plural(facts.examples, rule.example)
    return (
        settled,
        f"defaults for {examples}: {' '.join(changing)}; a key that you set overrides its default, defaults=plain turns all of them off",
    )


def _key(word: str) -> str:
    """The key by which a word of `_fitting` is found in a configuration; of a group, the name of its part."""
    name = word.partition("=")[0]
    return f"{name}.name" if name in GROUPS else name


def _comes_with_the_program(data: DataConfig) -> bool:
    """Whether nobody said where the data are from."""
    return all(getattr(data, name, None) is None for name in ("path", "hub", "download"))


def _opened(config: Config) -> Data:
    """The data, whose other settings are the fixed ones yet; of a cross-validation, those of its first fold."""
    data = config.data
    if isinstance(data, ImageData):  # how many patches there are is not settled yet
        data = replace(data, max_length=10**9)
    opened = replace(config, data=data)
    if cross_validation.wanted(config):
        opened = cross_validation.of_fold(opened, loader(data).folds(data, config.seed).names[0])
    return load_data(opened)


def _facts(train: Split) -> Facts:
    sides = np.minimum(train.heights, train.widths) if isinstance(train, PictureSplit) else [0]
    return Facts(len(train), int(train.lengths.sum()), int(train.lengths.max()), int(np.median(sides)))


def _fitting(
    settings: Settings, config: Config, overrides: Sequence[str], stated: set[str]
) -> tuple[list[str], Config]:
    """The words of those settings that nobody stated, that the parts have which are chosen, and that go with what was stated;
    and the configuration with them."""
    unstated = {name: _word(name, value) for name, value in settings.items() if name not in stated}
    parts = [word for name, word in unstated.items() if name in GROUPS]
    chosen = compose.compose([*parts, *overrides]) if parts else config
    has = flat(asdict(chosen)).keys()
    blocks = chosen.encoder.name == "attention"  # whose number says nothing of other layers
    words = [
        word
        for name, word in unstated.items()
        if name not in GROUPS and name in has and (blocks or name != "encoder.depth")
    ]
    if not words:
        return parts, chosen
    if whole := _accepted([*parts, *words, *overrides]):
        return [*parts, *words], whole
    fitting = parts
    for word in words:
        if accepted := _accepted([*fitting, word, *overrides]):
            fitting, chosen = [*fitting, word], accepted
    return fitting, chosen


def _word(name: str, value: object) -> str:
    return f"{name}={as_written(value)}"


def _accepted(words: Sequence[str]) -> Config | None:
    """The configuration of words that go together."""
    try:
        return compose.compose(words)
    except UserError:
        return None
