"""What a page of `attnlab inspect` shows of one set in one run: the answer, every layer's weights, and what the answer is due to.

Letters: L vectors · H heads · K width of a head · Lq queries and Lk keys of a layer · M tokens written · C classes · G points of a curve.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from attnlab.codec import END
from attnlab.config import Seq2seqHead
from attnlab.data.contract import GivenSplit, Gold, Split
from attnlab.errors import UserError
from attnlab.explain.explain import explain
from attnlab.explain.explanation import METHODS, Explanation, Numbers, Question, Relevance
from attnlab.explain.question import contrast, default_question, written_answer, written_sets
from attnlab.explain.trace import LayerPass, lens, numbers
from attnlab.explain.trace import run as passes_of
from attnlab.lab.inspect.drawn import Drawn, drawn
from attnlab.lab.inspect.drawn_set import readable
from attnlab.model.build import Model
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.pages.page import Array, Json
from attnlab.sets import Prediction, VectorSets
from attnlab.targets import kind_named
from attnlab.training.run import Run

WHOLE = 1 << 20
"""Weights that a page holds one by one, in all its layers; of more, only the largest of each row."""
LONGEST_WHOLE = 256
"""Keys up to which a row is held as it is."""
MOST_KEPT, LEAST_KEPT = 32, 4
"""Of a row that isn't held as it is, how many of its largest weights are."""
KEPT = 700_000
"""Such weights in all layers."""
FOLLOWED = 250_000
"""Numbers of queries, keys and values that a page holds; of larger sets, none can be followed."""
LENS = 60_000
"""Logits after each layer."""
OTHERS = 8
"""Classes or tokens that an answer could have been."""
STATISTICS = 5
"""Of each head: entropy, distance, share on itself, on neighbours, largest weight; as `inspect.js` names them."""

Facts = Mapping[str, Json]
Ranks = list[tuple[str, float]]
"""Names with their probabilities, best first."""


@dataclass(frozen=True)
class VectorAnswer:
    """What one vector is. right: what it should be, where that is known. others: the likeliest answers."""

    text: str
    probability: float | None
    others: Ranks
    right: str | None


@dataclass(frozen=True)
class Step:
    """A token that was written, the probability that it had then, and what else it could have been."""

    token: str
    probability: float
    others: Ranks


@dataclass(frozen=True)
class HeadNumber:
    """A head of a layer, both counted from 0. score: by which it was chosen among others."""

    layer: int
    head: int
    score: float


@dataclass(frozen=True)
class Answered:
    """An answer as a person reads it. text: in a line; probability: of the class or sequence that it is, None for other answers.
    told: what else there is to say of it, a sentence each. unknown: words that training never saw. classes: of the set; answers: of
    each vector; written: of a sequence, each token."""

    text: str
    probability: float | None
    told: list[str]
    unknown: list[str]
    classes: Ranks
    answers: list[VectorAnswer]
    written: list[Step]


@dataclass(frozen=True, eq=False)
class Content:
    """One set in one run. facts, arrays: what `inspect.js` reads; weights: as they were computed, by the names of layers."""

    line: str
    facts: Facts
    arrays: Mapping[str, Array]
    weights: Mapping[str, Numbers] = field(default_factory=dict)


# --- the answer -------------------------------------------------------------------------------------


