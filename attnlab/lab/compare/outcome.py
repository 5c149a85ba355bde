"""What came of a claim: a verdict for each statement, and what was trained for it."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from attnlab import compose, plugins
from attnlab.lab.compare.claim import Claim, Evidence, Figure, Missing, Statement
from attnlab.lab.compare.rules import Decision
from attnlab.lab.compare.work import Comparison, Work, claim_named
from attnlab.model.interfaces import Encoder
from attnlab.model.width import count_parameters, without_numbers
from attnlab.registry import CLAIMS, ENCODERS
from attnlab.runs import RunFolder
from attnlab.spec import DataSpec


@dataclass(frozen=True)
class Judged:
    """A statement with what came of it."""

    statement: Statement
    decision: Decision


@dataclass(frozen=True)
class Trained:
    """An arm, over the seeds that have ended. parameters: of the encoder. score: mean and standard deviation of the test score
    that its runs were picked by; None without two seeds, and of joint runs, which have scores for each part. seconds: of all of its runs. command: trains the first seed again."""

    arm: str
    parameters: int
    width: int
    rate: float
    measure: str
    score: tuple[float, float] | None
    seconds: float
    command: str


@dataclass(frozen=True)
class Outcome:
    """What came of one claim. seconds: of training, without what is measured otherwise. failures: of pieces of work."""

    name: str
    sentence: str
    claim: Claim
    seeds: int
    judged: Sequence[Judged]
    figures: Sequence[Figure]
    arms: Sequence[Trained]
    failures: Sequence[str]
    command: str

    @property
    def seconds(self) -> float:
        """Of all its training."""
        return sum(arm.seconds for arm in self.arms)


def outcome(comparison: Comparison, name: str, failed: Mapping[Work, str]) -> Outcome:
    """What the folder tells about a claim now. failed: pieces of work, with the reasons."""
    claim, evidence = claim_named(name), comparison.evidence(name)
    reasons = [f"{_piece(work)}: {why}" for work, why in failed.items() if work.claim == name]
    missing = comparison.seeds - len(evidence.seeds)
    late = f"{missing} of {comparison.seeds} seeds not finished" if missing else ""
    judged = [Judged(statement, _decided(statement, evidence, late)) for statement in claim.statements]
    try:
        figures = claim.figures(evidence) if evidence.seeds else ()
    except Missing:
        figures = ()
    words = [name, *(["--full"] if comparison.full else []), "--seeds", str(comparison.seeds), "--out", "FOLDER"]
    command = shlex.join(["attnlab", "compare", *plugins.words(), *words])
    arms = _trained(comparison, name) if evidence.seeds else []
    return Outcome(
        name, CLAIMS.sentence(name), claim, len(evidence.seeds), judged, figures, arms, reasons, command
    )  # fmt: skip


def _piece(work: Work) -> str:
    return f"{work.arm or 'measured'}, seed {work.seed}"


def _decided(statement: Statement, evidence: Evidence, late: str) -> Decision:
    """By the statement's rule; "not decided" where something is missing, or no number."""
    if not evidence.seeds:
        return Decision("not decided", why=late)
    try:
        values = statement.values(evidence)
    except Missing as missing:
        return Decision("not decided", why=str(missing))
    if not values or not all(map(math.isfinite, values)):
        return Decision("not decided", why="something measured is no number")
    decision = statement.rule.decide(values)
    if decision.verdict == "not decided" and late:
        return Decision("not decided", decision.values, decision.mean, decision.low, decision.high, late)
    return decision


def _trained(comparison: Comparison, name: str) -> list[Trained]:
    """Of each arm, as its run folders say."""
    runs: dict[str, list[Work]] = {}
    for piece in comparison.work(name):
        if piece.arm is not None and piece.is_done():
            runs.setdefault(piece.arm, []).append(piece)
    return [_of_arm(arm, pieces) for arm, pieces in runs.items()]


def _of_arm(arm: str, pieces: Sequence[Work]) -> Trained:
    folders = [RunFolder(piece.path) for piece in pieces]
    results = [folder.read_results() for folder in folders]
    measure = results[0]["train"]["monitor"]
    scores = [found.get("test", {}).get(measure, math.nan) for found in results]
    model = (
        folders[0].part(folders[0].parts()[0]) if folders[0].is_joint else folders[0]
    )  # all parts have one encoder
    config, spec = compose.load_saved(model.config), DataSpec.load(model.path)
    with without_numbers():
        parameters = count_parameters(ENCODERS.get(config.encoder.name, Encoder)(config.encoder, spec))
    return Trained(
        arm, parameters, config.encoder.width, config.optimizer.lr, measure,
        (fmean(scores), stdev(scores)) if len(scores) > 1 and not any(map(math.isnan, scores)) else None,
        sum(found["train"]["wall_seconds"] for found in results),
        shlex.join(["attnlab", "train", *pieces[0].words]),
    )  # fmt: skip
