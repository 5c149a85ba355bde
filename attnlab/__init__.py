"""attnlab: one attention encoder for words, speech frames, image patches and graph nodes.

from attnlab import train, load_run
run = train("task=pos", "encoder.depth=2")
run.results["test"]["accuracy"]
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from attnlab.training.run import Run, load_run
    from attnlab.training.train import train

__all__ = ["Run", "load_run", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import torch only when it is needed: `attnlab --help` answers at once."""
    if name in __all__:
        from attnlab.training import run, train

        return getattr(train if name == "train" else run, name)
    raise AttributeError(f"module 'attnlab' has no attribute {name!r}")
