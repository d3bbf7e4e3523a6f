"""Reading a sequence: `codec.open_video` as a user has it."""

from __future__ import annotations

import io
import os
import random
import threading
import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import codec
from bitstream.errors import RequestError
from bitstream.sequence.clip import Clip
from bitstream.sequence.writer import SequenceWriter
from codec.api import Codec
from codec.jobs.describe_sequence import verify_sequence
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.sequence.video import open_video
from codec.settings import EncodeSettings
from codec.still.decode import Decoding
from codec.work.threads import thread_count
from tests.support.clips import REPEATS, SIZE, equal, forward, moving, written

COUNT = 10


@pytest.fixture(scope="module")
def clip(wisp: Codec) -> bytes:
    return written(wisp, moving(COUNT), "30000/1001", quality=50)


@pytest.fixture(scope="module")
def linear(wisp: Codec, clip: bytes) -> list[Frame]:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        return list(video)


def test_facts(wisp: Codec, clip: bytes) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        assert (video.size, video.mode, video.rate) == (SIZE, "RGB", Fraction(30000, 1001))
        assert video.time_base == Fraction(1001, 30000)
        assert len(video) == COUNT and video.position == 0


def test_frames_come_in_order_with_their_times(linear: list[Frame]) -> None:
    assert [frame.number for frame in linear] == list(range(COUNT))
    assert [frame.pts for frame in linear] == list(range(COUNT))
    assert all(frame.duration == 1 for frame in linear)
    assert [frame.key for frame in linear] == [number not in REPEATS for number in range(COUNT)]
    assert linear[3].seconds == pytest.approx(3 * 1001 / 30000)


def test_they_show_what_was_written(linear: list[Frame]) -> None:
    for frame, source in zip(linear, moving(COUNT), strict=True):
        assert frame.pixels.shape == source.shape and frame.pixels.dtype == np.uint8
        assert np.square(frame.pixels.astype(float) - source).mean() < 60


