"""Prints the test files that speak of what has changed since the last commit (or since a commit that is named).

A test file is chosen if it has changed itself, if it stands where the tests of a changed file stand (`tests/` mirrors
`attnlab/`), or if it imports a changed file. `make check` runs them.
"""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def changed(since: str) -> list[Path]:
    """Paths of changed and new files, from the root of the project."""
    commands = (["git", "diff", "--name-only", since], ["git", "ls-files", "--others", "--exclude-standard"])
    lines = [subprocess.run(c, cwd=ROOT, capture_output=True, text=True, check=True).stdout for c in commands]
    return [Path(line) for text in lines for line in text.splitlines()]


def imports(path: Path) -> set[str]:
    """The modules that a file imports, and what it imports from them, by their dotted names."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def tests_of(paths: list[Path]) -> list[Path]:
    tests = {path.relative_to(ROOT): imports(path) for path in sorted((ROOT / "tests").rglob("test_*.py"))}
    chosen = {path for path in paths if path in tests}
    for path in paths:
        if path.parts[0] != "attnlab" or path.suffix != ".py":
            continue
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        mirror = Path("tests", *path.parts[1:-1], f"test_{path.stem}.py")
        chosen |= {test for test, names in tests.items() if module in names or test == mirror}
    return sorted(chosen)


if __name__ == "__main__":
    for test in tests_of(changed(sys.argv[1] if len(sys.argv) > 1 else "HEAD")):
        print(test)
