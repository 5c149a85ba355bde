"""How well do two vectors match?

Shapes: queries (…, H, K) and keys (…, H, K), of pairs, broadcast; scores (…, H).

The dot family (`scaled_dot, dot, bilinear, cosine`) shares one idea: `prepare` changes queries and keys so that
the *scaled dot product of what comes out* is the score; any kernel that knows that product can then compute it.
A pairwise score has its own formula for each pair (`pairs`), and `prepare` leaves its arguments alone.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from attnlab.attention_options import AdditiveKeys, ScoreKeys, parse_score
from attnlab.registry import SCORES


class Score(nn.Module):
    """The base of all scores, built from (keys, H, K): what its `prepare` returns is compared by q · k / √K, unless its
    keys say that it is pairwise and it has `pairs` of its own."""

    def __init__(self, keys: ScoreKeys, heads: int, head_width: int) -> None:
        super().__init__()
        self.pairwise = keys.pairwise

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """(…, H, K) and (…, H, K) -> the same shapes."""
        return q, k

    def pairs(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of prepared pairs: (…, H, K) and (…, H, K) -> (…, H)."""
        return (q * k).sum(-1) * q.shape[-1] ** -0.5

    def table(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of every prepared query with every key: (B, Lq, H, K) and (B, Lk, H, K) -> (B, H, Lq, Lk)."""
        if self.pairwise:
            return self.pairs(q[:, :, None], k[:, None]).permute(0, 3, 1, 2)
        return torch.einsum("bihk,bjhk->bhij", q, k) * q.shape[-1] ** -0.5


class ScaledDot(Score):
    """q · k / √K (Vaswani et al. 2017, eq. 1)."""


class Dot(Score):
    """q · k (Luong et al. 2015, section 3.1)."""

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return q * q.shape[-1] ** 0.5, k


class Bilinear(Score):
    """qᵀ W k with a matrix for each head (Luong et al. 2015, section 3.1); starts as the scaled dot product."""

    def __init__(self, keys: ScoreKeys, heads: int, head_width: int) -> None:
        super().__init__(keys, heads, head_width)
        self.weight = nn.Parameter(torch.eye(head_width).repeat(heads, 1, 1) * head_width**-0.5)  # (H, K, K)

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return torch.einsum("...hi,hij->...hj", q, self.weight) * q.shape[-1] ** 0.5, k


class Cosine(Score):
    """τ cos(q, k) with a learned τ for each head, from 10 and at most 100 (Liu et al. 2022, section 3.2)."""

    def __init__(self, keys: ScoreKeys, heads: int, head_width: int) -> None:
        super().__init__(keys, heads, head_width)
        self.log_scale = nn.Parameter(torch.full((heads, 1), math.log(10.0)))

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        scale = self.log_scale.clamp(max=math.log(100.0)).exp() * q.shape[-1] ** 0.5
        return nn.functional.normalize(q, dim=-1, eps=1e-6) * scale, nn.functional.normalize(k, dim=-1, eps=1e-6)


class Additive(Score):
    """w · tanh(q + k), where q = W_q a and k = W_k a may come from vectors of different width
    (Bahdanau et al. 2015, section A.1.2); with leaky_relu (slope 0.2), GATv2's (Brody et al. 2022, eq. 7)."""

    def __init__(self, keys: ScoreKeys, heads: int, head_width: int) -> None:
        super().__init__(keys, heads, head_width)
        assert isinstance(keys, AdditiveKeys)
        self.tanh = keys.activation == "tanh"
        self.weight = nn.Parameter(torch.randn(heads, head_width) * head_width**-0.5)

    def pairs(self, q: Tensor, k: Tensor) -> Tensor:
        hidden = (q + k).tanh() if self.tanh else leaky_relu(q + k, 0.2)
        return torch.einsum("...hk,hk->...h", hidden, self.weight)


def score_of(word: str, heads: int, head_width: int) -> Score:
    """The score that a word names, with random weights. Raises UserError where there is none."""
    return SCORES.get(word.partition(":")[0], Score)(parse_score(word), heads, head_width)
