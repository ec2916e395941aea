"""A small labelled set, drawn once, and features kept between the tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from decisight.data.dataset import Dataset
from decisight.data.reading import read_dataset
from decisight.sources.rendered import write_dataset
from decisight.training.cache import FeatureCache
from decisight.training.train import Trained, TrainOptions, train


@pytest.fixture(scope="session")
def gate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("rendered") / "gate", pictures=72, seed=3, size=(160, 200))


@pytest.fixture(scope="session")
def gate(gate_folder: Path) -> Dataset:
    return read_dataset(gate_folder)


@pytest.fixture(scope="session")
def features_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FeatureCache]:
    with FeatureCache(tmp_path_factory.mktemp("features") / "features.sqlite3") as cache:
        yield cache


@pytest.fixture(scope="session")
def quick(features_cache: FeatureCache) -> Callable[..., Trained]:
    """Train with the shared cache; what is not said is chosen."""

    def run(data: Dataset, **options: object) -> Trained:
        wanted = TrainOptions(**{"name": "gate", **options})  # type: ignore[arg-type]
        return train(data, wanted, cache=features_cache, progress=lambda *_: None, threads=2)

    return run


@pytest.fixture(scope="session")
def trained(gate: Dataset, quick: Callable[..., Trained]) -> Trained:
    return quick(gate)


@pytest.fixture
def shared_data() -> Path:
    folder = Path(os.environ.get("DECISIGHT_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared/data")
    if not folder.is_dir():
        pytest.skip("the shared photo sets are not there")
    return folder
