"""A straight line through points."""

import math
from collections.abc import Sequence


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """By least squares, of two points or more."""
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    along = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return along / math.fsum((a - mean_x) ** 2 for a in x)


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """n where y grows as x to the power n: the slope on logarithmic axes."""
    return slope([math.log(a) for a in x], [math.log(b) for b in y])
