"""Rough treatment of readers and writers: bad file objects, failed writes, two writers, threads, forks, closing."""

from __future__ import annotations

import io
import itertools
import os
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codec
from codec.api import Codec
from codec.files.output import Writing
from codec.formats.video.read.open import open_source
from codec.jobs.edit import concat_files, cut_file
from codec.jobs.selection import Selection
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from codec.work.prefetch import drawn_ahead
from tests.support.clips import SIZE, Forward, moving, written
from tests.support.media_files import write_clip

COUNT = 12


@pytest.fixture(scope="module")
def clip(wisp: Codec) -> bytes:
    return written(wisp, [np.full((8, 8, 3), 20 * i, np.uint8) for i in range(COUNT)], lossless=True)


class Odd(io.RawIOBase):
    """Reads well for `good` bytes, then as `then` says."""

    def __init__(self, data: bytes, then: Callable[[int], Any], good: int = 150) -> None:
        super().__init__()
        self._data, self._then, self._good, self._at = data, then, good, 0

    def read(self, size: int = -1) -> Any:
        if self._at >= self._good:
            return self._then(size)
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        return part


def failing(_: int) -> bytes:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (failing, "Input/output error"),
        (lambda _: None, "no data at the moment"),
        (lambda size: "x" * size, "no binary file object"),
        (lambda size: bytes(size + 1), "no binary file object"),
    ],
)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("salvage", [False, True])
def test_a_source_that_goes_wrong(
    wisp: Codec, clip: bytes, then: Callable[[int], Any], words: str, workers: int, salvage: bool
) -> None:
    source: Any = Odd(clip, then)
    with pytest.raises(codec.FileAccessError, match=words):
        list(open_video(source, codec=wisp, workers=workers, salvage=salvage))