def answered(
    model: Model, prediction: Prediction, split: Split, row: int, labels: Sequence[str], written: Sequence[int],
    inputs: VectorSets,
) -> Answered:  # fmt: skip
    """The answer about example `row` of a split, whose L vectors have these labels. written: of a sequence, the ids of its tokens."""
    kind = kind_named(model.head.kind)
    right = split.gold(model.head.target)[row] if split.answered else None
    told = list[str]()
    classes, answers = Ranks(), list[VectorAnswer]()
    if kind.per_vector:
        answers = _of_vectors(prediction, right)
        text = " ".join(answer.text for answer in answers[:40]) + (" …" if len(answers) > 40 else "")
        wrong = [i for i, answer in enumerate(answers) if answer.right not in (None, "", answer.text)]
        if right is not None:
            named = ", ".join(f"“{labels[i]}” is {answers[i].right}" for i in wrong[:10])
            told.append(
                f"{len(answers) - len(wrong)} of {len(answers)} are right" + (f": {named}" if wrong else "")
            )
    else:
        text = _text(model, prediction.value)
        found = prediction.probabilities
        if isinstance(found, Mapping):
            classes = sorted(found.items(), key=lambda item: -item[1])[:OTHERS]
        if kind.name == "class" and isinstance(prediction.probability, float):
            told.append(f"probability {prediction.probability:.3f}")
        if right is not None and right != "":
            told.append(f"the right answer is {_text(model, right)}")
        told += [f"it could also have been: {value} ({p:.3g})" for value, p in prediction.alternatives]
        if not prediction.complete:
            told.append("the answer was cut because it became too long")
    unknown = list(dict.fromkeys(split.unknown_words(row))) if isinstance(split, GivenSplit) else []
    if unknown:
        told.append(f"never seen in training: {', '.join(unknown)}")
    steps = _steps(model, inputs, written) if isinstance(model.head, Seq2seq) else []
    has_one = kind.name in ("class", "sequence") and isinstance(prediction.probability, float)
    probability = prediction.probability if has_one and isinstance(prediction.probability, float) else None
    return Answered(text, probability, told, unknown, classes, answers, steps)


