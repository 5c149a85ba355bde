"""What a user should know of data before training on them, or before believing a score."""

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, takewhile
from typing import cast

import numpy as np
import torch

from attnlab.choices import listed
from attnlab.config import (
    AttentionEncoder,
    ClassificationHead,
    Config,
    CrossValidated,
    ParallelData,
    StridedConvolutionEmbedding,
    TableData,
    TextData,
)
from attnlab.data.contract import Data, Split
from attnlab.errors import UserError
from attnlab.metrics import NOT_SCORED, spans
from attnlab.plural import plural
from attnlab.spec import Target
from attnlab.targets import kind_named

FEW = 30
"""Examples below which a score on a split says little."""
FEW_LEARNED = 100
"""Training examples below which scores vary from seed to seed."""
RARE = 0.1
"""The share of an equal share of the training examples below which a class is rare."""

RARE_SPELLING = 5
"""How many times as frequent a class is as one that may be its misspelling, at the least."""
LONG_NAME, LONGEST_NAME = 5, 60
"""Letters from which two names that differ by one of them are likely meant to be the same, and of names that are compared."""
RARE_TYPE, SHORT_TYPE = 20, 3
"""The same of types of spans, whose names are short: how many times as frequent, and letters."""
REPEATED, MANY_ROWS = 4, 100
"""How often a text occurs on average, and rows, from which scores rest on few texts."""

LONG = 2000
"""Vectors of a set from which attention to all of it takes most of a step: a window of 64 is 6 times as fast at 5,000."""
PAIR_SECONDS = 5e-9
"""Of training, for each pair of vectors, head and layer, forward and backward, on one core: measured with sets of 5,000 and
20,000 vectors and heads of 16 numbers, on a processor with AVX-512. Scores of each pair take longer."""
SLOW = 600
"""Seconds an epoch from which a user is told beforehand."""


def warnings(
    data: Data, splits: Collection[str] = ("train", "validation", "test"), config: Config | None = None
) -> list[str]:
    """A sentence each, none twice: what the loader says, and what is found in these splits. config: of a run that is to
    learn these data, to which is told, too, what makes that hard and which keys help. Takes half a second for 100,000
    sentences."""
    learned = list(_digests(data.splits["train"])) if "train" in data.splits else []
    few = [] if config is None else list(_few_learned(data, config))
    told_already = ["train"] if few else []
    found = [*data.warnings, *few, *_few(data, [name for name in splits if name not in told_already])]
    found += [] if config is None else list(_numbers_as_words(data, config))
    found += _repeated(data, splits, learned)
    if "train" in splits and "train" in data.splits:
        found += [*_contradictory(data, learned), *_unvaried(data)]
        found += [] if config is None else [*_few_texts(data, config), *_rare(data, config), *_slow(data, config)]
    named = _column(config)
    return list(
        dict.fromkeys(
            f"{named}{told.removeprefix('label')}" if told.startswith("label: ") else told for told in found
        )
    )


def _column(config: Config | None) -> str:
    """What the user calls the target `label`: the column that holds it."""
    column = config.data.label if config is not None and isinstance(config.data, TableData) else None
    return column if isinstance(column, str) else "label"


def refuse_unanswered(data: Data) -> None:
    """Raises UserError where no example in training says what is right, as training does."""
    unanswered = [name for name, target in data.spec.targets.items() if _has_no_class(target)]
    if unanswered and len(unanswered) == len(data.spec.targets):
        raise UserError(f"`head.target={unanswered[0]}`: no label in the training data says what is right")


def _has_no_class(target: Target) -> bool:
    return kind_named(target.kind).has_labels and not target.classes


def _few(data: Data, splits: Collection[str]) -> Iterator[str]:
    for name, split in data.splits.items():
        if name in splits and split.answered and len(split) < FEW:
            yield f"the {name} split has only {plural(len(split), 'example')}: a score on it says little"


def _few_learned(data: Data, config: Config) -> Iterator[str]:
    """Few examples to learn from. Of a single graph, its nodes are what is learned."""
    count = len(data.splits["train"]) if "train" in data.splits else 0
    if 1 < count < FEW_LEARNED:
        folds = (
            ", `data.folds=5` tests on every example"
            if count >= 10 and data.unnamed and _has_folds(config)
            else ""
        )
        yield (
            f"there are only {count} training examples: scores will vary from seed to seed; `-m seed=1,2,3` shows how "
            f"much{folds}"
        )


