"""Multi-head attention: several kinds of relation at once, mixed by W^O (Vaswani et al. 2017, section 3.2.2)."""

from collections.abc import Sequence

from torch import Tensor, nn

from attnlab.model.attention import packed
from attnlab.model.attention.kernels import REFERENCE
from attnlab.model.attention.positions import PairBias, Rotation
from attnlab.model.attention.reference import Plan
from attnlab.model.attention.scores import SCORES
from attnlab.model.linear import Linear


class MultiHead(nn.Module):
    """What looking at one's own set and at another have in common."""

    def __init__(self, width: int, heads: int, head_width: int, score: str, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_width, self.dropout = heads, head_width, dropout
        self.score = SCORES[score](heads, head_width)
        self.out_proj = Linear(heads * head_width, width)

    def attend(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        plan: Plan,
        rotate: Rotation | None = None,
        biases: Sequence[PairBias] = (),
    ) -> Tensor:
        """(Nq, H, K), (Nk, H, K), (Nk, H, K) -> (Nq, D)."""
        q, k = self._prepared(q, k, rotate)
        dropout = self.dropout if self.training else 0.0
        return self.out_proj(plan.kernel.attend(q, k, v, plan, self.score, biases, dropout).flatten(1))

    def attention_weights(
        self, q: Tensor, k: Tensor, plan: Plan, rotate: Rotation | None = None, biases: Sequence[PairBias] = ()
    ) -> list[Tensor]:
        """The weights of each set of the batch, (H, Lq, Lk), whatever kernel the plan is for."""
        q, k = self._prepared(q, k, rotate)
        plain = REFERENCE.plan(plan.scope, plan.queries, plan.keys)
        found = REFERENCE.weights(q, k, plain, self.score, biases)
        return found if plan.inverse_order is None else [found[i] for i in plan.inverse_order]

    def _prepared(self, q: Tensor, k: Tensor, rotate: Rotation | None) -> tuple[Tensor, Tensor]:
        q, k = self.score.prepare(q, k)
        return (q, k) if rotate is None else (rotate(q), rotate(k))


class SelfAttention(MultiHead):
    """Every vector looks at its own set: (N, D) -> (N, D).

    W_q, W_k and W_v of all heads are one matrix, so that the three products are one.
    """

    def __init__(self, width: int, heads: int, head_width: int, score: str, dropout: float = 0.0) -> None:
        super().__init__(width, heads, head_width, score, dropout)
        self.qkv_proj = Linear(width, 3 * heads * head_width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """q, k and v, each (N, H, K)."""
        q, k, v = self.qkv_proj(x).view(len(x), 3, self.heads, self.head_width).unbind(1)
        return q, k, v

    def forward(
        self, x: Tensor, plan: Plan, rotate: Rotation | None = None, biases: Sequence[PairBias] = ()
    ) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        if packed.fits(x, self.qkv_proj, self.heads, plan, self.score, rotate, biases, dropout):
            return self.out_proj(packed.attend(x, self.qkv_proj, self.heads, plan, rotate).flatten(1))
        return self.attend(*self.project(x), plan, rotate, biases)

    def weights(
        self, x: Tensor, plan: Plan, rotate: Rotation | None = None, biases: Sequence[PairBias] = ()
    ) -> list[Tensor]:
        """Of each set, (H, L, L): how much each vector looks at each."""
        q, k, _ = self.project(x)
        return self.attention_weights(q, k, plan, rotate, biases)


class CrossAttention(MultiHead):
    """Vectors of one set look at those of another: (Nq, D) and memory (Nk, D_memory) -> (Nq, D).

    The two may differ in width. `project_kv` is called once for a memory that is looked at many times.
    """

    def __init__(
        self, width: int, memory_width: int, heads: int, head_width: int, score: str, dropout: float = 0.0
    ) -> None:
        super().__init__(width, heads, head_width, score, dropout)
        self.q_proj = Linear(width, heads * head_width)
        self.kv_proj = Linear(memory_width, 2 * heads * head_width)

    def project_q(self, x: Tensor) -> Tensor:
        """(Nq, D) -> q (Nq, H, K)."""
        return self.q_proj(x).view(len(x), self.heads, self.head_width)

    def project_kv(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(Nk, D_memory) -> k and v, each (Nk, H, K)."""
        k, v = self.kv_proj(memory).view(len(memory), 2, self.heads, self.head_width).unbind(1)
        return k, v

    def forward(
        self, x: Tensor, remembered: tuple[Tensor, Tensor], plan: Plan, biases: Sequence[PairBias] = ()
    ) -> Tensor:
        return self.attend(self.project_q(x), *remembered, plan, None, biases)

    def weights(
        self, x: Tensor, remembered: tuple[Tensor, Tensor], plan: Plan, biases: Sequence[PairBias] = ()
    ) -> list[Tensor]:
        """Of each pair of sets, (H, Lq, Lk): how much each query looks at each key."""
        return self.attention_weights(self.project_q(x), remembered[0], plan, None, biases)
