"""What the attention layers of a model compute for one set, whatever kernel computes it.

Of several `members`, the first is looked into.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor, nn

from attnlab.choices import listed
from attnlab.errors import UserError, suggestion
from attnlab.explain.explanation import Followed, Layer, LayerKind, Numbers
from attnlab.explain.question import device_of, evaluating, written_sets
from attnlab.model.attention.kernels import REFERENCE
from attnlab.model.attention.multihead import CrossAttention, SelfAttention
from attnlab.model.attention.positions import Biases, Pairs
from attnlab.model.attention.recorder import attention_layers
from attnlab.model.attention.reference import Plan, SetPlan
from attnlab.model.build import Model
from attnlab.model.encoders.attention import Attention
from attnlab.model.heads.seq2seq import Seq2seq
from attnlab.model.output_layer import RowHead
from attnlab.sets import VectorSets

BLOCK_NUMBERS = 1 << 23
"""Numbers of a block of scores that is computed together."""


@dataclass(eq=False)
class LayerPass:
    """What one attention layer was given and gave, for one set: Lq queries and Lk keys.

    stream: (Lq, D) the residual stream before the layer. q (Lq, H, K), k (Lk, H, K): as the score compares them; v (Lk, H, K).
    heads: (Lq, H·K) what the heads gave, before W^O, and output: (Lq, D), both with their gradients' graph where there is one.
    block: (Lq, D) the residual stream after the layer's whole block, feed-forward included.
    """

    name: str
    kind: LayerKind
    number: int
    scope: str
    layer: SelfAttention | CrossAttention
    plan: Plan
    biases: Biases
    q: Tensor
    k: Tensor
    v: Tensor
    stream: Tensor
    heads: Tensor
    output: Tensor
    block: Tensor

    @cached_property
    def part(self) -> SetPlan:
        """Which pairs there are."""
        return REFERENCE.plan(self.plan.scope, self.plan.queries, self.plan.keys).work[0]

    @torch.no_grad()
    def scores(self, rows: slice = slice(None)) -> Tensor:
        """(H, rows, Lk): of some queries, before the softmax; −∞ where a pair is not allowed."""
        scores = self.layer.score.table(self.q[None, rows], self.k[None])[0]
        pairs = Pairs(
            *(None if x is None else x[rows] for x in (self.part.pairs.differences, self.part.pairs.edge_values))
        )
        for bias in self.biases:
            scores = scores + bias(pairs).permute(2, 0, 1)
        return scores.masked_fill(~self.part.allowed[None, rows], -torch.inf)

    @torch.no_grad()
    def weights(self) -> Tensor:
        """(H, Lq, Lk): the share of each key in each query's vector; 0 in the row of a query without any key."""
        numbers = self.k.numel() if self.layer.score.pairwise else len(self.k) * self.layer.heads
        size = max(1, BLOCK_NUMBERS // max(1, numbers))
        blocks = [self.scores(slice(start, start + size)).softmax(-1) for start in range(0, len(self.q), size)]
        return torch.cat([*blocks, self.q.new_zeros(self.layer.heads, 0, len(self.k))], dim=1).nan_to_num(0.0)

    @property
    def head_matrices(self) -> Tensor:
        """(H, K, D): W^O of each head."""
        weight: Tensor = self.layer.out_proj.weight.detach()
        return weight.T.reshape(self.layer.heads, self.layer.head_width, -1)

    @torch.no_grad()
    def contributions(self) -> Tensor:
        """(Lk, H, D): what each key would add to a query whose whole weight it had, in each head."""
        return torch.einsum("jhk,hkd->jhd", self.v, self.head_matrices)

    @torch.no_grad()
    def error(self, weights: Tensor) -> float:
        """The largest difference between Σ weights · values · W^O and the output, relative to the output's largest number."""
        mixed = torch.einsum("hij,jhk->ihk", weights, self.v).flatten(1)
        difference = (self.layer.out_proj(mixed) - self.output).abs()
        return float(difference.max() / self.output.abs().max().clamp_min(1e-30)) if difference.numel() else 0.0


@contextmanager
def passes(model: Model) -> Iterator[list[LayerPass]]:
    """While inside, what the first member computes for one set is appended, layer by layer as they run."""
    done = list[LayerPass]()
    started = dict[str, tuple[Plan, Biases, Tensor, Tensor, Tensor, Tensor]]()
    streams, heads = dict[str, Tensor](), dict[str, Tensor]()
    names = {name: layer for name, layer in attention_layers(model).items() if not name.startswith("others.")}
    scopes = _scopes(model, names)

    def keep(kept: dict[str, Tensor], name: str, _: nn.Module, inputs: tuple) -> None:
        kept[name] = inputs[0]

    @torch.no_grad()
    def start(name: str, layer: SelfAttention | CrossAttention, inputs: tuple, named: dict) -> None:
        if isinstance(layer, SelfAttention):
            x, plan, rotation, biases = _arguments(inputs, named, ("x", "plan", "rotation", "biases"))
            q, k, v = layer.project(x)
        else:
            x, (k, v), plan, biases = _arguments(inputs, named, ("x", "memory", "plan", "biases"))
            q, rotation = layer.project_q(x), None
        assert len(plan.queries) == 1, "one set at a time"
        q, k = layer.score.prepare(q, k)
        q, k = (q, k) if rotation is None else (rotation(q), rotation(k))
        started[name] = plan, biases or (), q, k, v.detach(), x

    def end(name: str, layer: SelfAttention | CrossAttention, _: tuple, output: Tensor) -> None:
        plan, biases, q, k, v, x = started.pop(name)
        kind: LayerKind = "cross"
        if isinstance(layer, SelfAttention):
            kind = "decoder" if name.startswith("head.") else "encoder"
        number = 1 + sum(other.kind == kind for other in done)
        stream = streams.pop(name, x).detach()
        # Until its block has ended, or where it is in none of ours, nothing comes after a layer.
        after = stream + output.detach()
        done.append(
            LayerPass(name, kind, number, scopes.get(name, ""), layer, plan, biases, q, k, v, stream, heads.pop(name), output, after)
        )  # fmt: skip

    def end_block(block: str, _: nn.Module, inputs: tuple, output: Tensor) -> None:
        for one in done:
            if one.name.rpartition(".")[0] == block:
                one.block = output.detach()

    handles = []
    for name, layer in names.items():
        handles.append(layer.register_forward_pre_hook(partial(start, name), with_kwargs=True))
        handles.append(layer.out_proj.register_forward_pre_hook(partial(keep, heads, name)))
        handles.append(layer.register_forward_hook(partial(end, name)))
        norm = _norm_before(model, name)
        if norm is not None:
            handles.append(norm.register_forward_pre_hook(partial(keep, streams, name)))
    for block in dict.fromkeys(name.rpartition(".")[0] for name in names if _norm_before(model, name) is not None):
        handles.append(model.get_submodule(block).register_forward_hook(partial(end_block, block)))
    try:
        yield done
    finally:
        for handle in handles:
            handle.remove()


def _arguments(inputs: tuple, named: dict, names: tuple[str, ...]) -> list:
    """What a layer was called with, in order of its parameters; None where it wasn't given."""
    return [inputs[i] if i < len(inputs) else named.get(name) for i, name in enumerate(names)]


def _norm_before(model: Model, name: str) -> nn.Module | None:
    """The norm that a block of ours puts before a layer: what it is given is the residual stream."""
    block, _, layer = name.rpartition(".")
    return getattr(model.get_submodule(block), f"norm_{layer}", None)


def _scopes(model: Model, names: dict[str, SelfAttention | CrossAttention]) -> dict[str, str]:
    """The scope of each encoder layer, in the words of `encoder.scope`."""
    if not isinstance(model.encoder, Attention):
        return {}
    words = [str(word) for word in listed(model.encoder.config.scope)]
    own = [name for name in names if name.startswith("encoder.")]
    return {name: words[number % len(words)] for number, name in enumerate(own)}


@torch.no_grad()
def run(model: Model, inputs: VectorSets, written: Sequence[int] = ()) -> list[LayerPass]:
    """One set (L,) of ids, or (L, F) -> what each attention layer computes, first those of the encoder, then, where answers are
    sequences, those of the decoder while it reads `<s>` and the written tokens."""
    assert len(inputs) == 1, "one set at a time"
    with evaluating(model), passes(model) as done:
        encoded = model.encode(inputs.to(device_of(model)))
        if isinstance(model.head, Seq2seq):
            model.head.decoder(written_sets(written).to(encoded.values.device), encoded)
    return done


def trace(model: Model, inputs: VectorSets, written: Sequence[int] = ()) -> list[Layer]:
    """The weights of every attention layer for one set: (L,) ids, or (L, F) numbers; none where the model has no such layer.

    written: of output sequences, ids of tokens that were written, as `written_answer` gives them. The decoder reads `<s>` and
    these: row i of its weights is of the query that predicts token i. Of several `members`, the first is looked into.
    """
    layers = []
    for done in run(model, inputs, written):
        weights = done.weights()
        layers.append(Layer(done.name, done.kind, done.number, done.scope, numbers(weights), done.error(weights)))
    return layers


@torch.no_grad()
def follow(
    model: Model, inputs: VectorSets, layer: str, head: int, query: int, written: Sequence[int] = ()
) -> Followed:
    """How query number `query` of one head of one layer, both counted from 0, came to its vector, for one set.

    written: as in `trace`. Raises UserError where there is no such layer, head or query.
    """
    done = {one.name: one for one in run(model, inputs, written)}
    if layer not in done:
        raise UserError(f"layer `{layer}`: no such attention layer; {suggestion(layer, done)}")
    one = done[layer]
    if not 0 <= head < one.layer.heads:
        raise UserError(f"head {head + 1}: layer `{layer}` has {one.layer.heads}, counted from 1")
    if not 0 <= query < len(one.q):
        raise UserError(f"query {query + 1}: layer `{layer}` has {len(one.q)} for this input, counted from 1")
    scores = one.scores(slice(query, query + 1))[:, 0]  # (H, Lk)
    weights = scores.softmax(-1).nan_to_num(0.0)
    outputs = torch.einsum("hj,jhk->hk", weights, one.v)
    after = one.stream + one.output
    return Followed(
        layer, head, query, numbers(one.q[query, head]), numbers(one.k[:, head]), numbers(one.v[:, head]),
        numbers(scores[head]), numbers(weights[head]), numbers(outputs[head]),
        numbers(torch.einsum("hk,hkd->hd", outputs, one.head_matrices)),
        numbers(one.stream[query]), numbers(after[query]), _logits(model, inputs, one, query),
    )  # fmt: skip


def _logits(model: Model, inputs: VectorSets, one: LayerPass, query: int) -> Numbers | None:
    """(C,): what the head would answer behind this layer's block, for this query or, where it answers for sets, for the set."""
    head = model.head
    if isinstance(head, Seq2seq):
        if one.kind == "encoder":
            return None
        return numbers(head.decoder.logits(head.decoder.norm(one.block[query])))
    outputs = lens(model, inputs, one)
    if outputs is None or not isinstance(head, RowHead):
        return None
    return numbers(outputs[query if head.output.kind.per_vector else 0])


@torch.no_grad()
def lens(model: Model, inputs: VectorSets, one: LayerPass) -> Tensor | None:
    """(R, outputs): what the head would answer if it read the residual stream behind the block of this encoder layer through the
    encoder's last norm, with the votes of a bag; behind the last, what the first member answers. None for other encoders and heads."""
    if one.kind != "encoder" or not isinstance(model.encoder, Attention) or not isinstance(model.head, RowHead):
        return None
    outputs = model.head.outputs(one.plan.queries.with_values(model.encoder.norm(one.block)))
    return outputs if model.bag is None else outputs + model.bag(inputs.to(outputs.device))


def numbers(tensor: Tensor) -> Numbers:
    """(…) -> the same on the host."""
    return tensor.detach().float().cpu().numpy().astype(np.float32)
