"""What every loader promises, whatever it reads: see `attnlab/data/contract.py`."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import tiny_sentences, verdicts, write_tables, write_treebank
from graphs import write_jsonl, write_tu
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import write_folder, write_mnist
from torch import Tensor

from attnlab.compose import compose
from attnlab.config import CrossValidated, DataConfig
from attnlab.data import loader, open_data
from attnlab.data.contract import Data, Split
from attnlab.errors import UserError
from attnlab.sets import VectorSets
from attnlab.spec import DataSpec

RATE = 8000


def treebank(folder: Path) -> list[str]:
    return ["data=ud_ewt", f"data.path={write_treebank(folder)}", "data.unknown=20"]


def tagged(folder: Path) -> list[str]:
    blocks = ("".join(f"{word}\t{tag}\n" for word, tag in sentence) for sentence in tiny_sentences(60, seed=1))
    (folder / "words.tsv").write_text("\n".join(blocks))
    return ["data=tagged", f"data.path={folder / 'words.tsv'}", "data.unknown=20"]


def table(folder: Path) -> list[str]:
    return ["task=sentiment", "data=csv", f"data.path={write_tables(folder)}", "data.unknown=20", "data.limit=30"]


def numbers(folder: Path) -> list[str]:
    rows = (json.dumps({"text": text, "label": len(text) / 3}) + "\n" for text, _ in verdicts(60, seed=1))
    (folder / "x.jsonl").write_text("".join(rows))
    return ["task=sentiment", "data=csv", f"data.path={folder / 'x.jsonl'}", "data.target_kind=number"]


def questions(folder: Path) -> list[str]:
    rows = (
        f'"{text}",{i % 2},{"01"[i % 3] if i % 3 < 2 else ""}\n' for i, (text, _) in enumerate(verdicts(60, 1))
    )
    (folder / "x.csv").write_text("text,funny,sad\n" + "".join(rows))
    words = ["task=sentiment", "data=csv", f"data.path={folder / 'x.csv'}", "data.target_kind=classes"]
    return [*words, "data.label=[funny,sad]"]


def pairs(folder: Path) -> list[str]:
    texts = [" ".join(text.split()) for text, _ in verdicts(60, seed=1)]
    for language, change in {"en": str, "de": str.upper}.items():
        (folder / f"train.{language}").write_text("".join(f"{change(text)}\n" for text in texts))
    return ["task=translation", "data=parallel", f"data.path={folder}", "data.tokens=words", "data.limit=40"]


def pictures(folder: Path) -> list[str]:
    words = [f"data.path={write_mnist(folder)}", "data.patch=2", "data.flip=true", "data.translate=1"]
    return ["task=digits", "data=mnist", *words]


def sizes(folder: Path) -> list[str]:
    return ["task=digits", "data=image_folder", f"data.path={write_folder(folder)}", "data.translate=1"]


def recordings(folder: Path) -> list[str]:
    random = np.random.default_rng(0)
    for digit in range(3):
        for index in range(10):
            time = np.arange(int(RATE * random.uniform(0.1, 0.3))) / RATE
            sound = 0.3 * np.sin(2 * np.pi * 400 * (digit + 1) * time) + 0.01 * random.standard_normal(len(time))
            soundfile.write(folder / f"{digit}_ada_{index}.wav", sound, RATE, subtype="PCM_16")
    louder = ["data.noise=5", "data.gain=6", "data.time_shift=40", "data.speed=0.2", "data.mask_time=60"]
    return ["task=keywords", "data=fsdd", f"data.path={folder}", "data.bands=12", *louder]


def graphs(folder: Path) -> list[str]:
    words = [f"data.path={write_tu(folder)}", "data.name=TOY", "data.structure=laplacian:2"]
    return ["task=graph", "data=tu", *words]


def nodes(folder: Path) -> list[str]:
    records = [
        {
            "nodes": ["C"] * size,
            "edges": [[a, a + 1] for a in range(size - 1)],
            "label": ["end", *["in"] * (size - 1)],
        }
        for size in range(2, 32)
    ]
    path = write_jsonl(folder / "x.jsonl", records)
    return ["task=graph", "data=graph_jsonl", f"data.path={path}", "data.target_kind=vector_classes"]


CASES: list[Callable[[Path], list[str]]] = [
    treebank, tagged, table, numbers, questions, pairs, pictures, sizes, recordings, graphs, nodes,
]  # fmt: skip
UNALTERED = {"pairs", "nodes"}
"""Data that are trained on as they are."""
BY_NAME = {"sizes", "recordings"}
"""Data that are divided by the names of files, whose contents may be equal."""
COPIED = {"table", "numbers", "questions", "nodes"}
"""Data with equal examples, or without classes of whole examples, which folds don't hold in proportion to the last one."""


