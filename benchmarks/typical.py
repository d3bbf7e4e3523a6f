"""The curves of rate control's first guess (codec/rate/typical.py): `python -m benchmarks.typical`.

For every third LIVE picture bits per pixel (logarithm), PSNR and MS-SSIM (dB) at nine qualities of the model, as a
linear function of the same of a JPEG. Some three minutes.
"""

from __future__ import annotations

import math

import click
import numpy as np

from benchmarks.datasets import live_paths, read_picture
from bitstream.limits import MAX_QUALITY
from codec.api import Codec
from codec.choices import TargetKind
from codec.pixels.distortion import ms_ssim, psnr
from codec.pixels.picture import Picture
from codec.rate.target import decibels
from codec.rate.typical import hint_of
from codec.still.encode import encode_still
from codec.still.measure import decoded
from codec.still.settings import StillSettings

NODES = 9
KINDS: tuple[TargetKind, ...] = ("bpp", "psnr", "ms-ssim")


def main() -> None:
    """Print the curves."""
    codec = Codec(device="cpu")
    model = codec.load(codec.model_info.id)
    rows, hints = [], []
    for path in live_paths()[::3]:
        picture = Picture(read_picture(path))
        row = []
        for node in range(NODES):
            steps = node * MAX_QUALITY // (NODES - 1)
            encoded = encode_still(model, picture, steps, StillSettings(), keep_latents=True)
            shown = decoded(encoded, codec.load).pixels
            bpp = 8 * len(encoded.data) / (picture.size[0] * picture.size[1])
            structure = decibels(ms_ssim(picture.pixels, shown))
            row.append((math.log(bpp), psnr(picture.pixels, shown), structure))
        rows.append(row)
        hints.append([hint_of(kind, picture) for kind in KINDS])
    for kind, curves, hint in zip(KINDS, np.array(rows).transpose(2, 0, 1), np.array(hints).T, strict=True):
        slope, constant = np.polyfit(hint, curves, 1)
        spread = (curves - constant - np.outer(hint, slope)).std(axis=0)
        for what, values in (("slope", slope), ("constant", constant), ("left over", spread)):
            click.echo(f"{kind}, {what}: {', '.join(f'{value:.3f}' for value in values)}")


if __name__ == "__main__":
    main()
