"""What `attnlab bench` measures: a section for each modality, on embedded data or on real ones of the same kind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """words: of its `attnlab train`. real: words that take real data instead, from FOLDER. unit: what is counted in a
    second. lengths: of the sets in the plot against length."""

    words: tuple[str, ...]
    real: tuple[str, ...]
    unit: str
    lengths: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512)


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
