"""Averaging frames with their neighbours, and the order in which a clip's frames come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.sequence.audio import AudioPacket
from codec.pixels.frame import Frame
from codec.restore.denoise import Denoiser, without_noise
from codec.restore.temporal import Guided, averaged
from tests.support.restorers import tiny_network
from tests.support.scenes import photo

SIGMA = 20.0
SIDE = 96


def scene(number: int, speed: int = 0, channels: int = 3) -> NDArray[np.uint8]:
    """A camera that moves by `speed` pixels a frame over a picture without very dark or bright places."""
    wide = photo(SIDE, SIDE + 40, "RGB" if channels == 3 else "L")
    return (wide[:, number * speed : number * speed + SIDE] // 2 + 64).astype(np.uint8)


def guided(clean: NDArray[np.uint8], seed: int) -> Guided:
    noise = np.random.default_rng(seed).normal(0, SIGMA, clean.shape)
    return Guided((clean + noise).round().clip(0, 255).astype(np.uint8), clean)


@pytest.mark.parametrize("speed", [0, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_noise_falls_as_it_is_said(speed: int, channels: int) -> None:
    frames = [guided(scene(number, speed, channels), number) for number in range(5)]
    average, left = averaged(frames[2], [*frames[:2], *frames[3:]], SIGMA)
    inner = (slice(None), slice(16, -16))  # what all five frames see
    assert average[inner].shape[2] == channels
    error = (average - frames[2].guide)[inner]
    assert np.sqrt((error**2).mean()) == pytest.approx(left[inner].mean(), rel=0.08)
    assert left[inner].mean() < 0.5 * SIGMA


def others(kind: str) -> Sequence[Guided]:
    first = guided(scene(0), 0)
    if kind == "another scene":
        return [guided(np.full((SIDE, SIDE, 3), 215, np.uint8), 1)]
    if kind == "the same noise":
        return [first]
    return [guided(np.full((SIDE, SIDE, 3), 3, np.uint8), 2)]


@pytest.mark.parametrize("kind", ["another scene", "the same noise", "black"])
def test_what_does_not_help_does_not_count(kind: str) -> None:
    frame = guided(np.full((SIDE, SIDE, 3), 3, np.uint8) if kind == "black" else scene(0), 0)
    average, left = averaged(frame, others(kind), SIGMA)
    assert left.mean() > 0.97 * SIGMA
    assert abs(average - frame.noisy).mean() < 0.05 * SIGMA


def items() -> Iterator[Frame | AudioPacket]:
    for number in range(4):
        yield AudioPacket(0, b"sound", 10 * number)
        yield Frame(guided(scene(number, 2), number).noisy, 7 * number**2, 7, Fraction(1, 25), number)
    yield AudioPacket(0, b"the end", 40)


def test_frames_and_sound_come_out_as_they_went_in() -> None:
    network = tiny_network("denoise")
    made = list(Denoiser(network, SIGMA).clip(items()))
    for before, after in zip(items(), made, strict=True):
        if isinstance(before, AudioPacket):
            assert after == before
            continue
        assert isinstance(after, Frame)
        assert (after.pts, after.duration, after.number) == (before.pts, before.duration, before.number)
        assert after.pixels.shape == before.pixels.shape and (after.pixels != before.pixels).any()


@pytest.mark.parametrize("count", [1, 2])
def test_short_clips_and_clips_without_noise(count: int) -> None:
    frames = [item for item in items() if isinstance(item, Frame)][:count]
    assert all(
        (made.pixels == frame.pixels).all()
        for made, frame in zip(Denoiser(tiny_network("denoise"), 0).clip(iter(frames)), frames, strict=True)
        if isinstance(made, Frame)
    )
    made = list(Denoiser(tiny_network("denoise"), SIGMA).clip(iter(frames)))
    assert len(made) == count
    if count == 1:
        assert isinstance(made[0], Frame)
        assert (made[0].pixels == without_noise(tiny_network("denoise"), frames[0].pixels, SIGMA)).all()
