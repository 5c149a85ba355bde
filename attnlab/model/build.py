"""A model is an embedding, an encoder and a head, or several such side by side; the configuration names them, the
data size them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attnlab.attention_options import fitting_position
from attnlab.config import AttentionEncoder, Config, MaskedHead, Seq2seqHead, TaggingHead
from attnlab.errors import UserError
from attnlab.model.bag import bag_for
from attnlab.model.embeddings import Learned, Pretrained, WordChar
from attnlab.model.interfaces import Embedding, Encoder, Head
from attnlab.model.output_layer import RowHead
from attnlab.model.width import matching_width
from attnlab.registry import EMBEDDINGS, ENCODERS, HEADS
from attnlab.sets import Batch, Loss, Prediction, Targets, VectorSets
from attnlab.spec import DataSpec
from attnlab.targets import kind_named


@dataclass(frozen=True)
class Reading:
    """What a model has made of B sets. loss: from their targets, the () summed loss and () what it is summed over.
    predict: from `greedy` (see `Head.predict`), an answer for each set."""

    loss: Callable[[Targets], Loss]
    predict: Callable[[bool], list[Prediction]]


class Model(nn.Module):
    """embed → encode → answer. Raises UserError where the parts fit neither the data nor each other."""

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__()
        _check_target(config, spec)
        _check_values(config, spec)
        width = config.encoder.width
        self.embedding = EMBEDDINGS.get(config.embedding.name, Embedding)(config.embedding, spec, width)
        self.encoder = ENCODERS.get(config.encoder.name, Encoder)(config.encoder, spec)
        _fix(self.encoder, config.encoder.trained)
        self.head = _head(config, spec, self.embedding)
        self.mark = (
            nn.Parameter(0.1 * torch.randn(width)) if self.head.hides else None
        )  # in place of hidden vectors
        self.bag = bag_for(config.head, spec)
        if self.embedding.stride > 1 and kind_named(self.head.kind).per_vector:
            own = f" (a run that takes this encoder by `init=` may have {config.embedding.name} itself)"
            raise UserError(
                f"`embedding={config.embedding.name}` shortens sets, but `head={config.head.name}` answers for each "
                f"vector; use `embedding=linear`{own if self.head.hides else ''}"
            )

    def encode(self, inputs: VectorSets) -> VectorSets:
        """Ids (N,) or numbers (N, F) -> (N, D)."""
        return self.encoder(self.embedded(inputs))

    def embedded(self, inputs: VectorSets) -> VectorSets:
        """Ids (N,) or numbers (N, F) -> (N, D), which are the mark where vectors are hidden."""
        vectors = self.embedding(inputs)
        if self.mark is None or inputs.hidden is None:
            return vectors
        mark = self.mark.to(vectors.values.dtype)
        return vectors.with_values(torch.where(inputs.hidden[:, None], mark, vectors.values))

    def forward(self, batch: Batch) -> Loss:
        """B sets with their targets -> () summed loss, and () what it is summed over, to be trained on."""
        return self.read(batch.inputs).loss(batch.targets)

    def read(self, inputs: VectorSets) -> Reading:
        """Ids (N,) or numbers (N, F) -> what evaluation asks of them."""
        if self.bag is not None:
            return _reading(_row_head(self), self.outputs(inputs), inputs)
        encoded = self.encode(inputs)
        return Reading(
            lambda targets: self.head.loss(encoded, targets), lambda greedy: self.head.predict(encoded, greedy)
        )

    def outputs(self, inputs: VectorSets) -> Tensor:
        """Ids (N,) or numbers (N, F) -> (R, outputs) of a head that answers row by row, with the votes of a bag."""
        outputs = _row_head(self).outputs(self.encode(inputs))
        return outputs if self.bag is None else outputs + self.bag(inputs)

    def mean_outputs(self, inputs: VectorSets) -> Tensor:
        """As `outputs`, of the mean of its members' probabilities or numbers: what it answers by."""
        return self.outputs(inputs)

    @torch.no_grad()
    def predict(self, inputs: VectorSets) -> list[Prediction]:
        """Ids (N,) or numbers (N, F) -> an answer for each of the B sets."""
        return self.read(inputs).predict(False)

    @property
    def members(self) -> Sequence["Model"]:
        """The models whose answers are averaged: itself alone."""
        return (self,)

    @property
    def parts(self) -> Mapping[str, "Model"]:
        """The models of the tasks that are learned together: itself, which needs no name."""
        return {"": self}

    def trained_apart(self) -> list[list[nn.Parameter]]:
        """The trained parameters of each member, whose gradients have nothing to do with those of the others."""
        return [[p for p in self.parameters() if p.requires_grad]]