def _numbers_as_words(data: Data, config: Config) -> Iterator[str]:
    """Texts of a table that are numbers alone, by the first of them."""
    if not isinstance(config.data, TableData) or "train" not in data.splits:
        return
    train = data.splits["train"]
    shown = [cast(Sequence[str], train.show(i).get("words", ())) for i in range(min(len(train), MANY_ROWS))]
    if len(shown) > 1 and all(map(_is_number, (word for words in shown for word in words))):
        texts = " and ".join(f"`{name}`" for name in config.data.texts)
        yield f"{texts}: only numbers, which are read as words; attnlab has no numeric features in tables"


def _is_number(word: str) -> bool:
    """Whether a word is a number, or what tokenizing leaves of one: a sign, a point."""
    if word == "<sep>":  # stands between the words of several columns
        return True
    return not any(character.isalpha() for character in word) and (word in "-+.,%" or any(map(str.isdigit, word)))


def _few_texts(data: Data, config: Config) -> Iterator[str]:
    """A table with the same texts again and again: rows that are no examples of their own."""
    if not isinstance(config.data, TableData):
        return
    rows = sum(map(len, data.splits.values()))
    if rows < MANY_ROWS:
        return
    different = len({digest for split in data.splits.values() for digest in _digests(split)})
    if different * REPEATED <= rows:
        kept = "equal texts stay in one split, so " if data.unnamed else ""
        texts = f"{plural(different, 'different text')} in {rows:,} rows"
        yield f"{texts}; {kept}scores rest on few of them"


def _has_folds(config: Config) -> bool:
    """Whether `data.folds` may be set, and isn't yet."""
    data = config.data
    return isinstance(data, CrossValidated) and data.folds is None and not [*replace(data, folds="5").problems()]


def _rare(data: Data, config: Config) -> Iterator[str]:
    """Classes of which there are far fewer examples than of others, which accuracy hardly shows. Tags of words are so by
    nature, and nothing is said of them."""
    head = config.head
    for name, target in data.spec.targets.items():
        if target.kind != "class" or head.target not in (None, name):
            continue
        total = sum(target.counts)
        rare = sorted((n, label) for label, n in zip(target.classes, target.counts, strict=True) if n)
        rare = [(n, label) for n, label in rare if n < RARE * total / len(target.classes)]
        if not rare or (isinstance(head, ClassificationHead) and head.class_weights == "balanced"):
            continue
        count, label = rare[0]
        share = f"{100 * count / total:.2f}" if count >= total / 10_000 else "less than 0.01"
        have = "has" if len(rare) == 1 else "have"
        yield (
            f"{name}: {len(rare):,} of {len(target.classes):,} classes {have} less than a tenth of an equal share, the "
            f"rarest `{label}`: {count:,} of {total:,} training examples ({share} %); `head.class_weights=balanced` gives "
            "every class the same weight"
        )