def _text(model: Model, value: Gold) -> str:
    """An answer, or a right one, about a whole set."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    yes = [name for name, answer in zip(model.head.classes, value, strict=True) if answer == 1]
    return ", ".join(yes) or "none"


def _of_vectors(prediction: Prediction, right: Gold | None) -> list[VectorAnswer]:
    assert not isinstance(prediction.value, str | float), "an answer for each vector"
    count = len(prediction.value)
    assert not isinstance(right, str | float), "an answer for each vector"
    ranks = prediction.probabilities
    listed = [dict[str, float]()] * count if ranks is None or isinstance(ranks, Mapping) else list(ranks)
    probabilities = prediction.probability if isinstance(prediction.probability, Sequence) else [None] * count
    rights = [None] * count if right is None else [str(one) for one in right]
    return [
        VectorAnswer(
            f"{value:.6g}" if isinstance(value, float) else str(value), probability,
            sorted(rank.items(), key=lambda item: -item[1])[:OTHERS], known,
        )
        for value, probability, rank, known in zip(prediction.value, probabilities, listed, rights, strict=True)
    ]  # fmt: skip


@torch.no_grad()
def _steps(model: Model, inputs: VectorSets, written: Sequence[int]) -> list[Step]:
    """Each written token with what the decoder thought of it when the ones before it stood there."""
    head = model.head
    assert isinstance(head, Seq2seq)
    if not written:
        return []
    model.eval()
    encoded = model.encode(inputs)
    logits = head.decoder.logits(head.decoder(written_sets(written[:-1]).to(encoded.values.device), encoded))
    probabilities = logits.double().softmax(-1).cpu()
    best = probabilities.topk(min(OTHERS, probabilities.shape[1]))
    names = token_names(head)
    return [
        Step(
            names[token], float(probabilities[i, token]),
            [(names[other], p) for other, p in zip(best.indices[i].tolist(), best.values[i].tolist(), strict=True)],
        )
        for i, token in enumerate(written)
    ]  # fmt: skip


def token_names(head: Seq2seq) -> list[str]:
    """How the tokens of answers are shown: as `readable` says, and the end by what it means."""
    return ["(end)" if token == END else readable(token) for token in head.codec.tokens]


# --- layers -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Layers:
    """Every attention layer as the page holds it."""

    facts: list[Facts]
    arrays: dict[str, Array]
    weights: dict[str, Numbers]
    chosen: HeadNumber | None
    alignment: HeadNumber | None
    told: list[str]
    unfollowed: str


def layers_of(
    model: Model, inputs: VectorSets, written: Sequence[int], keep_weights: bool, whose: str
) -> tuple[Layers, list[LayerPass]]:
    """What each attention layer computes for one set, and the passes themselves. written: of a sequence, the ids of its tokens.
    keep_weights: also as they were computed. whose: what the set is called. Raises UserError for sets that are too long for a page."""
    done = passes_of(model, inputs, written[:-1])
    shapes = [(one.layer.heads, len(one.q), len(one.k)) for one in done]
    rows = sum(heads * queries for heads, queries, _ in shapes)
    whole = sum(math.prod(shape) for shape in shapes) <= WHOLE
    kept = min(MOST_KEPT, KEPT // max(1, rows))
    if not whole and kept < LEAST_KEPT:
        longest = max(max(queries, keys) for _, queries, keys in shapes)
        heads = sum(heads for heads, _, _ in shapes)
        most = KEPT // LEAST_KEPT // heads
        raise UserError(
            f"{whose}: {longest:,} vectors in {heads} heads are more than a page holds; give at most {most:,} of them"
        )
    follow = sum(one.q.numel() + one.k.numel() + one.v.numel() for one in done) <= FOLLOWED
    facts, arrays, weights, told = list[Facts](), dict[str, Array](), dict[str, Numbers](), list[str]()
    encoding, aligning = list[HeadNumber](), list[HeadNumber]()
    for number, one in enumerate(done):
        table = numbers(one.weights())
        heads, queries, keys = table.shape
        full = whole and keys <= LONGEST_WHOLE
        arrays |= _whole(number, table) if full else _largest(number, table, kept if not whole else MOST_KEPT)
        arrays[f"statistics/{number}"] = _statistics(one, table)
        if follow:
            arrays |= _followed(number, one, table)
        if keep_weights:
            weights[one.name] = table
        facts.append(
            {
                "name": one.name, "kind": one.kind, "number": one.number, "scope": one.scope, "heads": heads,
                "queries": queries, "keys": keys, "error": one.error(torch.from_numpy(table).to(one.v)),
            }
        )  # fmt: skip
        for h in range(heads):
            if one.kind == "encoder":  # of the last layer, the head that chooses most
                encoding.append(HeadNumber(number, h, number - float(arrays[f"statistics/{number}"][h, 0])))
            if one.kind == "cross":
                aligning.append(HeadNumber(number, h, alignment_score(table[h])))
    if not whole or any(f"index/{number}" in arrays for number in range(len(done))):
        told.append("Of each row of weights, this page holds the largest, and the sum of the others.")
    unfollowed = "" if follow else "This set is too large for its queries, keys and values to be held on the page."
    chosen = max(encoding, key=lambda head: head.score, default=None)
    aligned = max(aligning, key=lambda head: head.score, default=None)
    return Layers(facts, arrays, weights, chosen, aligned, told, unfollowed), done


def alignment_score(weights: Numbers) -> float:
    """Of (Lq, Lk): how certain its rows are (the mean of their largest weights), times how many different keys these are, as a
    share of as many as there could be. 1: each query looks at one key, and no two at the same."""
    queries, keys = weights.shape
    if not queries or not keys:
        return 0.0
    return float(weights.max(-1).mean()) * len(set(weights.argmax(-1).tolist())) / min(queries, keys)


def _whole(number: int, table: Numbers) -> dict[str, Array]:
    return {f"weights/{number}": table.astype(np.float16)}


def _largest(number: int, table: Numbers, kept: int) -> dict[str, Array]:
    """index, value (H, Lq, kept) of the largest weights, in order of their places, and rest (H, Lq): the sum of the others."""
    kept = min(kept, table.shape[2])
    places = np.argpartition(-table, kept - 1, axis=-1)[..., :kept]
    places.sort(axis=-1)
    values = np.take_along_axis(table, places, axis=-1)
    rest = np.clip(table.sum(-1) - values.sum(-1), 0.0, None)
    return {
        f"index/{number}": places.astype(np.int32), f"value/{number}": values.astype(np.float16),
        f"rest/{number}": rest.astype(np.float16),
    }  # fmt: skip


def _statistics(one: LayerPass, table: Numbers) -> NDArray[np.float16]:
    """(H, STATISTICS), means over the queries; NaN for what a layer does not have."""
    heads, queries, keys = table.shape
    found = np.full((heads, STATISTICS), np.nan, dtype=np.float32)
    if not queries or not keys:
        return found.astype(np.float16)
    allowed = one.part.allowed.expand(queries, keys).sum(-1).cpu().numpy()
    entropy = -(table * np.log(np.maximum(table, 1e-12))).sum(-1)  # (H, Lq)
    wide = allowed > 1
    if wide.any():
        found[:, 0] = (entropy[:, wide] / np.log(allowed[wide])).mean(-1)
    found[:, 4] = table.max(-1).mean(-1)
    if one.kind != "cross":
        found[:, 2] = np.diagonal(table, axis1=1, axis2=2).mean(-1)
        coords = one.plan.queries.known_coords
        if coords is not None and coords.shape[1] and coords.shape[1] <= 2:
            distances = torch.cdist(coords.float(), coords.float()).cpu().numpy()
            found[:, 1] = (table * distances).sum(-1).mean(-1)
            step = distances[distances > 0].min() if (distances > 0).any() else 1.0
            found[:, 3] = (table * ((distances > 0) & (distances < 1.01 * step))).sum(-1).mean(-1)
    return found.astype(np.float16)


def _followed(number: int, one: LayerPass, table: Numbers) -> dict[str, Array]:
    """What it takes to follow any query of a layer: queries, keys and values (H, L, K); sums (H, Lq), the logarithms of the softmax's
    denominators, so that score = log weight + sum; adds (H, Lq), the length of what each head adds; before, after (Lq), those of the
    residual stream."""
    scores = numbers(one.scores())
    with np.errstate(invalid="ignore"):
        most = scores.max(-1)
        sums = most + np.log(np.exp(scores - most[..., None]).sum(-1))
    outputs = np.einsum("hij,jhk->ihk", table, numbers(one.v))
    adds = np.linalg.norm(np.einsum("ihk,hkd->ihd", outputs, numbers(one.head_matrices)), axis=-1)
    before, after = numbers(one.stream), numbers(one.stream + one.output)
    return {
        f"queries/{number}": numbers(one.q).transpose(1, 0, 2).astype(np.float16),
        f"keys/{number}": numbers(one.k).transpose(1, 0, 2).astype(np.float16),
        f"values/{number}": numbers(one.v).transpose(1, 0, 2).astype(np.float16),
        f"sums/{number}": np.nan_to_num(sums, nan=0.0, neginf=0.0).astype(np.float16),
        f"adds/{number}": adds.T.astype(np.float16),
        f"before/{number}": np.linalg.norm(before, axis=-1).astype(np.float16),
        f"after/{number}": np.linalg.norm(after, axis=-1).astype(np.float16),
    }  # fmt: skip


@torch.no_grad()
def lenses(model: Model, inputs: VectorSets, done: Sequence[LayerPass]) -> Numbers | None:
    """(encoder layers, L or 1, C): what the head would answer behind each layer, feed-forward included, through the last norm; behind
    the last, the answer's own logits. None where another encoder, or another head, has no such."""
    own = [one for one in done if one.kind == "encoder"]
    head = model.head
    if not own or lens(model, inputs, own[0]) is None or not head.classes:
        return None
    if len(own) * len(own[0].q) * len(head.classes) > LENS:
        return None
    behind = [lens(model, inputs, one) for one in own]
    return np.stack([numbers(outputs) for outputs in behind if outputs is not None])


