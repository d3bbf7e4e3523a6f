"""Files of weights: what is not tensors is not run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from bitstream.errors import FileAccessError
from codec.training.start import read_weights


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "done"),)

    torch.save({"network": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(FileAccessError, match="holds more than tensors") as caught:
        read_weights(str(tmp_path / "evil.pt"))
    assert not (tmp_path / "done").exists() and "weights_only" not in str(caught.value)
