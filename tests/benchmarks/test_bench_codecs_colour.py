"""Colours survive the way through the planes of video encoders, and the streams state them rightly."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs.interface import AbsentError
from benchmarks.codecs.one_frame import OneFrame
from benchmarks.codecs.svtav1 import SvtAv1Still
from benchmarks.codecs.x265 import X265Still
from benchmarks.ycbcr import to_pixels, to_planes

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

COLOURS = [*itertools.product((0, 128, 255), repeat=3), (200, 30, 90), (12, 240, 133)]


def flat(colour: tuple[int, ...], width: int = 32, height: int = 32) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("subsampled", [False, True])
@pytest.mark.parametrize(("width", "height"), [(6, 4), (5, 3), (1, 1), (2, 1)])
def test_flat_colours_come_back_within_a_level(bits: int, subsampled: bool, width: int, height: int) -> None:
    for colour in COLOURS:
        pixels = flat(colour, width, height)
        planes = to_planes(pixels, bits=bits, subsampled=subsampled)
        assert planes[0].shape == (height, width)
        assert planes[1].shape == ((-(-height // 2), -(-width // 2)) if subsampled else (height, width))
        shown = to_pixels(planes, bits=bits)
        assert shown.shape == pixels.shape
        assert np.abs(shown.astype(int) - pixels).max() <= (1 if bits == 8 else 0)


def test_planes_are_jpegs(photograph: NDArray[np.uint8]) -> None:
    planes = np.stack(to_planes(photograph), axis=-1)
    ours, pillows = planes.astype(int), np.asarray(Image.fromarray(photograph).convert("YCbCr")).astype(int)
    assert np.abs(ours - pillows).max() <= 1


def test_converting_costs_little(photograph: NDArray[np.uint8]) -> None:
    def psnr(shown: NDArray[np.uint8]) -> float:
        return float(10 * np.log10(255**2 / np.mean((photograph.astype(float) - shown) ** 2)))

    assert psnr(to_pixels(to_planes(photograph))) > 52
    assert np.array_equal(to_pixels(to_planes(photograph, bits=10), bits=10), photograph)
    assert psnr(to_pixels(to_planes(photograph, subsampled=True))) > 40


def test_chroma_lies_between_the_pixels() -> None:
    ramp = np.zeros((8, 32, 3), np.uint8)
    ramp[..., 2] = np.arange(32) * 8  # any shift of the chroma by half a pixel would be 4 levels
    shown = to_pixels(to_planes(ramp, subsampled=True))
    inner = shown[:, 2:-2, 2].astype(int) - ramp[:, 2:-2, 2]
    assert abs(inner.mean()) < 1


@pytest.mark.parametrize("codec", [OneFrame(X265Still()), OneFrame(SvtAv1Still())], ids=lambda codec: codec.id)
def test_bars_keep_their_colours(codec: OneFrame) -> None:
    try:
        codec.open(1)
    except AbsentError as error:
        pytest.skip(str(error))
    colours = [colour for colour in COLOURS if set(colour) <= {0, 255}] + [(128, 128, 128), (200, 30, 90)]
    bars = np.concatenate([flat(colour) for colour in colours], axis=1)
    data = codec.encode(bars, codec.qualities[-1])
    shown = codec.decode(data)
    swscaled = by_swscale(codec, data)
    for number, colour in enumerate(colours):
        inner = np.s_[8:24, 32 * number + 8 : 32 * number + 24]
        assert np.abs(shown[inner].mean(axis=(0, 1)) - colour).max() <= 1
        assert np.abs(swscaled[inner].mean(axis=(0, 1)) - colour).max() <= 2.5


def by_swscale(codec: OneFrame, data: bytes) -> NDArray[np.uint8]:
    """The picture as a player shows it that believes what the stream says of its colours."""
    from av import CodecContext, Packet

    context = cast("VideoCodecContext", CodecContext.create(codec.video.decoder, "r"))
    frames = [*context.decode(Packet(data)), *context.decode(None)]
    return np.asarray(frames[0].to_ndarray(format="rgb24"))