def test_a_source_of_video_that_gives_too_much(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", moving(4))
    data = (tmp_path / "a.mkv").read_bytes()
    source: Any = Odd(data, lambda size: bytes(size + 5000), good=len(data) // 2)
    with pytest.raises(codec.FileAccessError, match="no binary file object"), open_source(source) as media:
        list(media)


class Failing(io.BytesIO):
    """The write number `number` fails after some bytes."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def write(self, data: Any) -> int:
        self._left -= 1
        if self._left == 0:
            super().write(bytes(data)[:10])
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_nothing_follows_a_write_that_failed(wisp: Codec) -> None:
    frames = moving(4)
    writer = VideoWriter(Failing(3), SIZE, 25, lossless=True, codec=wisp)
    writer.write(frames[0])
    with pytest.raises(codec.FileAccessError, match="No space left"):
        writer.write(frames[1])
    for ask in (lambda: writer.write(frames[2]), writer.close, writer.close):
        with pytest.raises(codec.FileAccessError, match="earlier write failed"):
            ask()


def test_two_writers_of_one_target(wisp: Codec, tmp_path: Path) -> None:
    path = tmp_path / "a.wisp"
    frames = moving(3)
    with VideoWriter(path, SIZE, 25, lossless=True, codec=wisp) as writer:
        writer.write(frames[0])
        for overwrite in (False, True):
            with pytest.raises(codec.OutputExistsError, match="another encoder is writing it"):
                VideoWriter(path, SIZE, 25, overwrite=overwrite, codec=wisp)
        writer.write(frames[1])
    assert len(open_video(path, codec=wisp)) == 2
    (tmp_path / "a.wisp.part").write_bytes(b"of one that was killed")
    with VideoWriter(path, SIZE, 25, lossless=True, overwrite=True, codec=wisp) as writer:
        writer.write(frames[0])
    assert len(open_video(path, codec=wisp)) == 1


def test_a_part_that_was_replaced_is_not_taken_for_ours(wisp: Codec, tmp_path: Path) -> None:
    part = tmp_path / "a.wisp.part"
    writer = VideoWriter(tmp_path / "a.wisp", SIZE, 25, lossless=True, codec=wisp)
    writer.write(moving(1)[0])
    part.unlink()
    part.write_bytes(b"somebody else's")
    with pytest.raises(codec.FileAccessError, match="not what was written"):
        writer.close()
    writer.abort()
    assert part.read_bytes() == b"somebody else's" and not (tmp_path / "a.wisp").exists()


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_a_killed_encoder_left_is_an_input_like_others(clip: bytes, tmp_path: Path, overwrite: bool) -> None:
    part = tmp_path / "a.wisp.part"
    part.write_bytes(clip)
    target, writing = str(tmp_path / "a.wisp"), Writing(overwrite=overwrite)
    for edit in (
        lambda: cut_file(str(part), target, Selection(last=5), writing),
        lambda: concat_files([str(part), str(part)], target, writing),
    ):
        with pytest.raises(codec.FileAccessError):
            edit()
    assert part.read_bytes() == clip and not (tmp_path / "a.wisp").exists()


@pytest.mark.parametrize("workers", [1, 3])
def test_one_video_in_several_threads(wisp: Codec, clip: bytes, tmp_path: Path, workers: int) -> None:
    (tmp_path / "a.wisp").write_bytes(clip)
    faults: list[object] = []
    numbers: list[int] = []
    with open_video(tmp_path / "a.wisp", codec=wisp, workers=workers) as video:

        def leap(start: int) -> None:
            try:
                for number in range(start, start + 40):
                    frame = video[number % COUNT]
                    if frame.number != number % COUNT or (frame.pixels != 20 * frame.number).any():
                        faults.append(frame.number)
                numbers.extend(frame.number for frame in iter(video.read, None))
            except Exception as error:
                faults.append(error)

        threads = [threading.Thread(target=leap, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not faults and sorted(numbers) == list(range(COUNT))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_goes_on(wisp: Codec, clip: bytes, tmp_path: Path, workers: int) -> None:
    (tmp_path / "a.wisp").write_bytes(clip)
    with open_video(tmp_path / "a.wisp", codec=wisp, workers=workers) as video:
        assert [next(video).number for _ in range(3)] == [0, 1, 2]
        child = os.fork()
        if child == 0:
            import signal

            signal.alarm(30)
            good = video[7].number == 7 and [frame.number for frame in iter(video.read, None)] == list(range(3, COUNT))
            os._exit(0 if good else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert [frame.number for frame in iter(video.read, None)] == list(range(3, COUNT))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_closed_video_says_so(wisp: Codec, clip: bytes, workers: int) -> None:
    video = open_video(io.BytesIO(clip), codec=wisp, workers=workers)
    passing = video.items()
    next(passing)
    video.close()
    for ask in (lambda: next(video), lambda: video[0], lambda: len(video), lambda: video.seek(0)):
        with pytest.raises(ValueError, match="the video is closed"):
            ask()
    assert all(isinstance(error, ValueError) for error in drained(passing))
    video.close()


def drained(passing: Any) -> list[Exception]:
    """What an unfinished pass ends with."""
    try:
        for _ in passing:
            pass
    except Exception as error:
        return [error]
    return []


def test_a_file_that_grows(wisp: Codec, clip: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wisp"
    places = [i - 4 for i in range(len(clip)) if clip[i : i + 4] == b"FRAM"]
    path.write_bytes(clip[: places[4]])
    with open_video(path, codec=wisp) as video:
        shown = []
        for end in (places[7], len(clip)):
            with pytest.raises(codec.TruncatedError):
                shown += [next(video).number for _ in itertools.count()]
            path.write_bytes(clip[:end])
        shown += [frame.number for frame in iter(video.read, None)]
    assert set(range(7, COUNT)) <= set(shown)


@pytest.mark.parametrize("value", [1.5, "3", np.float32(2)])
def test_times_are_whole_numbers(wisp: Codec, value: Any) -> None:
    writer = VideoWriter(io.BytesIO(), SIZE, 25, lossless=True, codec=wisp)
    for times in ({"pts": value}, {"duration": value}):
        with pytest.raises(TypeError):
            writer.write(moving(1)[0], **times)
    assert writer.write(moving(1)[0], np.int64(5), np.uint8(2)).record.pts == 5  # type: ignore[arg-type]


def test_rates_of_numpy(wisp: Codec) -> None:
    rate: Any = np.int64(25)
    with VideoWriter(io.BytesIO(), SIZE, rate, lossless=True, codec=wisp) as writer:
        assert writer.clip.rate == Fraction(25) and writer.write(moving(1)[0]).record.duration == 1


@pytest.mark.parametrize("rate", [float("inf"), "1/0"])
def test_rates_without_end(wisp: Codec, rate: Any) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        VideoWriter(io.BytesIO(), SIZE, rate, codec=wisp)


def test_closing_a_source_while_it_is_drawn_ahead(tmp_path: Path) -> None:
    """FFmpeg's memory is not freed under the thread that reads: this would end the process."""
    write_clip(tmp_path / "a.mkv", moving(40))
    for _ in range(30):
        with open_source(tmp_path / "a.mkv") as media:
            ahead = drawn_ahead(iter(media), 4)
            next(ahead)
            ahead.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame[::-1],
        np.asfortranarray,
        lambda frame: np.lib.stride_tricks.as_strided(frame, frame.shape, frame.strides, writeable=False),
        lambda frame: np.ascontiguousarray(frame.transpose(1, 0, 2)).transpose(1, 0, 2),
    ],
)
def test_arrays_of_every_layout(wisp: Codec, change: Callable[[Any], Any]) -> None:
    frame = change(moving(1)[0])
    data = written(wisp, [frame], lossless=True)
    assert np.array_equal(open_video(io.BytesIO(data), codec=wisp)[0].pixels, frame)


def test_forward_counts(clip: bytes) -> None:
    """The helper above counts what is read, which other tests rely on."""
    source = Forward(clip)
    source.read(10)
    assert source.read_bytes == 10
