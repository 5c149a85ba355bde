"""The plan of the house, read off the source: imports point one way, and nothing loads code or pickles."""

import ast
import subprocess
import sys
import time
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "attnlab"
LEAVES = {
    "errors", "registry", "choices", "attention_options", "config", "codec", "sets", "spec", "metrics", "targets",
    "text_files", "disk",
}  # fmt: skip
ALLOWED = {
    "errors": set(),
    "disk": {"errors"},
    "registry": {"errors"},
    "choices": {"errors", "registry"},
    "attention_options": {"errors", "registry", "choices"},
    "config": {"errors", "registry", "choices", "attention_options"},
    "codec": {"errors"},
    "text_files": {"errors"},
    "spec": {"errors", "codec"},
    "sets": set(),
    "metrics": {"errors", "registry"},
    "targets": {"errors", "metrics", "sets", "spec"},
    "compose": {"config", "errors", "registry"},
    "data": LEAVES | {"data"},
    "model": LEAVES | {"model"},
    "runs": LEAVES,
    "training": LEAVES | {"data", "model", "runs", "compose", "training"},
    "lab": LEAVES | {"data", "model", "runs", "compose", "training", "lab"},
    "cli": LEAVES | {"data", "model", "runs", "compose", "training", "lab", "__init__"},
    "__init__": {"training", "lab"},
    "__main__": {"cli"},
}


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


MODALITIES = {"text", "pairs", "speech", "image", "graph"}


def imports(path: Path) -> set[str]:
    """The files of the package that a file imports, as dotted names below it."""
    modules = {
        ".".join(file.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__") for file in files()
    }
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("attnlab."):
            module = node.module.removeprefix("attnlab.")
            names = {f"{module}.{alias.name}" for alias in node.names} & modules
            found |= names or {module}
    return found


def room(parts: tuple[str, ...]) -> str:
    return Path(parts[0]).stem


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    here = room(path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "attnlab":
            rest = node.module.split(".")[1:]
            names = [rest[0]] if rest else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name.split(".")[1] for a in node.names if a.name.startswith("attnlab.")]
        for name in names:
            name = name if (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists() else "__init__"
            assert name in ALLOWED[here] or name == here, f"{path}:{node.lineno} imports {name}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_modalities_never_import_each_other(path: Path) -> None:
    wing, here, *_ = *path.relative_to(PACKAGE).parts, ""
    imported = {name.split(".")[1] for name in imports(path) if name.startswith("data.")}
    assert wing != "data" or here not in MODALITIES or imported & MODALITIES <= {here}


@pytest.mark.parametrize("wing", ["data", "model", "config"])
def test_no_file_imports_itself_through_others(wing: str) -> None:
    graph = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): imports(path)
        for path in sorted((PACKAGE / wing).rglob("*.py"))
    }
    order = TopologicalSorter({name: others & set(graph) - {name} for name, others in graph.items()})
    order.prepare()  # raises CycleError, which names the files


@pytest.mark.parametrize("word", ["import pickle", "torch.load(", "torch.save(", "weights_only", "instantiate("])
def test_nothing_loads_code(word: str) -> None:
    assert [str(p) for p in files() if word in p.read_text(encoding="utf-8")] == []


def imported_by(*arguments: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """The heavy modules that a command imports."""
    code = (
        "import sys, attnlab.cli as c\n"
        f"code = c.main({list(arguments)!r})\n"
        "print('HEAVY', *[m for m in ('torch', 'hydra', 'datasets') if m in sys.modules], file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    heavy = next(line for line in done.stderr.splitlines() if line.startswith("HEAVY"))
    return set(heavy.split()[1:]), done


def test_help_imports_neither_torch_nor_hydra_and_answers_at_once() -> None:
    heavy, done = imported_by("--help")
    assert heavy == set() and done.returncode == 0 and "train" in done.stdout
    bare, with_help = [], []
    for _ in range(5):  # the bare interpreter beside it: the machine may be busy
        for found, code in ((bare, "pass"), (with_help, "import attnlab.cli as c; c.main(['--help'])")):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], capture_output=True)
            found.append(time.perf_counter() - started)
    assert min(with_help) - min(bare) < 0.25


def test_a_config_error_imports_no_torch() -> None:
    heavy, done = imported_by("train", "encoder.dept=3")
    assert "torch" not in heavy and done.returncode == 2
