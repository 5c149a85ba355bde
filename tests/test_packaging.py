"""The wheel carries what the program needs: it runs from a clean environment, in another folder."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tracked files, so that nothing else can slip in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".venv", "outputs", ".git", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_config_module_and_file_of_pages(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    configs = {f"attnlab/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.yaml")}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "attnlab").rglob("*.py")}
    pages = {f"attnlab/pages/{name}" for name in ("style.css", "scripts/common.js", "templates/base.html")}
    found = {
        str(path.relative_to(ROOT)) for path in (ROOT / "attnlab" / "pages").rglob("*.*") if path.suffix != ".pyc"
    }
    assert pages <= found and configs | modules | found <= names


def test_it_runs_from_a_clean_environment_in_another_folder(wheel: Path, tmp_path: Path) -> None:
    """The environment is clean of attnlab; its dependencies are lent by this one, to save gigabytes."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    lent = [path for path in sys.path if path.endswith("site-packages")]
    # Appended, and without the .pth file of an editable install, so that attnlab can only come from the wheel.
    (site / "lent.pth").write_text("\n".join(lent) + "\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import attnlab, sys; print(attnlab.__file__); from attnlab.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [python, "-c", code, "train", "encoder.depth=5", "--cfg", "job"],
        cwd=elsewhere, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert str(site) in done.stdout and "depth: 5" in done.stdout
