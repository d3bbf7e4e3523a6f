"""Y4M and raw video in, pipes that stall, and the order in which things come out of them."""

from __future__ import annotations

import io
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bitstream.errors import FileAccessError, LimitError, RequestError, UnsupportedError
from codec.formats.video.read.open import open_source
from codec.formats.video.read.rawvideo import RawVideo
from codec.pixels.frame import Frame
from tests.support.media_files import (
    FULL,
    LIMITED,
    Pipe,
    StalledError,
    bar_centres,
    bar_codes,
    bar_planes,
    moving,
    read,
    write_clip,
    y4m,
)

RAW_RGB = RawVideo("rgb24", (64, 48), Fraction(30_000, 1001))


@pytest.mark.parametrize(
    ("chroma", "pixel_format"),
    [
        ("C420jpeg", "yuv420p"),
        ("C420mpeg2", "yuv420p"),
        ("C420paldv", "yuv420p"),
        ("C420", "yuv420p"),
        ("", "yuv420p"),
        ("C422", "yuv422p"),
        ("C444", "yuv444p"),
        ("C444alpha", "yuv444p"),
        ("C420p10 XYSCSS=420P10", "yuv420p10le"),
        ("C444p12", "yuv444p12le"),
    ],
)
@pytest.mark.parametrize("colour_range", [LIMITED, FULL])
def test_y4m_chroma(chroma: str, pixel_format: str, colour_range: int) -> None:
    bits = {"10le": 10, "12le": 12}.get(pixel_format[7:], 8)
    codes, expected = bar_codes(6, colour_range, bits)
    planes = bar_planes(codes, pixel_format)
    if "alpha" in chroma:
        planes.append(np.full_like(planes[0], 77))
    stated = {LIMITED: "LIMITED", FULL: "FULL"}[colour_range]
    header = f"W{planes[0].shape[1]} H{planes[0].shape[0]} F25:1 Ip A1:1 {chroma} XCOLORRANGE={stated}"
    found = read(y4m([planes, planes], header))
    assert len(found.frames) == 2
    for frame in found.frames:
        assert np.abs(bar_centres(frame.pixels[:, :, :3], len(codes)) - expected).max() < 1.1
    assert found.source.clip.colour_range == colour_range
    assert found.source.mode == ("RGBA" if "alpha" in chroma else "RGB")
    assert "alpha" not in chroma or found.frames[0].pixels[:, :, 3].max() == 77
    assert found.notes == ([f"{bits} bits a channel reduced to 8"] if bits > 8 else [])


def test_y4m_mono_and_facts() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    found = read(y4m([[values]] * 3, "W4 H3 F30000:1001 A10:11 Cmono", between="FRAME Xcomment"))
    assert found.source.mode == "L"
    assert all(np.array_equal(frame.pixels[:, :, 0], values) for frame in found.frames)
    clip = found.source.clip
    assert (clip.rate, clip.time_base) == (Fraction(30_000, 1001), Fraction(1001, 30_000))
    assert clip.pixel_aspect == Fraction(10, 11)
    assert [(frame.pts, frame.duration, frame.number) for frame in found.frames] == [(0, 1, 0), (1, 1, 1), (2, 1, 2)]
    unknown = read(y4m([[values]], "W4 H3 F0:0 A0:0 Cmono")).source.clip
    assert (unknown.rate, unknown.pixel_aspect) == (Fraction(25), Fraction(1))