def test_a_repeat_is_an_array_of_its_own(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        for frame in video:
            assert equal(frame, linear[frame.number])
            frame.pixels[:] = 7
        assert equal(video[5], linear[5])


@pytest.mark.parametrize("cut", [0, 1, 24, 200, 400])
def test_any_frame_by_leaps_with_and_without_the_tail(wisp: Codec, clip: bytes, linear: list[Frame], cut: int) -> None:
    with open_video(io.BytesIO(clip[: len(clip) - cut]), codec=wisp) as video:
        count = len(video)
        assert COUNT - 2 <= count <= COUNT
        numbers = [random.Random(cut).randrange(count) for _ in range(12)]
        assert all(equal(video[number], linear[number]) for number in numbers)
        assert equal(video[-1], linear[count - 1])


def test_seeking_shows_the_frame_of_that_time(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        for number in (7, 0, 5, 9, 4):
            assert video.seek(linear[number].seconds) == number == video.position
            assert all(equal(next(video), linear[i]) for i in range(number, min(number + 2, COUNT)))
        assert video.seek(linear[3].seconds + 0.02) == 3
        assert video.seek(-4) == 0 and video.seek(1e6) == COUNT - 1
        for seconds in (float("nan"), float("inf")):
            with pytest.raises(RequestError, match=f"seconds = {seconds} is not a finite number"):
                video.seek(seconds)
        assert equal(next(video), linear[-1])
        with pytest.raises(StopIteration):
            next(video)


def test_reading_on_from_a_repeat(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        video.go_to(REPEATS[1])
        shown = list(iter(video.read, None))
        assert [frame.number for frame in shown] == list(range(REPEATS[1], COUNT))
        assert all(equal(frame, linear[frame.number]) for frame in shown)


def test_slices_are_views(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        view = video[2:9:3]
        assert len(view) == 3 and [frame.number for frame in view] == [2, 5, 8]
        assert equal(view[1], linear[5]) and equal(view[-1], linear[8])
        assert [frame.number for frame in video[::-4]] == [9, 5, 1]
        assert [frame.number for frame in view[1:]] == [5, 8]
        assert len(video[20:]) == 0
        assert video.position == 0


@pytest.mark.parametrize("number", [COUNT, -COUNT - 1, 1 << 40])
def test_a_frame_that_is_not_there(wisp: Codec, clip: bytes, number: int) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video, pytest.raises(IndexError, match="there is no frame"):
        video[number]


@pytest.mark.parametrize("most", [1 << 30, 1, 7])
def test_a_source_that_only_reads_forward(wisp: Codec, clip: bytes, linear: list[Frame], most: int) -> None:
    with open_video(forward(clip, most), codec=wisp) as video:
        assert not video.seekable
        assert all(equal(a, b) for a, b in zip(video, linear, strict=True))


def test_what_a_forward_source_cannot(wisp: Codec, clip: bytes) -> None:
    with open_video(forward(clip), codec=wisp) as video:
        for ask in (lambda: video[0], lambda: video.seek(0), lambda: len(video), lambda: video[1:3]):
            with pytest.raises(codec.NotSeekableError, match="only reads forward"):
                ask()
        assert len(list(video)) == COUNT  # list() asks for the length, too


@pytest.mark.parametrize("workers", [2, 3, None])
def test_side_by_side(wisp: Codec, clip: bytes, linear: list[Frame], workers: int | None) -> None:
    with open_video(io.BytesIO(clip), codec=wisp, workers=workers) as video:
        shown = list(video)
        assert [(f.number, f.pts, f.key) for f in shown] == [(f.number, f.pts, f.key) for f in linear]
        apart = [np.abs(a.pixels.astype(int) - b.pixels).max() for a, b in zip(shown, linear, strict=True)]
        assert max(apart) <= 1
        assert all(np.array_equal(video[number].pixels, shown[number].pixels) for number in (8, 2, 5))


def test_the_threads_of_the_codec(clip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A codec's number of threads is divided among the workers, inside torch and outside."""
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(Decoding, "run", lambda *_: seen.append((torch.get_num_threads(), thread_count())))
    before = torch.get_num_threads()
    for threads, workers, each in ((3, 1, 3), (6, 2, 3), (5, None, 1), (1, 2, 1)):
        mine = Codec(device="cpu", precision="fp32", threads=threads)
        with open_video(io.BytesIO(clip), codec=mine, workers=workers) as video:
            assert video.workers == (workers or threads)
            video[0], list(video)
        assert set(seen) == {(each, each)} and torch.get_num_threads() == before
        seen.clear()
    monkeypatch.setattr(Decoding, "check", lambda *_: seen.append((torch.get_num_threads(), thread_count())))
    verify_sequence(io.BytesIO(clip), Codec(device="cpu", precision="fp32", threads=3))
    assert set(seen) == {(3, 3)}


def test_the_threads_of_the_process_stay(wisp: Codec, clip: bytes) -> None:
    found: list[int] = []
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(4)
        with open_video(io.BytesIO(clip), codec=wisp, workers=2) as video:
            for _ in video:
                pass
        late = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        late.start()
        late.join()
        assert torch.get_num_threads() == 4 and found == [4]
    finally:
        torch.set_num_threads(before)


def test_closing_in_the_middle_ends_the_threads(wisp: Codec, clip: bytes) -> None:
    before = set(threading.enumerate())
    video = open_video(io.BytesIO(clip), codec=wisp, workers=2)
    next(video)
    video.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(20)
        assert not thread.is_alive()


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_frame_comes_before_the_producer_ends(
    wisp: Codec, clip: bytes, linear: list[Frame], workers: int
) -> None:
    reading, writing = os.pipe()
    first = clip.index(b"FRAM", clip.index(b"FRAM") + 4) - 4
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb") as producer:
        producer.write(clip[:first])
        producer.flush()  # and no more, for now
        video = open_video(source, codec=wisp, workers=workers)
        assert np.abs(next(video).pixels.astype(int) - linear[0].pixels).max() <= 1
        producer.write(clip[first:])
        producer.close()
        assert [frame.number for frame in iter(video.read, None)] == list(range(1, COUNT))


def test_tensors_in_batches(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    with open_video(io.BytesIO(clip), codec=wisp) as video:
        batches = list(video.to_torch(4))
        assert [tuple(batch.shape) for batch in batches] == [(4, 3, 64, 96), (4, 3, 64, 96), (2, 3, 64, 96)]
        assert all(batch.dtype == torch.uint8 and batch.is_contiguous() for batch in batches)
        assert np.array_equal(batches[1][1].permute(1, 2, 0).numpy(), linear[5].pixels)
        video.seek(0)
        assert len(list(video.to_torch(4, drop_last=True))) == 2
        with pytest.raises(ValueError, match="batch_size"):
            next(video.to_torch(0))


def test_a_path_and_its_faults(wisp: Codec, clip: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.wisp"
    path.write_bytes(clip)
    with open_video(path, codec=wisp) as video:
        assert len(video) == COUNT
    with pytest.raises(codec.FileAccessError):
        open_video(tmp_path / "none.wisp", codec=wisp)
    with open_video(clip, codec=wisp) as video:
        assert len(video) == COUNT
    with pytest.raises(TypeError, match="no bytes, path"):
        open_video(42, codec=wisp)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="workers"):
        open_video(path, codec=wisp, workers=0)


def test_a_still_picture_is_no_video_and_the_other_way_round(wisp: Codec, clip: bytes) -> None:
    still = wisp.encode(moving(1)[0], 30)
    with pytest.raises(codec.RequestError, match="still picture"):
        open_video(io.BytesIO(still), codec=wisp)
    for call in (wisp.decode, wisp.decode_array, wisp.salvage):
        with pytest.raises(codec.RequestError, match="sequence"):
            call(clip)


def test_a_fault_comes_behind_the_frames_before_it(wisp: Codec, clip: bytes, linear: list[Frame]) -> None:
    places = [i for i in range(len(clip)) if clip[i : i + 4] == b"FRAM"]
    data = bytearray(clip)
    data[places[6] + 60] ^= 1
    for workers in (1, 2):
        shown = []
        with open_video(io.BytesIO(data), codec=wisp, workers=workers) as video:
            with pytest.raises(codec.CorruptError, match="frame 6"):
                for frame in video:
                    shown.append(frame)
            assert [frame.number for frame in shown] == list(range(6))
            assert equal(video[7], linear[7]) or workers == 2
            with pytest.raises(codec.CorruptError, match="frame 6"):
                video[6]
    with open_video(io.BytesIO(data), codec=wisp, salvage=True) as video:
        assert [frame.number for frame in video] == [0, 1, 2, 3, 4, 5, 7, 8, 9]
        assert video.lost == 1 and not video.whole


def test_a_fault_in_the_latents_is_never_shown(wisp: Codec) -> None:
    """A stream whose checksums are right, but whose latents are not those of the check."""
    file = io.BytesIO()
    pictures = [wisp.encode_picture(Picture(frame), EncodeSettings(quality=50)) for frame in moving(5)]
    writer = SequenceWriter(file, replace(pictures[0].header, clip=Clip(Fraction(1, 25), Fraction(25))))
    for number, picture in enumerate(pictures[:4]):
        writer.frame([replace(unit, check=unit.check ^ (number == 3)) for unit in picture.units], number, 1)
    writer.repeat(4, 1)
    writer.finish()
    data = file.getvalue()
    with open_video(io.BytesIO(data), codec=wisp) as video:
        shown = []
        with pytest.raises(codec.CorruptError, match=r"frame 3.*check"):
            for shown_frame in video:
                shown.append(shown_frame.number)
        assert shown == [0, 1, 2]
    with open_video(io.BytesIO(data), codec=wisp, salvage=True) as video:
        assert [frame.number for frame in video] == [0, 1, 2]  # frame 4 repeats frame 3
        assert video.lost == 2


def test_bytes_behind_the_end_are_told(wisp: Codec, clip: bytes) -> None:
    with open_video(io.BytesIO(clip + b"more"), codec=wisp) as video, pytest.warns(codec.WispNote, match="4 bytes"):
        assert len(list(video)) == COUNT


def test_a_whole_file_says_nothing(wisp: Codec, clip: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_video(io.BytesIO(clip), codec=wisp) as video:
            assert len(list(video)) == COUNT