# --- explanations -----------------------------------------------------------------------------------


def explained(explanation: Explanation | None) -> tuple[Facts, dict[str, Array]]:
    """What the page holds of an explanation, with a sentence on which method is to be believed."""
    if explanation is None:
        return {"methods": [], "best": None, "verdict": "", "value": 0.0, "explained_probability": None}, {}
    found = sorted(explanation.relevances.values(), key=lambda one: one.deletion_area)
    arrays: dict[str, Array] = {
        "shares": explanation.shares.astype(np.float32),
        "scores": np.stack([one.scores for one in found]).astype(np.float32),
        "deletion": np.stack([one.deletion for one in found]).astype(np.float16),
        "insertion": np.stack([one.insertion for one in found]).astype(np.float16),
        "without": explanation.without.astype(np.float32),
    }
    facts: Facts = {
        "methods": [_method(one) for one in found], "best": explanation.best, "verdict": verdict(explanation),
        "value": _finite(explanation.value), "explained_probability": _finite(explanation.probability),
    }  # fmt: skip
    return facts, arrays


def _method(one: Relevance) -> Facts:
    numbers = {
        "deletion_area": one.deletion_area, "insertion_area": one.insertion_area, "comprehensiveness": one.comprehensiveness,
        "sufficiency": one.sufficiency, "completeness": one.completeness, "found": one.found,
    }  # fmt: skip
    named: Facts = {"name": one.method, "sentence": METHODS[one.method], "signed": one.signed}
    return {**named, **{name: _finite(number) for name, number in numbers.items()}}