class Ensemble(Model):
    """Several models of the same parts with different random weights; their answers are averaged (deep ensembles,
    Lakshminarayanan et al. 2017, section 2.4).

    It is the first of them itself, so that `embedding`, `encoder`, `encode` and `head` are the first's, and has the
    `others` beside. Raises UserError where the head's answers cannot be averaged.
    """

    def __init__(self, config: Config, spec: DataSpec) -> None:
        if not issubclass(HEADS.get(config.head.name, Head), RowHead):
            raise UserError(
                f"`members={config.members}`: the answers of head={config.head.name} cannot be averaged, as those of "
                "heads that give each set or vector a class or a number can; train with members=1"
            )
        if isinstance(config.head, TaggingHead) and config.head.crf:
            raise UserError(
                f"`members={config.members}`: sequences of tags cannot be averaged as tags can; train with members=1 or "
                "head.crf=false"
            )
        super().__init__(config, spec)
        self.others = nn.ModuleList(Model(config, spec) for _ in range(config.members - 1))

    @property
    def members(self) -> Sequence[Model]:
        """The models whose answers are averaged; of the first, which is this object, ask only for its own parts."""
        return (self, *self.others)

    def trained_apart(self) -> list[list[nn.Parameter]]:
        """The trained parameters of each member."""
        first = [p for name, p in self.named_parameters() if p.requires_grad and not name.startswith("others.")]
        return [first, *([p for p in other.parameters() if p.requires_grad] for other in self.others)]

    def forward(self, batch: Batch) -> Loss:
        """B sets with their targets -> () mean of the members' summed losses, and () what each is summed over. Its
        gradient is the sum of theirs, so that each member learns at the same rate as alone."""
        losses = [Model.read(member, batch.inputs).loss(batch.targets) for member in self.members]
        totals = torch.stack([loss.total for loss in losses])
        return Loss(totals.detach().mean() + (totals - totals.detach()).sum(), losses[0].count)

    def read(self, inputs: VectorSets) -> Reading:
        """Ids (N,) or numbers (N, F) -> what evaluation asks of the members' mean answers."""
        return _reading(_row_head(self), self.mean_outputs(inputs), inputs)

    def mean_outputs(self, inputs: VectorSets) -> Tensor:
        outputs = torch.stack([member.outputs(inputs) for member in self.members])
        return _row_head(self).output.kind.combined(outputs)


def _reading(head: RowHead, outputs: Tensor, inputs: VectorSets) -> Reading:
    """What (R, outputs) of these inputs say; where vectors have answers each, no embedding shortens their sets."""
    return Reading(
        lambda targets: head.loss_of(outputs, targets, inputs.layout),
        lambda _: head.predictions_of(outputs, inputs.layout),
    )


def _row_head(model: Model) -> RowHead:
    assert isinstance(model.head, RowHead), "others have neither members nor a bag"
    return model.head


def _fix(encoder: Encoder, trained: str) -> None:
    """Take out of training all of an encoder that `encoder.trained` doesn't name. Positions stay in it: those of other data
    start anew, as in Lu et al. 2021, whose setting is `norms`."""
    if trained == "all":
        return
    norms = [module for module in encoder.modules() if isinstance(module, nn.LayerNorm)]
    kept = {id(p) for norm in norms for p in norm.parameters()} if trained == "norms" else set[int]()
    for name, parameter in encoder.named_parameters():
        if id(parameter) not in kept and not name.startswith(encoder.of_places):
            parameter.requires_grad_(False)


def _check_target(config: Config, spec: DataSpec) -> None:
    """Refuse a head that cannot learn its target from these data, with a word about those that can."""
    name, target = config.head.name, config.head.target
    kinds = HEADS.get(name, Head).kinds
    if target in spec.targets and spec.targets[target].kind in kinds:
        if kind_named(spec.targets[target].kind).has_labels and not spec.targets[target].classes:
            raise UserError(f"`head.target={target}`: no label in the training data says what is right")
        return
    learners = {n: [h for h in HEADS if t.kind in HEADS.get(h, Head).kinds] for n, t in spec.targets.items()}
    able = [
        f"`{n}` ({spec.targets[n].kind}) for head={' or '.join(heads)}" for n, heads in learners.items() if heads
    ]
    key = "`data`" if target is None else f"`head.target={target}`"
    offered = "; ".join(able) or "nothing to be learned"
    raise UserError(f"{key}: head={name} learns {' or '.join(kinds)}; the data have {offered}")


