"""`attnlab data`: what a data set is like, before anything is trained on it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from attnlab import compose, groups
from attnlab.config import Config, HubDataConfig
from attnlab.data import loader, open_data
from attnlab.data.contract import Data, Gold, Split
from attnlab.data.prep.crossval import Folds
from attnlab.data.warnings import refuse_unanswered, warnings
from attnlab.lab.pictures import draw
from attnlab.plural import plural
from attnlab.spec import DataSpec, Target
from attnlab.targets import kind_named
from attnlab.training import cross_validation
from attnlab.training.report import Reporter, new_table
from attnlab.training.run import data_config

BINS, BAR = 12, 40
"""Rows of a histogram, and the length of its longest bar."""
LABELS = 20
"""Labels, or folds, that are listed one by one."""
SAMPLES = 3
ITEMS = 25
"""Words of a sentence, or answers for vectors, that are shown."""


def report(words: Sequence[str]) -> None:
    """What `attnlab data …` does: tell what the data that these words choose are like. Raises UserError as training
    would."""
    config, folds = compose.compose(compose.with_task(words)), None
    if cross_validation.wanted(config):
        folds = loader(config.data).folds(config.data, config.seed)
        config = cross_validation.of_fold(config, folds.names[0])
    data = open_data(data_config(config), config.seed)
    refuse_unanswered(data)
    reporter = Reporter()
    reporter.say(_heading(config, data), style="bold")
    if data.notice:
        reporter.say(data.notice, style="cyan")
    if folds is not None:
        reporter.table(_folds(folds))
        reporter.say(f"What follows is fold {folds.names[0]}; `data.fold=` shows another.")
    name, split = next(iter(data.splits.items()))
    lengths = [f"Lengths, {name}", *histogram(_sizes(split))]
    for part in (_counts(data), *lengths, *_targets(data), *_vocabulary(data), *_samples(config, data)):
        reporter.table(part) if isinstance(part, Table) else reporter.say(part)
    for warning in warnings(data, config=config):
        reporter.warn(warning)


def _heading(config: Config, data: Data) -> str:
    """Which data they are, from where, and under which terms."""
    settings = config.data
    where = settings.path or "part of the program"
    if isinstance(settings, HubDataConfig) and data.commit is not None:
        where = f"{settings.hub} on the hub, commit {data.commit}"
    source = f"\nsource: {settings.origin}" if settings.origin else ""
    own = settings.path is not None and not settings.licence
    licence = "" if own else f"\nlicence: {settings.licence or 'not known here; look where the data are from'}"
    return f"{settings.name}: {where}{source}{licence}"


def _folds(folds: Folds) -> Table:
    """How many examples each fold tests and validates on."""
    protocol = folds.protocol[:1].upper() + folds.protocol[1:]
    table = new_table(protocol, ["fold"], ("validation", "test"))
    for name in folds.names[:LABELS]:
        table.add_row(name, f"{len(folds.validation[name]):,}", f"{len(folds.test[name]):,}")
    if len(folds.names) > LABELS:
        table.add_row(f"… {len(folds.names) - LABELS} more")
    return table


def _counts(data: Data) -> Table:
    columns = ("examples", "vectors", "shortest", "median", "longest")
    table = new_table("Examples and their lengths", ["split"], columns)
    for name, split in data.splits.items():
        sizes = _sizes(split)
        figures = (len(split), sizes.sum(), sizes.min(), int(np.median(sizes)), sizes.max())
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    return table


def _sizes(split: Split) -> NDArray[np.int64]:
    """(n,): vectors of each example; of pairs, those of the source."""
    return split.lengths if split.lengths.ndim == 1 else split.lengths[:, 0]


def histogram(values: NDArray[np.int64]) -> list[str]:
    """(n,) -> lines of a terminal: from–to, a bar, how many. Every value is in one row."""
    low, high = int(values.min()), int(values.max())
    step = max(1, -(-(high - low + 1) // BINS))
    counts = np.bincount((values - low) // step)
    width = len(str(low + step * len(counts) - 1))
    lines = []
    for i, count in enumerate(counts.tolist()):
        first, last = low + i * step, low + (i + 1) * step - 1
        name = f"{first:>{width}}" if step == 1 else f"{first:>{width}}–{last:>{width}}"
        bar = "█" * round(BAR * count / counts.max()) or ("▏" if count else "")
        lines.append(f"  {name}  {bar} {count:,}")
    return lines


def _targets(data: Data) -> Iterator[Table | str]:
    """What there is to be learned, and how it is distributed."""
    for name, target in data.spec.targets.items():
        gold = {split_name: split.gold(name) for split_name, split in data.splits.items()}
        if kind_named(target.kind).has_labels:
            yield _balance(name, {split: labels(answers) for split, answers in gold.items()})
        elif target.kind == "classes":
            yield _yes_counts(name, target, gold)
        elif target.kind == "number":
            yield f"{name}: a number, {target.mean:g} ± {target.std:g} in training"
        else:
            lengths = [len(str(answer).split()) for answer in next(iter(gold.values()))]
            yield f"{name}: a sequence of {np.mean(lengths):.1f} words on average, {max(lengths)} at the most"


def _yes_counts(name: str, target: Target, gold: dict[str, Sequence[Gold]]) -> Table:
    """How often each question is answered by yes; −1 is no answer."""
    table = new_table(f"{name}: yes, of those known", ["question"], gold)
    answers = {split: np.array(rows).reshape(-1, len(target.classes)) for split, rows in gold.items()}
    for i, question in enumerate(target.classes):
        columns = (rows[:, i] for rows in answers.values())
        table.add_row(question, *(f"{int((c > 0).sum()):,} of {int((c >= 0).sum()):,}" for c in columns))
    return table


def _balance(name: str, counts: dict[str, Counter[str]]) -> Table:
    """How often each label occurs, frequent ones first."""
    total = sum(counts.values(), Counter[str]())
    table = new_table(f"{name}: {plural(len(total), 'label')}", ["label"], counts)
    for label, _ in total.most_common(LABELS):
        table.add_row(label, *(f"{c[label]:,} ({c[label] / max(1, c.total()):.1%})" for c in counts.values()))
    if len(total) > LABELS:
        table.add_row(f"… {len(total) - LABELS} more")
    return table


def labels(answers: Iterable[Gold]) -> Counter[str]:
    """How often each label occurs in answers for sets or for vectors; "" is no label."""
    counts = Counter(label for answer in answers for label in _items(answer))
    del counts[""]
    return counts


def _items(answer: object) -> list[str]:
    """Each of several answers, or the only one."""
    return list(map(str, answer)) if isinstance(answer, (list, tuple)) else [str(answer)]


def _vocabulary(data: Data) -> Iterator[str]:
    """What training knows of words, and how much of the rest it doesn't; or how wide vectors are."""
    spec = data.spec
    if "words" in spec.vocabularies and "source" not in spec.codecs:
        words = spec.vocabularies["words"]
        once = sum(count == 1 for count in words.counts)
        yield f"vocabulary: {plural(len(words) - 1, 'word')} in training, {once:,} of them once"
        for name, split in data.splits.items():
            marks = split.slices().get("unseen")
            if name != "train" and marks:
                yield f"unknown words in {name}: {np.concatenate(marks).mean():.2%}"
    for name, codec in spec.codecs.items():
        yield f"{name} tokens: {len(codec):,}"
    if spec.features is not None:
        yield f"vectors of {spec.features} numbers"


