"""What the bf16 pixel path costs against fp32, in dB on the LIVE mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets import live_paths, read_picture
from benchmarks.measures import psnr
from codec.api import Codec

QUALITIES = (30, 60, 95)
MOST_DB = 0.01


@dataclass(frozen=True)
class PrecisionRow:
    """LIVE means at one quality: PSNR in dB and bytes with either pixel path, encoder and decoder alike."""

    quality: float
    psnr_fp32: float
    psnr_bf16: float
    bytes_fp32: float
    bytes_bf16: float

    @property
    def cost(self) -> float:
        return self.psnr_fp32 - self.psnr_bf16


def measure_precision() -> list[PrecisionRow]:
    """Encode and decode all LIVE pictures in both precisions."""
    codecs = [Codec(device="cpu", precision="fp32"), Codec(device="cpu", precision="bf16")]
    pictures = [read_picture(path) for path in live_paths()]
    rows = []
    for quality in QUALITIES:
        means = []
        for codec in codecs:
            files = [codec.encode(picture, quality) for picture in pictures]
            distances = [psnr(codec.decode_array(f), p) for f, p in zip(files, pictures, strict=True)]
            means.append((float(np.mean(distances)), float(np.mean([len(f) for f in files]))))
        (psnr_fp32, bytes_fp32), (psnr_bf16, bytes_bf16) = means
        rows.append(PrecisionRow(quality, psnr_fp32, psnr_bf16, bytes_fp32, bytes_bf16))
    return rows
