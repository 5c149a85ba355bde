"""What `attnlab bench` measures: a section for each modality, on embedded data or on real ones of the same kind, and the
figures of each as bench.json holds them."""

from dataclasses import asdict, dataclass

PARTS = ("data", "embed", "plan", "attention", "feed-forward", "head", "optimizer", "rest")
"""What a training step goes to. rest: norms, residuals, gradients of embedding and head."""


@dataclass(frozen=True)
class Section:
    """words: of its `attnlab train`. real: words that take real data instead, from FOLDER. unit: what is counted in a
    second. lengths: of the sets in the plot against length."""

    words: tuple[str, ...]
    real: tuple[str, ...]
    unit: str
    lengths: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Measurement:
    """One section. Vectors are counted in `unit`; None: what only attention encoders, or models that generate, have.

    words: of its `attnlab train`. vectors_per_second: in steps on ready batches; loop_…: of the training loop; train_…:
    of all of `train`. data_wait: fraction of the loop's time. peak_gflops: by the quicker library that PyTorch carries,
    torch_gflops: by `torch.mm`. parts: milliseconds of a step by `PARTS`. by_length: `length` and
    `vectors_per_second` of the encoder alone on sets of one length. sentences_per_second: by how they are decoded.
    """

    unit: str
    words: list[str]
    threads: int
    updates: int
    vectors_per_update: float
    step_ms: float
    vectors_per_second: float
    loop_vectors_per_second: float
    train_vectors_per_second: float
    data_wait: float
    peak_gflops: float
    torch_gflops: float
    parts: dict[str, float]
    memory_mib: float
    gflops: float | None = None
    share_of_peak: float | None = None
    share_of_torch: float | None = None
    by_length: list[dict[str, float]] | None = None
    sentences_per_second: dict[str, float] | None = None

    def plain(self) -> dict[str, object]:
        """For JSON, without what there is not."""
        return {name: value for name, value in asdict(self).items() if value is not None}


SIZES = ("encoder.width=128", "encoder.depth=4", "encoder.heads=4", "encoder.dropout=0")
DECODER = ("head.depth=4", "head.heads=4", "head.dropout=0")
TAGGING = ("task=pos", *SIZES, "trainer.batch_vectors=1500")
EWT = ("data=ud_ewt", "data.path=FOLDER/ud_english_ewt")

SECTIONS = {
    "tagging": Section(TAGGING, EWT, "words"),
    "wide": Section((*TAGGING, "encoder.width=256"), EWT, "words"),
    "images": Section(
        ("task=digits", *SIZES, "trainer.batch_vectors=1500"),
        ("data=fashion_mnist", "data.path=FOLDER/fashion_mnist", "data.patch=4", "data.limit=6000"),
        "patches",
    ),
    "speech": Section(
        ("task=keywords", *SIZES, "trainer.batch_vectors=2000"), ("data=fsdd", "data.path=FOLDER/fsdd"),
        "frames", (32, 64, 128, 256, 512, 1024),
    ),
    "graphs": Section(
        ("task=graph", "encoder.depth=4", "trainer.batch_vectors=1500"),
        ("data=tu", "data.name=PROTEINS", "data.path=FOLDER/tu/PROTEINS"),
        "nodes",
    ),
    "translation": Section(
        ("task=translation", *SIZES, "encoder.width=256", *DECODER, "trainer.batch_vectors=3000"),
        ("data=multi30k", "data.path=FOLDER/multi30k_en_de", "data.subwords=5000"),
        "target tokens", (8, 16, 32, 64, 128),
    ),
    # So small that little but the loop around the model is left.
    "loop": Section(
        ("task=pos", "encoder.width=8", "encoder.depth=1", "encoder.heads=1", "trainer.batch_vectors=64"),
        EWT, "words", (),
    ),
}  # fmt: skip


def words_of(section: Section, folder: str | None) -> list[str]:
    """The words of a section's `attnlab train`; folder: where real data lie, or None for embedded ones."""
    if folder is None:
        return list(section.words)
    return [*section.words, *(word.replace("FOLDER", folder) for word in section.real)]
