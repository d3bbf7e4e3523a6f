"""Writing a sequence: `codec.VideoWriter` as a user has it."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import codec
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.seek import SequenceFile
from codec.api import Codec
from codec.files.source import read_file
from codec.jobs.describe_sequence import described_frames, verify_sequence
from codec.sequence.encoder import SequenceEncoder
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter, frame_rate
from codec.settings import EncodeSettings
from tests.support.clips import REPEATS, SIZE, moving, written
from tests.support.scenes import noise

SOUND = AudioStream(0, "aac", Fraction(1, 48000), 48000, "stereo", "fltp", "eng", b"\x11\x90")


@pytest.mark.parametrize(("quality", "size"), [(20, (150, 70)), (75, SIZE)])
def test_latents_are_those_of_the_same_picture(wisp: Codec, quality: int, size: tuple[int, int]) -> None:
    frames = moving(3, size)
    data = written(wisp, frames, quality=quality, tile=64)
    stills = [wisp.encode(frame, quality, tile=64) for frame in frames]
    with open_video(io.BytesIO(data), codec=wisp) as video:
        for number, (shown, still) in enumerate(zip(video, stills, strict=True)):
            assert np.array_equal(shown.pixels, wisp.decode_array(still))
            coded = SequenceFile(io.BytesIO(data)).frame(number)
            assert [unit.stream for unit in coded.units] == [unit.stream for unit in read_file(still).units]


def test_the_hash_runs_over_all_frames(wisp: Codec) -> None:
    frames = moving(6)
    file, digest = io.BytesIO(), hashlib.sha256()
    encoder = FrameEncoder(wisp, EncodeSettings(), keep_latents=True)
    writer = SequenceEncoder(file, Clip(Fraction(1, 25), Fraction(25)), SIZE, "RGB", encoder)
    for frame in frames:
        coded = writer.write(frame).coded
        for latent in coded.latents.values() if coded is not None else ():
            digest.update(latent)
    writer.finish()
    file.seek(0)
    facts, found = verify_sequence(file, wisp)
    assert found == digest.hexdigest()
    assert (facts.frames, facts.repeats) == (6, 2)


def test_an_equal_frame_costs_a_few_bytes(wisp: Codec) -> None:
    file = io.BytesIO()
    with VideoWriter(file, SIZE, 25, codec=wisp) as writer:
        sizes = [writer.write(frame).bytes for frame in moving(9)]
    assert all((size < 40) == (number in REPEATS) for number, size in enumerate(sizes))


def test_an_array_that_is_filled_anew_is_no_repeat(wisp: Codec) -> None:
    frames, buffer, file = moving(4), np.empty((64, 96, 3), np.uint8), io.BytesIO()
    with VideoWriter(file, SIZE, 25, codec=wisp, lossless=True) as writer:
        for frame in frames:
            buffer[:] = frame
            writer.write(buffer)
    with open_video(io.BytesIO(file.getvalue()), codec=wisp) as video:
        assert all(np.array_equal(a.pixels, b) for a, b in zip(video, frames, strict=True))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("lossless", [True, False])
def test_every_mode(wisp: Codec, mode: str, lossless: bool) -> None:
    frames = moving(3, mode=mode)
    data = written(wisp, frames, mode=mode, lossless=lossless, exact=True, quality=60)
    with open_video(io.BytesIO(data), codec=wisp) as video:
        assert video.mode == mode
        for shown, frame in zip(video, frames, strict=True):
            assert shown.pixels.shape == frame.shape
            if lossless:
                assert np.array_equal(shown.pixels, frame)
            elif mode.endswith("A"):
                assert np.array_equal(shown.pixels[:, :, -1], frame[:, :, -1])


def test_frames_of_every_kind(wisp: Codec) -> None:
    frame = moving(1)[0]
    kinds: list[Any] = [frame, Image.fromarray(frame), torch.from_numpy(frame).permute(2, 0, 1)]
    file = io.BytesIO()
    with VideoWriter(file, SIZE, 25, codec=wisp, lossless=True) as writer:
        assert [writer.write(kind).record.kind for kind in kinds] == [0, 2, 2]


def test_the_quality_of_each_frame_is_kept_apart(wisp: Codec) -> None:
    """Where a bitrate is asked for, units tell their quality relative to the header's."""
    file = io.BytesIO()
    with VideoWriter(file, SIZE, 25, target_bitrate=60, codec=wisp) as writer:
        told = [writer.write(frame).quality for frame in moving(4)]
    file.seek(0)
    assert [row.quality for row in described_frames(file)] == told
    assert len(set(told)) > 1


