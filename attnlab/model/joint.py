"""Several models around one trunk: each part has its own embedding, places and head, and all share blocks and last norm."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn

from attnlab.errors import UserError
from attnlab.model.build import Model
from attnlab.model.encoders.attention import TRUNK, Attention


class Joint(nn.Module):
    """The models of a joint run's parts, by name, whose encoders are attention of the same size. Their trunk is that of the
    first by name; it is saved once, as `encoder.…`, and what each has of its own as `parts.<name>.…`. Raises UserError for a
    name that no module can have."""

    parts: Mapping[str, Model]
    """The model of each part, in the order of their names."""

    def __init__(self, models: Mapping[str, Model]) -> None:
        super().__init__()
        ordered = dict(sorted(models.items()))
        encoders = [cast(Attention, model.encoder) for model in ordered.values()]
        for encoder in encoders[1:]:
            encoder.share_trunk(encoders[0])
        if unable := [name for name in ordered if hasattr(nn.ModuleDict, name)]:
            raise UserError(f"`parts=[{unable[0]}]`: a part cannot have this name; choose another")
        self.encoder = nn.ModuleDict({name: getattr(encoders[0], name) for name in TRUNK})
        self.parts = cast(Mapping[str, Model], nn.ModuleDict(ordered))
        self.register_state_dict_post_hook(_once)
        self.register_load_state_dict_pre_hook(_for_each)

    @property
    def members(self) -> Sequence[Model]:
        """All models, of each part one."""
        return tuple(self.parts.values())

    def trained_apart(self) -> list[list[nn.Parameter]]:
        """All trained parameters, each once: what one part changes in the trunk concerns all."""
        parameters = {id(p): p for model in self.parts.values() for p in model.parameters() if p.requires_grad}
        return [list(parameters.values())]


def _once(joint: nn.Module, tensors: dict[str, Tensor], prefix: str, metadata: object) -> None:
    """Leave the trunk out of what each part has."""
    for name in [name for name in tensors if _in_trunk(name.removeprefix(prefix))]:
        del tensors[name]


def _for_each(joint: Joint, tensors: dict[str, Tensor], prefix: str, *more: object) -> None:
    """Let each part find the trunk among its tensors."""
    for name, tensor in [
        (name, tensor) for name, tensor in tensors.items() if name.startswith(f"{prefix}encoder.")
    ]:
        for part in joint.parts:
            tensors[f"{prefix}parts.{part}.{name.removeprefix(prefix)}"] = tensor


def _in_trunk(name: str) -> bool:
    """Whether a tensor is a part's name for one of the trunk: `parts.pos.encoder.norm.weight`."""
    return re.match(rf"parts\.[^.]+\.encoder\.({'|'.join(TRUNK)})\.", name) is not None


Learner = Model | Joint
"""What one run trains."""
