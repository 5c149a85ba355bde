"""Words and tags in columns: where a column ends, which lines are no words, whether word ids count."""

from pathlib import Path

import pytest

from attnlab import compose
from attnlab.data.text.loader import Text
from attnlab.errors import UserError


def opened(path: Path, content: str, *words: str, data: str = "tagged") -> Text:
    path.write_bytes(content.encode())
    common = [f"data={data}", f"data.path={path}", "data.validation=0", "data.test=0"]
    return Text(compose.compose(["task=pos", *common, *words]).data, seed=1)


def rows(path: Path, content: str, *words: str, data: str = "tagged") -> list[str]:
    """The sentences, such as `I/PRON see/VERB`."""
    split = opened(path, content, *words, data=data).splits["train"]
    found = zip(map(split.show, range(len(split))), split.gold("tags"), strict=True)
    return [" ".join(f"{w}/{t}" for w, t in zip(s["words"], tags, strict=True)) for s, tags in found]


SPACES = ["\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\x85", "\x0b", "\x0c", "\x1c"]


@pytest.mark.parametrize("space", SPACES, ids=ascii)
def test_only_spaces_and_tabs_end_a_column(space: str, tmp_path: Path) -> None:
    for name, separator in {"a.txt": " ", "b.txt": "  \t ", "c.tsv": "\t"}.items():
        lines = f"21{space}000{separator}CD{separator}O\r\n{space}{separator}SP{separator}O \r\nmen{separator}NN{separator}O\r\n"
        assert rows(tmp_path / name, lines, "data.words=1", "data.tags=2") == [
            f"21{space}000/CD {space}/SP men/NN"
        ]
    ten = "\t".join(["{}", f"21{space}000", "_", "NUM", *"______"])
    assert rows(tmp_path / "x.conllu", ten.format(1) + "\n" + ten.format(2), data="ud_ewt") == [
        f"21{space}000/NUM 21{space}000/NUM"
    ]


def test_trailing_separators_are_no_column(tmp_path: Path) -> None:
    assert rows(tmp_path / "a.tsv", "it\tPRON\t\ngo\tVERB\nNew York \t PROPN\n") == [
        "it/PRON go/VERB New York/PROPN"
    ]
    assert rows(tmp_path / "a.txt", " it  PRON \t \ngo VERB\n") == ["it/PRON go/VERB"]


WIDTHS = {
    "a space in a word": ("it PRP O\nNew York NNP O\ngo VB O\n", ":2: 4 columns, where most lines have 3, separated by spaces"),
    "first": ("New York NNP O\nit PRP O\ngo VB O\n", ":1: 4 columns, where most lines have 3"),
    "too few": ("it PRP O\ngo VB O\nnow RB\n", ":3: 2 columns, where most lines have 3"),
    "of tabs": ("it\tPRP\tO\ngo\tVB\tO\nnow RB O\n", ":3: 1 column, where most lines have 3, separated by a tab"),
    "alone in its sentence": ("it PRP O\ngo VB O\n\nNew York NNP O\n", ":4: 4 columns, where most lines have 3"),
}  # fmt: skip


@pytest.mark.parametrize("case", WIDTHS)
def test_a_line_of_another_width_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    content, expected = WIDTHS[case]
    with pytest.raises(UserError) as caught:
        rows(tmp_path / "x.txt", content, "data.words=1", "data.tags=3")
    assert f"x.txt{expected}" in str(caught.value)
    last = "\nso RB O\n".replace(" ", "\t" if "\t" in content else " ")
    kept = opened(tmp_path / "x.txt", content + last, "data.words=1", "data.tags=3", "data.skip_bad=true")
    assert kept.splits["train"].show(-1 + len(kept.splits["train"]))["words"] == ["so"]
    assert any(f"x.txt{expected}" in warning for warning in kept.warnings)


NO_WORDS = {
    "CoNLL-U": (
        "# sent_id = 1\n# text = don't\n1-2\tdon't\t_\t_\n1\tdo\t_\tAUX\n2\tn't\t_\tPART\n2.1\tgo\t_\tVERB\n\n# newpar\n1\tGo\t_\tVERB\n",
        ["data.words=2", "data.tags=4"], ["do/AUX n't/PART", "Go/VERB"],
        {"comments": ("3", "x.txt:1"), "ranges": ("2", "x.txt:3")},
    ),
    "by spaces": (
        "# sent_id = 1\n# text = I see it\nI PRON\nsee VERB\n\n# newdoc\nGo VERB\n", [], ["I/PRON see/VERB", "Go/VERB"],
        {"comments": ("3", "x.txt:1")},
    ),
    "two columns, too": (
        "# id0\nI PRON\n\n# id1\nGo VERB\n", [], ["I/PRON", "Go/VERB"], {"comments": ("2", "x.txt:1")}
    ),
    "one column": (
        "###MEDLINE:95\n\nIL-2 B-DNA\ngene I-DNA\n", [], ["IL-2/B-DNA gene/I-DNA"], {"comments": ("1", "x.txt:1")}
    ),
    "CoNLL 2012": (
        "#begin document (bc/0); part 000\nit 0 PRP\n\n#end document\n", ["data.words=1", "data.tags=3"], ["it/PRP"],
        {"comments": ("2", "x.txt:1")},
    ),
    "CoNLL 2003": (
        "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\n\n-DOCSTART- O\n\nGo VB O O\n", ["data.words=1", "data.tags=4"],
        ["EU/B-ORG", "Go/O"], {"marks of documents": ("2", "x.txt:1")},
    ),
    "nothing of the kind": (
        "#hashtag\tX\n#\tSYM\n1\tNUM\n\n#1\tX\n-\tPUNCT\n1-2\tNUM\n8.1\tNUM\n", [],
        ["#hashtag/X #/SYM 1/NUM", "#1/X -/PUNCT 1-2/NUM 8.1/NUM"], {},
    ),
    "hashes by spaces": (
        "# SYM\n1 NUM\n\nNo DET\n# SYM\n4 NUM\n\n#tag X\n", [], ["#/SYM 1/NUM", "No/DET #/SYM 4/NUM", "#tag/X"], {}
    ),
    "a hash with the tag of other words": ("# NN\n1 CD\n\ndog NN\n", [], ["#/NN 1/CD", "dog/NN"], {}),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_WORDS)
