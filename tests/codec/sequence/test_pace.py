"""A bitrate over a clip: one pass, two passes, and what cannot be met."""

from __future__ import annotations

import io
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.sequence.clip import Clip
from codec.api import Codec
from codec.pixels.picture import Picture
from codec.sequence.encoder import SequenceEncoder
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.pace import Pace, Survey
from codec.sequence.writer import VideoWriter
from codec.settings import EncodeSettings
from tests.support.clips import SIZE, moving
from tests.support.scenes import logo, noise

RATE = 10
SLOW = pytest.mark.slow


def changing(count: int) -> list[NDArray[np.uint8]]:
    """Cuts between a photograph that moves and noise of little contrast."""
    photograph, width, height = moving(count), *SIZE
    soft = [128 + (noise(height, width, seed=number).astype(int) - 128) // 6 for number in range(count)]
    return [soft[number].astype(np.uint8) if number // 6 % 3 == 1 else photograph[number] for number in range(count)]


def written(codec: Codec, frames: list[NDArray[np.uint8]], pace: Pace) -> float:
    """1000 bits a second of the file."""
    file, encoder = io.BytesIO(), FrameEncoder(codec, EncodeSettings())
    writer = SequenceEncoder(file, Clip(Fraction(1, RATE), Fraction(RATE)), SIZE, "RGB", encoder, pace=pace)
    for frame in frames:
        writer.write(frame)
    writer.finish()
    return 8 * len(file.getvalue()) / (len(frames) / RATE) / 1000


@pytest.mark.parametrize(
    ("kind", "kilobits"),
    [
        ("moving", 12),
        ("changing", 20),
        *(pytest.param(*each, marks=SLOW) for each in (("moving", 20), ("changing", 12))),
    ],
)
def test_one_pass_comes_within_a_tenth(wisp: Codec, kind: str, kilobits: float) -> None:
    frames = moving(30) if kind == "moving" else changing(36)
    assert written(wisp, frames, Pace(kilobits)) == pytest.approx(kilobits, rel=0.1)


@pytest.mark.parametrize("kilobits", [12, pytest.param(20, marks=SLOW)])
def test_two_passes_come_within_a_twentieth(wisp: Codec, kilobits: float) -> None:
    frames = changing(24)
    survey, before = Survey(FrameEncoder(wisp, EncodeSettings(quality=60))), None
    for frame in frames:
        if before is not None and np.array_equal(frame, before):
            survey.add_repeat(1 / RATE)
        else:
            survey.add(Picture(frame), 1 / RATE)
        before = frame
    assert survey.seconds == pytest.approx(len(frames) / RATE)
    assert written(wisp, frames, survey.pace(kilobits)) == pytest.approx(kilobits, rel=0.05)


def test_a_plan_gives_hard_frames_more(wisp: Codec) -> None:
    survey = Survey(FrameEncoder(wisp, EncodeSettings(quality=50)))
    for frame in (logo(64, 96), changing(12)[8]):
        survey.add(Picture(frame), 1.0)
    survey.add_repeat(1.0)
    pace = survey.pace(8)
    shares = []
    for seconds in (1.0, 1.0, 1.0):
        shares.append(pace._share(seconds))
        pace.repeated(seconds)
    assert shares[0] > 1.5 * shares[1] > 1.5 * shares[2] > 0
    assert sum(shares) == pytest.approx(3 * 8000)


@pytest.mark.parametrize("kilobits", [0.01, 1e6])
def test_what_no_quality_gives(wisp: Codec, kilobits: float) -> None:
    pace = Pace(kilobits)
    written(wisp, moving(4), pace)
    assert pace.out_of_reach


def test_what_is_in_reach_is_not_out_of_it(wisp: Codec) -> None:
    pace = Pace(20)
    written(wisp, moving(4), pace)
    assert not pace.out_of_reach and pace.achieved > 0


@pytest.mark.parametrize("kilobits", [0, -1, float("nan"), float("inf")])
def test_rates_that_are_none(kilobits: float) -> None:
    with pytest.raises(ValueError, match="bitrate"):
        Pace(kilobits)


@pytest.mark.parametrize("duration", [None, 0])
def test_frames_of_unknown_duration_have_a_bitrate(wisp: Codec, duration: int | None) -> None:
    """Without a rate a frame is taken to be shown for as long as its predecessor, the first for 40 ms."""
    file = io.BytesIO()
    with VideoWriter(file, SIZE, target_bitrate=20, codec=wisp) as writer:
        for number, frame in enumerate(moving(20)):
            writer.write(frame, 100 * number, duration)
    assert 8 * len(file.getvalue()) / 2 / 1000 == pytest.approx(20, rel=0.15)
