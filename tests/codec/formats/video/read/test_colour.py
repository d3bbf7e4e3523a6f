"""Pixels of video in: matrices, ranges, depths, alpha, grey, HDR; against the equations of H.273 in floating point."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bitstream.errors import UnsupportedError
from codec.formats.video.read.colour import PixelReader
from codec.formats.video.read.open import open_source
from tests.support.media_files import (
    BAR,
    FULL,
    LIMITED,
    bar_centres,
    bar_codes,
    bar_planes,
    frame_of,
    moving,
    read,
    write_clip,
    y4m,
)

PQ, HLG = 16, 18
_CHROMA = {"yuv420p": "420mpeg2", "yuv422p": "422", "yuv444p": "444"}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv444p10le"])
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
def test_colour_bars(tmp_path: Path, matrix: int, colour_range: int, pixel_format: str) -> None:
    """What the stream states is used: flat colours are within a level of the exact ones, and nothing drifts."""
    bits = 10 if "10" in pixel_format else 8
    codes, expected = bar_codes(matrix, colour_range, bits)
    frame = frame_of(bar_planes(codes, pixel_format), pixel_format)
    colours = {"colorspace": matrix, "color_range": colour_range}
    write_clip(tmp_path / "a.mkv", [frame], "ffv1", pixel_format, colours=colours)
    found = read(tmp_path / "a.mkv")
    error = bar_centres(found.frames[0].pixels, len(codes)) - expected
    assert np.abs(error).max() < (1.1 if bits > 8 and colour_range == FULL else 1.0)  # of 1023 codes, not 1020
    assert abs(error.mean()) < 0.3
    assert (found.source.clip.colour_range, found.source.clip.colour_matrix) == (colour_range, matrix)
    assert found.notes == (["10 bits a channel reduced to 8"] if bits > 8 else [])


@pytest.mark.parametrize(("height", "matrix"), [(BAR, 6), (720, 1)])
def test_unstated_colours_are_those_of_players(height: int, matrix: int) -> None:
    """Limited range, BT.601 below 720 lines and BT.709 from there on; the clip says that nothing was stated."""
    codes, expected = bar_codes(matrix, LIMITED)
    planes = [np.repeat(plane[:1], height, axis=0) for plane in bar_planes(codes, "yuv444p")]
    found = read(y4m([planes], f"W{planes[0].shape[1]} H{height} F25:1 C444"))
    assert np.abs(bar_centres(found.frames[0].pixels, len(codes)) - expected).max() < 1
    assert (found.source.clip.colour_range, found.source.clip.colour_matrix) == (0, 2)


def test_mjpeg_is_of_full_range(tmp_path: Path) -> None:
    codes, expected = bar_codes(6, FULL)
    frame = frame_of(bar_planes(codes, "yuv444p"), "yuvj444p")
    write_clip(tmp_path / "a.avi", [frame], "mjpeg", "yuvj444p", options={"qmin": "1", "qmax": "1"})
    found = read(tmp_path / "a.avi")
    assert np.abs(bar_centres(found.frames[0].pixels, len(codes)) - expected).max() < 4  # JPEG's own error in it
    assert found.source.clip.colour_range == FULL


def test_matrices_that_are_not_coded_are_refused(tmp_path: Path) -> None:
    codes, _ = bar_codes(6, LIMITED)
    frame = frame_of(bar_planes(codes, "yuv444p"), "yuv444p")
    frame.colorspace = 14  # ICtCp
    with pytest.raises(UnsupportedError, match="matrix 14"):
        PixelReader(False).pixels(frame)


def deep_grey(pixel_format: str, most: int) -> tuple[av.VideoFrame, Any]:
    values = np.linspace(0, most, 64 * 48).round().astype("<u2").reshape(48, 64)
    return frame_of([values], pixel_format), np.rint(values / most * 255).astype(np.uint8)


@pytest.mark.parametrize(("pixel_format", "most"), [("gray10le", 1023), ("gray12le", 4095), ("gray16le", 65_535)])
def test_deep_grey_is_rounded(tmp_path: Path, pixel_format: str, most: int) -> None:
    frame, expected = deep_grey(pixel_format, most)
    write_clip(tmp_path / "a.mkv", [frame], "ffv1", pixel_format)
    found = read(tmp_path / "a.mkv")
    assert found.source.mode == "L"
    assert np.array_equal(found.frames[0].pixels[:, :, 0], expected)
    assert found.notes == [f"{most.bit_length()} bits a channel reduced to 8"]
    with pytest.raises(UnsupportedError, match="bits a channel"):
        open_source(tmp_path / "a.mkv", strict=True)


def test_grey_is_of_full_range_unless_limited_is_stated() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    reader = PixelReader(True)
    frame = frame_of([values], "gray")
    assert np.array_equal(reader.pixels(frame)[:, :, 0], values)
    frame.color_range = LIMITED
    expected = np.rint((values.astype(float) - 16).clip(0, 219) / 219 * 255)
    assert np.array_equal(reader.pixels(frame)[:, :, 0], expected)


def test_deep_rgb_is_rounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    planes = [rng.integers(0, 1024, (48, 64)).astype("<u2") for _ in range(3)]
    write_clip(tmp_path / "a.mkv", [frame_of(planes, "gbrp10le")], "ffv1", "gbrp10le")
    found = read(tmp_path / "a.mkv")
    green, blue, red = planes
    expected = np.stack([red, green, blue], axis=2) / 1023 * 255
    assert np.abs(found.frames[0].pixels - expected).max() <= 0.51
    assert found.notes == ["10 bits a channel reduced to 8"]


def test_deep_video_is_noted_once(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", moving(4), "libx264", "yuv420p10le")
    found = read(tmp_path / "a.mkv")
    assert found.notes == ["10 bits a channel reduced to 8"]
    assert len(found.frames) == 4


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
@pytest.mark.parametrize("strict", [False, True])
def test_hdr_is_refused(tmp_path: Path, transfer: int, name: str, strict: bool) -> None:
    colours = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": LIMITED}
    write_clip(tmp_path / "a.mkv", moving(2), "libx264", "yuv420p10le", colours=colours)
    with pytest.raises(UnsupportedError, match=f"HDR.*{name}"):
        open_source(tmp_path / "a.mkv", strict=strict)


def test_wide_primaries_without_hdr_are_noted(tmp_path: Path) -> None:
    colours = {"color_trc": 1, "color_primaries": 9, "colorspace": 9, "color_range": LIMITED}
    write_clip(tmp_path / "a.mkv", moving(2), "libx264", colours=colours)
    assert read(tmp_path / "a.mkv").notes == ["BT.2020 primaries are taken for those of BT.709"]


@pytest.mark.parametrize(("name", "codec", "pixel_format"), [("a.mkv", "ffv1", "bgra"), ("a.mov", "qtrle", "argb")])
def test_alpha(tmp_path: Path, name: str, codec: str, pixel_format: str) -> None:
    picture = np.dstack([moving(1)[0], np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)])
    write_clip(tmp_path / name, [av.VideoFrame.from_ndarray(picture, "rgba")], codec, pixel_format)
    found = read(tmp_path / name)
    assert found.source.mode == "RGBA"
    assert np.array_equal(found.frames[0].pixels, picture)


def test_alpha_of_vp9(tmp_path: Path) -> None:
    """A stream of its own in the file, which FFmpeg's native decoder leaves out."""
    codes, expected = bar_codes(6, LIMITED)
    planes = [*bar_planes(codes, "yuv420p")]
    alpha = np.repeat(np.arange(len(codes), dtype=np.uint8) * 20, BAR)
    frame = frame_of([*planes, np.broadcast_to(alpha, planes[0].shape).copy()], "yuva420p")
    options = {"deadline": "realtime", "cpu-used": "8", "crf": "4", "b": "0"}
    write_clip(tmp_path / "a.webm", [frame] * 3, "libvpx-vp9", "yuva420p", options=options)
    found = read(tmp_path / "a.webm")
    assert found.source.mode == "RGBA"
    assert [item.pts for item in found.frames] == [0, 40, 80]
    for item in found.frames:
        got = bar_centres(item.pixels, len(codes))
        assert np.abs(got[:, :3] - expected).max() < 12
        assert np.abs(got[:, 3] - np.arange(len(codes)) * 20).max() < 8


