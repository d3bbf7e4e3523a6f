"""Video in through FFmpeg: containers, sound, timestamps, orientation, interlacing, damage."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bitstream.errors import FileAccessError, UnsupportedError
from codec.formats.video.read.deinterlace import Deinterlacer
from codec.formats.video.read.open import open_source
from codec.formats.video.read.timing import Clock, nominal_rate
from codec.pixels.distortion import psnr
from tests.support.media_files import RATE, SOUND_RATE, moving, read, with_track_matrix, write_clip

GOOD = 25  # dB that a lossy encoder reaches with these pictures; the next frame instead has less than 22
_FAST_VP9 = {"deadline": "realtime", "cpu-used": "8"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {}),
        ("clip.mp4", "mpeg4", {"b": "4M"}),
        ("clip.mkv", "libx264", {"bf": "3"}),
        ("clip.webm", "libvpx-vp9", _FAST_VP9),
        ("clip.avi", "mpeg4", {"b": "4M"}),
        ("clip.ts", "mpeg2video", {"b": "4M"}),
        ("clip.mov", "mjpeg", {}),
        ("clip.flv", "libx264", {}),
        ("clip.h264", "libx264", {}),
    ],
)
def test_containers_and_codecs(tmp_path: Path, name: str, codec: str, options: dict[str, str]) -> None:
    pictures = moving(12)
    write_clip(tmp_path / name, pictures, codec, "yuvj420p" if codec == "mjpeg" else "yuv420p", options=options)
    found = read(tmp_path / name)
    assert found.source.size == (64, 48)
    assert found.source.mode == "RGB"
    assert found.source.clip.rate == RATE
    assert found.notes == []
    assert [frame.number for frame in found.frames] == list(range(12))
    first = found.frames[0].seconds
    assert [round((frame.seconds - first) * RATE, 1) for frame in found.frames] == list(range(12))
    for frame, picture in zip(found.frames, pictures, strict=True):
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.time_base == found.source.clip.time_base
        assert psnr(frame.pixels, picture) > GOOD


def test_lossless_rgb_comes_back_exactly_with_its_facts(tmp_path: Path) -> None:
    pictures = moving(5)
    write_clip(tmp_path / "a.mkv", pictures, "libx264rgb", "rgb24", options={"qp": "0"}, aspect=Fraction(4, 3))
    found = read(tmp_path / "a.mkv")
    assert all(np.array_equal(frame.pixels, picture) for frame, picture in zip(found.frames, pictures, strict=True))
    assert found.source.clip.pixel_aspect == Fraction(4, 3)
    assert found.source.clip.time_base == Fraction(1, 1000)
    assert (found.source.clip.colour_range, found.source.clip.colour_matrix) == (0, 2)
    assert found.source.frames == 5
    assert found.source.duration == pytest.approx(0.2)
    assert [frame.duration for frame in found.frames] == [40] * 5


def test_file_objects_are_read_from_their_beginning_and_stay_open(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", moving(3))
    with (tmp_path / "a.mp4").open("rb") as file:
        file.read(100)
        assert len(read(file).frames) == 3
        assert not file.closed


def test_variable_timestamps_are_kept(tmp_path: Path) -> None:
    times = [0, 40, 50, 190, 191, 400]
    write_clip(tmp_path / "a.mkv", moving(6), "ffv1", "yuv420p", times=times, time_base=Fraction(1, 1000))
    found = read(tmp_path / "a.mkv")
    assert [frame.pts for frame in found.frames] == times
    assert found.source.clip.time_base == Fraction(1, 1000)


def test_timestamps_that_do_not_rise_are_moved_with_one_note() -> None:
    clock = Clock(Fraction(1, 1000), Fraction(25))
    given: list[int | None] = [None, 40, 40, 30, None, 200]
    assert [clock.time(pts, 0) for pts in given] == [0, 40, 41, 42, 82, 200]
    with pytest.warns(UserWarning, match="2 timestamps"):
        clock.note_moved()


@pytest.mark.parametrize(
    ("guessed", "average", "coded", "expected"),
    [
        (Fraction(30), Fraction(29), None, Fraction(30)),
        (Fraction(1000), Fraction(12), None, Fraction(12)),
        (Fraction(90_000), None, Fraction(25), Fraction(25)),
        (None, None, None, None),
    ],
)
def test_nominal_rate(
    guessed: Fraction | None, average: Fraction | None, coded: Fraction | None, expected: Fraction | None
) -> None:
    assert nominal_rate(guessed, average, coded) == expected


# What a picture becomes: the coefficients of the display matrix, by hand from (x, y) -> (a x + c y, b x + d y).
_TURNS: dict[str, tuple[tuple[int, int, int, int], Callable[[Any], Any]]] = {
    "quarter clockwise": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "quarter counterclockwise": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    "half": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "mirrored": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
    "transversed": ((0, -1, -1, 0), lambda p: np.rot90(p, 2).swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", _TURNS)
def test_frames_come_out_upright(turn: str) -> None:
    matrix, expected = _TURNS[turn]
    file = io.BytesIO()
    pictures = moving(2)
    write_clip(file, pictures, "libx264rgb", "rgb24", container="mp4", options={"qp": "0"}, aspect=Fraction(2))
    found = read(with_track_matrix(file.getvalue(), matrix))
    for frame, picture in zip(found.frames, pictures, strict=True):
        assert np.array_equal(frame.pixels, expected(picture))
    sideways = matrix[0] == 0
    assert found.source.size == ((48, 64) if sideways else (64, 48))
    assert found.source.clip.pixel_aspect == (Fraction(1, 2) if sideways else 2)


def test_rotation_that_pyav_writes(tmp_path: Path) -> None:
    pictures = moving(2)
    write_clip(tmp_path / "a.mkv", pictures, "ffv1", "bgr0", turned=90)
    assert np.array_equal(read(tmp_path / "a.mkv").frames[0].pixels, np.rot90(pictures[0], 1))


def test_other_angles_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", moving(2), turned=45)
    with pytest.raises(UnsupportedError, match="multiple of 90"):
        open_source(tmp_path / "a.mp4")


def interlaced(path: Path, codec: str = "libx264", **options: str) -> list[list[Any]]:
    """Frames whose fields are of two moments, which are returned: those of the upper and of the lower lines."""
    pictures = moving(16)
    woven = [
        np.where(np.arange(48)[:, None, None] % 2, b, a) for a, b in zip(pictures[::2], pictures[1::2], strict=True)
    ]
    write_clip(path, [np.ascontiguousarray(one) for one in woven], codec, options={"crf": "5", **options})
    return [pictures[::2], pictures[1::2]]


def combing(pixels: Any) -> float:
    rows = pixels.astype(float)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


@pytest.mark.parametrize(
    ("codec", "options", "first"),
    [
        ("libx264", {"flags": "+ildct"}, 1),
        ("ffv1", {"field_order": "tt"}, 0),
        ("ffv1", {"field_order": "bb"}, 1),
    ],
    ids=["frames say so", "only the stream says so", "the other field first"],
)
def test_interlaced_video(tmp_path: Path, codec: str, options: dict[str, str], first: int) -> None:
    """Each frame shows its first field alone, without combs."""
    pictures = interlaced(tmp_path / "a.mkv", codec, **options)[first]
    found = read(tmp_path / "a.mkv")
    assert found.notes == ["interlaced video is deinterlaced"]
    assert [frame.pts for frame in found.frames] == [40 * i for i in range(8)]
    assert [frame.duration for frame in found.frames] == [40] * 8
    with av.open(str(tmp_path / "a.mkv")) as plain:
        woven: list[Any] = [frame.to_ndarray(format="rgb24") for frame in plain.decode(video=0)]
    for frame, comb, picture in zip(found.frames[1:-1], woven[1:-1], pictures[1:-1], strict=True):
        assert combing(frame.pixels) < 0.6 * combing(comb)
        assert psnr(frame.pixels, picture) > psnr(comb, picture)
    with pytest.raises(UnsupportedError, match="interlaced"):
        read(tmp_path / "a.mkv", strict=True)


def test_frames_that_are_interlaced_where_the_stream_says_nothing(tmp_path: Path) -> None:
    interlaced(tmp_path / "a.mkv", flags="+ildct")
    with av.open(str(tmp_path / "a.mkv")) as plain:
        frames = list(plain.decode(video=0))
    deinterlacer = Deinterlacer(None, strict=False)
    with pytest.warns(UserWarning, match="deinterlaced"):
        out = [out for frame in frames for out in deinterlacer.push(frame)]
    out += deinterlacer.flush()
    assert len(out) == len(frames)
    with pytest.raises(UnsupportedError):
        list(Deinterlacer(None, strict=True).push(frames[0]))


def test_a_change_of_size_is_refused() -> None:
    stream = io.BytesIO()
    for size in ((64, 48), (48, 64)):
        part = io.BytesIO()
        write_clip(part, moving(3, size), "mpeg2video", container="mpeg2video")
        stream.write(part.getvalue())
    with pytest.raises(UnsupportedError, match="changes from 64x48 to 48x64"):
        read(stream.getvalue())


def test_the_best_video_is_taken_and_cover_art_is_none(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", moving(3))
    with av.open(str(tmp_path / "two.mkv"), "w") as out:
        streams: list[Any] = []
        for size in ((32, 32), (64, 48)):
            stream: Any = out.add_stream("ffv1", rate=RATE)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            streams.append(stream)
        streams[1].disposition = 1  # "default", which counts for more than size
        for stream in streams:
            for picture in moving(2, (stream.width, stream.height)):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            out.mux(stream.encode(None))
    found = read(tmp_path / "two.mkv")
    assert found.source.size == (64, 48)
    assert found.notes == ["video stream 1 is taken, 1 more left out"]
    with av.open(str(tmp_path / "song.mp4"), "w") as out:
        tone: Any = out.add_stream("aac", rate=SOUND_RATE)
        tone.layout = "stereo"
        cover: Any = out.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt, cover.disposition = 64, 48, "yuvj420p", 1 << 10
        out.mux(cover.encode(av.VideoFrame.from_ndarray(moving(1)[0], "rgb24")))
        out.mux(cover.encode(None))
        silence = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        silence.sample_rate = SOUND_RATE
        out.mux(tone.encode(silence))
        out.mux(tone.encode(None))
    with av.open(str(tmp_path / "song.mp4")) as song:
        assert len(song.streams.video) == 1
    with pytest.raises(FileAccessError, match="no video stream"):
        open_source(tmp_path / "song.mp4")
