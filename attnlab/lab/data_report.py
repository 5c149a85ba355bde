"""`attnlab data`: what a data set is like, before anything is trained on it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from attnlab import compose, groups
from attnlab.config import Config
from attnlab.data import open_data
from attnlab.lab.data_report_samples import draw, told
from attnlab.spec import Target
from attnlab.training.report import Reporter

FEW = 30
"""Examples below which a split says little."""


BINS, BAR = 12, 40
"""Rows of a histogram, and the length of its longest bar."""


LABELS = 20
"""Labels that are listed one by one."""


SAMPLES = 3


def survey(words: Sequence[str], quiet: bool = False) -> Any:
    """What `attnlab data …` does: tell everything about the data that these words choose, and return them."""
    config = compose.compose(words)
    data = open_data(config.data, config.seed)
    reporter = Reporter(quiet=quiet)
    reporter.say(_heading(config, data), style="bold")
    if data.notice:
        reporter.say(data.notice, style="cyan")
    reporter.table(_counts(data))
    first = next(iter(data.splits))
    reporter.say(f"Lengths, {first}")
    for line in histogram(_sizes(data.splits[first])):
        reporter.say(line)
    for name, target in data.spec.targets.items():
        for part in _target(name, target, data):
            reporter.table(part) if isinstance(part, Table) else reporter.say(part)
    for line in _vocabulary(data):
        reporter.say(line)
    _samples(config, data, reporter)
    for warning in [*data.warnings, *warnings(data)]:
        reporter.warn(warning)
    return data


def _heading(config: Config, data: Any) -> str:
    """Which data they are, from where, and under which terms."""
    own = config.data
    on_hub = data.commit is not None
    where = f"{own.hub} on the hub, commit {data.commit}" if on_hub else own.path or "part of the program"
    lines = [f"{own.name}: {where}"]
    if own.origin:
        lines.append(f"source: {own.origin}")
    lines.append(f"licence: {own.licence or 'not known here; look where the data are from'}")
    return "\n".join(lines)


def _counts(data: Any) -> Table:
    table = Table(title="Examples and their lengths", title_justify="left")
    for name in ("split", "examples", "vectors", "shortest", "middle", "longest"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for name, split in data.splits.items():
        sizes = _sizes(split)
        figures = (len(split), int(sizes.sum()), int(sizes.min()), int(np.median(sizes)), int(sizes.max()))
        table.add_row(name, *(f"{figure:,}" for figure in figures))
    return table


def _sizes(split: Any) -> NDArray[np.int64]:
    """(n,): vectors of each example; of pairs, those of the source."""
    return split.lengths if split.lengths.ndim == 1 else split.lengths[:, 0]


def histogram(values: NDArray[np.int64]) -> list[str]:
    """Lines of a terminal: from–to, a bar, how many. Every value is in one row."""
    low, high = int(values.min()), int(values.max())
    step = max(1, -(-(high - low + 1) // BINS))
    counts = np.bincount((values - low) // step)
    width = len(str(low + step * len(counts) - 1))
    found = []
    for i, count in enumerate(counts.tolist()):
        first, last = low + i * step, low + (i + 1) * step - 1
        name = f"{first:>{width}}" if step == 1 else f"{first:>{width}}–{last:>{width}}"
        bar = "█" * round(BAR * count / counts.max()) or ("▏" if count else "")
        found.append(f"  {name}  {bar} {count:,}")
    return found


def _target(name: str, target: Target, data: Any) -> Iterable[Table | str]:
    """What there is to be learned, and how it is spread."""
    gold = {split: own.gold(name) for split, own in data.splits.items()}
    if target.kind in ("class", "vector_classes"):
        yield _balance(name, {split: labels(answers) for split, answers in gold.items()})
    elif target.kind == "classes":
        table = Table(title=f"{name}: yes, of those known", title_justify="left")
        for column in ("question", *gold):
            table.add_column(column, justify="left" if column == "question" else "right")
        for i, question in enumerate(target.classes):
            known = {split: [a[i] for a in answers if a[i] >= 0] for split, answers in gold.items()}
            table.add_row(question, *(f"{sum(own):,} of {len(own):,}" for own in known.values()))
        yield table
    elif target.kind == "number":
        yield f"{name}: a number, {target.mean:g} ± {target.std:g} in training"
    else:
        lengths = [len(answer.split()) for answer in next(iter(gold.values()))]
        yield f"{name}: a sequence of {np.mean(lengths):.1f} words on average, {max(lengths)} at the most"


def _balance(name: str, counts: dict[str, Counter[str]]) -> Table:
    """How often each label occurs, frequent ones first."""
    total = sum(counts.values(), Counter[str]())
    table = Table(title=f"{name}: {len(total)} labels", title_justify="left")
    table.add_column("label")
    for split in counts:
        table.add_column(split, justify="right")
    for label, _ in total.most_common(LABELS):
        shares = (f"{own[label]:,} ({own[label] / max(1, own.total()):.1%})" for own in counts.values())
        table.add_row(label, *shares)
    if len(total) > LABELS:
        table.add_row(f"… {len(total) - LABELS} more", *("" for _ in counts))
    return table


def labels(answers: Iterable[Any]) -> Counter[str]:
    """How often each label occurs in answers for sets or for vectors; "" is no label."""
    found: Counter[str] = Counter()
    for answer in answers:
        found.update((answer,) if isinstance(answer, str) else answer)
    found.pop("", None)
    return found


def _vocabulary(data: Any) -> Iterable[str]:
    """What training knows of words, and how much of the rest it doesn't; or how wide vectors are."""
    spec = data.spec
    if "words" in spec.vocabularies and "source" not in spec.codecs:
        words = spec.vocabularies["words"]
        once = sum(count == 1 for count in words.counts)
        yield f"vocabulary: {len(words) - 1:,} words in training, {once:,} of them once"
        for name, split in data.splits.items():
            if name != "train":
                unseen = np.concatenate(split.slices()["unseen"])
                yield f"unknown words in {name}: {unseen.mean():.2%}"
    for name, codec in spec.codecs.items():
        yield f"{name} tokens: {len(codec):,}"
    if spec.features is not None:
        yield f"vectors of {spec.features} numbers"


