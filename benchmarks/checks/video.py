"""A clip of real pictures there and back: is it what the encoder saw, and how fast against the networks' floor?"""

from __future__ import annotations

import hashlib
import random
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run
from benchmarks.checks.floor import Timing, hold_to_floor
from benchmarks.sequences import RATE, pan_zoom
from bitstream.sequence.clip import Clip
from codec.api import Codec
from codec.files.output import Writing
from codec.files.source import opened
from codec.jobs.decode_video import decode_video
from codec.jobs.describe_sequence import verify_sequence
from codec.jobs.settings import DecodeSettings
from codec.sequence.encoder import SequenceEncoder
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.video import open_video
from codec.settings import EncodeSettings
from codec.still.check import decoded

WIDTH, HEIGHT, FRAMES = 640, 360, 300
QUALITY = 60
SEEKS = 50
TAIL = 1000  # bytes cut off the end: tail and a part of the index


@dataclass(frozen=True)
class VideoRow:
    """Seconds a frame; decoding is from file to y4m file, `workers` frames side by side.

    `latents_equal`: what was decoded has the encoder's latents; `pixels_equal`: at equal threads it has the pixels
    of the encoder's own reconstruction, of which `apart` is the largest difference with frames side by side.
    `seeks_equal`: random frames were those of the linear read, `seeks_without_tail` the same in a file cut short.
    """

    frames: int
    bytes: int
    workers: int
    timing: Timing
    latents_equal: bool
    pixels_equal: bool
    apart: int
    seeks_equal: int
    seeks_without_tail: int


def measure(run: Run, frames: int = FRAMES) -> None:
    """All of it on `frames` frames of 640 x 360 pixels, a camera moving over LIVE pictures."""
    codec = run.codec
    with tempfile.TemporaryDirectory() as folder:
        path, short = Path(folder, "clip.wisp"), Path(folder, "short.wisp")
        shape = (frames, HEIGHT, WIDTH, 3)
        seen = np.lib.format.open_memmap(Path(folder, "seen.npy"), mode="w+", dtype=np.uint8, shape=shape)
        latents = ""

        def measured() -> tuple[float, float]:
            nonlocal latents
            encode, latents = _encoded(codec, path, seen)
            return encode / frames, _decode_seconds(codec, path, frames) / frames

        timing = hold_to_floor(run, (WIDTH, HEIGHT), measured)
        with path.open("rb") as stream:
            facts, found = verify_sequence(stream, codec)
        short.write_bytes(path.read_bytes()[:-TAIL])
        with open_video(path, codec=codec, workers=None) as video:
            workers = video.workers
        row = VideoRow(
            frames=frames,
            bytes=facts.bytes,
            workers=workers,
            timing=timing,
            latents_equal=found == latents,
            pixels_equal=_furthest(codec, path, seen, workers=1) == 0,
            apart=_furthest(codec, path, seen, workers=None),
            seeks_equal=_equal_seeks(codec, path, seen),
            seeks_without_tail=_equal_seeks(codec, short, seen),
        )
    run.row(row, f"{frames} frames, {row.bytes} bytes, decoded {workers} side by side")
    run.expect("latents of decoder and encoder are equal", row.latents_equal)
    run.expect("pixels too, at equal threads", row.pixels_equal)
    run.expect(f"side by side at most {row.apart} apart (at most 1", row.apart <= 1)
    run.expect(f"seeks equal: {row.seeks_equal} of {SEEKS}", row.seeks_equal == SEEKS)
    run.expect(f"with the tail cut off: {row.seeks_without_tail} of {SEEKS}", row.seeks_without_tail == SEEKS)


def _encoded(codec: Codec, path: Path, seen: NDArray[np.uint8]) -> tuple[float, str]:
    """Encode the clip, keep what the encoder says that it decodes to -> seconds of writing, hash of the latents."""
    digest, seconds = hashlib.sha256(), 0.0
    pictures = pan_zoom(WIDTH, HEIGHT, len(seen))
    encoder = FrameEncoder(codec, EncodeSettings(quality=QUALITY), keep_latents=True)
    with path.open("wb") as file:
        writer = SequenceEncoder(file, Clip(1 / Fraction(RATE), Fraction(RATE)), (WIDTH, HEIGHT), "RGB", encoder)
        for number, picture in enumerate(pictures):
            written = writer.write(picture)
            seconds += written.seconds
            if written.coded is None:
                seen[number] = seen[number - 1]
                continue
            for latent in written.coded.latents.values():
                digest.update(latent)
            seen[number] = decoded(written.coded, codec.load).pixels
        writer.finish()
    return seconds, digest.hexdigest()


def _decode_seconds(codec: Codec, path: Path, frames: int) -> float:
    """Decode the clip into a y4m file as `wisp decode` does -> seconds."""
    settings = DecodeSettings(format="y4m")
    target = str(path.with_name("clip.y4m"))
    for _ in range(2):  # at first networks are built, and files cached
        with opened(path) as source:
            report = decode_video(codec, source, target, settings, Writing(overwrite=True))
    if report.frames != frames:
        raise RuntimeError(f"{report.frames} of {frames} frames came back")
    return report.seconds


def _furthest(codec: Codec, path: Path, seen: NDArray[np.uint8], workers: int | None) -> int:
    """The largest difference between what is decoded and what the encoder saw."""
    with open_video(path, codec=codec, workers=workers) as video:
        return max(int(np.abs(frame.pixels.astype(np.int16) - seen[frame.number]).max()) for frame in video)


def _equal_seeks(codec: Codec, path: Path, seen: NDArray[np.uint8]) -> int:
    """Of SEEKS random places, half by number and half by time, how many show the linear read's frame."""
    chance = random.Random(7)
    equal = 0
    with open_video(path, codec=codec) as video:
        for turn in range(SEEKS):
            number = chance.randrange(len(video))
            if turn % 2:
                video.seek(float(Fraction(number) / RATE))
            frame = next(video) if turn % 2 else video[number]
            equal += frame.number == number and np.array_equal(frame.pixels, seen[number])
    return equal


CHECK = Check("300 frames of 640x360: latents, pixels, seeks, speed against the floor", 5, measure)
