"""What a process of the benchmark does: open a codec once, then code pictures and measure what comes out.

Everything that goes in and comes out is picklable; the opened codec and measures stay in the process.
"""

from __future__ import annotations

import os
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.codecs.interface import ImageCodec
from benchmarks.datasets import Sample, digest
from benchmarks.measures import bits_per_pixel
from benchmarks.measures.catalog import open_measures
from benchmarks.measures.interface import Measure
from benchmarks.rd.plan import Task
from benchmarks.rd.records import Failure, Key, Point, Record
from bitstream.errors import WispError
from codec.files.output import write_output

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Setting:
    """What all points of a run share. `keep` is the folder for coded files, `jobs` how many processes run at a time."""

    measures: tuple[str, ...]
    threads: int
    jobs: int
    keep: Path | None = None
    lpips_weights: Path | None = None


def limit_threads(threads: int) -> None:
    """For the libraries that are not yet loaded; torch is told again by whoever loads it."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(threads)
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # threads that wait must not hold up the processes beside them


_open: dict[str, ImageCodec] = {}


def opened(codec: ImageCodec, threads: int) -> ImageCodec:
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
    import torch

    torch.set_num_threads(setting.threads)
    return open_measures(setting.measures, lpips_weights=setting.lpips_weights)[0]


class Job(Protocol):
    """Work for a process."""

    def run(self) -> list[Record]:
        """In the process: what is to be recorded; failures are records, too."""

    def ended(self) -> list[Record]:
        """In the parent, where the process ended before it had a result."""


def run_job(job: Job) -> list[Record]:
    """What a process is started with."""
    warnings.simplefilter("ignore")  # the parent has told what there is to note of each picture
    return job.run()


@lru_cache(maxsize=1)
def read_sample(sample: Sample) -> tuple[NDArray[np.uint8], NDArray[np.uint8], str]:
    """What is coded, what it is compared with, and their digest."""
    source, reference = sample.read()
    return source, reference, digest(source, reference)


@dataclass(frozen=True)
class Coded:
    """A picture there and back."""

    data: bytes
    shown: NDArray[np.uint8]
    encode_seconds: float
    decode_seconds: float


def there_and_back(codec: ImageCodec, pixels: NDArray[np.uint8], quality: float) -> Coded:
    """Encode and decode once. Raises ValueError where another shape comes back, and what the codec raises."""
    start = time.perf_counter()
    data = codec.encode(pixels, quality)
    middle = time.perf_counter()
    shown = codec.decode(data)
    end = time.perf_counter()
    if shown.shape != pixels.shape or shown.dtype != np.uint8:
        raise ValueError(f"{pixels.shape} {pixels.dtype} came back as {shown.shape} {shown.dtype}")
    return Coded(data, shown, middle - start, end - middle)


def compared(
    measures: Sequence[Measure], reference: NDArray[np.uint8], shown: NDArray[np.uint8]
) -> tuple[dict[str, float], list[str]]:
    """Every measure of one outcome, and the words of those that failed."""
    values: dict[str, float] = {}
    failed = []
    for measure in measures:
        try:
            values[measure.info.id] = measure.compute(reference, shown)
        except Exception as error:
            failed.append(f"no {measure.info.title}: {in_words(error)}")
    return values, failed


def in_words(error: Exception) -> str:
    """One line of what a library says; the kind of error only where it says nothing or nothing of its own."""
    text = " ".join(str(error).split())
    plain = text and isinstance(error, (ValueError, RuntimeError, WispError))
    return text if plain else f"{type(error).__name__}: {text}"


_warm: set[str] = set()


class PointMaker(ABC):
    """A Job that makes one point."""

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


@dataclass(frozen=True)
class PointJob(PointMaker):
    """One picture to be coded at one quality."""

    codec: ImageCodec
    task: Task
    setting: Setting

    @property
    def key(self) -> Key:
        """Of the point."""
        return (self.task.sample.dataset, self.task.sample.name, self.codec.id, self.task.quality)

    def _point(self) -> tuple[Point, list[str]]:
        sample, quality, setting = self.task.sample, self.task.quality, self.setting
        codec = opened(self.codec, setting.threads)
        source, reference, pixels = read_sample(sample)
        if codec.id not in _warm:  # what a library does once, at its first picture, is no part of any point
            there_and_back(codec, source, quality)
            _warm.add(codec.id)
        coded = there_and_back(codec, source, quality)
        file = None if setting.keep is None else _keep(setting.keep, codec, sample, quality, coded.data)
        values, failed = compared(measures_of(setting), reference, coded.shown)
        point = Point(
            dataset=sample.dataset,
            image=sample.name,
            pixels=pixels,
            width=source.shape[1],
            height=source.shape[0],
            codec=codec.id,
            version=codec.version,
            options=dict(codec.options),
            quality=quality,
            bytes=len(coded.data),
            bpp=bits_per_pixel(len(coded.data), source),
            measures=values,
            encode_seconds=coded.encode_seconds,
            decode_seconds=coded.decode_seconds,
            threads=setting.threads,
            jobs=setting.jobs,
            command=codec.command(quality),
            file=file,
        )
        return point, failed


def _keep(folder: Path, codec: ImageCodec, sample: Sample, quality: float, data: bytes) -> str:
    """-> the file's name below `folder`."""
    name = f"files/{codec.id}/{sample.dataset}/{sample.name}-q{quality:g}.{codec.ending}"
    write_output(str(folder / name), data, overwrite=True, make_folders=True)
    return name