def test_a_change_of_pixel_format_is_followed() -> None:
    """Two formats in one stream, by the reader that both go through: the mode stays that of the first."""
    reader = PixelReader(False)
    picture = moving(1)[0]
    frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    assert np.array_equal(reader.pixels(frame), picture)
    grey = frame_of([picture[:, :, 0]], "gray")
    assert np.array_equal(reader.pixels(grey), np.repeat(picture[:, :, :1], 3, axis=2))
    codes, expected = bar_codes(6, LIMITED)
    bars = frame_of(bar_planes(codes, "yuv420p"), "yuv420p")
    assert np.abs(bar_centres(reader.pixels(bars), len(codes)) - expected).max() < 1
    see_through = PixelReader(False, mode="RGBA").pixels(frame)
    assert np.array_equal(see_through[:, :, :3], picture)
    assert see_through[:, :, 3].min() == 255
    with pytest.raises(UnsupportedError, match="grey to colour"):
        PixelReader(False, mode="L").pixels(frame)


def test_a_change_of_pixel_format_in_a_stream() -> None:
    stream = io.BytesIO()
    for pixel_format in ("yuv420p", "yuv422p"):
        part = io.BytesIO()
        write_clip(part, moving(3), "mpeg2video", pixel_format, container="mpeg2video", options={"b": "4M"})
        stream.write(part.getvalue())
    with av.open(io.BytesIO(stream.getvalue()), "r") as plain:  # FFmpeg loses the last frame before the change
        formats = [frame.format.name for frame in plain.decode(video=0)]
    assert {"yuv420p", "yuv422p"} == set(formats)
    found = read(stream.getvalue())
    assert len(found.frames) == len(formats)
    difference = found.frames[0].pixels.astype(float) - found.frames[formats.index("yuv422p")].pixels
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("pixel_format", _CHROMA)
def test_odd_sizes(pixel_format: str) -> None:
    sizes = {"yuv420p": (4, 3), "yuv422p": (7, 3), "yuv444p": (7, 5)}  # chroma's (rows, columns) of 5 x 7
    planes = [np.full((7, 5), 90, np.uint8), *(np.full(sizes[pixel_format], 128, np.uint8) for _ in range(2))]
    found = read(y4m([planes], f"W5 H7 F25:1 C{_CHROMA[pixel_format]}"))
    assert found.source.size == (5, 7)
    assert np.abs(found.frames[0].pixels - (90 - 16) / 219 * 255).max() < 1
