"""The measures by id: what they are, and which of them can run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

import codec
from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.hvs import open_psnr_hvs_m
from benchmarks.measures.interface import Measure, MeasureInfo, Pixels
from benchmarks.measures.learned import open_lpips
from benchmarks.measures.programs import open_butteraugli, open_dssim
from benchmarks.measures.ssimulacra import open_ssimulacra2
from benchmarks.measures.standard import ms_ssim_decibels, psnr_yuv611, ssim
from benchmarks.rd.records import Absence
from bitstream.errors import RequestError
from codec.pixels.distortion import psnr

STANDARD = ("psnr", "psnr-yuv611", "ssim", "ms-ssim")
EXTRA = ("ssimulacra2", "butteraugli", "dssim", "psnr-hvs-m", "lpips")

Compute = Callable[[Pixels, Pixels], float]

_ROWS = (  # id, title, unit, whether higher is better, source
    ("psnr", "PSNR", "dB", True, "over R, G and B together; exact integers"),
    ("psnr-yuv611", "PSNR YUV 6:1:1", "dB", True, "Ohm et al. 2012, over JPEG's YCbCr, unrounded; exact integers"),
    ("ssim", "SSIM", "", True, "Wang et al. 2004, mean over R, G and B; pytorch-msssim"),
    ("ms-ssim", "MS-SSIM", "dB", True, "Wang et al. 2003, mean over R, G and B, -10 log10(1 - x); pytorch-msssim"),
    ("ssimulacra2", "SSIMULACRA 2", "", True, "Sneyers 2022; libjxl's program, else the package ssimulacra2"),
    ("butteraugli", "Butteraugli", "", False, "Alakuijala et al. 2017, the maximum; libjxl's butteraugli_main"),
    ("dssim", "DSSIM", "", False, "Lesiński, multi-scale SSIM in L*a*b*, 1/SSIM - 1; his program dssim"),
    ("psnr-hvs-m", "PSNR-HVS-M", "dB", True, "Ponomarenko et al. 2007, over luma; psnr_hvsm"),
    ("lpips", "LPIPS", "", False, "Zhang et al. 2018, version 0.1 with AlexNet; lpips"),
)
INFOS: dict[str, MeasureInfo] = {row[0]: MeasureInfo(*row) for row in _ROWS}


def open_measures(ids: Sequence[str], *, lpips_weights: Path | None = None) -> tuple[list[Measure], list[Absence]]:
    """The measures of these ids that can run here, in this order, and those that cannot, with the way to get them.

    Args:
        ids: keys of INFOS; one that comes twice is taken once.
        lpips_weights: torchvision's state dict of AlexNet, without which lpips is absent.

    Raises:
        RequestError: an id is none of INFOS.
    """
    unknown = [name for name in ids if name not in INFOS]
    if unknown:
        raise RequestError(f"no measure {unknown[0]!r}; there are {', '.join(INFOS)}")
    openers: dict[str, Callable[[], tuple[str, Compute]]] = {
        "psnr": partial(_own, psnr),
        "psnr-yuv611": partial(_own, psnr_yuv611),
        "ssim": partial(_by_torch, ssim),
        "ms-ssim": partial(_by_torch, ms_ssim_decibels),
        "ssimulacra2": open_ssimulacra2,
        "butteraugli": open_butteraugli,
        "dssim": open_dssim,
        "psnr-hvs-m": open_psnr_hvs_m,
        "lpips": partial(open_lpips, lpips_weights),
    }
    measures, absent = [], []
    for name in dict.fromkeys(ids):
        info = INFOS[name]
        try:
            told, compute = openers[name]()
        except AbsentError as error:
            absent.append(Absence(name, info.title, "measure", error.reason, error.remedy))
        else:
            measures.append(Measure(info, told, partial(_checked, name, compute)))
    return measures, absent


def _own(compute: Compute) -> tuple[str, Compute]:
    return f"wisp {codec.__version__}", compute


def _by_torch(compute: Compute) -> tuple[str, Compute]:
    try:
        import pytorch_msssim  # noqa: F401

        return f"pytorch-msssim {version('pytorch-msssim')}, torch {version('torch')}", compute
    except ImportError as error:  # PackageNotFoundError is one, too
        raise AbsentError(f"pytorch_msssim does not import: {error}", "pip install pytorch-msssim") from error


def _checked(name: str, compute: Compute, reference: Pixels, shown: Pixels) -> float:
    """NumPy would compare unlike shapes or wrap unlike types silently, and results files know no NaN."""
    if reference.shape != shown.shape or reference.dtype != shown.dtype:
        raise ValueError(
            f"{name} of unlike pictures: {reference.shape} {reference.dtype} and {shown.shape} {shown.dtype}"
        )
    value = float(compute(reference, shown))
    if math.isnan(value):
        raise RuntimeError(f"{name} is not a number")
    return value
