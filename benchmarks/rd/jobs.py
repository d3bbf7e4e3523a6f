"""What a process of the benchmark does: open a codec once, then code clips and measure what comes out.

Everything that goes in and comes out is picklable; the opened codec, the measures and the raw files of the source that
is being worked on stay with the process. A still is a clip of one frame.
"""

from __future__ import annotations

import os
import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from benchmarks.codecs.interface import BaseCodec, Coded
from benchmarks.measures.catalog import BY_TORCH, open_measures
from benchmarks.measures.interface import Measure
from benchmarks.raw import Layout, RawClip, write_raw
from benchmarks.rd.records import CodecInfo, Failure, Key, Point, Record
from benchmarks.sources import ClipInfo, Source
from bitstream.errors import WispError
from codec.files.output import Writing

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_WARM_FRAMES = 2


@dataclass(frozen=True)
class Setting:
    """What all points of a run share. `jobs` processes run at a time, `work` is a folder for files that go, `keep` the
    folder for coded files."""

    measures: tuple[str, ...]
    threads: int
    jobs: int
    work: Path
    keep: Path | None = None
    lpips_weights: Path | None = None


@dataclass(frozen=True)
class Footage:
    """A source, and what its survey found."""

    source: Source
    info: ClipInfo


def limit_threads(threads: int) -> None:
    """For the libraries that are not yet loaded; torch is told again by whoever loads it."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # threads that wait must not hold up the processes beside them


_open: dict[str, BaseCodec] = {}
_warm: set[str] = set()


def opened(codec: BaseCodec, threads: int) -> BaseCodec:
    """`codec`, opened when it is first asked for in this process. Raises AbsentError."""
    name = f"{codec.id} {dict(codec.options)} {threads}"
    if name not in _open:
        limit_threads(threads)
        codec.open(threads)
        _open[name] = codec
    return _open[name]


@lru_cache(maxsize=1)
def measures_of(setting: Setting) -> list[Measure]:
    """The measures that can run here."""
    if not BY_TORCH.isdisjoint(setting.measures):
        import torch

        torch.set_num_threads(setting.threads)
    return open_measures(setting.measures, threads=setting.threads, lpips_weights=setting.lpips_weights)[0]


class Workplace:
    """Raw files of one source at a time, in a folder of this process's own."""

    def __init__(self) -> None:
        self._footage: Footage | None = None
        self._clips: dict[tuple[Layout, bool], RawClip] = {}

    def folder(self, setting: Setting) -> Path:
        """For files of this process."""
        folder = setting.work / str(os.getpid())
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clip(self, footage: Footage, layout: Layout, setting: Setting, *, reference: bool = False) -> RawClip:
        """What is coded as raw video, or what the outcome is compared with; made when it is first asked for."""
        if footage != self._footage or not all(clip.path.exists() for clip in self._clips.values()):
            shutil.rmtree(self.folder(setting), ignore_errors=True)
            self._footage, self._clips = footage, {}
        source, info = footage.source, footage.info
        other = reference and source.has_reference
        if (layout, other) not in self._clips:
            path = self.folder(setting) / f"{'reference' if other else 'source'}.{layout}"
            write_raw(path, source.reference() if other else source.frames(), layout)
            clip = RawClip(path, layout, info.width, info.height, info.frames, Fraction(info.rate))
            self._clips[layout, other] = clip
        return self._clips[layout, other]


workplace = Workplace()


def there_and_back(codec: BaseCodec, footage: Footage, quality: float, setting: Setting) -> Coded:
    """Encode and decode once, by an opened codec. Raises as `BaseCodec.there_and_back`."""
    clip, folder = workplace.clip(footage, codec.layout, setting), workplace.folder(setting)
    name = f"{codec.id} {dict(codec.options)}"
    if name not in _warm:  # what a library does once, at its first frames, is no part of any point
        codec.there_and_back(replace(clip, frames=min(_WARM_FRAMES, clip.frames)), quality, folder)
        _warm.add(name)
    return codec.there_and_back(clip, quality, folder)


