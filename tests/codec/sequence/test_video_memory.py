"""Constant memory: what is behind is let go, what is ahead is not read."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.sequence.record import CodedFrame
from codec.api import Codec
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from codec.work.prefetch import drawn_ahead
from tests.support.clips import Forward, forward, written
from tests.support.scenes import noise

COUNT = 200


@pytest.fixture(scope="module")
def long(wisp: Codec) -> bytes:
    return written(wisp, [noise(8, 8, seed=number // 2) for number in range(COUNT)], lossless=True)


@pytest.fixture(autouse=True)
def nothing_older() -> None:
    """Garbage is looked for only among what a test makes: all else would take a third of a second each time."""
    gc.collect()
    gc.freeze()


def coded_frames() -> int:
    """How many of them are in memory."""
    gc.collect()
    return sum(type(thing) is CodedFrame for thing in gc.get_objects())


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seekable", [True, False])
def test_frames_behind_are_let_go(wisp: Codec, long: bytes, workers: int, seekable: bool) -> None:
    frames: list[weakref.ref[NDArray[np.uint8]]] = []
    others = coded_frames()
    source = io.BytesIO(long) if seekable else forward(long)
    with open_video(source, codec=wisp, workers=workers) as video:
        for frame in video:
            frames.append(weakref.ref(frame.pixels))
            if frame.number % 50 == 49:
                assert sum(ref() is not None for ref in frames) <= 4
                assert coded_frames() - others <= 6 * workers
    assert len(frames) == COUNT


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_is_read_than_is_needed_soon(wisp: Codec, long: bytes, workers: int) -> None:
    source = Forward(long)
    with open_video(source, codec=wisp, workers=workers) as video:  # type: ignore[arg-type]
        for _ in range(10):
            next(video)
        assert source.read_bytes < len(long) * (10 + 4 * workers) / COUNT


def test_a_writer_keeps_one_frame(wisp: Codec) -> None:
    arrays: list[weakref.ref[NDArray[np.uint8]]] = []
    with VideoWriter(io.BytesIO(), (8, 8), 25, lossless=True, codec=wisp) as writer:
        for number in range(50):
            frame = noise(8, 8, seed=number)
            arrays.append(weakref.ref(frame))
            writer.write(frame)
            del frame
            gc.collect()
            assert sum(ref() is not None for ref in arrays) == 0


def test_drawing_ahead_stays_within_its_room() -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    ahead = drawn_ahead(numbers(), 3)
    for expected in range(20):
        assert next(ahead) == expected
        assert len(drawn) <= expected + 6
    ahead.close()
    assert len(drawn) <= 26


def test_what_is_drawn_ahead_comes_before_the_error() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("three")

    seen: list[int] = []
    with pytest.raises(KeyError, match="three"):
        for number in drawn_ahead(numbers(), 8):
            seen.append(number)
    assert seen == [1, 2]


def test_drawing_ahead_can_be_given_up_while_it_waits() -> None:
    import threading

    never = threading.Event()
    going = [True]

    def numbers() -> Iterator[int]:
        yield 1
        never.wait(60)
        yield 2

    ahead = drawn_ahead(numbers(), 2, lambda: going[0])
    assert next(ahead) == 1
    going[0] = False
    assert list(ahead) == []
    never.set()
