"""The page of a comparison, and the same as a table in Markdown and as plain values."""

from collections.abc import Sequence

from markupsafe import Markup

from attnlab.lab.bench.command import machine
from attnlab.lab.compare.drawing import strip
from attnlab.lab.compare.outcome import Judged, Outcome
from attnlab.lab.compare.rules import CONFIDENCE, FEWEST
from attnlab.lab.compare.work import Comparison
from attnlab.pages.page import page as rendered
from attnlab.plural import plural

HEADS = ("claim", "theory says", "measured", "verdict", "the command that repeats it")
ARM_HEADS = ("arm", "encoder's parameters", "width", "learning rate", "score", "mean", "± deviation", "seconds")


def measured(judged: Judged) -> str:
    """What was measured, in words: the mean and its interval, or the largest deviation."""
    decision, quantity = judged.decision, judged.statement.quantity
    if decision.mean is None:
        return decision.why
    said = f"{quantity}: {_number(decision.mean)}"
    if decision.low is not None and decision.high is not None:
        said += f" ({_number(decision.low)} to {_number(decision.high)})"
    return f"{said}; {decision.why}" if decision.why else said


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 0.01 or abs(value) >= 1000 else f"{value:.3f}"


def table(outcomes: Sequence[Outcome]) -> str:
    """In Markdown."""
    rows = [list(HEADS), ["---"] * len(HEADS)]
    for found in outcomes:
        for judged in found.judged:
            decision = judged.decision.verdict
            rows.append([found.name, judged.statement.theory, measured(judged), decision, f"`{found.command}`"])
    lines = (" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows)
    return "".join(f"| {line} |\n" for line in lines)


def plain(comparison: Comparison, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """What results.json holds."""
    return {
        "full": comparison.full,
        "seeds": comparison.seeds,
        "machine": machine(),
        "claims": {
            found.name: [
                {
                    "theory": judged.statement.theory,
                    "quantity": judged.statement.quantity,
                    "rule": judged.statement.rule.said,
                    "verdict": judged.decision.verdict,
                    "values": list(judged.decision.values),
                    "interval": [judged.decision.low, judged.decision.high],
                    "why": judged.decision.why,
                }
                for judged in found.judged
            ]
            for found in outcomes
        },
    }


def page(comparison: Comparison, outcomes: Sequence[Outcome]) -> str:
    """The HTML text."""
    computer = machine()
    verdicts = [judged.decision.verdict for found in outcomes for judged in found.judged]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    values = {
        "facts": [
            "in full" if comparison.full else "quick mode", plural(comparison.seeds, "seed"), counts,
            str(computer["processor"]), f"torch {computer['torch']}", "one thread for each run",
        ],
        "full": comparison.full,
        "confidence": f"{CONFIDENCE:.0%}",
        "fewest": FEWEST,
        "heads": HEADS,
        "claims": [_section(found) for found in outcomes],
        "arm_heads": ARM_HEADS,
    }  # fmt: skip
    return rendered("compare.html", "The textbook, measured", values)


def _section(found: Outcome) -> dict[str, object]:
    return {
        "name": found.name,
        "sentence": found.sentence,
        "theory": found.claim.theory,
        "source": found.claim.source,
        "drawing": found.claim.drawing(),
        "statements": [_statement(judged) for judged in found.judged],
        "figures": found.figures,
        "arms": [
            [
                arm.arm, f"{arm.parameters:,}", arm.width, f"{arm.rate:g}", arm.measure,
                *([f"{arm.score[0]:.4f}", f"{arm.score[1]:.4f}"] if arm.score else ["", ""]), f"{arm.seconds:.0f}",
            ]
            for arm in found.arms
        ],
        "commands": [(arm.arm, arm.command) for arm in found.arms],
        "command": found.command,
        "seeds": found.seeds,
        "failures": found.failures,
    }  # fmt: skip


def _statement(judged: Judged) -> dict[str, object]:
    decision = judged.decision
    return {
        "theory": judged.statement.theory,
        "measured": measured(judged),
        "rule": judged.statement.rule.said,
        "verdict": decision.verdict,
        "strip": strip(judged.statement.quantity, decision) if decision.low is not None else Markup(""),
    }