def compared(
    measures: Sequence[Measure], reference: RawClip, shown: RawClip, folder: Path
) -> tuple[dict[str, float], list[str]]:
    """Every measure of the clip, and the words of those that failed."""
    failed: dict[str, str] = {}

    def attempt(measure: Measure, step: str, *arguments: object) -> float | None:
        if measure.info.id in failed:
            return None
        try:
            found: float | None = getattr(measure, step)(*arguments)
        except Exception as error:
            failed[measure.info.id] = f"no {measure.info.title}: {in_words(error)}"
            return None
        return found

    for measure in measures:
        attempt(measure, "begin", folder)
    for pair in zip(reference.pixels(), shown.pixels(), strict=True):
        for measure in measures:
            attempt(measure, "add", *pair)
    values = {measure.info.id: attempt(measure, "value") for measure in measures}
    return {name: value for name, value in values.items() if value is not None}, list(failed.values())


def in_words(error: Exception) -> str:
    """One line of what a library says; the kind of error only where it says nothing or nothing of its own."""
    text = " ".join(str(error).split())
    plain = text and isinstance(error, (ValueError, RuntimeError, WispError))
    return text if plain else f"{type(error).__name__}: {text}"


def bits_per_pixel(size: int, info: ClipInfo) -> float:
    """Bits of a file of `size` bytes per pixel of all frames."""
    return 8 * size / (info.width * info.height * info.frames)


class Job(Protocol):
    """Work for a process."""

    def run(self) -> list[Record]:
        """In the process: what is to be recorded; failures are records, too."""

    def ended(self) -> list[Record]:
        """In the parent, where the process ended before it had a result."""


def run_job(job: Job) -> list[Record]:
    """What a process is started with."""
    warnings.simplefilter("ignore")  # the parent has told what there is to note of each source
    return job.run()


class PointMaker(ABC):
    """A Job that makes one point."""

    setting: Setting

    @property
    @abstractmethod
    def key(self) -> Key:
        """Of the point."""

    @abstractmethod
    def _point(self) -> tuple[Point, list[str]]:
        """The point, and in words which measures failed."""

    def run(self) -> list[Record]:
        """The point; or the failure, which is an outcome, too."""
        try:
            point, failed = self._point()
        except Exception as error:
            return [Failure(*self.key, in_words(error))]
        return [point, *(Failure(*self.key, words) for words in failed)]

    def ended(self) -> list[Record]:
        """What is recorded where the process ended instead."""
        return [Failure(*self.key, "its process ended")]

    def _recorded(
        self,
        info: ClipInfo,
        codec: CodecInfo,
        size: int,
        bpp: float,
        measures: dict[str, float],
        *,
        seconds: tuple[float, float] = (0.0, 0.0),
        file: str | None = None,
    ) -> Point:
        """The point of `key`, of pixels that `info` describes."""
        dataset, image, _, quality = self.key
        return Point(
            dataset=dataset,
            image=image,
            pixels=info.pixels,
            width=info.width,
            height=info.height,
            codec=codec.id,
            version=codec.version,
            options=codec.options,
            quality=quality,
            bytes=size,
            bpp=bpp,
            measures=measures,
            encode_seconds=seconds[0],
            decode_seconds=seconds[1],
            threads=self.setting.threads,
            jobs=self.setting.jobs,
            command=codec.command,
            file=file,
        )


def info_of(codec: BaseCodec, quality: float) -> CodecInfo:
    """What is recorded of an opened codec; its command is that of `quality`."""
    return CodecInfo(codec.id, codec.title, codec.version, dict(codec.options), codec.command(quality))


@dataclass(frozen=True)
class PointJob(PointMaker):
    """One source to be coded at one quality."""

    codec: BaseCodec
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
        file = None if setting.keep is None else self._keep(setting.keep, coded)
        reference = workplace.clip(self.footage, "rgb24", setting, reference=True)
        values, failed = compared(measures_of(setting), reference, coded.shown, workplace.folder(setting))
        seconds = (coded.encode_seconds, coded.decode_seconds)
        told, bpp = info_of(codec, self.quality), bits_per_pixel(coded.bytes, info)
        return self._recorded(info, told, coded.bytes, bpp, values, seconds=seconds, file=file), failed

    def _keep(self, folder: Path, coded: Coded) -> str:
        """-> the file's name below `folder`."""
        dataset, name, codec, quality = self.key
        kept = f"files/{codec}/{dataset}/{name}-q{quality:g}.{self.codec.ending}"
        Writing(overwrite=True, make_folders=True).write(str(folder / kept), coded.stream.read_bytes())
        return kept
