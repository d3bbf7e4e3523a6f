"""What the bf16 pixel path costs against fp32, in dB on the LIVE mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.checks.check import Check, Run
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


def measure(run: Run) -> None:
    """Encode and decode the LIVE pictures in both precisions."""
    codecs = [Codec(device="cpu", precision="fp32"), Codec(device="cpu", precision="bf16")]
    pictures = [picture for _, picture in run.pictures()]
    for quality in QUALITIES:
        means = []
        for codec in codecs:
            files = [codec.encode(picture, quality) for picture in pictures]
            distances = [psnr(codec.decode_array(f), p) for f, p in zip(files, pictures, strict=True)]
            means.append((float(np.mean(distances)), float(np.mean([len(f) for f in files]))))
        (psnr_fp32, bytes_fp32), (psnr_bf16, bytes_bf16) = means
        run.row(PrecisionRow(quality, psnr_fp32, psnr_bf16, bytes_fp32, bytes_bf16))
        run.hold(f"quality {quality:g}: {psnr_fp32:.3f} dB, size {bytes_bf16 / bytes_fp32 - 1:+.3%}, bf16 costs ",
                 psnr_fp32 - psnr_bf16, MOST_DB, " dB")  # fmt: skip


CHECK = Check("bf16 against fp32 pixel path, LIVE means", 2, measure, usual=True)
