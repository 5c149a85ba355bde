"""The bag of words beside the encoder starts from how often each class has them, as naive Bayes counts."""

from pathlib import Path

import numpy as np
import torch
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


def test_a_bag_starts_as_naive_bayes_and_is_added_up(tmp_path: Path) -> None:
    config = compose.compose([*films(tmp_path), "head.bag=1", "members=2", "embedding=learned"])
    data = load_data(config)
    models.resolve(config, data.spec)
    model = models.build(config, data.spec).eval()
    starts.start(model, config, data)
    test, train = data.splits["test"], data.splits["train"]
    inputs = test.batch(np.arange(len(test))).inputs
    vocabulary = data.spec.vocabularies["words"].words
    bags = CountVectorizer(analyzer=lambda words: words, vocabulary=vocabulary[1:])
    bayes = MultinomialNB(fit_prior=False).fit(bags.transform(shown_words(train)), train.gold("label"))
    # Add-one smoothing counts <unk>, which sklearn's vocabulary here hasn't: of so few words that shows.
    close = bayes.predict_log_proba(bags.transform(shown_words(test)))
    order = [list(bayes.classes_).index(name) for name in data.spec.target("label").classes]
    for member in model.members:
        votes = member.bag(inputs).log_softmax(-1).detach().numpy()
        assert np.allclose(votes, close[:, order], atol=0.1)
        with_votes = member.outputs(inputs) - member.head.outputs(member.encode(inputs))
        assert torch.allclose(with_votes, member.bag(inputs), atol=1e-5)


def test_a_run_that_starts_so_is_a_run_like_any_other(tmp_path: Path) -> None:
    words = [
        *films(tmp_path),
        "embedding=learned",
        "head.bag=0.5",
        "encoder.width=8",
        "encoder.depth=1",
    ]
    for name, updates in (("whole", 4), ("stopped", 2)):
        given = [*words, f"trainer.updates={updates}", "schedule=constant", "schedule.warmup=0"]
        assert main(["train", *given, f"folder={tmp_path / name}"]) == 0
    assert main(["train", f"run={tmp_path / 'stopped'}", "trainer.updates=4"]) == 0
    weights = [tmp_path / name / "last" / "model.safetensors" for name in ("whole", "stopped")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_where_there_are_no_classes_of_texts_a_bag_is_refused(tmp_path: Path, capsys) -> None:
    assert main(["train", *films(tmp_path, "number"), "head.bag=1"]) == 2
    assert "`head.bag=1`: only for texts of one class each; `label` is of kind number" in capsys.readouterr().err
    assert main(["train", "task=digits", "head.bag=1"]) == 2
    assert "these are image data" in capsys.readouterr().err
