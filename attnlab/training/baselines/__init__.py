"""What simple answers reach on the same test data, so that a score can be judged.

Measured once per data set and kept beside the prepared data. `simple` holds what several kinds of data share.
"""

import json
from typing import Any

from attnlab.config import Config
from attnlab.runs import write_json
from attnlab.training.baselines import graphs, images, sequences, speech, text
from attnlab.training.engine import Engine

VERSION = 3
"""Of how baselines are measured."""

MEASURED = {
    ("text", "tagging"): text.tagging,
    ("tagged", "tagging"): text.tagging,
    ("text", "classification"): text.classification,
    ("table", "classification"): text.classification,
    ("parallel", "seq2seq"): sequences.translation,
    ("image", "classification"): images.classification,
    ("speech", "classification"): speech.classification,
    ("speech", "tagging"): speech.tagging,
    ("speech", "seq2seq"): sequences.transcription,
    ("graph", "graph"): graphs.graph,
    ("graph", "classification"): graphs.graph,
    ("graph", "tagging"): graphs.tagging,
}
"""The baselines of each kind of data and head."""


def baselines(config: Config, data: Any, engine: Engine) -> dict[str, dict[str, float]]:
    """Scores of simple answers on the test split, by name; none where nobody has thought of any."""
    measure = MEASURED.get((config.data.loader, config.head.name))
    if measure is None or "test" not in data.splits:
        return {}
    kept = data.folder / f"baselines-{config.head.name}-{config.head.target}-{VERSION}.json"
    if not kept.exists():
        write_json(kept, measure(config, data, engine))
    return json.loads(kept.read_text(encoding="utf-8"))
