"""Pictures as a page draws them: their pixels, and where each patch lies."""

import numpy as np
from numpy.typing import NDArray

from attnlab.config import ImageData
from attnlab.data.contract import Split
from attnlab.lab.inspect.drawn_set import Drawn
from attnlab.lab.inspect.reach import reaches
from attnlab.sets import VectorSets
from attnlab.training.run import Run

MOST_PIXELS = 640
"""Along the longest side of what a page carries."""


def picture(run: Run, split: Split, row: int, inputs: VectorSets) -> Drawn:
    """A picture. facts: `height`, `width` in its own pixels, `patch` and `stride` too; `rows` and `columns` of patches; `reach`
    after each layer, in patches. arrays: `pixels` (h, w, 1 or 3), fewer than the picture has where it is large."""
    config, pixels = run.config.data, split.picture(row)
    assert isinstance(config, ImageData) and isinstance(pixels, np.ndarray) and inputs.coords is not None
    height, width = pixels.shape[:2]
    rows, columns = (int(number) + 1 for number in inputs.coords.amax(0).tolist())
    labels = [f"row {i // columns + 1}, column {i % columns + 1}" for i in range(rows * columns)]
    facts = {
        "height": height,
        "width": width,
        "patch": config.patch,
        "stride": config.stride or config.patch,
        "rows": rows,
        "columns": columns,
        "reach": [[each.before, each.after] for each in reaches(run.config, run.spec)],
    }
    return Drawn("picture", labels, facts, {"pixels": _smaller(pixels.astype(np.uint8))})


def _smaller(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, C), averaged over squares of pixels where there are more than a page should carry; what is left of
    the last ones is cut off."""
    times = -(-max(pixels.shape[:2]) // MOST_PIXELS)
    if times == 1:
        return np.ascontiguousarray(pixels)
    height, width = (max(side // times, 1) for side in pixels.shape[:2])
    pixels = pixels[: height * times, : width * times]
    down, right = pixels.shape[0] // height, pixels.shape[1] // width
    squares = pixels[: height * down, : width * right].reshape(height, down, width, right, -1)
    return np.ascontiguousarray(squares.mean(axis=(1, 3)).round().astype(np.uint8))