def test_timestamps_of_ones_own(wisp: Codec) -> None:
    file = io.BytesIO()
    times = [-7, 0, 5, 1 << 40]
    with VideoWriter(file, SIZE, time_base=Fraction(1, 90000), codec=wisp) as writer:
        for frame, pts in zip(moving(4), times, strict=True):
            writer.write(frame, pts, 3)
    with open_video(io.BytesIO(file.getvalue()), codec=wisp) as video:
        shown = list(video)
        assert video.rate is None and [frame.pts for frame in shown] == times
        assert {frame.duration for frame in shown} == {3}
        assert [frame.seconds for frame in shown[:3]] == [0, 7 / 90000, 12 / 90000]
        assert [video.seek(units / 90000) for units in (13, 12, 11, 0)] == [2, 2, 1, 0]


def test_default_timestamps_do_not_drift(wisp: Codec) -> None:
    file = io.BytesIO()
    with VideoWriter(file, SIZE, "30000/1001", time_base=Fraction(1, 1000), codec=wisp) as writer:
        frame = moving(1)[0]
        times = [writer.write(frame).record.pts for _ in range(301)]
        assert times[300] == round(300 * 1001 / 30)
        assert {b - a for a, b in itertools.pairwise(times)} == {33, 34}
        writer.write(frame, 20_000)
        assert writer.write(frame).record.pts == 20_033


@pytest.mark.parametrize("pts", [3, 2, -1])
def test_a_timestamp_that_does_not_rise(wisp: Codec, pts: int) -> None:
    file = io.BytesIO()
    with VideoWriter(file, SIZE, 25, codec=wisp) as writer:
        writer.write(moving(1)[0], 3)
        with pytest.raises(codec.RequestError, match=r"frame 1 at .* is not later"):
            writer.write(moving(1)[0], pts)
    with open_video(io.BytesIO(file.getvalue()), codec=wisp) as video:
        assert len(list(video)) == 1


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (25, Fraction(25)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        ("24000/1001", Fraction(24000, 1001)),
        (Fraction(2997, 100), Fraction(2997, 100)),
        (0.1, Fraction(1, 10)),
    ],
)
def test_rates(given: Any, exact: Fraction) -> None:
    assert frame_rate(given) == exact


