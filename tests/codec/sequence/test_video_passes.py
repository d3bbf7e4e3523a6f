"""A video as a sequence: loops, passes over a part, slices, seconds; of a source that reads forward one pass."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codec
from codec.api import Codec
from codec.files.output import Writing
from codec.jobs.describe_sequence import described_frames
from codec.jobs.edit import cut_file
from codec.jobs.selection import Selection
from codec.pixels.frame import Frame
from codec.sequence.video import Video, open_video
from codec.sequence.writer import VideoWriter
from codec.still.decode import Decoding
from tests.support.cli_runner import SECONDS
from tests.support.clips import equal, forward, written

COUNT = 10
REPEATS = (4, 5, 8)


@pytest.fixture(scope="module")
def clip(wisp: Codec) -> bytes:
    greys = np.cumsum([number not in REPEATS for number in range(COUNT)])
    return written(wisp, [np.full((8, 8, 3), 20 * grey, np.uint8) for grey in greys], "30000/1001", lossless=True)


@pytest.fixture(scope="module")
def linear(wisp: Codec, clip: bytes) -> list[Frame]:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        return list(video)


def test_every_loop_gives_all_frames(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        assert isinstance(video, Sequence)
        video.seek(linear[7].seconds)
        for number, (a, b) in enumerate(zip(video, video, strict=True)):  # side by side
            assert a.number == b.number == number and equal(a, linear[number])
        assert [frame.number for frame in reversed(video)] == list(range(COUNT))[::-1]
        assert len(list(video.to_torch(4))) == len(list(video.to_torch(4))) == 3
        frame = video.read()
        assert frame is not None and frame.number == 7 and video.position == 8  # which no loop has moved


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    "numbers", [(0, None, 1), (3, None, 2), (5, 9, 3), (4, 6, 1), (2, 40, 7), (7, 7, 1), (90, None, 1)]
)
def test_a_pass_over_a_part(wisp: Codec, clip: bytes, numbers: tuple[int, int | None, int], workers: int) -> None:
    start, stop, every = numbers
    expected = list(range(COUNT)[slice(*numbers)])
    for source in (io.BytesIO(clip), forward(clip)):
        with open_video(source, codec=wisp, workers=workers) as video:
            shown = list(video.frames(start=start, stop=stop, every=every))
            assert [frame.number for frame in shown] == expected
            assert [round(25 * frame.seconds) for frame in shown] == [round(25 * n * 1001 / 30000) for n in expected]


def test_a_pass_must_be_one(wisp: Codec, clip: bytes) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        for numbers in ((-1, None, 1), (0, -1, 1), (0, None, 0)):
            with pytest.raises(ValueError, match="numbers begin at 0"):
                video.frames(*numbers)
        with pytest.raises(TypeError):
            video.frames(1.5)  # type: ignore[arg-type]


def test_a_pass_waits_for_no_frame_behind_its_last(wisp: Codec, clip: bytes) -> None:
    reading, writing = os.pipe()
    second = clip.index(b"FRAM", clip.index(b"FRAM") + 4) - 4
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as producer:
        producer.write(clip[:second])
        producer.flush()
        video = open_video(source, codec=wisp)
        assert [frame.number for frame in video.frames(stop=1)] == [0]


@pytest.mark.parametrize("begin", [iter, lambda video: video.frames(2), lambda video: iter(video.read, None)])
def test_a_forward_source_has_one_pass(wisp: Codec, clip: bytes, begin: Callable[[Video], Iterator[Frame]]) -> None:
    with open_video(forward(clip), codec=wisp) as video:
        first = begin(video)
        next(first)
        for ask in (lambda: next(iter(video)), lambda: list(video.frames(5)), lambda: next(video.to_torch())):
            with pytest.raises(codec.NotSeekableError, match="its one pass has begun"):
                ask()
        assert [frame.number for frame in first][-1] == COUNT - 1


def test_a_slice_is_decoded_by_the_workers(wisp: Codec, clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of two waits for the other."""
    together, run = threading.Barrier(2), Decoding.run

    def wait(*args: Any) -> None:
        together.wait(SECONDS)
        run(*args)

    with open_video(io.BytesIO(clip), codec=wisp, workers=2) as video:
        monkeypatch.setattr(Decoding, "run", wait)
        assert [frame.number for frame in video[7:1:-3]] == [7, 4]


def test_seconds_count_from_the_first_frame(wisp: Codec, tmp_path: Path) -> None:
    """Of a clip whose timestamps begin late, in frames and leaps, forward and backward, as in a cut and a listing."""
    path, rate = tmp_path / "late.wisp", 25
    with VideoWriter(path, (8, 8), time_base=Fraction(1, rate), lossless=True, codec=wisp) as writer:
        for number in range(COUNT):
            writer.write(np.full((8, 8, 3), number, np.uint8), pts=36000 * rate + number)
    expected = [number / rate for number in range(COUNT)]
    with open_video(path, codec=wisp) as video:
        assert video.seek(0.2) == 5 == next(video).number
        assert video.seek(36000.2) == COUNT - 1 and video.seek(-1) == 0
        assert video.number_at(0.3) == 7 and video.position == 0
        assert [frame.seconds for frame in video.frames(3)] == [frame.seconds for frame in video[3:]] == expected[3:]
        assert [video.seek(frame.seconds) for frame in video] == list(range(COUNT))
    for source in (path, forward(path.read_bytes())):
        with open_video(source, codec=wisp) as video:
            assert [frame.seconds for frame in video] == expected
    with open_video(path, codec=wisp) as video:
        assert video[7].seconds == expected[7]  # the first that is read
    with path.open("rb") as stream:
        assert [row.time for row in described_frames(stream)] == expected
    cut_file(str(path), str(tmp_path / "part.wisp"), Selection(start=Fraction(1, 5)), Writing())
    with open_video(tmp_path / "part.wisp", codec=wisp) as video:
        assert [int(frame.pixels[0, 0, 0]) for frame in video] == list(range(5, COUNT))


def test_what_is_printed_shows_no_pixels(wisp: Codec, clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wisp").write_bytes(clip)
    with open_video(tmp_path / "a.wisp", codec=wisp) as video:
        assert repr(video) == "Video('a.wisp', 8x8 RGB, rate=30000/1001, frames=None, position=0)"
        assert repr(video[2:8:3]) == f"VideoSlice({video!r}, range(2, 8, 3))"
        assert repr(video[3]) == "Frame(number=3, seconds=0.1001, pixels=(8, 8, 3) uint8, key=True)"
    with open_video(forward(clip), codec=wisp) as video:
        assert repr(video) == "Video(8x8 RGB, rate=30000/1001, frames=None, position=0)"
