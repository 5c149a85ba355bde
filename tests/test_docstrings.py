"""What one reads where one calls: shapes in and out, and what is raised."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "attnlab"
SHAPED = ("forward", "attend", "loss", "predict", "batch", "plan")
"""Public functions that take or give tensors, or batches of them: their docstrings say from what to what."""
SHAPE = re.compile(r"\([A-Z][A-Za-z0-9]*\b[^)]*\)|\(\)|\(…|->")


def public_functions(path: Path) -> Iterator[tuple[str, ast.FunctionDef, str]]:
    """(name with its class, function, docstrings of the function and of its class)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    owners = [(None, tree), *((node, node) for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]
    for owner, holder in owners:
        if owner is not None and owner.name.startswith("_"):
            continue
        for node in holder.body:
            if isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
                of_class = (ast.get_docstring(owner) or "") if owner is not None else ""
                name = f"{owner.name}.{node.name}" if owner is not None else node.name
                yield name, node, f"{ast.get_docstring(node) or ''}\n{of_class}"


def files() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "synthetic" not in path.parts]


def raises_user_error(function: ast.FunctionDef) -> bool:
    return any(
        isinstance(node, ast.Raise)
        and node.exc is not None
        and "UserError" in {n.id for n in ast.walk(node.exc) if isinstance(n, ast.Name)}
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_raises_says_so(path: Path) -> None:
    silent = [
        f"{path}:{function.lineno} {name}"
        for name, function, text in public_functions(path)
        if raises_user_error(function) and not re.search(r"[Rr]aise|[Rr]efuse", text)
    ]
    assert silent == [], "say in the docstring when UserError is raised"


@pytest.mark.parametrize("path", [p for p in files() if "model" in p.parts or "data" in p.parts], ids=str)
def test_what_takes_tensors_says_their_shapes(path: Path) -> None:
    silent = [
        f"{path}:{function.lineno} {name}"
        for name, function, text in public_functions(path)
        if name.rpartition(".")[2] in SHAPED and not SHAPE.search(text)
    ]
    assert silent == [], "say in the docstring which shapes go in and come out"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_docstring_says_nothing(path: Path) -> None:
    empty = [
        f"{path}:{function.lineno} {name}"
        for name, function, _ in public_functions(path)
        if (text := ast.get_docstring(function)) is not None and len(text.split()) < 2 and not text.startswith("(")
    ]
    assert empty == [], "a docstring says more than a letter or `None`"
