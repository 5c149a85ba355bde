"""The plan of the house, read off the source: imports point one way, and nothing loads code or pickles."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "attnlab"
LEAVES = {
    "errors", "registry", "choices", "attention_options", "config", "codec", "sets", "spec", "metrics", "targets",
    "text_files", "local_files", "disk", "schema", "plugins", "plural", "command_words", "interrupts",
}  # fmt: skip
ALLOWED = {
    "errors": {"synonyms"},
    "synonyms": set(),
    "plural": set(),
    "interrupts": set(),
    "command_words": {"errors"},
    "schema": {"errors"},
    "disk": {"errors", "schema"},
    "registry": {"errors"},
    "choices": {"errors", "registry"},
    "attention_options": {"errors", "registry", "choices"},
    "config": {"errors", "registry", "choices", "attention_options", "metrics"},
    "codec": {"disk", "errors", "schema"},
    "local_files": {"errors"},
    "text_files": {"errors", "local_files"},
    "spec": {"codec", "disk", "errors", "schema"},
    "sets": set(),
    "metrics": {"errors", "registry"},
    "targets": {"errors", "metrics", "sets", "spec"},
    "groups": {"config", "registry"},
    "plugins": {"config", "errors", "registry"},
    "compose": {
        "command_words",
        "config",
        "disk",
        "errors",
        "groups",
        "local_files",
        "plugins",
        "registry",
        "synonyms",
    },
    "compose_joint": {"command_words", "compose", "config", "errors", "plugins"},
    "glossary": set(),
    "help": {
        "glossary",
        "attention_options",
        "command_words",
        "compose",
        "compose_joint",
        "config",
        "errors",
        "groups",
        "plugins",
        "registry",
    },
    "completion": {"config", "local_files", "errors", "groups", "help", "plugins", "registry"},
    "data": LEAVES | {"data"},
    "model": LEAVES | {"model"},
    "runs": LEAVES,
    "training": LEAVES | {"data", "model", "runs", "compose", "compose_joint", "training"},
    "explain": LEAVES | {"model", "explain"},
    "pages": {"errors", "plural"},
    "lab": LEAVES | {"groups", "data", "model", "runs", "compose", "training", "explain", "pages", "lab"},
    "cli": LEAVES
    | {
        "compose",
        "compose_joint",
        "synonyms",
        "plugins",
        "help",
        "completion",
        "runs",
        "training",
        "lab",
        "__init__",
    },
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


def test_no_file_imports_itself_through_others() -> None:
    graph = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): imports(path)
        for path in files()
    }
    assert len(graph["training.loop"]) > 5, "names are those of files"
    order = TopologicalSorter({name: others & set(graph) - {name} for name, others in graph.items()})
    order.prepare()  # raises CycleError, which names the files


@pytest.mark.parametrize("word", ["import pickle", "torch.load(", "torch.save(", "weights_only", "instantiate("])
def test_nothing_loads_code(word: str) -> None:
    assert [str(p) for p in files() if word in p.read_text(encoding="utf-8")] == []


def imported_by(*arguments: str) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """The modules that a command imports."""
    code = (
        "import sys; before = set(sys.modules)\n"
        "import attnlab.cli as c\n"
        f"code = c.main({list(arguments)!r})\n"
        "print('IMPORTED', *(sys.modules.keys() - before), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    imported = next(line for line in done.stderr.splitlines() if line.startswith("IMPORTED"))
    return set(imported.split()[1:]), done


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "train --help",
        "sweep --help",
        "eval --help",
        "help encoder.scope",
        "help data",
        "__complete enc train",
    ],
)
def test_help_and_completion_import_little(line: str) -> None:
    """What they import is counted: how long that takes depends on what else the machine does."""
    imported, done = imported_by(*line.split())
    assert done.returncode == 0 and done.stdout
    roots = {name.partition(".")[0] for name in imported}
    heavy = {"torch", "hydra", "omegaconf", "yaml", "numpy", "rich", "datasets", "difflib", "traceback"}
    assert not roots & heavy and len(imported) < 110


def test_a_config_error_imports_no_torch() -> None:
    imported, done = imported_by("train", "encoder.dept=3")
    assert "torch" not in imported and done.returncode == 2
