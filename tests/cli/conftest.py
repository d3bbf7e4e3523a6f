"""What the tests of the command line share."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from codec.model.detail import DetailInfo
from codec.model.file import ModelFile
from codec.model.loaded import LoadedModel, Runtime
from codec.model.synthesis import SynthesisFile
from tests.support.without_torch import WithoutTorch


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithoutTorch]:
    """Runs commands where torch cannot be imported."""
    with WithoutTorch(tmp_path_factory.mktemp("without_torch")) as run:
        yield run


_models: dict[tuple[Any, ...], LoadedModel] = {}


@pytest.fixture(autouse=True)
def shared_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process share their networks: each would take a tenth of a second to build its own."""

    def shared(
        file: ModelFile, runtime: Runtime, fast: SynthesisFile | None = None, details: Sequence[DetailInfo] = ()
    ) -> LoadedModel:
        key = (file.info.path, file.info.id, runtime, fast and fast.info, tuple(details))
        return _models.setdefault(key, LoadedModel(file, runtime, fast, details))

    monkeypatch.setattr("codec.model.loaded.LoadedModel", shared)


@pytest.fixture
def warm_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs side by side are forked from a process that has imported the commands; else each imports them anew."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(
            ["cli.main", "codec.jobs.encode_picture", "codec.jobs.decode_picture", "PIL.Image"]
        )
        monkeypatch.setattr(multiprocessing, "get_context", lambda _: context)
