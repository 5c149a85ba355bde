"""Small models with random weights, and sets for them."""

import torch

from attnlab.codec import Codec
from attnlab.config import Config, LearnedEmbedding, LinearEmbedding, Trainer, WordCharEmbedding
from attnlab.model.build import Model, build
from attnlab.registry import ENCODERS, HEADS
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec, Target, Vocabulary

WIDTH, WORDS = 8, 30
CODEC = Codec.learn(["a b c d e"], "words", 20)
TARGETS = {
    "class": Target("class", ("x", "y", "z"), (3, 2, 1)),
    "vector_classes": Target("vector_classes", ("B-X", "I-X", "O"), (3, 2, 1)),
    "classes": Target("classes", ("funny", "sad")),
    "number": Target("number", mean=10.0, std=4.0),
    "vector_numbers": Target("vector_numbers", mean=10.0, std=4.0),
    "sequence": Target("sequence", codec="target"),
}


def vocabulary(prefix: str, size: int) -> Vocabulary:
    return Vocabulary(("<unk>", *(f"{prefix}{i}" for i in range(1, size))), (0, *[1] * (size - 1)))


def model(
    kind: str = "class", head: dict | None = None, words: bool = False, embedding: object = None,
    num_coords: int = 1, edge_features: int | None = 0, members: int = 1, encoder: str = "attention", **keys: object,
) -> Model:  # fmt: skip
    """For vectors of 8 numbers, or for ids of 30 words; random weights that are large enough for uneven attention."""
    torch.manual_seed(0)
    spec = DataSpec(
        "text", num_coords, None if words else WIDTH, {"answer": TARGETS[kind]},
        {"words": vocabulary("w", WORDS), "characters": vocabulary("c", 9)} if words else {},
        codecs={"target": CODEC}, edge_features=edge_features,
    )  # fmt: skip
    name = "seq2seq" if kind == "sequence" else "tagging" if kind.startswith("vector") else "classification"
    heads = {"heads": 2} if kind == "sequence" else {}
    usual = {"width": WIDTH, "depth": 2, "dropout": 0.0} | ({"heads": 2} if encoder == "attention" else {})
    config = Config(
        task="small", data=None, embedding=embedding or (LearnedEmbedding() if words else LinearEmbedding()),
        encoder=ENCODERS.keys(encoder)(**usual | keys), head=HEADS.keys(name)(target="answer", **heads, **(head or {})),
        optimizer=None, schedule=None, logger=None, trainer=Trainer(), members=members,
    )  # fmt: skip
    built = build(config, spec).eval()
    with torch.no_grad():
        for parameter in built.parameters():
            if parameter.dim() > 1:
                parameter.mul_(2.0)
    return built


def characters() -> WordCharEmbedding:
    return WordCharEmbedding(char_width=4, char_filters=4)


def sentence(length: int, seed: int = 0, parts: bool = False) -> VectorSets:
    """One set of ids of words, each of which is made of three characters."""
    random = torch.Generator().manual_seed(seed)
    ids = torch.randint(1, WORDS, (length,), generator=random)
    coords = torch.arange(length)[:, None].float()
    if not parts:
        return VectorSets.of(ids, coords=coords)
    spelled = VectorSets.of(torch.randint(0, 9, (length * 3,), generator=random), [3] * length)
    return VectorSets.of(ids, coords=coords, parts=spelled, part_index=torch.arange(length).flip(0))
