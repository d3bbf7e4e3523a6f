"""Settings of the whole test run, and fixtures that several files share.

The pictures are small and tests run side by side, so the networks get one thread, here and in the processes that
tests start (a test that wants two says so), and threads that wait do not spin.
"""

from __future__ import annotations

import gc
import os

# Read when torch and NumPy are imported; subprocesses inherit them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.datasets import DEMO_PICTURE, read_picture
from codec.api import Codec

torch.set_num_threads(1)


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: Python need not look through them whenever it collects garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def wisp() -> Codec:
    """The packaged model on the CPU in fp32, loaded once."""
    return Codec(device="cpu", precision="fp32")


def _never(*_: object) -> bool:
    return False


@pytest.fixture
def learned_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tile is stored losslessly for being smaller so, as most would be with a model of random weights."""
    monkeypatch.setattr("codec.still.lossless.may_be_smaller", _never)


@pytest.fixture(scope="session")
def photograph() -> NDArray[np.uint8]:
    """A real picture, 512x768."""
    return read_picture(DEMO_PICTURE)
