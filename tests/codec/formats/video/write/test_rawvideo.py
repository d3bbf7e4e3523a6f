"""Uncompressed video: y4m and bare samples, colours to a level, constant rates, frame by frame on pipes."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bitstream.errors import LimitError
from bitstream.sequence.clip import FULL, LIMITED, Clip
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import SinkSettings
from codec.notes import WispNote
from codec.pixels.frame import Frame
from tests.support.sink_files import CLIP, SIZE, Pipe, Stdout, bars, frames, planes, read, write, ycbcr

Y4M, RGB, YUV = SinkSettings("y4m"), SinkSettings("rgb24"), SinkSettings("yuv420p")


def header(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n", 1)[0].split()


def test_the_header_of_y4m(tmp_path: Path) -> None:
    rate = Fraction(30_000, 1001)
    clip = Clip(1 / rate, rate, Fraction(10, 11), colour_range=FULL)
    path = write(tmp_path / "a.y4m", Y4M, frames(time_base=1 / rate), clip)
    expected = b"YUV4MPEG2 W80 H64 F30000:1001 Ip A10:11 C420jpeg XCOLORRANGE=FULL"
    assert header(path) == expected.split()
    stream, got = read(path)
    assert (stream.average_rate, stream.sample_aspect_ratio, len(got)) == (rate, Fraction(10, 11), 6)
    assert got[0].color_range == 2


@pytest.mark.parametrize("size", [(16, 16), (17, 15), (1, 1), (5, 64)])
def test_y4m_of_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    content = frames(range(3), size=size)
    path = write(tmp_path / "a.y4m", Y4M, content)
    _, got = read(path)
    assert [(image.width, image.height) for image in got] == [size] * 3
    width, height = size
    samples = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    assert path.stat().st_size == len(b" ".join(header(path))) + 1 + 3 * (6 + samples)


def test_grey_y4m_keeps_its_levels(tmp_path: Path) -> None:
    content = frames(channels=1)
    path = write(tmp_path / "a.y4m", Y4M, content)
    assert b"Cmono" in header(path) and b"XCOLORRANGE=FULL" in header(path)
    for image, frame in zip(read(path)[1], content, strict=True):
        assert np.array_equal(planes(image)[0], frame.pixels[:, :, 0])


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6])
@pytest.mark.parametrize("chroma", ["420", "444"])
def test_the_exact_matrix(tmp_path: Path, chroma: str, matrix: int, full: bool) -> None:
    """Every sample, noise included where chroma is whole, is within a level of the formula.

    Whatever the source's matrix was: y4m states none, and readers take BT.601 for so few lines.
    """
    pixels = bars()
    if chroma == "444":
        pixels[:, 96:] = np.random.default_rng(3).integers(0, 256, (64, 96, 3))
    clip = Clip(CLIP.time_base, CLIP.rate, colour_matrix=matrix, colour_range=FULL if full else LIMITED)
    settings = SinkSettings("y4m", chroma=chroma)  # type: ignore[arg-type]
    path = write(tmp_path / "a.y4m", settings, [Frame(pixels, 0, 1, CLIP.time_base)], clip)
    got = planes(read(path)[1][0])
    step = 2 if chroma == "420" else 1
    exact = ycbcr(pixels, 6, full).clip(0, 255)
    for index, plane in enumerate(got):
        expected = exact[:: step if index else 1, :: step if index else 1, index]
        assert np.abs(plane - expected.round()).max() <= 1


def test_chroma_is_the_mean_of_four_pixels(tmp_path: Path) -> None:
    """C420jpeg: in their centre. An edge between two such squares stays an edge."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, 4:] = (255, 0, 0)
    pixels[0, 0] = (0, 0, 255)
    _, cb, cr = planes(read(write(tmp_path / "a.y4m", Y4M, [Frame(pixels, 0, 1, CLIP.time_base)]))[1][0])
    assert cr[2].tolist() == [128, 128, 240, 240]
    assert cb[0, 0] == pytest.approx(128 + 112 / 4, abs=1)


def test_bare_rgb(tmp_path: Path) -> None:
    content = frames(size=(17, 5))
    data = write(tmp_path / "a.rgb", RGB, content).read_bytes()
    assert data == b"".join(frame.pixels.tobytes() for frame in content)


def test_bare_yuv_is_what_y4m_holds(tmp_path: Path) -> None:
    content = frames(size=(18, 6))
    bare = write(tmp_path / "a.yuv", YUV, content).read_bytes()
    framed = write(tmp_path / "a.y4m", Y4M, content).read_bytes()
    parts = framed.split(b"FRAME\n")[1:]
    assert len(parts) == 6 and bare == b"".join(parts)


