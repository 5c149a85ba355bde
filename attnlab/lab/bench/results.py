"""The figures of `attnlab bench`, as bench.json holds them."""

from dataclasses import asdict, dataclass

PARTS = ("data", "embed", "plan", "attention", "feed-forward", "head", "optimizer", "rest")
"""What a training step goes to. rest: norms, residuals, gradients of embedding and head."""


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
