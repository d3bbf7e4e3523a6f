"""What the tests of the command line share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.without_torch import WithoutTorch


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WithoutTorch]:
    """Runs commands where torch cannot be imported."""
    with WithoutTorch(tmp_path_factory.mktemp("without_torch")) as run:
        yield run
