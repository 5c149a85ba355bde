"""`trainer.strategy=shard`: each process holds a part of every weight, gradient, moment and average (FSDP2: Zhao et al. 2023, section 3).

A layer of the encoder is gathered while it is computed, forward and once more backward; embedding, decoder and head are
gathered for the whole of a batch. Gathering is done by all processes together, so that all must compute equally many batches.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import register_multi_grad_hook
from torch.distributed import ProcessGroup, ReduceOp, Work, all_gather_into_tensor, reduce_scatter_tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import register_dataclass
from torch.utils.hooks import RemovableHandle

from attnlab.errors import UserError
from attnlab.model.build import Model
from attnlab.model.joint import Learner
from attnlab.sets import Loss
from attnlab.training import optim
from attnlab.training.ranks import Ranks, send
from attnlab.training.replicate import Replicated

register_dataclass(Loss)  # torch looks into what a model returns for tensors to hang its hooks on


class Sharded(Replicated):
    """Each process holds a part of the model. Sums of gradients are those of the communication library, whose order depends on
    the number of processes. Raises UserError where processes share a GPU."""

    def __init__(self, ranks: Ranks, device: torch.device, room: int) -> None:
        if ranks.device.type != device.type:
            raise UserError(
                f"`trainer.strategy=shard`: each of {ranks.count} processes needs a GPU of its own, this machine has "
                f"{torch.cuda.device_count()}; use as many processes, or trainer.device=cpu"
            )
        told = (
            f"`trainer.strategy=shard`: each of {ranks.count} processes holds a part of the weights, their average and the "
            "optimizer's moments; an update equals that of one process up to rounding (to about 1e-6), not to the bit."
        )
        super().__init__(ranks, device, room, told)
        self._mesh = init_device_mesh(device.type, (ranks.count,))
        self._touched: set[Tensor] = set()  # parameters, by the batches of this group so far
        self._hooks: list[RemovableHandle] = []

    def place(self, model: Learner) -> None:
        assert isinstance(model, Model), "refused where a joint run is composed"
        layers = [layer for member in model.members for layer in member.encoder.separate_layers()]
        for module in (*layers, model):
            sharded = fully_shard(module, mesh=self._mesh, reshard_after_forward=module is not model)
            sharded.set_gradient_divide_factor(1.0)  # with the next line: a plain sum, on every backend
            sharded.set_force_sum_reduction_for_comms(True)
            sharded.set_custom_all_gather(_AllGather())  # type: ignore[arg-type]  # torch keeps the protocol private
            sharded.set_custom_reduce_scatter(_ReduceScatter())  # type: ignore[arg-type]
        register_fsdp_forward_method(model, "read")  # evaluation doesn't call `forward`
        watched = set[Tensor]()
        for module in (*layers, model):
            parts = {n: p for n, p in module.named_parameters() if p.requires_grad and p not in watched}
            watched |= set(parts.values())
            if parts:
                module.register_forward_pre_hook(partial(self._watch, parts))
        model.register_load_state_dict_pre_hook(partial(self._divide, dict(model.named_parameters())))

    def _watch(self, parts: Mapping[str, Tensor], module: nn.Module, arguments: object) -> None:
        """Let the backward pass that follows give a gradient to each of a gathered module's parameters: processes add up what has
        a gradient in their batches, which must be the same in all of them. parts: those that this process holds, by name."""
        if not torch.is_grad_enabled():
            return
        gathered = [module.get_parameter(name) for name in parts]

        def complete(gradients: Sequence[Tensor | None]) -> None:
            for parameter, part, gradient in zip(gathered, parts.values(), gradients, strict=True):
                if gradient is None:
                    parameter.grad = torch.zeros_like(parameter)
                else:
                    self._touched.add(part)

        self._hooks.append(register_multi_grad_hook(gathered, complete, mode="all"))

    def _divide(
        self, parts: dict[str, Tensor], model: nn.Module, weights: dict[str, Tensor], *others: object
    ) -> None:
        """Let `load_state_dict` take whole weights. parts: of the parameters, by name."""
        for name in weights.keys() & parts.keys():
            if not isinstance(weights[name], DTensor):
                weights[name] = self.part(weights[name], parts[name])

    def release(self, model: Model) -> None:
        assert isinstance(model, FSDPModule)
        model.reshard()

    def own(self, number: int) -> Sequence[int]:
        return range(self.ranks.rank, number, self.ranks.count)

    def backward(self, total: Tensor, parameters: Sequence[Tensor]) -> None:
        total.backward()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()

    def add_up(
        self, number: int, parameters: Sequence[Tensor], figures: Sequence[float], again: Callable[[], Tensor]
    ) -> list[float]:
        most = len(range(0, number, self.ranks.count))
        for _ in range(most - len(self.own(number))):
            self.backward(again() * 0.0, parameters)
        touched = [float(p in self._touched) for p in parameters]
        sums = self.ranks.sum_of_parts([*touched, *figures])
        self._touched.clear()
        for parameter, times in zip(parameters, sums[: len(touched)], strict=True):
            if not times:
                parameter.grad = None
        return sums[len(touched) :]

    def scale(self, parameters: Sequence[Tensor], factor: float, clip: float) -> None:
        optim.scale([_local(p.grad) for p in parameters if p.grad is not None], factor, clip, self._norm)

    def _norm(self, gradients: list[Tensor]) -> Tensor:
        """Of the whole gradient, () on the device, from what this process holds of it."""
        own = optim.norm(gradients)
        squared = self.ranks.sum_of_parts([float(own) ** 2])[0]
        return own.new_tensor(squared**0.5)

    def compare(self, learned: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Each process holds another part, so that nothing can be compared."""

    def whole(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        gathered = {}
        for name, tensor in tensors.items():
            full = send(tensor.full_tensor) if isinstance(tensor, DTensor) else tensor
            if self.ranks.rank == 0:
                gathered[name] = full.cpu()
        return gathered

    def part(self, whole: Tensor, parameter: Tensor) -> Tensor:
        assert isinstance(parameter, DTensor), "all parameters are divided"
        if whole.shape == parameter.shape:
            return distribute_tensor(whole.to(self.device), self._mesh, parameter.placements, src_data_rank=None)
        if whole.dim():
            raise UserError(
                "`optimizer`: what it remembers of a parameter has another shape, so that it cannot be divided; use "
                "trainer.strategy=replicate"
            )
        return whole


class _Collective:
    """As FSDP2 sends by itself, but a process that has ended raises RankFailed, as everywhere else."""

    def allocate(self, size: Sequence[int], *, dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.empty(*size, dtype=dtype, device=device)


class _AllGather(_Collective):
    def __call__(
        self, output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup, async_op: bool = False
    ) -> Work | None:
        return send(lambda: all_gather_into_tensor(output_tensor, input_tensor, group, async_op))


class _ReduceScatter(_Collective):
    def __call__(
        self,
        output_tensor: Tensor,
        input_tensor: Tensor,
        group: ProcessGroup,
        op: ReduceOp,
        async_op: bool = False,
    ) -> Work | None:
        return send(lambda: reduce_scatter_tensor(output_tensor, input_tensor, op, group, async_op))


def _local(gradient: Tensor) -> Tensor:
    """What this process holds of it, in the same memory."""
    assert isinstance(gradient, DTensor), "gradients of divided parameters"
    return gradient.to_local()
