"""The checks of the denoiser and the colouriser, on very little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.checks import colorize, denoise, noisy
from benchmarks.checks.check import Run
from benchmarks.datasets import LIVE, read_picture
from tests.support.restorers import write_tiny


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Over one small picture, with networks that change nothing."""
    write_tiny(tmp_path / "d.safetensors", "denoise", head=0)
    write_tiny(tmp_path / "c.safetensors", "colorize", head=0)
    find = {kind: tmp_path / f"{kind[0]}.safetensors" for kind in ("denoise", "colorize")}
    monkeypatch.setattr("codec.restore.loaded.find_restore_file", find.__getitem__)

    class Small(Run):
        def pictures(self, usual: object = ()) -> Iterator[tuple[str, NDArray[np.uint8]]]:
            yield "caps", read_picture(LIVE / "caps.png")[:80, :96]

    for check in (colorize, denoise):
        monkeypatch.setattr(check, "VIDEO_SIZE", (80, 40))
        monkeypatch.setattr(check, "VIDEO_FRAMES", 2)
    return Small()


def test_a_denoiser_that_does_nothing_misses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("skimage")
    monkeypatch.setattr(denoise, "LEAST_DB", {25.0: 9.0})
    monkeypatch.setattr(denoise, "WAVELET", {"wavelet": ["db2"], "share": [None, 0.5]})
    monkeypatch.setattr(denoise, "NL_MEANS", {"strength": [0.6], "patch_size": [3], "patch_distance": [3]})
    denoise.measure(run)
    row, clip = run.rows
    assert row["noisy"] == row["wisp"] == row["auto"] == pytest.approx(20.2, abs=0.5)
    assert min(row["wavelet"], row["nl_means"]) > row["noisy"] + 2
    assert row["estimated"] == pytest.approx(25, rel=0.15)
    assert len(run.missed) == 3  # the gain, and both others are ahead
    assert clip["alone"] == clip["noisy"] and clip["together"] > 0


def test_a_colouriser_that_does_nothing_is_as_good_as_grey(run: Run) -> None:
    colorize.measure(run)
    row, clip = run.rows
    assert row["error"] == pytest.approx(row["grey"], abs=0.1) and row["luma"] <= 2
    assert clip["true"] > 0.01 and clip["alone"] < 0.01
    assert len(run.missed) == 1


def test_noisy_pictures_coded_twice(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noisy, "SIGMAS", (10.0,))
    monkeypatch.setattr(noisy, "QUALITIES", (10, 60))
    noisy.measure(run)
    plain, restored = run.rows[:2], run.rows[2:]
    assert [(row["bpp"], row["psnr"]) for row in plain] == [(row["bpp"], row["psnr"]) for row in restored]
    assert run.missed
