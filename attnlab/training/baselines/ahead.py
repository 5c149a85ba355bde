"""Whether a simple answer is better than a run, said at the end of it."""

from collections.abc import Mapping

from attnlab import metrics
from attnlab.config import Config
from attnlab.runs import Scores
from attnlab.training.report import shown


def ahead(own: Scores, simple: Mapping[str, Scores], monitor: str, config: Config, still_learning: bool) -> str:
    """A sentence where the best baseline has a better validation score than the run, with what may help; else empty.

    own: the run's scores, usual ones first. simple: those of each baseline; the ceiling, which nobody has to reach, isn't
    compared. The score is the first that both have: `monitor`, then as they stand in `own`. still_learning: whether the last
    weights were the best.
    """
    others = {name: scores for name, scores in simple.items() if name != "ceiling"}
    for score in dict.fromkeys((monitor, *own)):
        having = [name for name, scores in others.items() if score in scores]
        if score not in own or not having or not metrics.direction(score):
            continue
        best = max(having, key=lambda name: metrics.direction(score) * others[name][score])
        simple_one, beside = shown(others[best][score]), shown(own[score])
        if not metrics.better(others[best][score], own[score], score) or simple_one == beside:
            return ""
        size = "encoder.parameters=" if config.encoder.parameters is not None else "encoder.width=, encoder.depth="
        options = [*(["longer training (trainer.epochs=)"] if still_learning else []), "more examples"]
        options += [f"a smaller model ({size})", "more dropout (encoder.dropout=)"]
        options += ["members=4"] if config.members == 1 else []
        return (
            f"{best.replace('_', ' ')} is ahead on validation ({score.replace('_', ' ')} {simple_one} against {beside}): "
            f"{', '.join(options[:-1])} or {options[-1]} may help"
        )
    return ""