def test_interlaced_y4m() -> None:
    fields = [picture[:, :, 0] for picture in moving(8)]
    order_of_lines = {"t": 0, "b": 1}
    woven = [np.where(np.arange(48)[:, None] % 2, low, up) for up, low in zip(fields[::2], fields[1::2], strict=True)]
    data = {order: y4m([[one] for one in woven], f"W64 H48 F25:1 I{order} Cmono") for order in "tb"}
    found = {order: read(data[order]) for order in "tb"}
    for order, first in order_of_lines.items():
        assert found[order].notes == ["interlaced video is deinterlaced"]
        shown, field = found[order].frames[1].pixels[:, :, 0].astype(float), fields[2 + first]
        assert np.abs(shown - field).mean() < np.abs(woven[1].astype(float) - field).mean()
        assert [frame.pts for frame in found[order].frames] == [0, 1, 2, 3]
    with pytest.raises(UnsupportedError, match="interlaced"):
        read(data["t"], strict=True)
    with pytest.raises(UnsupportedError, match="mixed"):
        read(data["t"].replace(b" It ", b" Im "))


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        ("H3 F25:1 Cmono", FileAccessError, "W is no number of pixels"),
        ("W4 H-3 Cmono", FileAccessError, "H-3"),
        ("W0 H3 Cmono", FileAccessError, "W0"),
        ("W4 H3 Fx Cmono", FileAccessError, "Fx is no ratio"),
        ("W4 H3 F25:1 C123", UnsupportedError, "C123"),
        ("W70000 H3 F25:1 Cmono", LimitError, "70000x3"),
        ("W60000 H60000 F25:1 C444", LimitError, "pixels"),
        ("W4 H3 " + "X" * 2000, FileAccessError, "header"),
    ],
)
def test_y4m_headers_that_are_refused(header: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read(y4m([[np.zeros((3, 4), np.uint8)]], header))


def test_y4m_that_ends_within_a_frame() -> None:
    data = y4m([[np.full((3, 4), i, np.uint8)] for i in range(5)], "W4 H3 F25:1 Cmono")
    for cut, reason in ((5, "7 of 12 bytes"), (15, "header of frame 4")):
        found = read(data[:-cut])
        assert len(found.frames) == 4
        assert len(found.notes) == 1
        assert reason in found.notes[0]
        with pytest.raises(FileAccessError, match="frame 4"):
            read(data[:-cut], strict=True)
    wrong = data[:-18] + b"FRANE\n" + bytes(12)
    assert read(wrong).notes == ["frame 4 does not begin with FRAME: what follows is left out"]
    with pytest.raises(FileAccessError, match="no frame"):
        read(data[: data.index(b"FRAME") + 8])


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "rgba", "gray", "nv12", "yuv420p", "yuv422p10le"])
def test_raw_formats(pixel_format: str) -> None:
    pictures = moving(3)
    grey = np.full((48, 64), 100, np.uint8)
    data = {
        "rgb24": b"".join(picture.tobytes() for picture in pictures),
        "bgr24": b"".join(np.ascontiguousarray(picture[:, :, ::-1]).tobytes() for picture in pictures),
        "rgba": b"".join(np.dstack([picture, grey]).tobytes() for picture in pictures),
        "gray": b"".join(np.ascontiguousarray(picture[:, :, 0]).tobytes() for picture in pictures),
        "nv12": (bytes([90]) * (64 * 48) + bytes([128]) * (64 * 24)) * 3,
        "yuv420p": (bytes([90]) * (64 * 48) + bytes([128]) * (64 * 24)) * 3,
        "yuv422p10le": np.full(64 * 48, 360, "<u2").tobytes() * 3 + np.full(64 * 48 * 3, 512, "<u2").tobytes(),
    }[pixel_format]
    if pixel_format == "yuv422p10le":
        data = (np.full(64 * 48, 360, "<u2").tobytes() + np.full(64 * 48, 512, "<u2").tobytes()) * 3
    found = read(data, raw=RawVideo(pixel_format, (64, 48), Fraction(30_000, 1001)))
    assert found.source.mode == {"gray": "L", "rgba": "RGBA"}.get(pixel_format, "RGB")
    assert found.source.clip.rate == Fraction(30_000, 1001)
    assert found.source.frames == 3
    assert found.source.duration == pytest.approx(3 * 1001 / 30_000)
    for frame, picture in zip(found.frames, pictures, strict=True):
        if "yuv" in pixel_format or pixel_format == "nv12":
            assert np.abs(frame.pixels - (90 - 16) / 219 * 255).max() < 1
        else:
            channels = 1 if pixel_format == "gray" else 3
            assert np.array_equal(frame.pixels[:, :, :channels], picture[:, :, :channels])
    assert pixel_format != "rgba" or (found.frames[0].pixels[:, :, 3] == 100).all()


def test_raw_video_that_ends_within_a_frame() -> None:
    data = b"".join(picture.tobytes() for picture in moving(3))[:-100]
    found = read(data, raw=RAW_RGB)
    assert len(found.frames) == 2
    assert found.notes == ["ends within frame 2, which is left out: 9116 of 9216 bytes"]
    with pytest.raises(FileAccessError, match="frame 2"):
        read(data, raw=RAW_RGB, strict=True)
    with pytest.raises(FileAccessError, match="no frame"):
        read(data[:5000], raw=RAW_RGB)


@pytest.mark.parametrize(
    "settings",
    [("rgb23", (4, 4), None), ("rgb24", None, None), ("rgb24", (0, 4), None), ("y4m", None, Fraction(0))],
)
def test_raw_settings_that_are_refused(settings: tuple[str, Any, Any]) -> None:
    with pytest.raises(RequestError):
        RawVideo(*settings)


def test_raw_limits() -> None:
    with pytest.raises(LimitError):
        open_source(io.BytesIO(b"abc"), raw=RawVideo("rgb24", (65_535, 65_535)))
    with pytest.raises(FileAccessError, match="no Y4M"):
        open_source(io.BytesIO(b"abc"), raw=RawVideo("y4m"))


