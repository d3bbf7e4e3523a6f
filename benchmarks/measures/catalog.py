"""The measures by id: what they are, and which of them can run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import codec
from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.hvs import open_psnr_hvs_m
from benchmarks.measures.interface import Compute, MeanOfFrames, Measure, MeasureInfo
from benchmarks.measures.learned import open_lpips
from benchmarks.measures.programs import open_butteraugli, open_dssim
from benchmarks.measures.ssimulacra import open_ssimulacra2
from benchmarks.measures.standard import MOST_DB, ms_ssim_or_exact, psnr_yuv611, ssim
from benchmarks.measures.vmaf import open_vmaf
from benchmarks.rd.records import Absence
from bitstream.errors import RequestError
from codec.pixels.distortion import psnr
from codec.rate.target import decibels

STANDARD = ("psnr", "psnr-yuv611", "ssim", "ms-ssim")  # of pictures, where no others are named
EXTRA = ("ssimulacra2", "butteraugli", "dssim", "psnr-hvs-m", "lpips")
OF_CLIPS = ("psnr", "psnr-yuv611", "ms-ssim", "vmaf")  # where no others are named
BY_TORCH = frozenset(("ssim", "ms-ssim", "lpips"))
_MOVING = ("vmaf",)  # of clips only
_CAPPED = ("psnr", "psnr-yuv611", "psnr-hvs-m")  # decibels without an end

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
    ("vmaf", "VMAF", "", True, "Netflix, its usual model over luma (BT.709); mean of the frames; libvmaf"),
)
INFOS: dict[str, MeasureInfo] = {row[0]: MeasureInfo(*row) for row in _ROWS}


def infos_of(*, clips: bool) -> dict[str, MeasureInfo]:
    """The measures that pictures can have, or clips, whose `source` says what becomes of several frames."""
    if not clips:
        return {name: info for name, info in INFOS.items() if name not in _MOVING}
    means = dict.fromkeys(INFOS, "; mean of the frames")
    means |= dict.fromkeys(_CAPPED, f"; mean of the frames, an exact one {MOST_DB:g} dB")
    means |= {"ms-ssim": "; mean of the frames before the logarithm", "vmaf": ""}
    return {name: replace(info, source=info.source + means[name]) for name, info in INFOS.items()}


def open_measures(
    ids: Sequence[str], *, threads: int = 1, lpips_weights: Path | None = None
) -> tuple[list[Measure], list[Absence]]:
    """The measures of these ids that can run here, in this order, and those that cannot, with the way to get them.

    Args:
        ids: keys of INFOS; one that comes twice is taken once.
        threads: of VMAF.
        lpips_weights: torchvision's state dict of AlexNet, without which lpips is absent.

    Raises:
        RequestError: an id is none of INFOS.
    """
    check_measures(ids, INFOS)
    openers: dict[str, Callable[[], tuple[str, Compute]]] = {
        "psnr": partial(_own, psnr),
        "psnr-yuv611": partial(_own, psnr_yuv611),
        "ssim": partial(_by_torch, ssim),
        "ms-ssim": partial(_by_torch, ms_ssim_or_exact),
        "ssimulacra2": open_ssimulacra2,
        "butteraugli": open_butteraugli,
        "dssim": open_dssim,
        "psnr-hvs-m": open_psnr_hvs_m,
        "lpips": partial(open_lpips, lpips_weights),
    }
    measures: list[Measure] = []
    absent = []
    for name in dict.fromkeys(ids):
        info = INFOS[name]
        try:
            if name == "vmaf":
                measures.append(open_vmaf(info, threads))
            elif name == "ms-ssim":
                measures.append(MeanOfFrames(info, *openers[name](), most=1.0, finish=decibels))
            else:
                most = MOST_DB if name in _CAPPED else math.inf
                measures.append(MeanOfFrames(info, *openers[name](), most=most))
        except AbsentError as error:
            absent.append(Absence(name, info.title, "measure", error.reason, error.remedy))
    return measures, absent


def check_measures(ids: Iterable[str], known: Collection[str]) -> None:
    """Raises RequestError for an id that is not among `known`."""
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise RequestError(f"no measure is called {', '.join(unknown)}; there are {', '.join(known)}")


def _own(compute: Compute) -> tuple[str, Compute]:
    return f"wisp {codec.__version__}", compute


def _by_torch(compute: Compute) -> tuple[str, Compute]:
    try:
        import pytorch_msssim  # noqa: F401

        return f"pytorch-msssim {version('pytorch-msssim')}, torch {version('torch')}", compute
    except ImportError as error:  # PackageNotFoundError is one, too
        raise AbsentError(f"pytorch_msssim does not import: {error}", "pip install pytorch-msssim") from error