def _samples(config: Config, data: Data) -> Iterator[str]:
    """Three examples as a person would look at them; pictures of them go into a folder."""
    name, split = next(iter(data.splits.items()))
    folder = Path(config.outputs) / "data" / config.data.name
    drawn = []
    for i in range(min(SAMPLES, len(split))):
        yield preview(split, i, data.spec)
        picture = split.picture(i)
        drawn += [] if picture is None else [draw(picture, folder / f"{name}-{i + 1}")]
    if drawn:
        yield f"Pictures of them: {', '.join(map(str, drawn))}"


def preview(split: Split, i: int, spec: DataSpec) -> str:
    """Example i in words: its key, what it shows, and the right answers; labels of words stand behind them."""
    values = split.show(i) | {name: split.gold(name)[i] for name in spec.targets}
    lines = [split.keys[i]]
    if "words" in values:
        words = _items(values.pop("words"))
        tags = next((name for name, target in spec.targets.items() if target.kind == "vector_classes"), None)
        if tags is not None:
            pairs = zip(words, _items(values.pop(tags)), strict=True)
            words = [f"{word}/{tag}" if tag else word for word, tag in pairs]
        lines.append(f"  {_shortened(words)}")
    lines += [f"  {name}: {_shortened(_items(value))}" for name, value in values.items()]
    return "\n".join(lines)


def _shortened(items: Sequence[str]) -> str:
    return " ".join(islice(items, ITEMS)) + (" …" if len(items) > ITEMS else "")


def list_data_sets() -> dict[str, str]:
    """What `attnlab data --list` does: every data set by name, with a sentence about it."""
    sentences = {name: groups.sentence("data", name) for name in compose.choices("data")}
    table = Table(show_header=False, box=None)
    for name, sentence in sentences.items():
        table.add_row(name, sentence)
    Reporter().table(table)
    return sentences
