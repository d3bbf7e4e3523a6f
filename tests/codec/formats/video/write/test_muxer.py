"""MP4 and Matroska: pixels, colours, times and sizes as plain PyAV reads them back."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import get_args

import av
import numpy as np
import pytest

from bitstream.errors import RequestError, UnsupportedError
from bitstream.sequence.clip import FULL, LIMITED, Clip
from codec.formats.video.write.matroska import PLACEHOLDER, element, with_display_size
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import VIDEO_FORMATS, SinkSettings, VideoCodec, video_format
from codec.notes import WispNote
from codec.pixels.frame import Frame
from tests.support.sink_files import CLIP, SIZE, bars, frames, planes, read, rgb_of, times, write, ycbcr

VARYING = [3, 4, 6, 7, 10, 14, 15, 20, 21, 23, 24, 25]
LAST = 9
CODECS = [("mp4", "h264"), ("mp4", "h265"), ("mp4", "av1"), ("mkv", "ffv1"), ("mkv", "h264")]


def settings(kind: str, codec: str, **more: object) -> SinkSettings:
    return SinkSettings(kind, codec, **more)  # type: ignore[arg-type]


def test_the_kind_follows_from_the_name(tmp_path: Path) -> None:
    """A folder, and a pattern, mean numbered pictures."""
    names = {"mp4": "a.mp4 A.M4V a.mov", "mkv": "a.mkv", "y4m": "a.y4m", "rgb24": "a.rgb", "yuv420p": "a.yuv"}
    names |= {"gif": "a.gif", "webp": "a.webp", "png": f"f-%05d.png f-%d.png folder/ {tmp_path}"}
    assert set(names) == set(VIDEO_FORMATS)
    for kind, known in names.items():
        assert [video_format(name) for name in known.split()] == [kind] * len(known.split())
    assert {video_format(name) for name in ("a.png", "a.txt", "-")} == {None}


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [SIZE, (33, 17), (1, 1)])
def test_ffv1_is_lossless(tmp_path: Path, channels: int, size: tuple[int, int]) -> None:
    content = frames(channels=channels, size=size)
    stream, got = read(write(tmp_path / "a.mkv", SinkSettings("mkv"), content))
    assert stream.codec_context.name == "ffv1"
    layout = {1: "gray", 3: "rgb24"}.get(channels, "rgba")
    for frame, image in zip(content, got, strict=True):
        expected = frame.pixels[:, :, 0] if channels == 1 else frame.pixels
        if channels == 2:
            expected = frame.pixels[:, :, [0, 0, 0, 1]]
        assert np.array_equal(image.to_ndarray(format=layout), expected)
        if channels == 1:  # its range is stated
            assert np.array_equal(image.to_ndarray(format="rgb24"), frame.pixels.repeat(3, axis=2))


@pytest.mark.parametrize("kind, codec", CODECS)
def test_times_that_vary(tmp_path: Path, kind: str, codec: str) -> None:
    base = Fraction(1, 30)
    content = frames(VARYING, last=LAST, time_base=base)
    stream, got = read(write(tmp_path / f"a.{kind}", settings(kind, codec), content, Clip(base)))
    shown = [frame.pts * stream.time_base for frame in got if frame.pts is not None and stream.time_base]
    if kind == "mp4":
        assert shown == [pts * base for pts in VARYING]
        assert stream.time_base == base
        assert stream.duration == VARYING[-1] + LAST - VARYING[0]
        assert got[-1].duration == LAST
    else:  # milliseconds
        assert all(abs(at - pts * base) <= Fraction(1, 2000) for at, pts in zip(shown, VARYING, strict=True))
        assert got[-1].duration == round(1000 * LAST * base)


@pytest.mark.parametrize("rate", [Fraction(30_000, 1001), Fraction(24), Fraction(1, 2)])
@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_the_rate_survives(tmp_path: Path, kind: str, rate: Fraction) -> None:
    content = frames(range(8), time_base=1 / rate)
    stream, got = read(write(tmp_path / f"a.{kind}", SinkSettings(kind), content, Clip(1 / rate, rate)))  # type: ignore[arg-type]
    assert stream.average_rate == rate
    if kind == "mp4":
        assert [frame.pts * stream.time_base for frame in got if frame.pts is not None and stream.time_base] == [
            number / rate for number in range(8)
        ]


def test_frames_in_another_time_base_than_the_clip(tmp_path: Path) -> None:
    content = frames([0, 40, 80, 240], last=40, time_base=Fraction(1, 1000))
    assert times(write(tmp_path / "a.mp4", SinkSettings("mp4"), content)) == [Fraction(n, 25) for n in (0, 1, 2, 6)]


def test_a_time_base_that_no_container_has(tmp_path: Path) -> None:
    base = Fraction(1, (1 << 32) - 1)
    content = frames([0, 1 << 31, 1 << 32], last=1 << 31, time_base=base)
    shown = times(write(tmp_path / "a.mp4", SinkSettings("mp4"), content, Clip(base)))
    for got, seconds in zip(shown, (0, 0.5, 1), strict=True):
        assert abs(got - Fraction(seconds)) < Fraction(1, 100_000)


def test_an_asked_rate_repeats_and_drops(tmp_path: Path) -> None:
    content = frames([0, 1, 2, 3, 4, 5, 9], time_base=Fraction(1, 20))
    with pytest.warns(WispNote, match="10 frames a second: 1 frame repeated, 3 frames dropped"):
        path = write(tmp_path / "a.mp4", SinkSettings("mp4", rate=Fraction(10)), content)
    assert times(path) == [Fraction(n, 10) for n in range(5)]


@pytest.mark.parametrize("kind, codec", CODECS)
def test_one_frame(tmp_path: Path, kind: str, codec: str) -> None:
    stream, got = read(write(tmp_path / f"a.{kind}", settings(kind, codec), frames([0], last=50)))
    assert len(got) == 1 and got[0].pts == 0
    assert kind == "mkv" or stream.duration == 50


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(16, 15), Fraction(10, 11), Fraction(64, 45)])
@pytest.mark.parametrize("kind, codec", CODECS)
def test_the_pixel_aspect(tmp_path: Path, kind: str, codec: str, aspect: Fraction) -> None:
    path = write(tmp_path / f"a.{kind}", settings(kind, codec), frames(), replace(CLIP, pixel_aspect=aspect))
    stream, got = read(path)
    assert stream.sample_aspect_ratio == aspect
    assert len(got) == 6 and "Wisp" not in str(stream.metadata)
    if kind == "mkv":
        av.open(str(path)).seek(200_000)  # the index at the end is where the head says


def test_the_display_size_goes_where_it_belongs() -> None:
    """Whatever the random number of the track looks like; the length never changes."""
    video = element(0xE0, element(0xB0, b"P") + element(0xBA, b"@") + element(0x54B2, b"\4"))
    name = element(0x536E, PLACEHOLDER.encode())
    for uid in (b"\1\2\3\4\5\6\7\x08", b"\x9d\x22\xec\xae\x23\x7d\x82\1", b"\xae" * 8, b"\xae\xff" * 4):
        before = element(0xD7, b"\1") + element(0x73C5, uid)
        data = b"\xae\x01head" + element(0xAE, before + name + video, size_bytes=8) + b"tail\xae"
        changed = with_display_size(data, (80, 64), Fraction(4, 3))
        assert len(changed) == len(data) and PLACEHOLDER.encode() not in changed
        assert before in changed and changed.endswith(b"tail\xae")
        assert element(0x54B0, b"\5") + element(0x54BA, b"\3") + element(0x54B2, b"\3") in changed
        assert with_display_size(changed, (80, 64), Fraction(4, 3)) == changed


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6])
@pytest.mark.parametrize("codec", ["h264", "h265", "av1"])
def test_colours_come_back(tmp_path: Path, codec: str, matrix: int, full: bool) -> None:
    """Against the exact matrix, not the same library twice."""
    clip = Clip(CLIP.time_base, CLIP.rate, colour_matrix=matrix, colour_range=FULL if full else LIMITED)
    best = SinkSettings("mp4", codec, quality=1, preset="8" if codec == "av1" else "ultrafast")  # type: ignore[arg-type]
    stream, got = read(write(tmp_path / "a.mp4", best, [Frame(bars(), 0, 1, CLIP.time_base)], clip))
    assert (got[0].colorspace, got[0].color_range) == (matrix, 2 if full else 1)
    assert stream.codec_context.color_primaries == {1: 1, 5: 5, 6: 6}[matrix]
    assert stream.codec_context.color_trc == {1: 1, 5: 6, 6: 6}[matrix]
    y, cb, cr = planes(got[0])
    middles = np.stack([y[32, 8::16], cb[16, 4::8], cr[16, 4::8]], -1)
    colours = bars()[32, 8::16].astype(int)
    assert np.abs(middles - ycbcr(colours, matrix, full).round().clip(0, 255)).max() <= 1
    assert np.abs(rgb_of(middles, matrix, full) - colours).max() <= 2.5  # half a level of it is rounding to YCbCr


@pytest.mark.parametrize("lines, matrix", [(64, 6), (720, 1)])
def test_colours_that_nobody_stated(tmp_path: Path, lines: int, matrix: int) -> None:
    path = write(tmp_path / "a.mp4", SinkSettings("mp4", preset="ultrafast"), frames([0], size=(32, lines)))
    (frame,) = read(path)[1]
    assert (frame.colorspace, frame.color_range) == (matrix, 1)


@pytest.mark.parametrize("codec, shown", [("h264", (34, 18)), ("h265", (64, 64)), ("av1", (33, 17))])
def test_odd_sizes_keep_every_pixel(tmp_path: Path, codec: str, shown: tuple[int, int]) -> None:
    content = [replace(frame, pixels=np.full((17, 33, 3), 90, np.uint8)) for frame in frames(range(2))]
    for frame in content:
        frame.pixels[:, 32] = 200
    best = SinkSettings("mp4", codec, quality=1)  # type: ignore[arg-type]
    if shown != (33, 17):
        words = f"takes no 33 x 17: padded on the right and below to {shown[0]} x {shown[1]}"
        with pytest.warns(WispNote, match=words):
            path = write(tmp_path / "a.mp4", best, content)
    else:
        path = write(tmp_path / "a.mp4", best, content)
    for image in read(path)[1]:
        assert (image.width, image.height) == shown
        luma = planes(image)[0].astype(int)
        expected = [219 * value / 255 + 16 for value in (90, 200)]
        assert np.abs(luma[:, 31] - expected[0]).max() <= 2
        assert np.abs(luma[:, 32:] - expected[1]).max() <= 2


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
@pytest.mark.parametrize("codec", ["h264", "h265", "av1"])
def test_a_single_pixel(tmp_path: Path, codec: str) -> None:
    path = write(tmp_path / "a.mp4", settings("mp4", codec), frames(size=(1, 1)))
    assert len(read(path)[1]) == 6


def test_grey_has_no_colour(tmp_path: Path) -> None:
    for image in read(write(tmp_path / "a.mp4", SinkSettings("mp4"), frames(channels=1)))[1]:
        _, cb, cr = planes(image)
        assert cb.min() == cb.max() == cr.min() == cr.max() == 128


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_is_laid_over_black(tmp_path: Path, channels: int) -> None:
    pixels = np.full((32, 48, channels), 255, np.uint8)
    pixels[:, :16, -1], pixels[:, 16:32, -1] = 0, 128
    with pytest.warns(WispNote, match="no transparency: laid over black") as notes:
        path = write(
            tmp_path / "a.mp4", SinkSettings("mp4", quality=1), [Frame(pixels, n, 1, CLIP.time_base) for n in (0, 1)]
        )
    assert len(notes) == 1
    luma = planes(read(path)[1][1])[0].astype(int)
    assert [luma[16, x] for x in (8, 24, 40)] == pytest.approx([16, 16 + 219 * 128 / 255, 235], abs=1)


def test_opaque_alpha_is_no_news(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    content = frames(channels=4)
    for frame in content:
        frame.pixels[:, :, 3] = 255
    write(tmp_path / "a.mp4", SinkSettings("mp4"), content)
    assert not [str(warning.message) for warning in recwarn]


def test_the_tags_that_players_look_for(tmp_path: Path) -> None:
    tags = {"h264": "avc1", "h265": "hvc1", "av1": "av01"}
    for codec, tag in tags.items():
        stream, _ = read(write(tmp_path / f"{codec}.mp4", settings("mp4", codec), frames()))
        assert stream.codec_context.codec_tag == tag


@pytest.mark.parametrize(
    "wrong, words",
    [
        (SinkSettings("mp4", "ffv1"), "mp4 does not hold FFV1"),
        (SinkSettings("mkv", "ffv1", quality=3), "FFV1 is lossless"),
        (SinkSettings("mp4", quality=52), r"H.264 is 0..51, not 52"),
        (SinkSettings("mp4", "av1", quality=64), r"AV1 is 0..63, not 64"),
        (SinkSettings("mp4", preset="best"), "H.264 has no preset best"),
        (SinkSettings("mp4", "av1", preset="medium"), "AV1 has no preset medium"),
        (SinkSettings("mp4", rate=Fraction(0)), "a rate of 0"),
        (SinkSettings("y4m", "h264"), "y4m has no choice of codec"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, wrong: SinkSettings, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        open_sink(str(tmp_path / "a"), wrong, CLIP, SIZE, "RGB")
    assert not list(tmp_path.iterdir())


def test_what_an_encoder_refuses(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"cannot be written as H\.264"):
        open_sink(str(tmp_path / "a.mp4"), SinkSettings("mp4"), CLIP, (65_534, 64), "RGB")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["mp4", "y4m", "gif", "webp"])
def test_a_frame_of_another_shape(tmp_path: Path, kind: str) -> None:
    with (
        pytest.raises(RequestError, match="frame 1 is 16 x 16 RGB, not 80 x 64 RGB"),
        open_sink(str(tmp_path / "a"), SinkSettings(kind), CLIP, SIZE, "RGB") as sink,  # type: ignore[arg-type]
    ):
        sink.write(frames()[0])
        sink.write(replace(frames()[1], pixels=np.zeros((16, 16, 3), np.uint8)))
    assert not list(tmp_path.iterdir())


def test_times_that_go_back(tmp_path: Path) -> None:
    content = [replace(frame, pts=pts) for frame, pts in zip(frames(), (0, 1, 3, 2, 4, 5), strict=True)]
    with pytest.raises(RequestError, match="frame 3: its time is not after"):
        write(tmp_path / "a.mp4", SinkSettings("mp4"), content)
    assert not list(tmp_path.iterdir())


def test_encoders_are_quiet(tmp_path: Path) -> None:
    """In a process of its own: SVT-AV1 asks how much to say only when it is first used."""
    writing = f"""
from pathlib import Path
from codec.formats.video.write.sink import SinkSettings
from tests.support.sink_files import frames, write
for codec in {get_args(VideoCodec)}:
    write(Path({str(tmp_path)!r}) / f"{{codec}}.mkv", SinkSettings("mkv", codec), frames(size=(64, 64)))
"""
    ran = subprocess.run([sys.executable, "-c", writing], capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_threads_make_no_other_file(tmp_path: Path) -> None:
    one, two = (
        write(tmp_path / f"{count}.mkv", SinkSettings("mkv", threads=count), frames(channels=4)) for count in (1, 2)
    )
    for a, b in zip(read(one)[1], read(two)[1], strict=True):
        assert np.array_equal(a.to_ndarray(format="rgba"), b.to_ndarray(format="rgba"))
