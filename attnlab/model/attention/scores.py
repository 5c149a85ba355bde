"""How well do two vectors match?

Shapes: queries (…, H, K) and keys (…, H, K), of pairs, broadcast; scores (…, H).

The dot family (`scaled_dot, dot, bilinear, cosine`) shares one idea: `prepare` changes queries and keys so that
the *scaled dot product of what comes out* is the score; any kernel that knows that product can then compute it.
A pairwise score has to look at each pair, and `prepare` leaves its arguments alone.
"""

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn


class Score(nn.Module):
    """q · k / √K (Vaswani et al. 2017, eq. 1), and the base of all others."""

    pairwise: ClassVar[bool] = False

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return q, k

    def pairs(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of prepared pairs: (…, H, K) and (…, H, K) -> (…, H)."""
        return (q * k).sum(-1) * q.shape[-1] ** -0.5

    def table(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of every prepared query with every key: (B, Lq, H, K) and (B, Lk, H, K) -> (B, H, Lq, Lk)."""
        return torch.einsum("bihk,bjhk->bhij", q, k) * q.shape[-1] ** -0.5


class Dot(Score):
    """q · k (Luong et al. 2015, section 3.1)."""

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return q * q.shape[-1] ** 0.5, k


class Bilinear(Score):
    """qᵀ W k with a matrix for each head (Luong et al. 2015, section 3.1); starts as the scaled dot product."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__(heads, width)
        self.weight = nn.Parameter(torch.eye(width).repeat(heads, 1, 1) * width**-0.5)  # (H, K, K)

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return torch.einsum("...hi,hij->...hj", q, self.weight) * q.shape[-1] ** 0.5, k


class Cosine(Score):
    """τ cos(q, k) with a learned τ for each head, from 10 and at most 100 (Liu et al. 2022, section 3.2)."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__(heads, width)
        self.log_scale = nn.Parameter(torch.full((heads, 1), math.log(10.0)))

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        scale = self.log_scale.clamp(max=math.log(100.0)).exp() * q.shape[-1] ** 0.5
        return nn.functional.normalize(q, dim=-1, eps=1e-6) * scale, nn.functional.normalize(k, dim=-1, eps=1e-6)


class Additive(Score):
    """w · tanh(q + k), where q = W_q a and k = W_k a may come from vectors of different width
    (Bahdanau et al. 2015, section A.1.2); with leaky_relu (slope 0.2), GATv2's (Brody et al. 2022, eq. 7)."""

    pairwise = True
    activation: Callable[[Tensor], Tensor] = staticmethod(torch.tanh)

    def __init__(self, heads: int, width: int) -> None:
        super().__init__(heads, width)
        self.weight = nn.Parameter(torch.randn(heads, width) * width**-0.5)

    def pairs(self, q: Tensor, k: Tensor) -> Tensor:
        return torch.einsum("...hk,hk->...h", type(self).activation(q + k), self.weight)

    def table(self, q: Tensor, k: Tensor) -> Tensor:
        return self.pairs(q[:, :, None], k[:, None]).permute(0, 3, 1, 2)


class LeakyAdditive(Additive):
    """w · leaky_relu(q + k)."""

    activation = staticmethod(lambda x: nn.functional.leaky_relu(x, 0.2))


SCORES: dict[str, type[Score]] = {
    "scaled_dot": Score,
    "dot": Dot,
    "bilinear": Bilinear,
    "cosine": Cosine,
    "additive": Additive,
    "additive:tanh": Additive,
    "additive:leaky_relu": LeakyAdditive,
}