@pytest.mark.parametrize("rate", [0, -25, "x", float("nan"), float("inf")])
def test_rates_that_are_none(wisp: Codec, rate: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        VideoWriter(io.BytesIO(), SIZE, rate, codec=wisp)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (np.zeros((64, 95, 3), np.uint8), "95 x 64 RGB, not 96 x 64 RGB"),
        (np.zeros((64, 96), np.uint8), "96 x 64 L, not 96 x 64 RGB"),
    ],
)
def test_a_frame_of_another_kind(wisp: Codec, frame: Any, words: str) -> None:
    file = io.BytesIO()
    with VideoWriter(file, SIZE, 25, codec=wisp) as writer:
        writer.write(moving(1)[0])
        with pytest.raises(codec.RequestError, match=words):
            writer.write(frame)
        writer.write(moving(2)[1])
    assert len(open_video(io.BytesIO(file.getvalue()), codec=wisp)) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"quality": 101},
        {"mode": "CMYK"},
        {"target_bitrate": 0},
        {"target_bitrate": 100, "lossless": True},
        {"tile": 65},
        {"effort": 0},
        {"size": (0, 5)},
    ],
)
def test_arguments_that_are_none(wisp: Codec, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        VideoWriter(tmp_path / "a.wisp", **{"size": SIZE, "rate": 25, "codec": wisp, **options})
    assert not list(tmp_path.iterdir())


def test_too_large_a_frame(wisp: Codec) -> None:
    with pytest.raises(codec.LimitError):
        VideoWriter(io.BytesIO(), (65535, 65535), 25, codec=wisp)


def test_the_file_gets_its_name_at_the_end(wisp: Codec, tmp_path: Path) -> None:
    path = tmp_path / "clip.wisp"
    with VideoWriter(path, SIZE, 25, codec=wisp) as writer:
        writer.write(moving(1)[0])
        assert [file.name for file in tmp_path.iterdir()] == ["clip.wisp.part"]
        with open_video(tmp_path / "clip.wisp.part", codec=wisp) as video:
            assert next(video).number == 0
            with pytest.raises(codec.TruncatedError):
                next(video)
    assert [file.name for file in tmp_path.iterdir()] == ["clip.wisp"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_exists_stays(wisp: Codec, tmp_path: Path) -> None:
    path = tmp_path / "clip.wisp"
    path.write_bytes(b"precious")
    with pytest.raises(codec.OutputExistsError):
        VideoWriter(path, SIZE, 25, codec=wisp)
    part = tmp_path / "other.wisp.part"
    part.write_bytes(b"left by one that was killed")
    with pytest.raises(codec.OutputExistsError, match=r"other\.wisp\.part exists"):
        VideoWriter(tmp_path / "other.wisp", SIZE, 25, codec=wisp)
    assert part.read_bytes() == b"left by one that was killed" and path.read_bytes() == b"precious"
    with VideoWriter(path, SIZE, 25, codec=wisp, overwrite=True) as writer:
        writer.write(moving(1)[0])
        assert path.read_bytes() == b"precious"
    assert path.read_bytes().startswith(b"\x89WSP")


def test_what_appears_meanwhile_stays(wisp: Codec, tmp_path: Path) -> None:
    path = tmp_path / "clip.wisp"
    writer = VideoWriter(path, SIZE, 25, codec=wisp)
    writer.write(moving(1)[0])
    path.write_bytes(b"precious")
    with pytest.raises(codec.OutputExistsError, match="what was coded is in"):
        writer.close()
    assert path.read_bytes() == b"precious" and len(open_video(f"{path}.part", codec=wisp)) == 1


@pytest.mark.parametrize("frames", [0, 2])
def test_an_error_leaves_nothing(wisp: Codec, tmp_path: Path, frames: int) -> None:
    with pytest.raises(RuntimeError), VideoWriter(tmp_path / "a.wisp", SIZE, 25, codec=wisp) as writer:
        for frame in moving(frames):
            writer.write(frame)
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_no_frame_is_an_error(wisp: Codec, tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "a.wisp", SIZE, 25, codec=wisp)
    with pytest.raises(codec.RequestError, match="no frame"):
        writer.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="closed"):
        writer.write(moving(1)[0])


def test_a_pipe_gets_every_frame_at_once(wisp: Codec) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    sizes = []
    with os.fdopen(writing, "wb") as pipe, VideoWriter(pipe, SIZE, 25, codec=wisp) as writer:
        for frame in moving(3):
            writer.write(frame)
            sizes.append(len(os.read(reading, 1 << 16)))
    os.close(reading)
    assert all(size > 60 for size in sizes)


def test_a_closed_pipe_and_a_full_disk(wisp: Codec) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as pipe:
        writer = VideoWriter(pipe, SIZE, 25, codec=wisp)
        with pytest.raises(BrokenPipeError):
            writer.write(moving(1)[0])
    if sys.platform == "linux":
        full = VideoWriter("/dev/full", SIZE, 25, codec=wisp)
        with pytest.raises(codec.FileAccessError, match="No space left"):
            full.write(moving(1)[0])


def test_killed_in_the_middle(wisp: Codec, tmp_path: Path) -> None:
    """What a killed encoder leaves is a valid sequence of all complete frames."""
    program = (
        "import codec, numpy as np, os, sys, signal\n"
        f"w = codec.VideoWriter({str(tmp_path / 'a.wisp')!r}, (64, 48), 25, lossless=True)\n"
        "for i in range(5): w.write(np.full((48, 64, 3), i, np.uint8))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert [file.name for file in tmp_path.iterdir()] == ["a.wisp.part"]
    with open_video(tmp_path / "a.wisp.part", codec=wisp) as video:
        assert len(video) == 5
        for number in range(5):
            assert (next(video).pixels == number).all()
        with pytest.raises(codec.TruncatedError):
            next(video)


def test_sound_and_metadata_are_kept(wisp: Codec) -> None:
    packets = [AudioPacket(0, bytes([i]) * (i + 1), i * 1024, i * 1024, 1024) for i in range(6)]
    file, kept = io.BytesIO(), Metadata(icc=b"profile", xmp=b"<x/>")
    with VideoWriter(file, SIZE, 25, codec=wisp, audio=[SOUND], metadata=kept, lossless=True) as writer:
        writer.write_audio(packets[0])  # before the first frame
        for frame, packet in zip(moving(5), packets[1:], strict=True):
            writer.write(frame)
            writer.write_audio(packet)
        with pytest.raises(ValueError, match="stream 3"):
            writer.write_audio(AudioPacket(3, b"", 0))
    with open_video(io.BytesIO(file.getvalue()), codec=wisp) as video:
        assert video.audio == (SOUND,) and video.metadata == kept
        items = list(video.items())
        assert [item for item in items if isinstance(item, AudioPacket)] == packets
        assert items[0] == packets[0] and len(items) == 11
        assert len(list(video)) == 5


def test_effort_works_for_frames(wisp: Codec) -> None:
    frame = noise(64, 64)
    plain, hard = (written(wisp, [frame], quality=30, effort=effort) for effort in (4, 5))
    assert hard != plain
