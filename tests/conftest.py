"""Tiny data of every modality, and a place of its own for everything that a test writes."""

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

pytest_plugins = ["browser"]

os.environ["HF_HUB_OFFLINE"] = "1"  # before the hub's library is imported: no test reaches for it
REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """A real data set beside the checkout; the test is skipped where it is absent."""
    if not (REAL / name).exists():
        pytest.skip(f"needs the real data set {name}")
    return REAL / name


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prepared data are shared by all tests of a session; nothing is written outside temporary folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """`trainer.threads` holds for a whole process, and sums depend on it to the bit: not in the next test."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same numbers each time, alone or among others."""
    import torch

    torch.manual_seed(0)


def conllu(sentences: list[list[tuple[str, str]]]) -> str:
    """The text of a CoNLL-U file: sentences of (word, tag)."""
    blocks = (
        "".join(f"{i}\t{word}\t_\t{tag}\t_\t_\t_\t_\t_\t_\n" for i, (word, tag) in enumerate(sentence, 1))
        for sentence in sentences
    )
    return "\n".join(blocks) + "\n"


def tiny_sentences(count: int, seed: int) -> list[list[tuple[str, str]]]:
    """Words of a toy language: a word after `the` is a noun, after `they` a verb."""
    random = Random(seed)
    opening = {"the": ("DET", "NOUN"), "they": ("PRON", "VERB")}
    found = []
    for _ in range(count):
        sentence: list[tuple[str, str]] = []
        for _ in range(random.randint(1, 4)):
            first = random.choice(list(opening))
            own, following = opening[first]
            sentence += [(first, own), (random.choice(["saw", "book", "fish", "plant", "walk"]), following)]
        found.append([*sentence, (".", "PUNCT")])
    return found


def write_treebank(folder: Path, train: int = 60, others: int = 12) -> Path:
    """A folder named and filled as Universal Dependencies does."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate({"train": train, "dev": others, "test": others}.items()):
        text = conllu(tiny_sentences(count, seed))
        (folder / f"toy-ud-{split}.conllu").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy treebank of 60 training sentences."""
    return write_treebank(tmp_path_factory.mktemp("treebank"))


@pytest.fixture
def tiny(treebank: Path, tmp_path: Path) -> list[str]:
    """Overrides of a run of a second: `attnlab train` with these."""
    return [
        "data=ud_ewt", f"data.path={treebank}", f"outputs={tmp_path / 'outputs'}", "encoder.width=16",
        "encoder.depth=1", "encoder.heads=2", "trainer.epochs=2", "trainer.batch_vectors=100",
    ]  # fmt: skip


def verdicts(count: int, seed: int) -> list[tuple[str, str]]:
    """(text, class) of a toy language whose last word tells; two of three are good."""
    random = Random(seed)
    found = []
    for _ in range(count):
        good = random.random() < 2 / 3
        filler = " ".join(random.choices(["really", "so", "very"], k=random.randint(0, 3)))
        found.append((f"It is {filler} {'fine' if good else 'dull'}!", "good" if good else "bad"))
    return found


def write_tables(folder: Path, train: int = 60, others: int = 20) -> Path:
    """A folder with train.csv, dev.csv and test.csv, columns `text` and `label`."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate({"train": train, "dev": others, "test": others}.items()):
        rows = "".join(f'"{text}",{label}\n' for text, label in verdicts(count, seed))
        (folder / f"{split}.csv").write_text("text,label\n" + rows, encoding="utf-8")
    return folder


WORDS = {"red": "rot", "big": "groß", "old": "alt", "house": "Haus", "tree": "Baum", "dog": "Hund"}


def write_pairs(folder: Path, train: int = 80, others: int = 16) -> Path:
    """A toy language that is translated word by word, backwards."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (split, count) in enumerate({"train": train, "val": others, "test": others}.items()):
        random = Random(seed)
        rows = [random.choices(list(WORDS), k=random.randint(1, 3)) for _ in range(count)]
        (folder / f"{split}.en").write_text("".join(" ".join(row) + "\n" for row in rows), encoding="utf-8")
        back = (" ".join(WORDS[word] for word in reversed(row)) for row in rows)
        (folder / f"{split}.de").write_text("".join(f"{line}\n" for line in back), encoding="utf-8")
    return folder
