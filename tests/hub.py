"""Stand-ins for data sets of the hub: the copies that `datasets` keeps, with the columns of the real ones."""

from pathlib import Path

import datasets
import pytest
from datasets import DatasetInfo, Features
from datasets.arrow_writer import ArrowWriter
from datasets.splits import SplitDict, SplitInfo

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def keep(
    cache: Path,
    name: str,
    features: Features,
    splits: dict[str, list[dict]],
    config: str = "default",
    commit: str = COMMIT,
) -> None:
    """Put a data set where `datasets` would have put it after fetching that commit."""
    owner, _, own = name.partition("/")
    folder = cache / f"{owner}___{own}" / config / "0.0.0" / commit
    folder.mkdir(parents=True)
    found = {}
    for split, rows in splits.items():
        with ArrowWriter(features=features, path=str(folder / f"{own}-{split}.arrow")) as writer:
            for row in rows:
                writer.write(row)
            count, size = writer.finalize()
        found[split] = SplitInfo(split, num_bytes=size, num_examples=count, dataset_name=own)
    info = DatasetInfo(
        features=features, splits=SplitDict(found, dataset_name=own), builder_name="parquet", dataset_name=own,
        config_name=config, version="0.0.0",
    )  # fmt: skip
    info.write_to_directory(str(folder))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of `datasets`, which cannot reach the hub."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    return tmp_path / "hub"
