"""Pictures as planes for video encoders: YCbCr of BT.601, full range (ITU-T T.871, JFIF), 4:4:4 or 4:2:0.

The matrix is computed in float32 and rounded once, to the bits of the encoder: converting there and back costs 53 dB
with 8 bits in 4:4:4. The chroma of 4:2:0 is the mean of 2 x 2 pixels and lies between them, as in JPEG, and is
interpolated bilinearly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
Plane = NDArray[Any]  # uint8, or little-endian uint16 for more than 8 bits

_TO_YCBCR = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
_TO_RGB = np.linalg.inv(_TO_YCBCR)


def to_planes(pixels: Pixels, *, bits: int = 8, subsampled: bool = False) -> list[Plane]:
    """Y, Cb and Cr of `pixels` (H, W, 3) uint8 sRGB.

    Each (H, W), values 0..2^bits - 1; with `subsampled` the chroma is (ceil(H / 2), ceil(W / 2)).
    """
    channels = np.moveaxis(pixels.astype(np.float32) @ _TO_YCBCR.T.astype(np.float32), -1, 0)
    luma, *chroma = channels * np.float32((2**bits - 1) / 255)
    if subsampled:
        chroma = [np.asarray(Image.fromarray(plane).reduce(2)) for plane in chroma]
    return [_rounded(plane, bits) for plane in (luma, *(plane + 2 ** (bits - 1) for plane in chroma))]


def to_pixels(planes: Sequence[Plane], *, bits: int = 8) -> Pixels:
    """(H, W, 3) uint8 of Y, Cb and Cr as `to_planes` makes them."""
    height, width = planes[0].shape
    luma, *chroma = (plane.astype(np.float32) for plane in planes)
    chroma = [plane - 2 ** (bits - 1) for plane in chroma]
    if chroma[0].shape != luma.shape:
        box = (0, 0, width / 2, height / 2)  # an odd side's last sample covers one pixel
        chroma = [
            np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR, box=box))
            for plane in chroma
        ]
    channels = np.stack((luma, *chroma), axis=-1) * np.float32(255 / (2**bits - 1))
    return _rounded(channels @ _TO_RGB.T.astype(np.float32), 8)


def _rounded(plane: NDArray[np.floating[Any]], bits: int) -> Plane:
    kind = np.dtype(np.uint8) if bits == 8 else np.dtype("<u2")
    return np.clip(np.rint(plane), 0, 2**bits - 1).astype(kind)