def _slow(data: Data, config: Config) -> Iterator[str]:
    """Attention of long sets to all of themselves, which takes time, if little memory: `auto` keeps no large table of
    pairs. Nothing is known of GPUs."""
    encoder, trainer = config.encoder, config.trainer
    on_gpu = trainer.device == "cuda" or (trainer.device == "auto" and torch.cuda.is_available())
    if on_gpu or not isinstance(encoder, AttentionEncoder) or data.spec.num_coords > 1:
        return
    scopes = listed(encoder.scope)
    full = sum(scopes[i % len(scopes)] == "full" for i in range(encoder.depth))
    stride = config.embedding.stride if isinstance(config.embedding, StridedConvolutionEmbedding) else 1
    lengths = data.splits["train"].lengths
    lengths = -(-lengths.reshape(len(lengths), -1)[:, 0] // stride)
    pairs = float((lengths[lengths >= LONG].astype(np.float64) ** 2).sum())
    threads = trainer.threads or torch.get_num_threads()
    seconds = PAIR_SECONDS * pairs * encoder.heads * full / threads
    if seconds >= SLOW:
        keys = "encoder.scope=window:64" if data.spec.num_coords else "encoder.scope=edges"
        cut = (
            ", or `data.max_length=1000 data.too_long=cut`,"
            if isinstance(config.data, TextData | ParallelData)
            else ""
        )
        yield (
            f"sets of up to {lengths.max():,} vectors, each of which attends to all: about {seconds / 60:,.0f} minutes an "
            f"epoch or more on {plural(threads, 'thread')}; `{keys}`{cut} takes a fraction of it"
        )


def _repeated(data: Data, splits: Collection[str], learned: Sequence[bytes]) -> Iterator[str]:
    """Examples that are trained on and tested. learned: the digests of training examples."""
    in_training = set(learned)
    for other in (name for name in ("validation", "test") if name in splits and name in data.splits):
        split = data.splits[other]
        shared = [i for i, digest in enumerate(_digests(split)) if digest in in_training]
        if shared:
            part = f"{len(shared):,} of {plural(len(split), 'example')}"
            yield f"{part} of the {other} split occur in training, too, such as {split.keys[shared[0]]}"


def _contradictory(data: Data, learned: Sequence[bytes]) -> Iterator[str]:
    """Training examples that are equal, but not their classes. learned: the digests of training examples."""
    train = data.splits["train"]
    for name, target in data.spec.targets.items():
        if target.kind != "class":
            continue
        first = dict[bytes, str]()
        labels = zip(learned, cast(Sequence[str], train.gold(name)), strict=True)
        again = [
            i for i, (digest, label) in enumerate(labels) if label and first.setdefault(digest, label) != label
        ]
        if again:
            repeat = "repeats" if len(again) == 1 else "repeat"
            part = plural(len(again), "training example")
            yield f"{name}: {part} {repeat} an earlier one with another label, such as {train.keys[again[0]]}"


def _digests(split: Split) -> Iterator[bytes]:
    """What each example consists of, in eight bytes."""
    return (hashlib.blake2b(split.content(i), digest_size=8).digest() for i in range(len(split)))


def _alike(name: str, target: Target) -> Iterator[str]:
    """Classes that somebody may have meant to be one; letters and other single characters are no such names. Of whole sets,
    also those that differ by a letter where one of them is rare; tags of words do so by nature."""
    counts = dict(zip(target.classes, target.counts or [0] * len(target.classes), strict=True))
    spellings = dict[str, list[str]]()
    for label in target.classes:
        if len(label) > 1:
            key = " ".join(unicodedata.normalize("NFKC", label).casefold().split())
            spellings.setdefault(key, []).append(label)

    def shown(labels: Iterable[str]) -> str:
        return " and ".join(f"`{label}` ({counts[label]:,})" for label in labels)

    alike = [labels for labels in spellings.values() if len(labels) > 1]
    if alike:
        more = f" ({len(alike):,} such names)" if len(alike) > 1 else ""
        differ = "classes that differ only in capitals or white space are different classes"
        yield f"{name}: {differ}: {shown(alike[0])}{more}"
    if target.kind != "class":
        return
    totals = {key: sum(counts[label] for label in labels) for key, labels in spellings.items()}
    slips = [pair for pair in _a_letter_apart(totals) if RARE_SPELLING * totals[pair[1]] <= totals[pair[0]]]
    if slips:
        more = f" ({len(slips):,} such pairs)" if len(slips) > 1 else ""
        usual, rare = (spellings[key] for key in slips[0])
        yield (
            f"{name}: a class that differs by one letter from a frequent one may be a misspelling: "
            f"{shown(rare)} beside {shown(usual)}{more}"
        )


def _a_letter_apart(counts: Mapping[str, int], shortest: int = LONG_NAME) -> Iterator[tuple[str, str]]:
    """(the more frequent, the rarer) of each two names of which one becomes the other by one letter that is added, left
    out, replaced, or exchanged with the next. Names below `shortest`, and digits, tell classes apart by a letter."""
    shortened = dict[
        str, list[str]
    ]()  # two such names have a form in common from which at most a letter is left out
    for name in (name for name in counts if shortest <= len(name) <= LONGEST_NAME):
        for form in {name, *(name[:i] + name[i + 1 :] for i in range(len(name)))}:
            shortened.setdefault(form, []).append(name)
    pairs = {tuple(sorted(pair)) for names in shortened.values() for pair in combinations(names, 2)}
    for one, other in sorted(pairs):
        start = _equal_letters(one, other)
        end = _equal_letters(one[start:][::-1], other[start:][::-1])
        rests = one[start : len(one) - end], other[start : len(other) - end]
        by_one = max(map(len, rests)) == 1 or (len(rests[0]) == 2 and rests[0] == rests[1][::-1])
        if by_one and "".join(rests).isalpha():
            yield (one, other) if counts[one] >= counts[other] else (other, one)


def _equal_letters(one: str, other: str) -> int:
    """How many letters two names have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _odd_tags(name: str, target: Target, train: Split) -> Iterator[str]:
    """Tags without B- or I- among those of spans, which turn the scores of spans off; and rare types of spans that may be
    misspellings of frequent ones."""
    if target.kind != "vector_classes":
        return
    counts = {label: n for label, n in zip(target.classes, target.counts, strict=True) if n}
    marked = {
        label: n for label, n in counts.items() if label != spans.OUTSIDE and spans.are_tags([f"B-{label}", label])
    }
    plain = {label: n for label, n in counts.items() if label != spans.OUTSIDE and label not in marked}
    if not spans.are_tags(marked) or sum(marked.values()) <= sum(plain.values()):
        return
    for label, n in plain.items():
        times = f" ({n:,} times)" if n > 1 else ""
        yield f"{_first(label, name, train)}: tag `{label}` has no B- or I-{times}, so spans aren't scored"
    types = dict[str, int]()
    for label, n in marked.items():
        types[label[2:]] = types.get(label[2:], 0) + n
    for usual, rare in _a_letter_apart(types, SHORT_TYPE):
        if RARE_TYPE * types[rare] <= types[usual]:
            slip = next(label for label in marked if label[2:] == rare)
            yield (
                f"{name}: a type of spans that differs by one letter from a frequent one may be a misspelling: `{rare}` "
                f"({types[rare]:,}) beside `{usual}` ({types[usual]:,}); `{slip}` is at {_first(slip, name, train)}"
            )


def _first(label: str, name: str, train: Split) -> str:
    """Where a tag stands first: the key of its sentence, and the word's number there."""
    for key, tags in zip(train.keys, cast(Sequence[Sequence[str]], train.gold(name)), strict=True):
        if label in tags:
            return f"{key}, word {list(tags).index(label) + 1}"
    raise AssertionError("training has every class that it has counted")


def _unbegun(name: str, target: Target, train: Split) -> Iterator[str]:
    """Tags I- that begin a span, as all but few do in IOB1, where B- only parts a span from one of its type before it."""
    letters = {label[:1] for label in target.classes}
    if (
        target.kind != "vector_classes"
        or not {spans.FIRST, spans.INSIDE} <= letters
        or not spans.are_tags(target.classes)
    ):
        return
    gold = cast(Sequence[Sequence[str]], train.gold(name))
    unbegun = [spans.unfounded(tags, NOT_SCORED) for tags in gold]
    if not any(unbegun):
        return
    count, total = sum(unbegun), sum(1 for tags in gold for _ in spans.spans(tags))
    where = f"such as {train.keys[next(i for i, times in enumerate(unbegun) if times)]}"
    if 2 * count > total:
        yield (
            f"{name}: {count:,} of {total:,} spans in training begin with I-, {where}, as in IOB1, where B- only parts a span "
            "from one of its type before it; they are read so"
        )
    else:
        tags = f"{count:,} tags I- follow" if count > 1 else "1 tag I- follows"
        yield f"{name}: in training, {tags} neither B- nor I- of the same type, {where}; each is read as the beginning of a span"


def _unvaried(data: Data) -> Iterator[str]:
    """Targets of which training cannot tell right answers from others."""
    for name, target in data.spec.targets.items():
        if target.kind == "classes":
            yield from _same_answers(data, name, target)
        elif kind_named(target.kind).has_labels:
            yield from _alike(name, target)
            yield from _unbegun(name, target, data.splits["train"])
            yield from _odd_tags(name, target, data.splits["train"])
            rare = [label for label, count in zip(target.classes, target.counts, strict=True) if count == 0]
            if not target.classes:
                yield f"{name}: no label in the training data says what is right"
            elif rare:
                yield f"{name}: no example in training of {', '.join(rare)}"
            elif len(target.classes) == 1:
                yield f"{name}: all training examples have the same label, {target.classes[0]}"
        elif not kind_named(target.kind).per_vector:
            answers = data.splits["train"].gold(name)
            if len(answers) > 1 and all(answer == answers[0] for answer in answers):
                yield f"{name}: all training examples have the same answer, {str(answers[0])[:60]}"


def _same_answers(data: Data, name: str, target: Target) -> Iterator[str]:
    """Questions that are never answered, or always alike."""
    rows = np.array(list(data.splits["train"].gold(name))).reshape(-1, len(target.classes))
    answers = {-1: "unknown", 0: "no", 1: "yes"}
    for question, column in zip(target.classes, rows.T, strict=True):
        known = sorted({int(answer) for answer in np.unique(column)} - {-1}) or [-1]
        if len(known) == 1:
            yield f"{name}: in training, the answer to `{question}` is always {answers[known[0]]}"
