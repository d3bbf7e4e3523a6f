"""Measures of a clip: means over its frames, frame by frame in constant memory, and VMAF."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

import codec
from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.interface import MeasureInfo
from benchmarks.measures.standard import MOST_DB, psnr_yuv611
from benchmarks.rd.records import Absence
from benchmarks.video.clip_measure import ClipMeasure
from benchmarks.video.sequences import Pixels
from bitstream.errors import RequestError
from codec.pixels.distortion import ms_ssim, psnr
from codec.rate.target import decibels

_ROWS = (  # id, title, unit, whether higher is better, source
    ("psnr", "PSNR", "dB", True, "over R, G and B together; mean of the frames' PSNR, an exact frame 100 dB"),
    ("psnr-yuv611", "PSNR YUV 6:1:1", "dB", True,
     "Ohm et al. 2012, over JPEG's YCbCr, unrounded; mean of the frames' PSNR, an exact frame 100 dB"),
    ("ms-ssim", "MS-SSIM", "dB", True,
     "Wang et al. 2003, mean over R, G and B and all frames, then -10 log10(1 - x); pytorch-msssim"),
    ("vmaf", "VMAF", "", True, "Netflix, its usual model over luma (BT.709); mean of the frames; libvmaf"),
)  # fmt: skip
INFOS: dict[str, MeasureInfo] = {row[0]: MeasureInfo(*row) for row in _ROWS}


class MeanOfFrames(ClipMeasure):
    """`of_frame` gives a frame's value, inf where it is exact; such a frame counts as `exact` in the mean, which
    `finish` turns into the measure's unit. All exact is inf."""

    def __init__(
        self,
        id: str,
        version: str,
        of_frame: Callable[[Pixels, Pixels], float],
        *,
        exact: float,
        finish: Callable[[float], float] = float,
    ) -> None:
        self.id, self.version = id, version
        self._of_frame, self._exact, self._finish = of_frame, exact, finish
        self._values: list[float] = []

    def begin(self, folder: Path) -> None:
        """See ClipMeasure."""
        self._values = []

    def add(self, reference: Pixels, shown: Pixels) -> None:
        """See ClipMeasure."""
        self._values.append(self._of_frame(reference, shown))

    def value(self) -> float:
        """See ClipMeasure."""
        if not any(map(math.isfinite, self._values)):
            return math.inf
        return self._finish(fmean(min(value, self._exact) for value in self._values))


def _ms_ssim(reference: Pixels, shown: Pixels) -> float:
    """The index 0..1; inf where the frames are equal."""
    return math.inf if (reference == shown).all() else ms_ssim(reference, shown)


def _open_ms_ssim() -> ClipMeasure:
    try:
        import pytorch_msssim  # noqa: F401

        told = f"pytorch-msssim {version('pytorch-msssim')}, torch {version('torch')}"
    except ImportError as error:
        raise AbsentError(f"pytorch_msssim does not import: {error}", "pip install pytorch-msssim") from error
    return MeanOfFrames("ms-ssim", told, _ms_ssim, exact=1.0, finish=decibels)


def open_clip_measures(ids: Sequence[str], threads: int) -> tuple[list[ClipMeasure], list[Absence]]:
    """The measures of these ids that can run here, in this order, and those that cannot, with the way to get them.

    Raises RequestError for an id that is none of INFOS.
    """
    from benchmarks.video.vmaf import open_vmaf

    unknown = [name for name in ids if name not in INFOS]
    if unknown:
        raise RequestError(f"no measure is called {', '.join(unknown)}; there are {', '.join(INFOS)}")
    ours = f"wisp {codec.__version__}"
    openers: dict[str, Callable[[], ClipMeasure]] = {
        "psnr": lambda: MeanOfFrames("psnr", ours, psnr, exact=MOST_DB),
        "psnr-yuv611": lambda: MeanOfFrames("psnr-yuv611", ours, psnr_yuv611, exact=MOST_DB),
        "ms-ssim": _open_ms_ssim,
        "vmaf": lambda: open_vmaf(threads),
    }
    measures, absent = [], []
    for name in dict.fromkeys(ids):
        try:
            measures.append(openers[name]())
        except AbsentError as error:
            absent.append(Absence(name, INFOS[name].title, "measure", error.reason, error.remedy))
    return measures, absent