CLEARLY = 0.1
"""A method is said to be better than a random order where its area is smaller than that by this share of it."""
ONE = {"words": "word", "sound": "moment", "picture": "patch", "graph": "node"}
"""What a vector is to a reader, by the kind of its drawing."""


def verdict(explanation: Explanation) -> str:
    """Which method explains this answer best, or that none is clearly better than a random order: none has an area under the deletion
    curve that is smaller than the random order's, the mean of several, by `CLEARLY` of it. Methods with the best one's area, in the digits that
    the table shows, are named with it."""
    areas = {name: round(one.deletion_area, 3) for name, one in explanation.relevances.items()}
    chance = areas.get("random", math.nan)
    tested = [name for name in areas if name not in ("random", "position")]
    best = explanation.best
    if best is None or not areas[best] <= (1 - CLEARLY) * chance:
        least = min((areas[name] for name in tested), default=math.nan)
        return (
            f"None is clearly better than a random order on this input (smallest area under the deletion curve {least:.3f}; "
            f"random order {chance:.3f}): none of these explanations should be believed here."
        )
    equals = [_called(name) for name in tested if name != best and areas[name] == areas[best]]
    too = f", and {', '.join(equals)}, equally" if equals else ""
    said = (
        f"{METHODS[best].partition(':')[0]} explains this answer best{too}: when vectors are taken out in its order, the "
        f"probability falls fastest (area {areas[best]:.3f}; random order {chance:.3f})."
    )
    if best != "attention" and "attention" in areas and _called("attention") not in equals:
        place = 1 + sum(areas[name] < areas["attention"] for name in tested)
        better = areas["attention"] <= (1 - CLEARLY) * chance
        told = f"number {place} of {len(tested)}" if better else "not clearly better than a random order"
        said += f" Raw attention weights are {told} ({areas['attention']:.3f})."
    return said


def _called(method: str) -> str:
    """A method's name within a sentence, as in the table."""
    name = METHODS[method].partition(":")[0]
    return name[0].lower() + name[1:]


@dataclass(frozen=True)
class Asked:
    """What is explained, in words. text: in a sentence; option: of the command, by which another vector or token is asked about;
    subject: for headings; curve: what is drawn while vectors are taken out."""

    text: str
    option: str
    subject: str
    curve: str


