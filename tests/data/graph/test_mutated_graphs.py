"""Files of graphs with something wrong in them: each is read, or refused in one sentence."""

import csv
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from graphs import load, write_jsonl, write_tu

from attnlab.errors import UserError

CASES = 150
"""Of each format."""
SECONDS = 10
"""A case takes at most."""
NUMBERS = [
    "-1",
    "0",
    "1.5",
    "1e999",
    "NaN",
    "10000000000000000000000000000000",
    "9" * 5000,
    "2147483648",
    "1_0",
    "٣",
]
VALUES = [
    *(
        None,
        True,
        -1,
        1.5,
        10**30,
        10**9,
        "",
        "x",
        "\0",
        "\ud800",
        "e\u0301",
        [],
        [[]],
        {},
        {"a": 1},
        [1, [2]],
        [None],
    ),
    *(float("nan"), float("inf"), "9" * 500, list(range(50))),
]
GRAPH = {"nodes": ["C", "O", "C"], "edges": [[0, 1, "a"], [1, 2, "b"]], "label": "yes"}


@contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"longer than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(words: list[str], case: object) -> bool:
    """Whether the data are read; else they are refused in one line."""
    try:
        with within(SECONDS):
            data = load(*words, "data.validation=0", "data.test=0")
            for split in data.splits.values():
                assert all(split[i].inputs.edges is not None for i in range(len(split)))
        return True
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 2000, case
        return False
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} of {str(case)[:500]}") from error


def bytes_changed(data: bytes, random: Random) -> bytes:
    """A few bytes replaced, removed, or put in; or the end cut off."""
    if random.random() < 0.1:
        return data[: random.randrange(len(data))]
    for _ in range(random.randint(1, 4)):
        place, piece = (
            random.randrange(len(data)),
            random.choice([b"", b"\xff", b"\0", b"\n", b"\r", b'"', b",", b"[", b"{", b"-"]),
        )
        data = data[:place] + piece + data[place + random.randint(0, 2) :]
    return data


def changed(value: object, random: Random) -> object:
    """A JSON value with one of its parts replaced by one of another type or size."""
    if isinstance(value, list | dict) and value and random.random() < 0.8:
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        key, _ = random.choice(items)
        items = [(k, changed(v, random) if k == key else v) for k, v in items]
        if random.random() < 0.1:
            items = [(k, v) for k, v in items if k != key] if random.random() < 0.5 else [*items, items[0]]
        return dict(items) if isinstance(value, dict) else [v for _, v in items]
    return random.choice(VALUES)


def mutated_jsonl(folder: Path, random: Random) -> list[str]:
    records: list[object] = [GRAPH | {"label": name} for name in ("yes", "no", "yes", "no")]
    kind = random.choice(["value", "value", "value", "bytes", "deep", "number"])
    if kind == "value":
        records[1] = json.dumps(changed(records[1], random))
    elif kind == "deep":
        depth = random.choice([50, 1_500, 200_000])
        records[1] = f'{{"nodes": 2, "edges": [], "label": {"[" * depth}{"]" * depth}}}'
    elif kind == "number":
        places = ["%s", "2", "0"] if random.random() < 0.4 else ["2", "%s", "0"]
        text = '{"nodes": %s, "edges": [[%s, %s]], "label": "no"}' % tuple(places)  # noqa: UP031
        records[1] = text % random.choice(NUMBERS)
    path = write_jsonl(folder / "graphs.jsonl", records)
    if kind == "bytes":
        path.write_bytes(bytes_changed(path.read_bytes(), random))
    words = [f"data.target_kind={random.choice(['class', 'number', 'classes', 'vector_classes'])}"] * (
        random.random() < 0.3
    )
    structure = ["data.structure=[laplacian:1,random_walk:3,degree,size]"] * (random.random() < 0.5)
    return ["data=graph_jsonl", f"data.path={path}", *words, *structure, f"data.skip_bad={random.random() < 0.5}"]


def mutated_tu(folder: Path, random: Random) -> list[str]:
    write_tu(folder, count=6)
    path = random.choice(sorted(folder.iterdir()))
    kind = random.choice(["bytes", "cell", "cell", "line", "empty", "missing"])
    lines = path.read_text().splitlines()
    place = random.randrange(len(lines))
    if kind == "bytes":
        path.write_bytes(bytes_changed(path.read_bytes(), random))
    elif kind == "missing":
        path.unlink()
    else:
        cells = lines[place].split(",")
        cells[random.randrange(len(cells))] = random.choice(NUMBERS)
        lines[place : place + 1] = {"cell": [",".join(cells)], "line": [lines[place]] * random.choice([0, 2])}.get(
            kind, []
        )
        path.write_text("\n".join(lines if kind != "empty" else []) + "\n")
    structure = ["data.structure=[laplacian:1,random_walk:3]"] * (random.random() < 0.3)
    return ["data=tu", "data.name=TOY", f"data.path={folder}", *structure]


def mutated_molecules(folder: Path, random: Random) -> list[str]:
    rows = [["num", "name", "p_np", "smiles"]]
    rows += [
        [str(i), f"m{i}", str(i % 2), smiles]
        for i, smiles in enumerate(["CCO", "c1ccccc1", "[Na+].[Cl-]", "C=O", "CO"])
    ]
    row = random.choice(rows)
    odd = [
        "",
        "C(C",
        "[Xx]",
        "C" * 2_000,
        "[H][H]",
        "C[N](C)(C)(C)C",
        "*",
        "[99C]",
        "[Fe+20]",
        "(" * 3_000,
        "C%99",
        "CO\0",
        "C.C",
    ]
    row[random.randrange(4)] = random.choice([*NUMBERS, *odd, *odd])
    path = folder / "BBBP.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    if random.random() < 0.3:
        path.write_bytes(bytes_changed(path.read_bytes(), random))
    return ["data=molecule_net", "data.name=BBBP", f"data.path={path}", f"data.skip_bad={random.random() < 0.5}"]


@pytest.mark.slow
@pytest.mark.parametrize("mutated", [mutated_jsonl, mutated_tu, mutated_molecules])
def test_a_damaged_file_of_graphs_is_read_or_refused(
    tmp_path: Path, mutated: Callable[[Path, Random], list[str]], capfd: pytest.CaptureFixture[str]
) -> None:
    if mutated is mutated_molecules:
        pytest.importorskip("rdkit")
    read = 0
    for seed in range(CASES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        words = mutated(folder, Random(seed))
        case = [seed, *(json.dumps(p.read_bytes().decode("latin-1"))[:300] for p in sorted(folder.iterdir()))]
        read += attempt([*words, f"data.cache={tmp_path / 'cache'}"], case)
    assert 0 < read < CASES, "some can be read, and some cannot"
    assert capfd.readouterr().err == "", "no library talks in between"
