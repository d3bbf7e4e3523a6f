"""What a process of the video benchmark does: open a codec once, then code sequences and measure what comes out.

Everything that goes in and comes out is picklable; the opened codec, the measures and the raw files of the sequence
that is being worked on stay with the process.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from benchmarks.rd.records import Key, Point
from benchmarks.rd.worker import PointMaker, in_words, limit_threads
from benchmarks.video.clip_measure import ClipMeasure
from benchmarks.video.interface import VideoCodec
from benchmarks.video.measures import open_clip_measures
from benchmarks.video.raw import Layout, RawClip, write_raw
from benchmarks.video.sources import SequenceInfo, Source

_WARM_FRAMES = 2


@dataclass(frozen=True)
class Setting:
    """What all points of a run share. `jobs` processes run at a time; `work` is a folder for files that go."""

    measures: tuple[str, ...]
    threads: int
    jobs: int
    work: Path


@dataclass(frozen=True)
class Footage:
    """A sequence: where it comes from, and what its survey found."""

    source: Source
    info: SequenceInfo


_open: dict[str, VideoCodec] = {}
_warm: set[str] = set()


def opened(codec: VideoCodec, threads: int) -> VideoCodec:
    """`codec`, opened when it is first asked for in this process. Raises AbsentError."""
    name = f"{codec.id} {dict(codec.options)} {threads}"
    if name not in _open:
        limit_threads(threads)
        codec.open(threads)
        _open[name] = codec
    return _open[name]


@lru_cache(maxsize=1)
def measures_of(setting: Setting) -> list[ClipMeasure]:
    """The measures that can run here."""
    if "ms-ssim" in setting.measures:
        import torch

        torch.set_num_threads(setting.threads)
    return open_clip_measures(setting.measures, setting.threads)[0]


class Workplace:
    """Raw files of one sequence at a time, in a folder of this process's own."""

    def __init__(self) -> None:
        self._footage: Footage | None = None
        self._clips: dict[Layout, RawClip] = {}

    def folder(self, setting: Setting) -> Path:
        """For files of this process."""
        folder = setting.work / str(os.getpid())
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clip(self, footage: Footage, layout: Layout, setting: Setting) -> RawClip:
        """The sequence as raw video, made when it is first asked for."""
        if footage != self._footage or not all(clip.path.exists() for clip in self._clips.values()):
            shutil.rmtree(self.folder(setting), ignore_errors=True)
            self._footage, self._clips = footage, {}
        if layout not in self._clips:
            clip = clip_at(self.folder(setting) / f"reference.{layout}", footage.info, layout)
            write_raw(clip.path, footage.source.read(), layout)
            self._clips[layout] = clip
        return self._clips[layout]


workplace = Workplace()


def clip_at(path: Path, info: SequenceInfo, layout: Layout) -> RawClip:
    """A raw file with the geometry of a sequence."""
    return RawClip(path, layout, info.width, info.height, info.frames, Fraction(info.rate))


@dataclass(frozen=True)
class Coded:
    """A sequence there and back: the stream's file and the decoded raw one."""

    stream: Path
    bytes: int
    shown: RawClip
    encode_seconds: float
    decode_seconds: float


def there_and_back(codec: VideoCodec, footage: Footage, quality: float, setting: Setting) -> Coded:
    """Encode and decode once. Raises ValueError where other frames come back, and what the codec raises."""
    clip = workplace.clip(footage, codec.layout, setting)
    folder = workplace.folder(setting)
    name = f"{codec.id} {dict(codec.options)}"
    if name not in _warm:  # what a library does once, at its first frames, is no part of any point
        few = RawClip(clip.path, clip.layout, clip.width, clip.height, min(_WARM_FRAMES, clip.frames), clip.rate)
        _coded(codec, few, quality, folder)
        _warm.add(name)
    return _coded(codec, clip, quality, folder)


def _coded(codec: VideoCodec, clip: RawClip, quality: float, folder: Path) -> Coded:
    stream, raw = folder / f"stream.{codec.ending}", folder / "shown.raw"
    for path in (stream, raw):
        path.unlink(missing_ok=True)
    start = time.perf_counter()
    codec.encode(clip, quality, stream)
    middle = time.perf_counter()
    with raw.open("wb") as file:
        codec.decode(stream, file)
    end = time.perf_counter()
    shown = RawClip(raw, clip.layout, clip.width, clip.height, clip.frames, clip.rate)
    if raw.stat().st_size != shown.bytes:
        raise ValueError(f"{clip.frames} frames ({clip.bytes} bytes) came back as {raw.stat().st_size} bytes")
    return Coded(stream, stream.stat().st_size, shown, middle - start, end - middle)


def compared(measures: Sequence[ClipMeasure], reference: RawClip, shown: RawClip, folder: Path) -> tuple[
    dict[str, float], list[str]
]:  # fmt: skip
    """Every measure of the clip, and the words of those that failed."""
    failed: dict[str, str] = {}

    def attempt(measure: ClipMeasure, step: str, *arguments: object) -> float | None:
        if measure.id in failed:
            return None
        try:
            found: float | None = getattr(measure, step)(*arguments)
        except Exception as error:
            failed[measure.id] = f"no {measure.id}: {in_words(error)}"
            return None
        return found

    for measure in measures:
        attempt(measure, "begin", folder)
    for pair in zip(reference.pixels(), shown.pixels(), strict=True):
        for measure in measures:
            attempt(measure, "add", *pair)
    values = {measure.id: attempt(measure, "value") for measure in measures}
    return {name: value for name, value in values.items() if value is not None}, list(failed.values())


@dataclass(frozen=True)
class ClipJob(PointMaker):
    """One sequence to be coded at one quality."""

    codec: VideoCodec
    footage: Footage
    quality: float
    setting: Setting

    @property
    def key(self) -> Key:
        """Of the point."""
        return (self.footage.info.dataset, self.footage.info.name, self.codec.id, self.quality)

    def _point(self) -> tuple[Point, list[str]]:
        setting, info = self.setting, self.footage.info
        codec = opened(self.codec, setting.threads)
        coded = there_and_back(codec, self.footage, self.quality, setting)
        reference = workplace.clip(self.footage, "rgb24", setting)
        values, failed = compared(measures_of(setting), reference, coded.shown, workplace.folder(setting))
        point = Point(
            dataset=info.dataset,
            image=info.name,
            pixels=info.pixels,
            width=info.width,
            height=info.height,
            codec=codec.id,
            version=codec.version,
            options=dict(codec.options),
            quality=self.quality,
            bytes=coded.bytes,
            bpp=bits_per_pixel(coded.bytes, info),
            measures=values,
            encode_seconds=coded.encode_seconds,
            decode_seconds=coded.decode_seconds,
            threads=setting.threads,
            jobs=setting.jobs,
            command=codec.command(self.quality),
        )
        return point, failed


def bits_per_pixel(size: int, info: SequenceInfo) -> float:
    """Bits of a stream of `size` bytes per pixel of all frames."""
    return 8 * size / (info.width * info.height * info.frames)
