"""Ways in which the files of a run can be damaged, each a function of a seed and a folder."""

import json
import os
import shutil
import socket
import struct
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from random import Random

STRANGE = [
    "null", "true", "-1", "0", "3", "1e400", "NaN", "-0.5", '"x"', '""', "[]", "{}", "[[]]", '{"a": 1}', "99999999999999999",
    "1" * 10_000, "[" * 100_000, '{"a":' * 100_000, '"\\ud800"', '"\\u0000"', "1000000000000", '"\\u001b[31m"',
]  # fmt: skip
"""Values of JSON, sound or not, to be put in the place of another."""


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value within a value."""
    found = [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in list(pairs)[:40]:
        found += places(item, (*path, name))
    return found


def with_value(text: str, random: Random) -> str:
    """JSON in which one value is another, or missing, or stands under another key."""
    whole = json.loads(text)
    path = random.choice(places(whole))
    if not path:
        return random.choice(STRANGE)
    node = whole
    for name in path[:-1]:
        node = node[name]
    way = random.random()
    if way < 0.15:
        del node[path[-1]]
        return json.dumps(whole)
    if way < 0.2 and isinstance(node, dict):
        node["surprise"] = node.pop(path[-1])
        return json.dumps(whole)
    node[path[-1]] = "@@"
    return json.dumps(whole, indent=1).replace('"@@"', random.choice(STRANGE))


def with_line(text: str, random: Random) -> str:
    """JSON lines, or YAML, in which one value of a line is another."""
    lines = text.splitlines()
    if not lines:
        return random.choice(STRANGE)
    number = random.randrange(len(lines))
    if lines[number].startswith("{"):
        lines[number] = with_value(lines[number], random).replace("\n", " ")
    else:
        name, colon, _ = lines[number].partition(":")
        lines[number] = random.choice(
            ["", f"{name}{colon} {random.choice(STRANGE)}", "- x", "a: *b", "a: &a [*a]", "\t"]
        )
    return "\n".join(lines) + "\n"


def with_digests(folder: Path) -> None:
    """Let a checkpoint's state.json say what its files are now, as a stranger can."""
    state = json.loads((folder / "state.json").read_text())
    for file in folder.glob("*.safetensors"):
        data = file.read_bytes()
        state["files"][file.stem] = {"bytes": len(data), "blake2b": blake2b(data, digest_size=16).hexdigest()}
    (folder / "state.json").write_text(json.dumps(state))


def damage_bytes(path: Path, random: Random) -> None:
    data = bytearray(path.read_bytes())
    if data:
        for _ in range(random.choice([1, 1, 5, 50])):
            data[random.randrange(len(data))] = random.randrange(256)
    path.write_bytes(data[: random.randrange(len(data) + 1)] if random.random() < 0.3 else data)


def damage_values(path: Path, random: Random) -> None:
    text = path.read_text()
    path.write_text(with_value(text, random) if path.suffix == ".json" else with_line(text, random), "utf-8")


def damage_tensors(path: Path, random: Random) -> None:
    """The head of a file of tensors, whose digest then is right."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    head, body = data[8 : 8 + length].decode(), data[8 + length :]
    way = random.random()
    if way < 0.2:
        path.write_bytes(struct.pack("<Q", random.choice([0, 1, 2**63, 2**40, length + 1])) + data[8:])
    elif way < 0.3:
        path.write_bytes(data[:-4])
    elif way < 0.4:
        path.write_bytes(data[: 8 + length] + random.randbytes(len(body)))
    else:
        other = with_value(head, random).encode("utf-8", "surrogatepass")
        path.write_bytes(struct.pack("<Q", len(other)) + other + body)
    with_digests(path.parent)


def put_link(path: Path, random: Random, outside: Path) -> None:
    path.unlink() if path.is_file() else shutil.rmtree(path)
    path.symlink_to(outside)


def put_special(path: Path, random: Random) -> None:
    path.unlink()
    if random.random() < 0.7:
        os.mkfifo(path)
    else:
        before = os.getcwd()
        os.chdir(path.parent)  # the name of a socket is short
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
        os.chdir(before)


def mutate(folder: Path, seed: int, outside: Path) -> str:
    """Damage one file of a run folder; says which, and how. outside: a folder with `file` and `folder`, for links."""
    random = Random(seed)
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".lock",) and p.name != "log.txt"
    )
    values = [p for p in files if p.suffix in (".json", ".jsonl", ".yaml")]
    tensors = [p for p in files if p.suffix == ".safetensors"]
    way = random.random()
    chosen: Callable[[Path, Random], None]
    if way < 0.55:
        path, chosen = random.choice(values), damage_values
    elif way < 0.75:
        path, chosen = random.choice(tensors), damage_tensors
    elif way < 0.85:
        path, chosen = random.choice(files), damage_bytes
    elif way < 0.9:
        path, other = random.choice(values), random.choice(values)
        path.write_bytes(other.read_bytes())
        return f"{path.relative_to(folder)} is {other.relative_to(folder)}"
    elif way < 0.95:
        names = [*files, *(p for p in folder.rglob("*") if p.is_dir()), folder / "log.txt", folder / "run.lock"]
        path = random.choice([p for p in names if p.exists()])
        put_link(path, random, outside / ("folder" if path.is_dir() else "file"))
        return f"{path.relative_to(folder)} is a link"
    else:
        path, chosen = random.choice(files), put_special
    chosen(path, random)
    return f"{path.relative_to(folder)}: {chosen.__name__}"
