"""Other libraries' encoders behind one signature: (B, L, D), mask (B, L) True where there is a vector -> (B, L, D)."""

from collections.abc import Callable

from torch import Tensor, nn

from attnlab.config import AttentionEncoder

Call = Callable[..., Tensor]
"""(module, x, mask) -> as `Called`."""


class Called(nn.Module):
    """Another library's module behind (x, mask)."""

    def __init__(self, inner: nn.Module, call: Call) -> None:
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.call(self.inner, x, mask)


class Padded(nn.Module):
    """Embedding, encoder and an answer: for each vector, or, with `pooled`, for the mean of each set."""

    def __init__(
        self, embed: nn.Module, encoder: nn.Module, width: int, classes: int, pooled: bool = False
    ) -> None:
        super().__init__()
        self.embed, self.encoder, self.classify, self.pooled = embed, encoder, nn.Linear(width, classes), pooled

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        x = self.encoder(self.embed(values), mask)
        if self.pooled:
            x = (x * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return self.classify(x)


def torch_encoder(e: AttentionEncoder) -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        e.width, e.heads, e.width * e.feed_forward, e.dropout, activation="gelu", batch_first=True, norm_first=True
    )
    inner = nn.TransformerEncoder(layer, e.depth, nn.LayerNorm(e.width), enable_nested_tensor=False)
    return Called(inner, lambda m, x, mask: m(x, src_key_padding_mask=None if mask.all() else ~mask))


def nested_encoder(e: AttentionEncoder) -> nn.Module:
    """In eval mode PyTorch drops the padding and takes its fused layers, which only norms after layers have."""
    layer = nn.TransformerEncoderLayer(
        e.width, e.heads, e.width * e.feed_forward, e.dropout, activation="gelu", batch_first=True
    )
    inner = nn.TransformerEncoder(layer, e.depth, enable_nested_tensor=True)
    return Called(inner, lambda m, x, mask: m(x, src_key_padding_mask=~mask))


def bert(e: AttentionEncoder) -> nn.Module:
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertEncoder

    config = BertConfig(
        hidden_size=e.width, num_hidden_layers=e.depth, num_attention_heads=e.heads,
        intermediate_size=e.width * e.feed_forward, hidden_dropout_prob=e.dropout,
        attention_probs_dropout_prob=0.0, attn_implementation="sdpa",
    )  # fmt: skip

    def call(m: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
        shape = (len(x), 1, x.shape[1], x.shape[1])
        return m(x, attention_mask=None if mask.all() else mask[:, None, None].expand(shape))[0]

    return Called(BertEncoder(config), call)


def x_transformers(e: AttentionEncoder) -> nn.Module:
    from x_transformers import Encoder

    inner = Encoder(
        dim=e.width, depth=e.depth, heads=e.heads, attn_dim_head=e.width // e.heads, attn_flash=True,
        ff_mult=e.feed_forward, attn_dropout=0.0, ff_dropout=e.dropout,
    )  # fmt: skip
    return Called(inner, lambda m, x, mask: m(x, mask=None if mask.all() else mask))


def lstm(e: AttentionEncoder, hidden: int | None = None) -> nn.Module:
    """hidden: of each direction; None: D/2, so that D numbers come out."""
    hidden = e.width // 2 if hidden is None else hidden
    inner = nn.LSTM(e.width, hidden, e.depth, batch_first=True, bidirectional=True)

    def call(m: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
        rows = nn.utils.rnn.pack_padded_sequence(x, mask.sum(1), batch_first=True, enforce_sorted=False)
        walked = nn.utils.rnn.pad_packed_sequence(m[0](rows)[0], batch_first=True, total_length=x.shape[1])[0]
        return m[1](walked)

    out = nn.Identity() if 2 * hidden == e.width else nn.Linear(2 * hidden, e.width)
    return Called(nn.ModuleList([inner, out]), call)


def large_lstm(e: AttentionEncoder) -> nn.Module:
    """As many parameters as our encoder has."""
    wanted, hidden = e.depth * e.width * e.width * (4 + 2 * e.feed_forward), e.width // 2
    while sum(p.numel() for p in lstm(e, hidden + 1).parameters()) <= wanted:
        hidden += 1
    return lstm(e, hidden)


def timm_vit(e: AttentionEncoder) -> nn.Module:
    from timm.models.vision_transformer import Block

    blocks = nn.Sequential(*(Block(e.width, e.heads, e.feed_forward, qkv_bias=True) for _ in range(e.depth)))
    return Called(nn.Sequential(blocks, nn.LayerNorm(e.width)), lambda m, x, mask: m(x))


def hf_vit(e: AttentionEncoder) -> nn.Module:
    from transformers import ViTConfig
    from transformers.models.vit.modeling_vit import ViTLayer

    config = ViTConfig(
        hidden_size=e.width, num_hidden_layers=e.depth, num_attention_heads=e.heads,
        intermediate_size=e.width * e.feed_forward, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="sdpa",
    )  # fmt: skip
    layers = nn.ModuleList(ViTLayer(config) for _ in range(e.depth))

    def call(m: nn.ModuleList, x: Tensor, mask: Tensor) -> Tensor:
        for layer in m[0]:
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return m[1](x)

    return Called(nn.ModuleList([layers, nn.LayerNorm(e.width)]), call)