def test_grey_and_transparency_in_rgb(tmp_path: Path) -> None:
    grey = frames([0], channels=1)
    data = write(tmp_path / "g.rgb", RGB, grey).read_bytes()
    assert data == np.repeat(grey[0].pixels, 3, axis=2).tobytes()
    glass = np.array([[[200, 100, 50, 0], [200, 100, 50, 255], [200, 100, 51, 128]]], np.uint8)
    with pytest.warns(WispNote, match="rgb24 holds no transparency: laid over black"):
        data = write(tmp_path / "a.rgb", RGB, [Frame(glass, 0, 1, CLIP.time_base)]).read_bytes()
    assert list(data) == [0, 0, 0, 200, 100, 50, 100, 50, 26]


def shown(path: Path, content: list[Frame]) -> list[int]:
    """Which of the frames is at each tick of an rgb24 file."""
    data, step = path.read_bytes(), content[0].pixels.size
    numbers = {frame.pixels.tobytes(): frame.number for frame in content}
    assert len(numbers) == len(content)
    return [numbers[data[at : at + step]] for at in range(0, len(data), step)]


@pytest.mark.parametrize(
    "times, last, base, rate, expected, note",
    [
        ([0, 1, 2, 3], 1, 25, 25, [0, 1, 2, 3], None),
        ([7, 8, 9, 10], 1, 25, 25, [0, 1, 2, 3], None),  # what is before the first frame is not there
        ([0, 1, 4, 5], 1, 25, 25, [0, 1, 1, 1, 2, 3], "2 frames repeated"),
        ([0, 1], 4, 25, 25, [0, 1, 1, 1, 1], "3 frames repeated"),
        ([0, 1, 2, 3, 4, 5], 1, 50, 25, [0, 2, 4], "3 frames dropped"),
        ([0, 1, 2], 1, 25, 50, [0, 0, 1, 1, 2, 2], "3 frames repeated"),
        ([0, 33, 67, 100, 133], 33, 1000, 30, [0, 1, 2, 3, 4], None),  # rounded timestamps
        ([0, 41, 81, 119, 160], 40, 1000, 25, [0, 1, 2, 3, 4], None),  # jitter
        ([0, 40, 45, 120], 40, 1000, 25, [0, 1, 1, 3], "1 frame repeated, 1 frame dropped"),
    ],
)
def test_frames_at_a_constant_rate(
    tmp_path: Path, times: list[int], last: int, base: int, rate: int, expected: list[int], note: str | None
) -> None:
    content = frames(times, last=last, time_base=Fraction(1, base))
    with pytest.warns(WispNote, match=f"written at {rate} frames a second: {note}") if note else nullcontext():
        path = write(tmp_path / "a.rgb", RGB, content, Clip(Fraction(1, base), Fraction(rate)))
    assert shown(path, content) == expected


def test_an_asked_rate_comes_first(tmp_path: Path) -> None:
    content = frames(range(4))
    with pytest.warns(WispNote, match="written at 50 frames a second: 4 frames repeated"):
        path = write(tmp_path / "a.y4m", replace(Y4M, rate=Fraction(50)), content)
    assert b"F50:1" in header(path) and len(read(path)[1]) == 8


@pytest.mark.parametrize("duration", [40, 0])
def test_a_rate_that_nobody_stated(tmp_path: Path, duration: int) -> None:
    """It follows from the first duration, or from the second frame's time."""
    base = Fraction(1, 1000)
    content = [replace(frame, duration=duration) for frame in frames([0, 40, 80], time_base=base)]
    path = write(tmp_path / "a.y4m", Y4M, content, Clip(base))
    assert b"F25:1" in header(path) and len(read(path)[1]) == 3


def test_a_single_frame_of_unknown_duration(tmp_path: Path) -> None:
    content = [replace(frames()[0], duration=0)]
    path = write(tmp_path / "a.y4m", Y4M, content, Clip(CLIP.time_base))
    assert len(read(path)[1]) == 1


def test_a_timestamp_that_would_fill_the_disk() -> None:
    steady = ConstantRate(Fraction(25))
    first, second = frames(range(2))
    assert [frame.pts for frame in steady.take(first)] == [0]
    with pytest.raises(LimitError, match="frame 0 is shown for"):
        list(steady.take(replace(second, pts=1 << 40)))


@pytest.mark.parametrize("settings", [Y4M, RGB, YUV])
def test_each_frame_is_out_when_it_is_complete(monkeypatch: pytest.MonkeyPatch, settings: SinkSettings) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", Stdout(pipe))
    sizes = []
    with open_sink("-", settings, CLIP, SIZE, "RGB") as sink:
        for frame in frames(range(3)):
            sink.write(frame)
            sizes.append(len(pipe.data))
    assert sizes[0] > 0 and sizes[2] - sizes[1] == sizes[1] - sizes[0] >= 1.5 * SIZE[0] * SIZE[1]
    assert len(pipe.data) == sizes[2]