@dataclass(frozen=True)
class Opened:
    name: str
    config: DataConfig
    data: Data

    def splits(self) -> Iterator[Split]:
        assert "train" in self.data.splits and len(self.data.splits) > 1
        return iter(self.data.splits.values())


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.__name__)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    words = request.param(tmp_path_factory.mktemp(request.param.__name__))
    config = compose(words).data
    return Opened(request.param.__name__, config, open_data(config, seed=1))


def same(one: VectorSets, other: VectorSets) -> bool:
    """Whether two batches hold the same sets."""
    pairs = ((getattr(one, name), getattr(other, name)) for name in ("values", "coords", "edges", "edge_values"))
    return one.lengths == other.lengths and all(
        a is b is None or (a is not None and b is not None and torch.equal(a, b)) for a, b in pairs
    )


def collated(targets: list[Tensor | VectorSets]) -> Tensor | VectorSets:
    if isinstance(targets[0], VectorSets):
        return VectorSets.collate([t for t in targets if isinstance(t, VectorSets)])
    return torch.cat([t for t in targets if isinstance(t, Tensor)])


def alike(one: Tensor | VectorSets, other: Tensor | VectorSets) -> bool:
    if isinstance(one, VectorSets) and isinstance(other, VectorSets):
        return same(one, other)
    return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)


def test_every_example_has_its_length_and_a_key_of_its_own(opened: Opened) -> None:
    for split in opened.splits():
        assert len(split) == len(split.keys) == len(split.lengths) > 0 and len(set(split.keys)) == len(split)
        batch = split.batch(np.arange(len(split)))
        assert batch.keys == tuple(split.keys)
        columns = split.lengths.reshape(len(split), -1).T.tolist()
        assert columns.pop(0) == list(batch.inputs.lengths)
        sequences = [list(t.lengths) for t in batch.targets.values() if isinstance(t, VectorSets)]
        assert not columns or columns == sequences


def test_what_the_spec_says_is_what_batches_hold(opened: Opened) -> None:
    spec = opened.data.spec
    for split in opened.splits():
        inputs = split.batch(np.arange(len(split))).inputs
        if spec.features is None:
            assert inputs.values.dtype == torch.int64 and int(inputs.values.max()) < len(
                spec.vocabularies["words"]
            )
        else:
            assert inputs.values.shape[1:] == (spec.features,) and inputs.values.dtype == torch.float32
        assert (0 if inputs.coords is None else inputs.coords.shape[1]) == spec.num_coords
        assert (inputs.edges is None) == (spec.edge_features is None)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(0, 10_000), min_size=1, max_size=6), epoch=st.sampled_from([None, 0, 3]))
def test_an_example_is_the_same_in_any_batch(opened: Opened, numbers: list[int], epoch: int | None) -> None:
    for split in opened.splits():
        indices = np.array(numbers) % len(split)
        together = split.batch(indices, epoch)
        alone = [split.batch(indices[k : k + 1], epoch) for k in range(len(indices))]
        assert same(together.inputs, VectorSets.collate([batch.inputs for batch in alone]))
        for name, target in together.targets.items():
            assert alike(target, collated([batch.targets[name] for batch in alone]))
        assert epoch is not None or same(split[int(indices[0])].inputs, alone[0].inputs)


def test_training_is_altered_by_the_epoch_and_evaluation_never(opened: Opened) -> None:
    train = opened.data.splits["train"]
    everything = np.arange(len(train))
    evaluated, first, second = (train.batch(everything, epoch).inputs for epoch in (None, 1, 2))
    assert same(evaluated, train.batch(everything).inputs) and same(first, train.batch(everything, 1).inputs)
    assert same(first, second) == same(first, evaluated) == (opened.name in UNALTERED)


def test_right_answers_are_those_of_the_batches(opened: Opened) -> None:
    spec = opened.data.spec
    for split in opened.splits():
        batch = split.batch(np.arange(len(split)))
        for name, target in spec.targets.items():
            gold, learned = split.gold(name), batch.targets[name]
            assert len(gold) == len(split)
            if isinstance(learned, VectorSets):
                codec = spec.codecs[target.codec]
                assert [codec.decode(s.values.tolist()) for s in learned.unbind()] == list(gold)
            elif target.kind == "vector_classes":
                assert [target.classes[i] for i in learned.tolist()] == [label for row in gold for label in row]
            elif target.kind == "class":
                assert [target.classes[i] for i in learned.tolist()] == list(gold)
            else:
                assert learned.tolist() == [list(g) if isinstance(g, list) else g for g in gold]
        with pytest.raises(UserError, match=r"`head\.target=nothing`"):
            split.gold("nothing")


def test_contents_are_equal_where_examples_are(opened: Opened) -> None:
    again = open_data(opened.config, seed=2)
    contents: dict[bytes, VectorSets] = {}
    for name, split in opened.data.splits.items():
        assert [split.content(i) for i in range(len(split))] == [
            again.splits[name].content(i) for i in range(len(split))
        ]
        for i in range(len(split)):
            inputs = split[i].inputs
            assert same(contents.setdefault(split.content(i), inputs), inputs), split.keys[i]