def _check_values(config: Config, spec: DataSpec) -> None:
    """Refuse an embedding of ids for data that are numbers, and the reverse."""
    name, are_numbers = config.embedding.name, spec.features is not None
    if EMBEDDINGS.get(name, Embedding).numbers != are_numbers:
        fitting = sorted(n for n in EMBEDDINGS if EMBEDDINGS.get(n, Embedding).numbers == are_numbers)
        values = "vectors of numbers" if are_numbers else "ids"
        raise UserError(
            f"`embedding={name}`: {spec.modality} data are {values}; choose one of {', '.join(fitting)}"
        )
    if needs_parts(config) and "characters" not in spec.vocabularies:
        raise UserError(f"`embedding={name}`: these {spec.modality} data have no characters of words")


def _head(config: Config, spec: DataSpec, embedding: Embedding) -> Head:
    head, width = HEADS.get(config.head.name, Head), config.encoder.width
    assert config.head.target is not None, "checked before"
    if head.hides:
        return head(config.head, spec, width, _word_table(embedding, width))
    if spec.targets[config.head.target].codec != "source":
        return head(config.head, spec, width)
    if not isinstance(embedding, Learned):
        raise UserError(f"`data.joint_vocabulary=true` needs embedding=learned, not {config.embedding.name}")
    return head(config.head, spec, width, embedding.table)


def _word_table(embedding: Embedding, width: int) -> nn.Embedding | None:
    """The embedding's table of words, where it is learned and its vectors have the model's width; else None."""
    if not isinstance(embedding, Learned | Pretrained | WordChar) or not embedding.table.weight.requires_grad:
        return None
    return embedding.table if embedding.table.embedding_dim == width else None


def needs_parts(config: Config) -> bool:
    """Whether the embedding looks into its vectors (characters of words)."""
    return EMBEDDINGS.get(config.embedding.name, Embedding).needs_parts


def build(config: Config, spec: DataSpec) -> Model:
    """A model with random weights, for the data that `spec` describes. Raises UserError where they don't fit."""
    fit(config, spec)
    return Model(config, spec) if config.members == 1 else Ensemble(config, spec)


def sizes(config: Config, spec: DataSpec) -> dict[str, Tensor]:
    """The weights of such a model by name, with shapes and types but no numbers, so that they take no memory. Raises
    UserError as `build` does."""
    with torch.device("meta"):
        return build(config, spec).state_dict()


def resolve(config: Config, spec: DataSpec) -> None:
    """Fill in what only files and data know, before the configuration is saved. Raises UserError as `fit` does, and where
    no width has as many parameters as were asked for."""
    fit(config, spec)
    if config.encoder.parameters is not None:
        config.encoder.width = matching_width(config.encoder, spec, config.head.width_step)


def fit(config: Config, spec: DataSpec) -> None:
    """Fill in what follows from the data and from other keys: how values become vectors, how coordinates enter, and which
    target is learned. Raises UserError where the head could learn several."""
    config.embedding = EMBEDDINGS.get(config.embedding.name, Embedding).resolved(config.embedding, spec)
    if isinstance(config.head, MaskedHead):
        config.head = config.head.resolved(config.data, spec.modality, spec.frame_seconds)
    for part in (config.encoder, config.head):
        if isinstance(part, AttentionEncoder | Seq2seqHead):
            part.position = fitting_position(part.position, part.score)
    if config.head.target is None:
        kinds = HEADS.get(config.head.name, Head).kinds
        fitting = [name for name, target in spec.targets.items() if target.kind in kinds]
        if len(fitting) > 1:
            raise UserError(f"`head.target` is missing: the data have {' and '.join(fitting)}; choose one")
        config.head.target = fitting[0] if fitting else None


def start_from_files(model: Model, config: Config, spec: DataSpec) -> None:
    """Put into a new model what files bring: pretrained vectors. A saved run brings its own."""
    for member in model.members:
        member.embedding.start_from_files(config.embedding, spec)
