"""Dropout (Srivastava et al. 2014) from random bytes."""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """In training each number becomes 0 with probability `rate`, the others are scaled so that the mean stays.

    On the CPU torch draws a float for every number, which costs more than most layers; here eight bytes come from
    one draw of torch's generator, so that `rate` is rounded to 1/256. A GPU uses torch's own kernel.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.threshold = round(rate * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        if not self.training or self.threshold == 0:
            return x
        if x.device.type != "cpu":
            return nn.functional.dropout(x, self.rate)
        draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
        mask = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= self.threshold
        return x * mask.to(x.dtype).mul_(256 / (256 - self.threshold))
