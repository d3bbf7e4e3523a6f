"""PSNR-HVS-M, by the package psnr_hvsm."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import version

import numpy as np

from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.padding import to_multiple
from benchmarks.raw import Pixels

TILE = 8
_ROWS = 64 * TILE  # measured at a time, which bounds the memory


def open_psnr_hvs_m() -> tuple[str, Callable[[Pixels, Pixels], float]]:
    """Version and function. Raises AbsentError."""
    try:
        with redirect_stdout(io.StringIO()):  # the package prints where its PyTorch half lacks something
            import psnr_hvsm.numpy  # noqa: F401
    except ImportError as error:
        raise AbsentError(f"the package {error.name} is not installed", "pip install psnr_hvsm") from error
    return f"psnr_hvsm {version('psnr_hvsm')}", psnr_hvs_m


def psnr_hvs_m(reference: Pixels, shown: Pixels) -> float:
    """PSNR-HVS-M in dB (Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", 2007)
    of two pictures (H, W, 3) uint8; inf where no difference is left after masking.

    As its authors did for TID2013: over the luma of BT.601 in the range 16..235, rounded to whole numbers, with a
    peak of 255. Sides are replicated up to a multiple of TILE. The package itself gives 100 dB instead of inf.
    """
    from psnr_hvsm.numpy import bt601ycbcr, hvs_hvsm_mse_tiles

    pictures = [to_multiple(pixels, TILE) for pixels in (reference, shown)]
    total, tiles = 0.0, 0
    with np.errstate(divide="ignore", invalid="ignore"):  # flat tiles, which the package masks only afterwards
        for top in range(0, len(pictures[0]), _ROWS):
            lumas = (bt601ycbcr(pixels[top : top + _ROWS])[0] for pixels in pictures)
            _, masked = hvs_hvsm_mse_tiles(*lumas)
            total, tiles = total + float(masked.sum()), tiles + masked.size
    return math.inf if total == 0 else -10 * math.log10(total / tiles)
