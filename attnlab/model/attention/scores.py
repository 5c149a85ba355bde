"""How well do two vectors match?

Shapes: q (…, H, K), k (…, H, K); scores (…, H).
"""

from torch import Tensor, nn


class ScaledDot(nn.Module):
    """q · k / √K (Vaswani et al. 2017, eq. 1).

    The dot family shares one idea: `prepare` changes queries and keys so that a scaled dot product of what
    comes out is the score; any kernel that knows that product can then compute it.
    """

    def prepare(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return q, k

    def forward(self, q: Tensor, k: Tensor) -> Tensor:
        """Scores of pairs, broadcast over the leading axes."""
        q, k = self.prepare(q, k)
        return (q * k).sum(-1) * q.shape[-1] ** -0.5


SCORES: dict[str, type[nn.Module]] = {"scaled_dot": ScaledDot}
