"""Frames of the report's viewer: some codecs' streams of one sequence at nearly equal size, a few frames of each.

Wisp's stream comes first and the others are fitted to its size, by the points that the sweep has already made and a
few encodes more.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.rd.bd import LEAST_POINTS
from benchmarks.rd.plan import spread
from benchmarks.rd.records import VIEWER, EqualSize, Failure, Point, Record
from benchmarks.rd.worker import in_words
from benchmarks.video.clip_measure import ClipMeasure
from benchmarks.video.interface import VideoCodec
from benchmarks.video.raw import RawClip
from benchmarks.video.worker import (
    Coded,
    Footage,
    Setting,
    bits_per_pixel,
    measures_of,
    opened,
    there_and_back,
    workplace,
)
from codec.files.output import write_output

ORIGINAL = "original"
SHOWN = ("x264-medium", "x264-medium-intra", "svtav1-p8")  # beside Wisp; where none is there, the first two that are
CLOSE = 0.01  # nearer than that to the wanted size is near enough
_MOST_ENCODES = 8
SizeAt = Callable[[float], int]


def frame_name(sequence: str, number: int) -> str:
    """What a frame is called among the viewer's pictures; `sequence_and_frame` takes it apart."""
    return f"{sequence}, frame {number}"


def sequence_and_frame(image: str) -> tuple[str, int]:
    """Raises ValueError for what is no `frame_name`."""
    name, comma, number = image.rpartition(", frame ")
    if not comma or not number.isdecimal():
        raise ValueError(f"{image} names no frame")
    return name, int(number)


def fitted(size_at: SizeAt, known: Mapping[float, int], wanted: float, step: float) -> float:
    """The quality whose stream is nearest to `wanted` bytes, of those that are multiples of `step`.

    `known` are sizes by quality, two or more. False position over the logarithm of the size, between the nearest
    known qualities on both sides; `wanted` outside of them gives the nearer end.
    """
    sizes = dict(known)
    for _ in range(_MOST_ENCODES):
        below = [quality for quality, size in sizes.items() if size <= wanted]
        above = [quality for quality, size in sizes.items() if size > wanted]
        best = _nearest(sizes, wanted)
        if not below or not above or abs(sizes[best] / wanted - 1) <= CLOSE:
            return best
        low, high = max(below, key=lambda q: sizes[q]), min(above, key=lambda q: sizes[q])
        steps = round(abs(high - low) / step)
        if steps <= 1:
            return best
        share = math.log(wanted / sizes[low]) / math.log(sizes[high] / sizes[low])
        taken = min(max(round(share * steps), 1), steps - 1)
        quality = low + math.copysign(taken * step, high - low)
        sizes[quality] = size_at(quality)
    return _nearest(sizes, wanted)


def _nearest(sizes: Mapping[float, int], wanted: float) -> float:
    return min(sizes, key=lambda quality: abs(math.log(sizes[quality] / wanted)))


