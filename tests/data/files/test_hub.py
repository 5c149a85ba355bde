"""Data sets of the hub, by stand-ins with the columns of the real ones and without any connection."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from datasets import Audio, ClassLabel, Features, Image, List, Value
from hub import COMMIT, hub, keep  # noqa: F401
from torchvision.io import encode_png

from attnlab import compose
from attnlab.data.image import loader as image
from attnlab.data.pairs import loader as parallel
from attnlab.data.speech import loader as speech
from attnlab.data.text import loader as text
from attnlab.errors import UserError

TAGS = ["NOUN", "VERB", "PRON", "_"]


def opened(*words: str) -> text.Text:
    return text.Text(compose.compose(list(words)).data, seed=1)


def sst2(cache: Path, commit: str = COMMIT) -> None:
    """idx, sentence and label; the labels of test are withheld as −1."""
    features = Features(
        {"idx": Value("int32"), "sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])}
    )
    rows = [{"idx": i, "sentence": f"a film {i} ", "label": i % 2} for i in range(40)]
    hidden = [row | {"label": -1} for row in rows[:5]]
    keep(
        cache, "stanfordnlp/sst2", features, {"train": rows, "validation": rows[:4], "test": hidden}, commit=commit
    )


GLUE = ("task=sentiment", "data=glue_sst2", f"data.revision={COMMIT}")


def test_withheld_labels_make_no_test_split_and_one_is_held_out(hub: Path) -> None:  # noqa: F811
    sst2(hub)
    data = opened(*GLUE)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 36, "validation": 4, "test": 4}
    assert data.warnings == ["the test split of stanfordnlp/sst2 is left out: it has no labels"]
    assert data.spec.targets["label"].classes == ("negative", "positive")
    train = data.splits["train"]
    assert train.keys[0] == "stanfordnlp/sst2:train:0" and train.show(0)["words"] == ["a", "film", "0"]
    assert train.gold("label")[:2] == ["negative", "positive"]


def test_columns_beside_predictions_are_those_of_their_rows(hub: Path) -> None:  # noqa: F811
    sst2(hub)
    plain, kept = opened(*GLUE), opened(*GLUE, "data.id=idx", "data.keep=[sentence]")
    assert kept.fingerprint == plain.fingerprint
    for split in kept.splits.values():
        for i in range(len(split)):
            number = split.show(i)["words"][2]  # type: ignore[index]
            assert (split.name(i), split.kept(i)) == (number, {"sentence": f"a film {number} "})


def test_the_commit_is_kept_by_the_run_and_another_is_refused(hub: Path, tmp_path: Path) -> None:  # noqa: F811
    from attnlab import train

    sst2(hub)
    words = [
        *GLUE,
        "data.revision=null",
        "trainer.updates=2",
        "encoder.depth=1",
        f"outputs={tmp_path / 'outputs'}",
    ]
    run = train(*words, quiet=True)
    assert run.config.data.revision == COMMIT and run.evaluate("test").scores == run.results["test"]
    with pytest.raises(UserError, match=f"copy of stanfordnlp/sst2 here is of {COMMIT}"):
        opened("task=sentiment", "data=glue_sst2")


def test_another_commit_is_other_data(hub: Path) -> None:  # noqa: F811
    sst2(hub)
    first = opened(*GLUE)
    sst2(hub, commit="f" * 40)
    assert opened(*GLUE, f"data.revision={'f' * 40}").fingerprint != first.fingerprint


@pytest.mark.parametrize("tags", [Value("string"), ClassLabel(names=TAGS)], ids=["strings", "classes"])
def test_a_treebank(hub: Path, tags: object) -> None:  # noqa: F811
    features = Features(
        {"idx": Value("string"), "text": Value("string"), "tokens": List(Value("string")), "upos": List(tags)}
    )
    rows = [
        {"idx": str(i), "text": "they walk", "tokens": ["they", "walk"], "upos": ["PRON", "_" if i else "VERB"]}
        for i in range(3)
    ]
    keep(
        hub,
        "commul/universal_dependencies",
        features,
        dict.fromkeys(("train", "validation", "test"), rows),
        "en_ewt",
    )
    data = opened("task=pos", "data=ud_ewt")
    assert data.splits["train"].gold("tags") == [["PRON", "VERB"], ["PRON", ""], ["PRON", ""]]
    assert data.splits["train"].show(0) == {"words": ["they", "walk"]} and data.commit == COMMIT


def test_a_table_of_the_hub_has_only_the_splits_that_are_asked_for(hub: Path) -> None:  # noqa: F811
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = [{"text": f"Good number {i}.", "label": i % 2} for i in range(30)]
    hidden = [{"text": "?", "label": -1}]
    splits = {"train": rows, "test": rows[:6], "unsupervised": hidden}
    keep(hub, "stanfordnlp/imdb", features, splits, "plain_text", "e6281661ce1c48d982bc483cf8a173c1bbeb5d31")
    data = opened("task=sentiment", "data=imdb")
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 27, "validation": 3, "test": 6}
    own = opened("task=sentiment", "data=csv", "data.hub=stanfordnlp/imdb", "data.label=label")
    assert own.splits["train"].keys == data.splits["train"].keys
    with pytest.raises(UserError, match="no column `lable`; did you mean `label`"):
        opened("task=sentiment", "data=csv", "data.hub=stanfordnlp/imdb", "data.label=lable")
    with pytest.raises(UserError, match="columns on the hub have names"):
        opened("task=sentiment", "data=csv", "data.hub=stanfordnlp/imdb", "data.text=1", "data.label=2")


def picture(grey: int, channels: int) -> dict:
    return {
        "bytes": encode_png(torch.full((channels, 4, 6), grey, dtype=torch.uint8)).numpy().tobytes(),
        "path": None,
    }


@pytest.mark.parametrize(
    "name, hub_id, column, config, commit, channels",
    [
        ("mnist", "ylecun/mnist", "image", "mnist", "77f3279092a1c1579b2250db8eafed0ad422088c", 1),
        ("cifar10", "uoft-cs/cifar10", "img", "plain_text", "0b2714987fa478483af9968de7c934580d0bb9a2", 3),
    ],
)
def test_pictures(hub: Path, name: str, hub_id: str, column: str, config: str, commit: str, channels: int) -> None:  # noqa: F811
    features = Features({column: Image(), "label": ClassLabel(names=["dark", "light"])})
    rows = [{column: picture(200 * (i % 2) + i // 2, channels), "label": i % 2} for i in range(20)]
    keep(hub, hub_id, features, {"train": rows, "test": rows[:4]}, config, commit)
    data = image.Image(compose.compose(["task=digits", f"data={name}", "data.validation=0.2"]).data, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 16, "validation": 4, "test": 4}
    test = data.splits["test"]
    assert test.gold("label") == ["dark", "light", "dark", "light"]
    assert test.pixels(np.array([1])).shape == (1, 4, 6, channels) and set(test.pixels(np.array([1])).ravel()) == {
        200
    }


CELLS = {
    "bytes": (Value("binary"), picture(7, 1)["bytes"], ""),
    "path alone": (
        Image(),
        {"bytes": None, "path": "cats/1.png"},
        "only the path of a picture, cats/1.png, without its",
    ),
    "nothing": (Image(), None, "a picture without contents"),
    "text": (Value("string"), "https://example.org/1.png", "text in column `img`, where a picture is wanted"),
    "list": (List(Image()), [picture(7, 1)], "a list in column `img`, where a picture is wanted"),
}


@pytest.mark.parametrize("case", CELLS)
def test_a_column_of_bytes_has_pictures_and_others_are_told(hub: Path, case: str) -> None:  # noqa: F811
    (feature, cell, sentence), name = CELLS[case], f"cells/{case.replace(' ', '-')}"
    features = Features({"img": feature, "label": ClassLabel(names=["dark", "light"])})
    keep(hub, name, features, {"train": [{"img": cell, "label": i % 2} for i in range(4)]})
    words = ["task=digits", "data=image_folder", f"data.hub={name}", "data.image=img", "data.label=label"]
    config = compose.compose([*words, "data.validation=0", "data.test=0"]).data
    if sentence:
        with pytest.raises(UserError) as refused:
            image.Image(config, seed=1)
        assert sentence in str(refused.value)
    else:
        assert set(image.Image(config, seed=1).splits["train"].pixels(np.arange(4)).ravel()) == {7}


def sound(i: int) -> dict:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(4000) * (i + 1) / 20), 8000, format="WAV")
    return {"bytes": stream.getvalue(), "path": f"{i}.wav"}


def test_recordings(hub: Path) -> None:  # noqa: F811
    features = Features(
        {"audio": Audio(8000, decode=False), "label": ClassLabel(names=["no", "yes"]), "who": Value("string")}
    )
    rows = [{"audio": sound(i), "label": i % 2, "who": f"speaker {i % 5}"} for i in range(10)]
    keep(hub, "somebody/words", features, {"train": rows})
    words = [
        "task=keywords",
        "data=speech_folder",
        "data.hub=somebody/words",
        "data.rate=8000",
        "data.speaker=who",
        "data.group=speaker",
    ]
    data = speech.Speech(compose.compose(words).data, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 6, "validation": 2, "test": 2}
    assert set(data.listing.labels) == {"no", "yes"} and data.commit == COMMIT
    assert sorted({data.listing.speakers[i] for i in data.splits["train"].rows}) != sorted(
        set(data.listing.speakers)
    )


def several(cache: Path) -> None:
    """Configurations that differ in every column, and several columns of each kind."""
    answers = ("fine", "coarse", "one", "other", "en", "de", "who")
    features = Features(
        {
            "picture": Image(),
            "thumb": Image(),
            "left": Audio(8000, decode=False),
            "right": Audio(8000, decode=False),
        }
        | dict.fromkeys(answers, Value("string"))
    )
    for config, grey in {"small": 10, "large": 90}.items():
        rows = []
        for i in range(9):
            rows.append({name: f"{name} {config} {i % 3}" for name in answers})
            rows[-1] |= {name: picture(grey + 40 * (name == "thumb") + i, 3) for name in ("picture", "thumb")}
            rows[-1] |= {name: sound(grey + 40 * (name == "right") + i) for name in ("left", "right")}
        keep(cache, "somebody/things", features, {"train": rows}, config)


CHOICES = {
    text.Text: (
        ["task=sentiment", "data=csv", "data.text=one", "data.label=fine"],
        ["data.config=large", "data.text=other", "data.label=coarse"],
    ),
    parallel.Parallel: (
        ["task=translation", "data=parallel", "data.source=table", "data.tokens=words", "data.target_language=de"],
        ["data.config=large", "data.source_language=one", "data.target_language=other"],
    ),
    image.Image: (
        ["task=digits", "data=image_folder", "data.image=picture", "data.label=fine"],
        ["data.config=large", "data.image=thumb", "data.label=coarse"],
    ),
    speech.Speech: (
        ["task=keywords", "data=speech_folder", "data.rate=8000", "data.audio=left", "data.label=fine"],
        ["data.config=large", "data.audio=right", "data.label=coarse", "data.speaker=who"],
    ),
}


@pytest.mark.parametrize("loader", CHOICES, ids=lambda loader: loader.__name__)
def test_another_configuration_or_column_is_other_data(hub: Path, loader: type) -> None:  # noqa: F811
    several(hub)
    words, changes = CHOICES[loader]

    def seen(*more: str) -> tuple:
        own = [*words, "data.hub=somebody/things", "data.config=small", "data.validation=0", "data.test=0", *more]
        data = loader(compose.compose(own).data, seed=1)
        split = data.splits["train"]
        target = next(iter(data.spec.targets))
        speakers = data.listing.speakers if isinstance(data, speech.Speech) else ()
        examples = tuple((split.content(i), str(split.show(i))) for i in range(9))
        return examples, tuple(map(str, split.gold(target))), tuple(speakers)

    found = [seen(), *(seen(change) for change in changes)]
    assert len(set(found)) == len(found)


MISTAKES = {
    "not to be had": (["data=imdb"], "stanfordnlp/imdb cannot be had from the hub"),
    "where else": (["data=imdb"], "ai.stanford.edu"),
    "no id": (["data=csv", "data.hub=a/b/c"], "write an id such as"),
    "generated": (["data=reviews", "data.hub=a/b"], "comes with the program"),
    "revision of nothing": (["data=csv", "data.revision=main"], "needs `data.hub=`"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence(case: str, hub: Path) -> None:  # noqa: F811
    words, expected = MISTAKES[case]
    with pytest.raises(UserError) as caught:
        opened("task=sentiment", *words)
    assert expected in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_one_of_several_configurations_must_be_named(hub: Path) -> None:  # noqa: F811
    features = Features({"text": Value("string"), "label": Value("string")})
    for config in ("small", "large"):
        keep(hub, "somebody/texts", features, {"train": [{"text": "a", "label": "b"}] * 9}, config)
    with pytest.raises(UserError, match=r"`data.config` is missing: somebody/texts has small, large"):
        opened("task=sentiment", "data=csv", "data.hub=somebody/texts")


def test_what_lies_here_is_never_taken_for_the_hub(hub: Path, tmp_path: Path, monkeypatch) -> None:  # noqa: F811
    (tmp_path / "stanfordnlp" / "imdb").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="lies here and would be read instead"):
        opened("task=sentiment", "data=imdb")


@pytest.mark.parametrize("nested", [False, True], ids=["columns", "translation"])
def test_pairs(hub: Path, nested: bool) -> None:  # noqa: F811
    name, config = ("wmt/wmt14", "de-en") if nested else ("bentrevett/multi30k", "default")
    commit = "b199e406369ec1b7634206d3ded5ba45de2fe696" if nested else COMMIT
    pair = {"en": Value("string"), "de": Value("string")}
    rows = [{"en": f"A dog {i}.", "de": f"Ein Hund {i}."} for i in range(20)]
    features = Features({"translation": pair} if nested else pair)
    rows = [{"translation": row} for row in rows] if nested else rows
    keep(hub, name, features, {"train": rows, "validation": rows[:4], "test": rows[:3]}, config, commit)
    words = ["task=translation", f"data={name.partition('/')[2]}", "data.tokens=words"]
    data = parallel.Parallel(compose.compose(words).data, seed=1)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 20, "validation": 4, "test": 3}
    test = data.splits["test"]
    assert test.show(2) == {"source": "A dog 2."} and test.gold("translation")[2] == "Ein Hund 2."
    assert data.commit == commit and test.keys[2] == f"{name}:test:2"


def test_a_column_of_lists_is_no_text(hub: Path) -> None:  # noqa: F811
    features = Features({name: List(Value("string")) for name in ("text", "label", "en", "de")})
    row = {name: ["a", "b"] for name in features}
    keep(hub, "somebody/lists", features, {"train": [row] * 9})
    for words, column, loader in (
        (["task=sentiment", "data=csv"], "text", text.Text),
        (["task=translation", "data=parallel", "data.tokens=words"], "en", parallel.Parallel),
    ):
        config = compose.compose([*words, "data.hub=somebody/lists"]).data
        with pytest.raises(UserError, match=f"somebody/lists:train:0: `{column}` holds a list"):
            loader(config, seed=1)


def test_splits_of_the_hub_that_nobody_uses_are_told_and_chosen_by_keys(hub: Path) -> None:  # noqa: F811
    features = Features({"text": Value("string"), "label": Value("string")})
    rows = [{"text": f"number {i}", "label": "ab"[i % 2]} for i in range(40)]
    names = {"train": 40, "validation_matched": 9, "validation_mismatched": 8, "test_matched": 7, "more": 6}
    keep(hub, "somebody/nli", features, {name: rows[:count] for name, count in names.items()})
    words = ["task=sentiment", "data=csv", "data.hub=somebody/nli"]
    data = opened(*words)
    assert {name: len(split) for name, split in data.splits.items()} == {"train": 32, "validation": 4, "test": 4}
    assert data.warnings == [
        "`data.hub=somebody/nli`: left out: validation_matched, validation_mismatched, test_matched, more; "
        "`data.validation_name=validation_matched` and `data.test_name=test_matched` would use some of them; until then a "
        "share of the training examples is held out for validation and test"
    ]
    named = opened(*words, "data.validation_name=validation_mismatched", "data.test_name=test_matched")
    assert {name: len(split) for name, split in named.splits.items()} == {"train": 40, "validation": 8, "test": 7}
    assert named.splits["test"].keys[6] == "somebody/nli:test:6"
    assert named.fingerprint != data.fingerprint
    (warning,) = named.warnings
    assert "left out: more; `data.train_name=` would use it" in warning
    with pytest.raises(UserError, match=r"`data\.test_name=tset`: there are train, validation_matched"):
        opened(*words, "data.test_name=tset")
    keep(hub, "somebody/two", features, dict.fromkeys(("train", "dev", "validation"), rows))
    with pytest.raises(
        UserError, match=r"several validation splits \(dev, validation\); choose one by `data.validation_name=`"
    ):
        opened(*words[:2], "data.hub=somebody/two")