def test_one_frame_of_a_stalling_pipe_is_enough() -> None:
    pictures = moving(3)
    raw = b"".join(picture.tobytes() for picture in pictures)
    headed = y4m([[picture[:, :, 0].copy()] for picture in pictures], "W64 H48 F25:1 Cmono")
    one_raw, one_headed = 64 * 48 * 3, headed.index(b"FRAME") + 6 + 64 * 48
    for data, given, options in ((raw, one_raw, {"raw": RAW_RGB}), (headed, one_headed, {})):
        pipe = Pipe(data, given=given, piece=1000)
        with open_source(pipe, **options) as source:  # type: ignore[arg-type]
            items = iter(source)
            first = next(items)
            assert isinstance(first, Frame)
            channels = first.pixels.shape[2]
            assert np.array_equal(first.pixels, pictures[0][:, :, :channels])
            with pytest.raises(StalledError):
                next(items)
        assert pipe.taken == given


# Frames in the pipe before the first comes out: what the encoders' reordering and the containers' grouping need.
@pytest.mark.parametrize(
    ("container", "codec", "options", "most"),
    [
        ("matroska", "ffv1", {}, 2),
        ("matroska", "mpeg4", {}, 2),
        ("matroska", "libx264", {"tune": "zerolatency"}, 3),
        ("matroska", "libx264", {"bf": "2"}, 6),
        ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}, 2),
        ("mp4", "libx264", {"tune": "zerolatency"}, 3),
    ],
)
def test_the_first_frame_comes_before_the_producer_ends(
    tmp_path: Path, container: str, codec: str, options: dict[str, str], most: int
) -> None:
    """A producer that writes each packet at once, and stalls after `most` frames of 40."""
    fragments = {"movflags": "empty_moov+default_base_moof+frag_every_frame"} if container == "mp4" else {}
    rng = np.random.default_rng(3)
    noise = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(40)]
    write_clip(tmp_path / "a", noise, codec, container=container, options=options, container_options=fragments)
    data = (tmp_path / "a").read_bytes()
    whole = read(data)
    with av.open(str(tmp_path / "a")) as again:
        places = [packet.pos for packet in again.demux(video=0) if packet.size]
    pipe = Pipe(data, given=places[most], piece=500)
    with open_source(pipe) as source:  # type: ignore[arg-type]
        first = next(iter(source))
    assert isinstance(first, Frame)
    assert np.array_equal(first.pixels, whole.frames[0].pixels)
    assert source.clip.rate == 25


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "f.mp4", "a.ts", "a.avi", "a.flv"])
def test_containers_from_a_pipe(tmp_path: Path, name: str) -> None:
    """The same frames and sound as from the file."""
    codec = {"a.webm": "libvpx-vp9", "a.avi": "mpeg4"}.get(name, "libx264")
    sound = {"a.webm": "libopus", "a.avi": "libmp3lame"}.get(name, "aac")
    fragments = {"movflags": "frag_keyframe+empty_moov+default_base_moof"} if name == "f.mp4" else {}
    fast = {"deadline": "realtime", "cpu-used": "8"} if codec == "libvpx-vp9" else {}
    write_clip(tmp_path / name, moving(30), codec, sound=(sound,), options=fast, container_options=fragments)
    from_file, from_pipe = read(tmp_path / name), read(Pipe((tmp_path / name).read_bytes()))
    assert [frame.pts for frame in from_pipe.frames] == [frame.pts for frame in from_file.frames]
    for one, other in zip(from_pipe.frames, from_file.frames, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
    assert [packet.data for packet in from_pipe.packets] == [packet.data for packet in from_file.packets]
    assert from_pipe.source.audio == from_file.source.audio
    assert from_pipe.source.clip == from_file.source.clip
    assert from_pipe.notes == from_file.notes == []


def test_an_mp4_with_its_index_at_the_end_is_read_to_that_end(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (30, 96, 128, 3), dtype=np.uint8)
    write_clip(tmp_path / "a.mp4", noise, options={"b": "8M"})
    from_file, from_pipe = read(tmp_path / "a.mp4"), read(Pipe((tmp_path / "a.mp4").read_bytes()))
    assert len(from_pipe.frames) == 30
    for one, other in zip(from_pipe.frames, from_file.frames, strict=True):
        assert np.array_equal(one.pixels, other.pixels)


def test_named_pipes_and_descriptors(tmp_path: Path) -> None:
    """A real pipe: what is in it is a frame and no more, and it stays open for writing."""
    picture = moving(1, (32, 32))[0]
    reading, writing = os.pipe()
    try:
        os.write(writing, picture.tobytes())
        with os.fdopen(reading, "rb") as file, open_source(file, raw=RawVideo("rgb24", (32, 32))) as source:
            frame = next(iter(source))
            assert isinstance(frame, Frame)
            assert np.array_equal(frame.pixels, picture)
            assert source.frames is None
    finally:
        os.close(writing)


def test_text_and_data_that_is_not_there_are_refused() -> None:
    with pytest.raises(TypeError, match="bytes"):
        open_source(io.StringIO("text"))  # type: ignore[arg-type]

    class NotYet(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def read(self, count: int = -1) -> bytes | None:
            return None

    with pytest.raises(FileAccessError, match="no data at the moment"):
        open_source(NotYet())  # type: ignore[arg-type]