def asked(model: Model, question: Question, labels: Sequence[str], names: Sequence[str]) -> Asked:
    """names: of classes, or of tokens."""
    whose, option = "", ""
    if question.vector is not None:
        number = question.vector + 1
        label = labels[question.vector]
        numbered = "" if label.endswith(f"#{number}") else f" ({number})"
        whose, option = f" for “{label}”{numbered}", "--vector"
    if not names or "number" in kind_named(model.head.kind).name:
        changed = "e^−|change of the answer|, in standard deviations of the numbers in training"
        return Asked(f"What is explained: the number{whose}.", option, f"the number{whose}", changed)
    if isinstance(model.head, Seq2seq):
        whose, option = f" as token {len(question.written) + 1} of the answer", "--token"
    answer = f"“{names[question.answer]}”"
    if question.against is not None:
        against = f"“{names[question.against]}”"
        return Asked(
            f"What is explained: why {answer} and not {against}{whose}, by the difference of their logits.", option,
            f"why {answer} and not {against}{whose}", f"probability of {answer}, if there were only {answer} and {against}",
        )  # fmt: skip
    said = f"What is explained: the log-probability of {answer}{whose}."
    return Asked(said, option, f"{answer}{whose}", f"probability of {answer}{whose}")


# --- all of it --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """What is to be looked at. vector, token: which one is asked about, from 0; None: the least certain. why, instead: a class, or token,
    and another one that it is compared with. keep_weights: also the weights as they were computed."""

    vector: int | None = None
    token: int | None = None
    why: str | None = None
    instead: str | None = None
    keep_weights: bool = False


def looked_into(run: Run, split: Split, row: int, wanted: Wanted, whose: str) -> Content:
    """Example `row` of a split, as a run answers about it. whose: what it is called. Raises UserError for what cannot be asked about it,
    and for a set that is too long for the model or for a page."""
    model = run.model
    _refuse_unfitting(model, wanted)
    batch = split.batch(np.array([row])).to(run.engine.device)
    inputs = batch.inputs
    (prediction,) = predicted(run, split, row)
    written = written_answer(model, inputs)
    question = default_question(model, inputs, wanted.vector, wanted.token, written or None)
    question = contrast(model, question, wanted.why, wanted.instead) if wanted.why or wanted.instead else question
    shown = drawn(run, split, row, batch.inputs)
    layers, done = layers_of(model, inputs, written, wanted.keep_weights, whose)
    told = answered(model, prediction, split, row, shown.labels, written, inputs)
    evidence = known_evidence(model, split, row, question, prediction)
    found = explain(model, inputs, question, evidence) if len(shown.labels) else None
    notes = ["Of several members, weights are those of the first."] if len(model.members) > 1 else []
    if found is not None and found.empty is not None:
        notes.append(f"For a set without any vector, the probability of the answer would be {found.empty:.3f}.")
    named = bool(wanted.why or wanted.instead)
    return _assembled(
        model,
        told,
        shown,
        layers,
        lenses(model, inputs, done),
        found,
        question,
        named,
        evidence or [],
        notes,
        whose,
    )


def _refuse_unfitting(model: Model, wanted: Wanted) -> None:
    """Raises UserError for a vector or token that nothing is answered about."""
    kind = kind_named(model.head.kind)
    if wanted.vector is not None and not kind.per_vector:
        raise UserError(
            f"`--vector {wanted.vector + 1}`: this run gives one answer for the whole input; leave the option out"
        )
    if wanted.token is not None and not isinstance(model.head, Seq2seq):
        raise UserError(f"`--token {wanted.token + 1}`: this run writes no sequence; leave the option out")


def predicted(run: Run, split: Split, row: int) -> list[Prediction]:
    """The answer about one example, with other ones where the head searches for several."""
    head = run.config.head
    if isinstance(head, Seq2seqHead) and head.temperature is None:
        head.n_best = head.beam  # the model's head has the same object
    batch = split.batch(np.array([row])).to(run.engine.device)
    return run.model.eval().predict(batch.inputs)


def known_evidence(
    model: Model, split: Split, row: int, question: Question, prediction: Prediction
) -> list[int] | None:
    """The vectors that are known to decide what is asked about; None where the data don't know, or a sequence isn't the right one."""
    marks = split.evidence(row)
    if marks is None:
        return None
    if isinstance(model.head, Seq2seq):
        right = split.gold(model.head.target)[row] == prediction.value and len(question.written) < len(marks)
        return np.flatnonzero(marks[len(question.written)]).tolist() or None if right else None
    if marks.ndim == 2:
        marks = marks[question.vector or 0]
    return np.flatnonzero(marks).tolist() or None


def _assembled(
    model: Model, told: Answered, shown: Drawn, layers: Layers, logits: Numbers | None,
    explanation: Explanation | None, question: Question, named: bool, evidence: Sequence[int], notes: Sequence[str], whose: str,
) -> Content:  # fmt: skip
    """named: whether the question names a class or token, so that a person is told how probable that one is."""
    kind = kind_named(model.head.kind)
    names = token_names(model.head) if isinstance(model.head, Seq2seq) else list(model.head.classes)
    of_explanation, arrays = explained(explanation)
    all_arrays: dict[str, Array] = {**layers.arrays, **arrays}
    all_arrays |= {f"drawn/{name}": array for name, array in shown.arrays.items()}
    if logits is not None:
        all_arrays["lens"] = logits
    is_number, compared = "number" in kind.name, question.against is not None
    if is_number:
        notes = [
            *notes,
            "The answer is a number: instead of a probability, curves show e^−|change of the answer|, in standard deviations of "
            "the numbers in training.",
        ]
    facts: dict[str, Json] = {
        "answer": told.text, "probability": _finite(told.probability), "told": told.told, "classes": told.classes,
        "answers": [asdict(one) for one in told.answers], "written": [asdict(one) for one in told.written],
        "drawn": {"kind": shown.kind, "one": ONE[shown.kind], "labels": shown.labels, **shown.facts},
        "layers": layers.facts, "chosen": _located(layers.chosen), "alignment": _located(layers.alignment),
        "unfollowed": layers.unfollowed, "lens": None if logits is None else names,
        "notes": [*notes, *layers.told], "evidence": evidence,
        "question": {
            **asdict(asked(model, question, shown.labels, names)), "vector": question.vector,
            "step": len(question.written) if told.written else None,
        },
        "logarithm": not compared and not is_number, "probabilities": not is_number,
        "valued": "the number" if is_number else "the difference of logits" if compared else "the log-probability",
        "explained": "" if is_number else names[question.answer], **of_explanation,
    }  # fmt: skip
    certain = "" if told.probability is None or kind.name != "class" else f" ({told.probability:.3f})"
    never = f"  (unknown: {', '.join(told.unknown)})" if told.unknown else ""
    about = ""
    if named and explanation is not None and not is_number:
        instead = f" and not {names[question.against]}" if question.against is not None else ""
        of = f" of vector {question.vector + 1}" if question.vector is not None else ""
        of = f" as token {len(question.written) + 1}" if isinstance(model.head, Seq2seq) else of
        about = f"; explained: why {names[question.answer]}{instead}{of} ({explanation.probability:.3f})"
    return Content(f"{told.text}{certain}  {whose}{never}{about}", facts, all_arrays, layers.weights)


def _located(head: HeadNumber | None) -> Json:
    return None if head is None else {"layer": head.layer, "head": head.head, "score": _finite(head.score)}


def _finite(number: float | None) -> float | None:
    """None for what is no number, which JSON has no word for."""
    return number if number is not None and math.isfinite(number) else None