def test_what_is_shown_can_be_written_and_marks_fit(opened: Opened) -> None:
    for split in opened.splits():
        for i in range(len(split)):
            assert json.loads(json.dumps(split.show(i), ensure_ascii=False))
        marks = split.slices()
        assert set(marks) >= set(opened.data.spec.slices)
        for rows in marks.values():
            assert [len(row) for row in rows] == split.lengths.reshape(len(split), -1)[:, 0].tolist()
        ceiling = split.ceiling()
        assert ceiling is None or 0 <= ceiling <= 1


def test_a_saved_spec_opens_the_same_data(opened: Opened, tmp_path: Path) -> None:
    opened.data.spec.save(tmp_path)
    spec = DataSpec.load(tmp_path)
    again = open_data(opened.config, seed=1, spec=spec)
    assert spec == opened.data.spec == again.spec
    assert again.fingerprint == opened.data.fingerprint and again.folder == opened.data.folder
    assert again.folder.is_dir() and again.warnings == opened.data.warnings
    for name, split in opened.data.splits.items():
        indices = np.arange(len(split))
        assert list(again.splits[name].keys) == list(split.keys)
        assert same(again.splits[name].batch(indices, 1).inputs, split.batch(indices, 1).inputs)


def test_folds_test_every_example_once_and_share_what_was_prepared(opened: Opened) -> None:
    assert isinstance(opened.config, CrossValidated)
    config = replace(opened.config, folds="3", limit=None)
    assert not [*config.problems()]
    folds, everything = loader(config).folds(config, 1), open_data(replace(config, folds=None), 1)
    keys = sorted(key for split in everything.splits.values() for key in split.keys)
    assert sorted(key for fold in folds.test.values() for key in fold) == keys and folds.names == ["0", "1", "2"]
    cache = everything.folder.parent
    prepared, counts, fingerprints = (
        set(cache.glob("*/sizes.json")),
        list[Counter[object]](),
        {everything.fingerprint},
    )
    for name in folds.names:
        data = open_data(replace(config, fold=name), 1)
        assert list(data.splits["test"].keys) == folds.test[name]
        assert list(data.splits["validation"].keys) == folds.validation[name] != []
        assert sorted(key for split in data.splits.values() for key in split.keys) == keys
        contents = [{split.content(i) for i in range(len(split))} for split in data.splits.values()]
        apart = sum(map(len, contents)) == len(set[bytes]().union(*contents))
        assert apart or opened.name in BY_NAME, "equal examples are in one split"
        fingerprints.add(data.fingerprint)
        if "label" in data.spec.targets and opened.name not in COPIED:
            counts.append(Counter(map(str, data.splits["test"].gold("label"))))
    assert len(fingerprints) == 4
    # Tokens of pairs are learned from the training pairs of each fold.
    assert set(cache.glob("*/sizes.json")) == prepared or opened.name == "pairs"
    for label in set().union(*counts):
        numbers = [own[label] for own in counts]
        assert max(numbers) - min(numbers) <= 1, "each class is in every fold alike"
    again = replace(config, split_seed=5)
    assert loader(again).folds(again, 1).test != folds.test


def test_folds_put_given_splits_together_and_say_so(tmp_path: Path) -> None:
    words = ["task=sentiment", "data=csv", f"data.path={write_tables(tmp_path)}", "data.folds=4", "data.fold=1"]
    data = open_data(compose(words).data, seed=1)
    files = {key.partition(":")[0] for split in data.splits.values() for key in split.keys}
    assert files == {"train.csv", "dev.csv", "test.csv"} and sum(map(len, data.splits.values())) == 100
    sentence = "`data.folds=4` divides all examples again, also those of the validation and test split that the data come with"
    assert sentence in data.warnings


def test_a_limit_is_for_training_alone_and_by_key(tmp_path: Path) -> None:
    """Each class in proportion, and not the first of the file; other splits and what was prepared stay the same."""
    rows = [f'"number {i}",{"rare" if i % 10 == 0 else "often"}' for i in range(400)]
    (tmp_path / "x.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path / 'x.csv'}", "data.limit=40"]
    data, whole = (open_data(compose([*words, *more]).data, seed=1) for more in ([], ["data.limit=null"]))
    assert sorted(data.splits["train"].gold("label")) == ["often"] * 36 + ["rare"] * 4
    assert set(data.splits["train"].keys) < set(whole.splits["train"].keys)
    assert list(data.splits["test"].keys) == list(whole.splits["test"].keys)
    assert data.fingerprint != whole.fingerprint and data.folder != whole.folder
    assert list(data.splits["train"].keys)[:5] != list(whole.splits["train"].keys)[:5]
