"""The kernels by name, and which one `auto` takes."""

from attnlab.model.attention.banded import Banded
from attnlab.model.attention.blocked import Blocked
from attnlab.model.attention.dense import Dense
from attnlab.model.attention.edgewise import Edgewise
from attnlab.model.attention.packed import LONGEST
from attnlab.model.attention.reference import Kernel, Reference
from attnlab.model.attention.scopes import ByDifferences, ByEdges, Scope
from attnlab.sets import VectorSets

REFERENCE = Reference()
KERNELS: dict[str, Kernel] = {k.name: k for k in (REFERENCE, Dense(), Blocked(), Banded(), Edgewise())}

LARGE_TABLE = 1 << 26
"""Numbers in a batch's table of scores from which `auto` computes it in blocks, where it would have to be kept."""


def choose(pairwise: bool, scope: Scope, sets: VectorSets, heads: int, keeps_table: bool) -> Kernel:
    """The kernel that `auto` takes for one batch: the cheapest that can compute this.

    pairwise: whether the score is. keeps_table: whether `dense` would keep a table of all pairs (a bias or dropped
    weights).
    """
    longest = sets.layout.max_length
    if isinstance(scope, ByEdges):
        return KERNELS["edgewise"]
    if isinstance(scope, ByDifferences) and scope.bound is not None:
        axes = sets.coords.shape[1] if sets.coords is not None else 0
        neighbours = (2 * scope.bound + 1) ** axes  # on a grid of step 1
        if not pairwise and axes == 1 and longest > max(4 * scope.bound, LONGEST):
            return KERNELS["banded"]
        if neighbours < longest / (2 if pairwise else 32):
            return KERNELS["edgewise"]
    if pairwise:
        return KERNELS["blocked"]
    if keeps_table and longest * sets.layout.size * heads > LARGE_TABLE:
        return KERNELS["blocked"]
    return KERNELS["dense"]
