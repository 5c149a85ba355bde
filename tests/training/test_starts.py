"""What words start from: how often each class has them, as naive Bayes counts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import write_treebank
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

from attnlab import compose
from attnlab.cli import main
from attnlab.model import build as models
from attnlab.training import starts
from attnlab.training.baselines.base import shown_words
from attnlab.training.run import load_data

LABELS = ("good", "bad", "dull")


def films(folder: Path, kind: str = "class") -> list[str]:
    words = {"good": "fine warm", "bad": "poor cold", "dull": "long long"}
    rows = [
        f"a film {i % 5} {words[LABELS[i % 3]]},{LABELS[i % 3] if kind == 'class' else i}\n" for i in range(60)
    ]
    (folder / "films.csv").write_text("text,label\n" + "".join(rows))
    return ["task=sentiment", "data=csv", f"data.path={folder / 'films.csv'}", f"data.target_kind={kind}"]


def test_ratios_are_those_of_naive_bayes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(starts, "ROWS", 3)  # several stretches
    data = load_data(compose.compose(films(tmp_path)))
    train, vocabulary = data.splits["train"], data.spec.vocabularies["words"].words
    bags = CountVectorizer(analyzer=lambda words: words, vocabulary=vocabulary)
    bayes = MultinomialNB().fit(bags.transform(shown_words(train)), train.gold("label"))
    expected = bayes.feature_log_prob_.T - bayes.feature_log_prob_.T.mean(1, keepdims=True)
    order = [list(bayes.classes_).index(name) for name in data.spec.target("label").classes]
    ratios = torch.cat(list(starts.class_ratios(data, "label")))
    assert np.allclose(ratios[1:], expected[1:, order], atol=1e-5)
    assert not ratios[0].any(), "<unk> says nothing"


@pytest.mark.parametrize("name", ["learned", "word_char"])
def test_words_move_along_one_direction_for_each_class(name: str, tmp_path: Path) -> None:
    config = compose.compose([*films(tmp_path), f"embedding={name}", "embedding.class_start=2"])
    data = load_data(config)
    models.resolve(config, data.spec)
    model = models.build(config, data.spec)
    before = model.embedding.table.weight.detach().clone()
    starts.start(model, config, data)
    moved = (model.embedding.table.weight - before).detach()
    ratios = 2 * torch.cat(list(starts.class_ratios(data, "label")))
    directions = torch.linalg.lstsq(ratios, moved).solution  # (C, D)
    assert torch.allclose(ratios @ directions, moved, atol=1e-4)
    assert torch.linalg.matrix_rank(moved, atol=1e-3) == 2, "of three classes: ratios add up to 0"


def test_a_run_that_starts_so_is_a_run_like_any_other(tmp_path: Path) -> None:
    words = [
        *films(tmp_path),
        "embedding=learned",
        "embedding.class_start=1",
        "encoder.width=8",
        "encoder.depth=1",
    ]
    for name, updates in (("whole", 4), ("stopped", 2)):
        given = [*words, f"trainer.updates={updates}", "schedule=constant", "schedule.warmup=0"]
        assert main(["train", *given, f"folder={tmp_path / name}"]) == 0
    assert main(["train", f"run={tmp_path / 'stopped'}", "trainer.updates=4"]) == 0
    weights = [tmp_path / name / "last" / "model.safetensors" for name in ("whole", "stopped")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_where_there_are_no_classes_it_is_refused(tmp_path: Path, capsys) -> None:
    numbers = [*films(tmp_path, "number"), "embedding=learned", "embedding.class_start=1"]
    assert main(["train", *numbers]) == 2
    assert "`embedding.class_start=1`: only texts of one class each" in capsys.readouterr().err
    tags = ["task=pos", "data=ud_ewt", f"data.path={write_treebank(tmp_path / 'bank')}"]
    tags += ["embedding=word_char", "embedding.class_start=1"]
    assert main(["train", *tags]) == 2
    assert "`embedding.class_start=1`: only texts of one class each" in capsys.readouterr().err
