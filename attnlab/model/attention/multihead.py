"""Multi-head attention: several kinds of relation at once, mixed by W^O (Vaswani et al. 2017, section 3.2.2)."""

from typing import Any

from torch import Tensor, nn


class MultiHeadAttention(nn.Module):
    """Self-attention over packed sets: (N, D) -> (N, D).

    W_q, W_k and W_v of all heads are one matrix, so that the three products are one.
    """

    def __init__(self, width: int, heads: int, score: nn.Module, kernel: Any) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * width)
        self.score = score
        self.kernel = kernel
        self.mix = nn.Linear(width, width)

    def forward(self, x: Tensor, plan: Any) -> Tensor:
        q, k, v = self.to_qkv(x).view(len(x), 3, self.heads, -1).unbind(1)  # each (N, H, K)
        return self.mix(self.kernel.attend(q, k, v, plan, self.score).flatten(1))
