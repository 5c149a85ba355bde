"""Multi-head attention: several kinds of relation at once, mixed by W^O (Vaswani et al. 2017, section 3.2.2)."""

from torch import Tensor, nn

from attnlab.model.attention import packed
from attnlab.model.attention.kernels import REFERENCE
from attnlab.model.attention.positions import Biases, Rotation
from attnlab.model.attention.reference import AttentionInputs, Plan
from attnlab.model.attention.scores import ScaledDot, score_of
from attnlab.model.linear import Linear


class MultiHead(nn.Module):
    """What self-attention and cross-attention have in common. score: as `encoder.score` names it."""

    def __init__(self, width: int, heads: int, head_width: int, score: str, dropout: float) -> None:
        super().__init__()
        self.heads, self.head_width, self.dropout = heads, head_width, dropout
        self.score = score_of(score, heads, head_width)
        self.out_proj = Linear(heads * head_width, width)

    def attend(
        self, q: Tensor, k: Tensor, v: Tensor, plan: Plan, rotation: Rotation | None, biases: Biases
    ) -> Tensor:
        """(Nq, H, K), (Nk, H, K), (Nk, H, K) -> (Nq, D)."""
        q, k = self._prepared(q, k, rotation)
        dropout = self.dropout if self.training else 0.0
        inputs = AttentionInputs(q, k, v, plan, self.score, biases, dropout)
        return self.out_proj(plan.kernel.attend(inputs).flatten(1))

    def attention_weights(
        self, q: Tensor, k: Tensor, plan: Plan, rotation: Rotation | None, biases: Biases
    ) -> list[Tensor]:
        """(Nq, H, K), (Nk, H, K) -> of each set of the batch, weights (H, Lq, Lk), whatever kernel the plan is for."""
        q, k = self._prepared(q, k, rotation)
        reference_plan = REFERENCE.plan(plan.scope, plan.queries, plan.keys)
        weights = REFERENCE.weights(q, k, reference_plan, self.score, biases)
        return weights if plan.inverse_order is None else [weights[i] for i in plan.inverse_order]

    def _prepared(self, q: Tensor, k: Tensor, rotation: Rotation | None) -> tuple[Tensor, Tensor]:
        q, k = self.score.prepare(q, k)
        return (q, k) if rotation is None else (rotation(q), rotation(k))


class SelfAttention(MultiHead):
    """Every vector attends to its own set: (N, D) -> (N, D).

    W_q, W_k and W_v of all heads are one matrix, so that the three products are one.
    """

    def __init__(self, width: int, heads: int, head_width: int, score: str, dropout: float = 0.0) -> None:
        super().__init__(width, heads, head_width, score, dropout)
        self.qkv_proj = Linear(width, 3 * heads * head_width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, D) -> q, k and v, each (N, H, K)."""
        q, k, v = self.qkv_proj(x).view(len(x), 3, self.heads, self.head_width).unbind(1)
        return q, k, v

    def forward(self, x: Tensor, plan: Plan, rotation: Rotation | None = None, biases: Biases = ()) -> Tensor:
        if self.is_packed(x, plan, rotation, biases):
            return self.out_proj(packed.attend(x, self.qkv_proj, self.heads, plan, rotation).flatten(1))
        return self.attend(*self.project(x), plan, rotation, biases)

    def is_packed(self, x: Tensor, plan: Plan, rotation: Rotation | None, biases: Biases) -> bool:
        """Whether `forward` takes one step for all of it (`packed.py`)."""
        plain = type(self.score) is ScaledDot and not biases and not (self.training and self.dropout)
        return plain and packed.fits(x, self.qkv_proj, self.heads, plan, rotation)

    def weights(
        self, x: Tensor, plan: Plan, rotation: Rotation | None = None, biases: Biases = ()
    ) -> list[Tensor]:
        """(N, D) -> of each set, (H, L, L): the weight of each key for each query."""
        q, k, _ = self.project(x)
        return self.attention_weights(q, k, plan, rotation, biases)


class CrossAttention(MultiHead):
    """Vectors of one set attend to those of another: (Nq, D) and memory (Nk, D_memory) -> (Nq, D).

    The two may differ in width. `project_kv` is called once for a memory that serves many queries.
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

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], plan: Plan, biases: Biases = ()) -> Tensor:
        """(Nq, D), and k and v as `project_kv` gives them -> (Nq, D)."""
        return self.attend(self.project_q(x), *memory, plan, None, biases)

    def weights(self, x: Tensor, memory: tuple[Tensor, Tensor], plan: Plan, biases: Biases = ()) -> list[Tensor]:
        """The same inputs -> of each pair of sets, (H, Lq, Lk): the weight of each key for each query."""
        return self.attention_weights(self.project_q(x), memory[0], plan, None, biases)
