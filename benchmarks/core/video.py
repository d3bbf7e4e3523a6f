"""A clip of real pictures there and back: is it what the encoder saw, and how fast against the networks' floor?"""

from __future__ import annotations

import hashlib
import random
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.core.macs import Rates, floors, measure_rates
from benchmarks.video.sequences import RATE, pan_zoom
from codec.api import Codec
from codec.formats.video.write.sink import SinkSettings
from codec.jobs.decode_video import DecodeVideoSettings, decode_video
from codec.jobs.describe_sequence import verify_sequence
from codec.jobs.picture_files import Writing
from codec.sequence.frame_decoder import workers_for
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from codec.still.measure import decoded

WIDTH, HEIGHT, FRAMES = 640, 360, 300
QUALITY = 60
SEEKS = 50
TAIL = 1000  # bytes cut off the end: tail and a part of the index
MOST = 1.8  # times the floor


@dataclass(frozen=True)
class VideoResult:
    """Seconds a frame; `decode` is from file to y4m file, `first` to the first frame in memory.

    `latents_equal`: what was decoded has the encoder's latents; `pixels_equal`: at equal threads it has the pixels
    of the encoder's own reconstruction, of which `apart` is the largest difference with frames side by side.
    `seeks_equal`: random frames were those of the linear read, `seeks_without_tail` the same in a file cut short.
    """

    frames: int
    bytes: int
    precision: str
    threads: int
    workers: int
    rates: Rates
    encode: float
    encode_floor: float
    decode: float
    decode_floor: float
    latents_equal: bool
    pixels_equal: bool
    apart: int
    seeks_equal: int
    seeks_without_tail: int

    @property
    def encode_ratio(self) -> float:
        return self.encode / self.encode_floor

    @property
    def decode_ratio(self) -> float:
        return self.decode / self.decode_floor


def measure_video(codec: Codec, frames: int = FRAMES) -> VideoResult:
    """All of it on `frames` frames of 640 x 360 pixels, a camera moving over LIVE pictures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.wisp")
        shape = (frames, HEIGHT, WIDTH, 3)
        seen = np.lib.format.open_memmap(Path(folder, "seen.npy"), mode="w+", dtype=np.uint8, shape=shape)
        before = measure_rates()
        encode, latents = _encoded(codec, path, seen)
        decode, workers = _decode_seconds(codec, path, frames)
        after = measure_rates()
        rates = Rates(max(before.fp32, after.fp32), max(before.bf16, after.bf16))
        with path.open("rb") as stream:
            facts, found = verify_sequence(stream, codec)
        model = codec.load(codec.model_info.id)
        encode_floor, decode_floor = floors(model.config, WIDTH, HEIGHT, codec.runtime.precision, rates)
        whole = path.read_bytes()
        short = path.with_name("short.wisp")
        short.write_bytes(whole[:-TAIL])
        return VideoResult(
            frames=frames,
            bytes=facts.bytes,
            precision=codec.runtime.precision,
            threads=torch.get_num_threads(),
            workers=workers,
            rates=rates,
            encode=encode / frames,
            encode_floor=encode_floor,
            decode=decode / frames,
            decode_floor=decode_floor,
            latents_equal=found == latents,
            pixels_equal=_furthest(codec, path, seen, workers=1) == 0,
            apart=_furthest(codec, path, seen, workers=None),
            seeks_equal=_equal_seeks(codec, path, seen),
            seeks_without_tail=_equal_seeks(codec, short, seen),
        )


def _encoded(codec: Codec, path: Path, seen: NDArray[np.uint8]) -> tuple[float, str]:
    """Encode the clip, keep what the encoder says that it decodes to -> seconds of writing, hash of the latents."""
    digest, seconds = hashlib.sha256(), 0.0
    pictures = pan_zoom(WIDTH, HEIGHT, len(seen))
    with VideoWriter(path, (WIDTH, HEIGHT), RATE, quality=QUALITY, keep_latents=True, codec=codec) as writer:
        for number, picture in enumerate(pictures):
            written = writer.write(picture)
            seconds += written.seconds
            if written.encoded is None:
                seen[number] = seen[number - 1]
                continue
            for latent in written.encoded.latents.values():
                digest.update(latent)
            seen[number] = decoded(written.encoded, codec.load).pixels
    return seconds, digest.hexdigest()


def _decode_seconds(codec: Codec, path: Path, frames: int) -> tuple[float, int]:
    """Decode the clip into a y4m file as `wisp decode` does -> seconds, frames side by side."""
    settings = DecodeVideoSettings(SinkSettings("y4m"))
    target = str(path.with_name("clip.y4m"))
    decode_video(codec, str(path), target, settings, Writing(overwrite=True))  # networks are built, files cached
    report = decode_video(codec, str(path), target, settings, Writing(overwrite=True))
    if report.frames != frames:
        raise RuntimeError(f"{report.frames} of {frames} frames came back")
    with open_video(path, codec=codec) as video:
        return report.seconds, workers_for(video.header)


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
