"""Tiny data of every modality, and a place of its own for everything that a test writes."""

from pathlib import Path

import pytest

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """A real data set beside the checkout; the test is skipped where it is absent."""
    if not (REAL / name).exists():
        pytest.skip(f"needs the real data set {name}")
    return REAL / name


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared data are shared by all tests of a session; nothing is written outside temporary folders."""
    monkeypatch.setenv("ATTNLAB_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
