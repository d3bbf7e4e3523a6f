"""Arrays that are made once, and the disk that they need."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import FileAccessError
from codec.training.data.kept import KeptArrays, forget


def kept(folder: Path, count: int = 4) -> KeptArrays:
    return KeptArrays(folder / "latents-0", "these", values=((count, 8), np.int16))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="files have no room taken here")
def test_a_disk_without_room_is_an_error_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room of its own a mapped file kills the process on a full disk."""

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FileAccessError, match="No space left"):
        kept(tmp_path)


def test_truncated_arrays_and_a_folder_that_is_a_file(tmp_path: Path) -> None:
    kept(tmp_path).finish()
    (tmp_path / "latents-0" / "values.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(FileAccessError):
        kept(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(FileAccessError):
        kept(tmp_path / "file")


def test_what_is_forgotten_is_made_anew(tmp_path: Path) -> None:
    kept(tmp_path).finish()
    assert kept(tmp_path).ready
    forget(tmp_path)
    assert not kept(tmp_path).ready
