"""What a training step goes to, by the parts of the model and of the loop."""

import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack

from torch import nn

from attnlab.data.mixing import Draw
from attnlab.lab.bench.sections import PARTS
from attnlab.model.build import Model
from attnlab.model.encoders.attention import Attention
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.sets import Batch, Loss
from attnlab.training.loop import Training

LAYERS = {"attention": "attention", "cross_attention": "attention", "feed_forward": "feed-forward"}
"""The part of a step that each layer of a block is counted in."""


def step_parts(training: Training, draws: Sequence[Draw]) -> dict[str, float]:
    """Milliseconds of an update on each of these batches by `PARTS`, on average."""
    with ExitStack() as stack:
        seconds = _Clock(training.model.parts[""], stack).seconds
        for draw in draws:
            began = time.perf_counter()
            batch = training.parts.batch(draw)
            made = time.perf_counter()
            training._update([draw], [0], iter([batch]))
            seconds["data"] += made - began
            seconds["update"] += time.perf_counter() - made
    model = seconds.pop("model")
    seconds["optimizer"] = seconds.pop("update") - model
    seconds["rest"] = model - sum(seconds[part] for part in PARTS if part not in ("data", "optimizer", "rest"))
    return {part: 1e3 * seconds[part] / len(draws) for part in PARTS}


class _Clock:
    """Adds up what each part of a model takes, gradients of layers included, and both passes as "model". stack: when it
    is closed, the model is as it was."""

    def __init__(self, model: Model, stack: ExitStack) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._stack = stack
        self._time_method(model.embedding, "forward", "embed")
        self._time_method(model.head, "loss", "head")
        blocks: list[nn.Module] = []
        if isinstance(model.encoder, Attention):
            self._time_method(model.encoder, "plan", "plan")
            blocks += model.encoder.blocks
        if isinstance(model.head, Seq2seq):
            self._time_method(model.head.decoder, "_plan", "plan")
            blocks += model.head.decoder.blocks
        for block in blocks:
            for name, layer in block.named_children():
                if name in LAYERS:
                    self._time_layer(layer, LAYERS[name])
        self._time_passes(model)

    def _replace(self, owner: nn.Module, name: str, method: object) -> None:
        """Hide a method of the class behind a function."""
        setattr(owner, name, method)
        self._stack.callback(delattr, owner, name)

    def _time_method(self, owner: nn.Module, name: str, part: str) -> None:
        """Without what plans and layers within it take, such as a decoder's within the head's loss."""
        method, seconds = getattr(owner, name), self.seconds

        def within() -> float:
            return seconds["plan"] + seconds["attention"] + seconds["feed-forward"]

        def timed(*arguments: object, **options: object) -> object:
            before, began = within(), time.perf_counter()
            result = method(*arguments, **options)
            seconds[part] += time.perf_counter() - began - (within() - before)
            return result

        self._replace(owner, name, timed)

    def _time_layer(self, layer: nn.Module, part: str) -> None:
        """Forward and backward."""
        starts: list[float] = []

        def begin(*_: object) -> None:
            starts.append(time.perf_counter())

        def end(*_: object) -> None:
            self.seconds[part] += time.perf_counter() - starts.pop()

        for hook in (
            layer.register_forward_pre_hook(begin), layer.register_forward_hook(end),
            layer.register_full_backward_pre_hook(begin), layer.register_full_backward_hook(end),
        ):  # fmt: skip
            self._stack.callback(hook.remove)

    def _time_passes(self, model: Model) -> None:
        forward, seconds = model.forward, self.seconds

        def timed_forward(batch: Batch) -> Loss:
            began = time.perf_counter()
            loss = forward(batch)
            seconds["model"] += time.perf_counter() - began
            backward = loss.total.backward

            def timed_backward() -> None:
                began = time.perf_counter()
                backward()
                seconds["model"] += time.perf_counter() - began

            loss.total.backward = timed_backward  # type: ignore[method-assign, assignment]
            return loss

        self._replace(model, "forward", timed_forward)
