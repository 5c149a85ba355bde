"""`attnlab data`: what is shown of data, and what is warned of."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torchvision.io import read_image

from attnlab import compose
from attnlab.cli import main
from attnlab.data.contract import Drawing, Split
from attnlab.lab import data_report
from attnlab.lab.pictures import layout, svg
from attnlab.spec import DataSpec, Target

SVG = "{http://www.w3.org/2000/svg}"


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=200))
def test_every_length_is_in_one_row_of_the_histogram(lengths: list[int]) -> None:
    lines = data_report.histogram(np.array(lengths))
    assert len(lines) <= data_report.BINS
    assert sum(int(line.split()[-1].replace(",", "")) for line in lines) == len(lengths)
    assert all(("█" in line or "▏" in line) == (not line.endswith(" 0")) for line in lines)


def test_it_tells_of_leaks_small_sets_missing_classes_and_long_texts(tmp_path: Path, capsys) -> None:
    rows = {"train": "text,label\nseen before,a\n" + "word " * 30 + ",b\nfine,a\n", "dev": "text,label\nfine,a\n"}
    rows["test"] = "text,label\nseen before,a\nsomething new,c\n"
    for name, text in rows.items():
        (tmp_path / f"{name}.csv").write_text(text)
    words = ["task=sentiment", "data=csv", f"data.path={tmp_path}", "data.max_length=10", "data.too_long=cut"]
    assert main(["data", *words, f"outputs={tmp_path / 'outputs'}"]) == 0
    output = capsys.readouterr().out
    for expected in (
        "1 of 2 examples of the test split occur in training, too, such as test.csv:2",
        "1 of 1 example of the validation split occur in training",
        "the test split has only 2 examples",
        "labels of the test split never seen in training count as wrong: c",
        "longer sentences of the train split were shortened (data.max_length=10 data.too_long=cut): 1",
        "unknown words in test: 50.00%",
        "vocabulary: 4 words in training, 3 of them once",
        "train.csv:2\n  seen before\n  label: a",
    ):
        assert expected in output, expected
    assert "2 (66.7%)" in output and "1 (100.0%)" in output and "1 (50.0%)" in output
    assert not (tmp_path / "outputs").exists(), "text is its own picture"
    assert "licence" not in output, "of one's own files"


class PluginSplit(Split):
    """Of a modality that the program knows nothing of."""

    lengths = np.array([26])
    keys = ("here:1",)

    def show(self, i: int) -> dict[str, object]:
        return {"words": ["a", "b", *"." * 24], "weight": 0.5}

    def gold(self, target: str) -> list[list[str]]:
        return [["X", *[""] * 25]]


def test_examples_of_a_plugin_are_shown_without_being_known_here() -> None:
    spec = DataSpec("smells", 0, None, {"tags": Target("vector_classes", ("X",), (1,))}, {})
    shown = data_report.preview(PluginSplit(), 0, spec)
    assert shown == f"here:1\n  a/X b {' '.join('.' * 23)} …\n  weight: 0.5"
    assert PluginSplit().picture(0) is None


@pytest.mark.parametrize("name, ending", [("digits", ".png"), ("molecules", ".svg")])
def test_samples_are_drawn_where_it_says(name: str, ending: str, tmp_path: Path, capsys) -> None:
    assert main(["data", f"data={name}", f"outputs={tmp_path}"]) == 0
    paths = [tmp_path / "data" / name / f"train-{i}{ending}" for i in (1, 2, 3)]
    assert str(paths[0]) in capsys.readouterr().out and all(path.is_file() for path in paths)
    if ending == ".png":
        assert read_image(str(paths[0])).shape == (1, 256, 256)
    else:
        assert paths[0].read_text().count("<circle") == paths[0].read_text().count("<text") > 3


def test_names_of_nodes_are_text_in_a_drawing() -> None:
    names = ["<script>alert(1)</script>", "\x1b[31m", "N&\udc80"]
    root = ElementTree.fromstring(svg(Drawing(names, np.array([(0, 1), (1, 0), (1, 2)]))))
    assert [element.text for element in root.iter(f"{SVG}text")] == [names[0], "\u241b[31m", "N&\ufffd"]
    places = {(element.get("cx"), element.get("cy")) for element in root.iter(f"{SVG}circle")}
    ends = [
        [(line.get("x1"), line.get("y1")), (line.get("x2"), line.get("y2"))] for line in root.iter(f"{SVG}line")
    ]
    assert len(places) == 3 and len(ends) == 2 and all(end in places for edge in ends for end in edge)


def test_neighbours_are_drawn_nearer_than_others() -> None:
    ring = np.array([(i, (i + 1) % 8) for i in range(8)])
    xy = layout(8, np.concatenate([ring, ring[:, ::-1]]))
    distance = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    assert distance[ring[:, 0], ring[:, 1]].max() < distance.mean() and xy.min() == 0 and xy.max() == 1


def test_all_data_sets_are_listed_with_a_sentence(capsys) -> None:
    assert main(["data", "--list"]) == 0
    assert "imdb" in capsys.readouterr().out
    sentences = data_report.list_data_sets()
    assert list(sentences) == compose.choices("data") and all(10 < len(line) < 180 for line in sentences.values())
    assert sentences["imdb"].endswith("negative or positive")