@dataclass(frozen=True)
class FramesJob:
    """One sequence at one rate: frames `numbers` of the streams of `codecs`, whose sizes `known` by quality."""

    footage: Footage
    target_bpp: float
    codecs: tuple[VideoCodec, ...]
    known: Mapping[str, Mapping[float, int]]
    numbers: tuple[int, ...]
    setting: Setting
    folder: Path

    def run(self) -> list[Record]:
        """See benchmarks.rd.worker.Job."""
        try:
            return self._made()
        except Exception as error:
            return self._failed(in_words(error))

    def ended(self) -> list[Record]:
        """See benchmarks.rd.worker.Job."""
        return self._failed("its process ended")

    def _failed(self, message: str) -> list[Record]:
        info = self.footage.info
        return [Failure(info.dataset, info.name, VIEWER, self.target_bpp, message)]

    def _made(self) -> list[Record]:
        info, setting = self.footage.info, self.setting
        reference = self._chosen(workplace.clip(self.footage, "rgb24", setting))
        records: list[Record] = [self._record_original(number, pixels) for number, pixels in reference.items()]
        wanted = self._within_reach(self.target_bpp * info.width * info.height * info.frames / 8)
        for codec in sorted(self.codecs, key=lambda codec: not codec.id.startswith("wisp")):
            here = opened(codec, setting.threads)
            quality = fitted(partial(self._size, here), self.known[codec.id], wanted, codec.step)
            coded = self._coded(here, quality)
            if codec.id.startswith("wisp"):
                wanted = coded.bytes
            base = f"{self._base}/{self.target_bpp:g}bpp-{codec.id}"
            self._write(f"{base}.{codec.ending}", coded.stream.read_bytes())
            for number, pixels in self._chosen(coded.shown).items():
                records.append(self._record(here, quality, coded.bytes, base, number, pixels, reference[number]))
        return records

    def _coded(self, codec: VideoCodec, quality: float) -> Coded:
        return there_and_back(codec, self.footage, quality, self.setting)

    def _size(self, codec: VideoCodec, quality: float) -> int:
        return self._coded(codec, quality).bytes

    def _within_reach(self, wanted: float) -> float:
        """The nearest size that every codec's sweep covers, or comes nearest to."""
        low = max(min(sizes.values()) for sizes in self.known.values())
        high = min(max(sizes.values()) for sizes in self.known.values())
        return max(min(wanted, high), low)

    def _chosen(self, clip: RawClip) -> dict[int, NDArray[np.uint8]]:
        return {number: pixels for number, pixels in enumerate(clip.pixels()) if number in self.numbers}

    @property
    def _base(self) -> str:
        return f"viewer/{self.footage.info.dataset}/{self.footage.info.name}"

    def _record_original(self, number: int, pixels: NDArray[np.uint8]) -> EqualSize:
        file = f"{self._base}/frame-{number}.png"
        data = self._write_png(file, pixels)
        info = self.footage.info
        return EqualSize(
            dataset=info.dataset,
            image=frame_name(info.name, number),
            pixels=info.pixels,
            target_bpp=self.target_bpp,
            codec=ORIGINAL,
            version="",
            setting="as it is, one frame as PNG",
            bytes=len(data),
            bpp=8 * len(data) / (info.width * info.height),
            measures={},
            file=file,
            shown=file,
        )

    def _record(
        self,
        codec: VideoCodec,
        quality: float,
        size: int,
        base: str,
        number: int,
        pixels: NDArray[np.uint8],
        reference: NDArray[np.uint8],
    ) -> EqualSize:
        info = self.footage.info
        shown = f"{base}-{number}.png"
        self._write_png(shown, pixels)
        return EqualSize(
            dataset=info.dataset,
            image=frame_name(info.name, number),
            pixels=info.pixels,
            target_bpp=self.target_bpp,
            codec=codec.id,
            version=codec.version,
            setting=f"{codec.quality_name} {quality:g}",
            bytes=size,
            bpp=bits_per_pixel(size, info),
            measures=_of_frame(measures_of(self.setting), reference, pixels, workplace.folder(self.setting)),
            file=f"{base}.{codec.ending}",
            shown=shown,
        )

    def _write_png(self, name: str, pixels: NDArray[np.uint8]) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "png")
        self._write(name, buffer.getvalue())
        return buffer.getvalue()

    def _write(self, name: str, data: bytes) -> None:
        write_output(str(self.folder / name), data, overwrite=True, make_folders=True)


def _of_frame(
    measures: Sequence[ClipMeasure], reference: NDArray[np.uint8], shown: NDArray[np.uint8], folder: Path
) -> dict[str, float]:
    """Of one frame; VMAF, which looks at motion, is left out."""
    values = {}
    for measure in measures:
        if measure.id != "vmaf":
            measure.begin(folder)
            measure.add(reference, shown)
            values[measure.id] = measure.value()
    return values


def frames_jobs(
    present: Sequence[VideoCodec],
    footage: Sequence[Footage],
    points: Sequence[Point],
    rates: Sequence[float],
    frames: int,
    setting: Setting,
    folder: Path,
    there: Sequence[EqualSize],
) -> list[FramesJob]:
    """What the viewer lacks: `frames` frames of each sequence at every rate, of those codecs of SHOWN and Wisp's that
    have two points of it or more."""
    wisp = [codec for codec in present if codec.id.startswith("wisp")]
    others = [codec for codec in present if codec not in wisp]
    shown = (*([codec for codec in others if codec.id in SHOWN] or others[:2]), *wisp)
    have = {(record.dataset, record.image, record.target_bpp, record.codec) for record in there}
    jobs = []
    for each in footage:
        known: dict[str, dict[float, int]] = defaultdict(dict)
        for point in points:
            if (point.dataset, point.image) == (each.info.dataset, each.info.name):
                known[point.codec][point.quality] = point.bytes
        codecs = tuple(codec for codec in shown if len(known[codec.id]) >= LEAST_POINTS)
        numbers = tuple(spread(each.info.frames, frames))
        wanted = {(frame_name(each.info.name, n), id) for n in numbers for id in (ORIGINAL, *(c.id for c in codecs))}
        for rate in rates if codecs else ():
            if any((each.info.dataset, name, rate, id) not in have for name, id in wanted):
                sizes = {codec.id: known[codec.id] for codec in codecs}
                jobs.append(FramesJob(each, rate, codecs, sizes, numbers, setting, folder))
    return jobs