def _samples(config: Config, data: Any, reporter: Reporter) -> None:
    """Three examples as a person would look at them; pictures of them go into a folder."""
    name, split = next(iter(data.splits.items()))
    folder = Path(config.outputs) / "data" / config.data.name
    drawn = []
    for i in range(min(SAMPLES, len(split))):
        reporter.say(told(split, i, data.spec))
        path = draw(split, i, data.spec, folder / f"{name}-{i + 1}")
        drawn += [] if path is None else [path]
    if drawn:
        reporter.say(f"Pictures of them: {', '.join(map(str, drawn))}")


def warnings(data: Any) -> list[str]:
    """What a user should know before training, besides what the loader says."""
    found = []
    contents = {}
    for name, split in data.splits.items():
        if len(split) < FEW:
            found.append(f"the {name} split has only {len(split)} examples: a score on it says little")
        contents[name] = _hashes(split)
    for other in ("validation", "test"):
        if "train" not in contents or other not in contents:
            continue
        shared = np.isin(contents[other], contents["train"])
        if shared.any():
            example = data.splits[other].keys[int(np.flatnonzero(shared)[0])]
            share = f"{int(shared.sum()):,} of {len(shared):,} examples"
            found.append(f"{share} of the {other} split occur in training, too, such as {example}")
    for target, known in data.spec.targets.items():
        if known.kind in ("class", "vector_classes"):
            rare = [label for label, count in zip(known.classes, known.counts, strict=True) if count == 0]
            if rare:
                found.append(f"{target}: no example in training of {', '.join(rare)}")
            elif len(known.classes) < 2:
                found.append(f"{target}: all training examples have the same label, {known.classes[0]}")
    return found


def _hashes(split: Any) -> NDArray[np.uint64]:
    """(n,): of what each example consists of."""
    found = np.empty(len(split), dtype=np.uint64)
    for i in range(len(split)):
        digest = hashlib.blake2b(split.content(i), digest_size=8).digest()
        found[i] = int.from_bytes(digest, "little")
    return found


def listing(quiet: bool = False) -> list[tuple[str, str]]:
    """What `attnlab data --list` does: every data set by name, with the first sentence that its file says of it."""
    found = []
    for name in compose.choices("data"):
        found.append((name, groups.sentence("data", name)))
    table = Table(show_header=False, box=None)
    for name, sentence in found:
        table.add_row(name, sentence)
    Reporter(quiet=quiet).table(table)
    return found