def test_comments_ranges_and_marks_of_documents_are_left_out_and_told(case: str, tmp_path: Path) -> None:
    content, words, expected, notes = NO_WORDS[case]
    assert rows(tmp_path / "x.txt", content, *words) == expected
    told = [w for w in opened(tmp_path / "x.txt", content, *words).warnings if "left out" in w]
    assert len(told) == len(notes)
    for warning, (begin, (times, first)) in zip(told, notes.items(), strict=True):
        assert warning.startswith(begin) and warning.endswith(f": {times}, the first at {first}")


def test_what_may_be_a_comment_or_a_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.txt:1: `# doc7` may be a comment, or the word # with the tag doc7"):
        rows(tmp_path / "x.txt", "# doc7\nI PRON\n\nGo VERB\n")


def word(word_id: object) -> str:
    return f"{word_id}\tx\t_\tX\t_\t_\t_\t_\t_\t_\n"


IDS = {
    "no empty line": ([1, 2, 1, 2], 3, "word id 1 after 2; an empty line may be missing"),
    "a word is missing": ([1, 3], 2, "word id 3 after 1"),
    "twice": ([1, 2, 2], 3, "word id 2 after 2"),
    "not from 1": ([2, 3], 1, "word id 2 at the beginning of a sentence"),
    "a range too late": ([1, 2, "1-2"], 3, "range 1-2 after word 2"),
    "a range beyond the end": ([1, "2-3", 2], 3, "the sentence ends with word 2, within a range up to 3"),
    "a range backwards": (["2-1", 1, 2], 1, "range 2-1 after word 0"),
    "an empty node elsewhere": ([1, 2, "1.1", 3], 3, "empty node 1.1 after word 2"),
    "empty nodes that don't count": ([1, "1.2", 2], 2, "empty node 1.2 after word 1"),
    "digits": ([1, "9" * 5000], 2, "is no number"),
}


@pytest.mark.parametrize("case", IDS)
def test_word_ids_count(case: str, tmp_path: Path) -> None:
    ids, line, expected = IDS[case]
    content = "".join(map(word, ids)) + "\n" + word(1) + word(2)
    with pytest.raises(UserError) as caught:
        rows(tmp_path / "x.conllu", content, data="ud_ewt")
    assert f"x.conllu:{line}: {'' if case == 'digits' else expected}" in str(caught.value) and expected in str(
        caught.value
    )
    assert rows(tmp_path / "x.conllu", content, "data.skip_bad=true", data="ud_ewt") == ["x/X x/X"]


def test_ids_that_fit_are_read(tmp_path: Path) -> None:
    ids = ["0.1", 1, "2-3", 2, 3, "3.1", "3.2", 4]
    assert rows(tmp_path / "x.conllu", "".join(map(word, ids)), data="ud_ewt") == ["x/X x/X x/X x/X"]
    merged = "1\ta\tX\n2\tb\tX\n1\tc\tX\n\n1\td\tX\n\n1\te\tX\n"
    with pytest.raises(UserError, match=r"x\.txt:3: word id 1 after 2"):
        rows(tmp_path / "x.txt", merged, "data.words=2", "data.tags=3")


def test_spellings_of_a_tag_are_one_class(tmp_path: Path) -> None:
    data = opened(tmp_path / "x.tsv", "a\te\u0301\nb\t\u00e9\nc\t\u00e9\u00a0\n")
    assert data.spec.targets["tags"].classes == ("é",) and data.spec.targets["tags"].counts == (3,)
    assert (
        "class names were put in normal form (Unicode NFC, no white space or invisible characters at the ends): 2, the first at x.tsv:1"
        in data.warnings
    )
    listed = opened(tmp_path / "x.jsonl", '{"words": ["a", "b"], "tags": ["e\\u0301", "\\u00e9"]}\n')
    assert listed.spec.targets["tags"].counts == (2,)


def test_the_fingerprint_changes_only_where_examples_do(tmp_path: Path) -> None:
    plain = opened(tmp_path / "x.txt", "a X\nb Y\n")
    assert plain.meta["changes"] == []
    for content in ("# a = b\na X\nb Y\n", "a\u00a0b X\n", "a e\u0301\n"):
        assert len(opened(tmp_path / "x.txt", content).meta["changes"]) == 1
    assert opened(tmp_path / "x.tsv", "a\u00a0b\tX\n").meta["changes"] == [], "it was read so before"


def test_a_column_that_the_file_has_not_is_refused_with_the_keys(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"x\.txt:1: 2 columns, where `data\.words=2 data\.tags=3` asks for more"):
        rows(tmp_path / "x.txt", "I PRON\nsee VERB\n", "data.words=2", "data.tags=3")
