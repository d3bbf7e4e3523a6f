"""Pictures of the report's viewer: some codecs' files of one source at nearly equal size, a few frames of each.

A codec whose quality has coarse steps cannot meet a size. So of a still the files of JPEG and AVIF decide: of those
near the wanted rate two that are alike in size are taken, and Wisp is fitted to them. Of a clip, which takes long to
encode, Wisp's stream decides, and the others are fitted to its size by the points of their sweep and a few encodes
more.
"""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.codecs.interface import BaseCodec
from benchmarks.datasets import RESTORED
from benchmarks.measures.interface import MeanOfFrames
from benchmarks.raw import Pixels, RawClip
from benchmarks.rd.bd import LEAST_POINTS
from benchmarks.rd.jobs import (
    Footage,
    Setting,
    bits_per_pixel,
    in_words,
    measures_of,
    opened,
    there_and_back,
    workplace,
)
from benchmarks.rd.plan import frame_name, spread
from benchmarks.rd.records import VIEWER, EqualSize, Failure, Point, Record
from codec.files.output import Writing

ORIGINAL = "original"
STILLS = ("jpeg420", "avif")  # beside Wisp
CLIPS = ("x264-medium", "x264-medium-intra", "svtav1-p8")  # the same; where none is there, the first two that are
SCALES = {"jpeg420": (1.0, 100.0), "avif": (1.0, 100.0)}  # of a still's qualities
_WISP_SCALE = (0.0, 100.0)
WITHIN = 0.02  # largest over smallest file of a still, less 1
ALIKE = 0.015  # the same of JPEG and AVIF alone, to which Wisp is fitted
CLOSE = 0.01  # nearer than that to the wanted size is near enough
_NEAR = 4  # steps of the first codec to both sides of the wanted size
_MOST_ENCODES, _BY_SLOPE = 12, 3
SizeAt = Callable[[float], int]


def fitted(size_at: SizeAt, known: Mapping[float, int], wanted: float, step: float, close: float = CLOSE) -> float:
    """The quality whose file is nearest to `wanted` bytes, of those that are multiples of `step`; one within `close` of
    it will do.

    `known` are sizes by quality, two or more. False position over the logarithm of the size, between the nearest
    known qualities on both sides, then bisection; `wanted` outside of them gives the nearer end.
    """
    sizes = dict(known)
    for number in range(_MOST_ENCODES):
        below = [quality for quality, size in sizes.items() if size <= wanted]
        above = [quality for quality, size in sizes.items() if size > wanted]
        best = _nearest(sizes, wanted)
        if not below or not above or abs(sizes[best] / wanted - 1) <= close:
            return best
        low, high = max(below, key=lambda q: sizes[q]), min(above, key=lambda q: sizes[q])
        steps = round(abs(high - low) / step)
        if steps <= 1:
            return best
        share = math.log(wanted / sizes[low]) / math.log(sizes[high] / sizes[low]) if number < _BY_SLOPE else 0.5
        taken = min(max(round(share * steps), 1), steps - 1)
        quality = round(low + math.copysign(taken * step, high - low), 6)
        sizes[quality] = size_at(quality)
    return _nearest(sizes, wanted)


def _nearest(sizes: Mapping[float, int], wanted: float) -> float:
    return min(sizes, key=lambda quality: abs(math.log(sizes[quality] / wanted)))


class Sizes:
    """Of one codec's files of a source by quality, each made once; some are `known`, and `ends` are made at once."""

    def __init__(self, size_at: SizeAt, known: Mapping[float, int], step: float, ends: Sequence[float] = ()) -> None:
        self._size_at, self._known, self._step = size_at, dict(known), step
        for quality in ends:
            self.at(quality)
        self.least, self.most = min(self._known.values()), max(self._known.values())

    def at(self, quality: float) -> int:
        """In bytes."""
        if quality not in self._known:
            self._known[quality] = self._size_at(quality)
        return self._known[quality]

    def nearest(self, wanted: float, close: float) -> float:
        """See `fitted`."""
        return fitted(self.at, self._known, wanted, self._step, close)

    def around(self, wanted: float, steps: int) -> list[float]:
        """The nearest quality, and so many steps to both sides of it."""
        middle, low, high = self.nearest(wanted, 0), min(self._known), max(self._known)
        found = (middle + step * self._step for step in range(-steps, steps + 1))
        return [quality for quality in found if low <= quality <= high]


def equal_qualities(sizes: Mapping[str, Sizes], wanted: float, *, still: bool) -> dict[str, float]:
    """A quality of every codec, for files as near to one size as they go, near `wanted` bytes or what all reach."""
    low, high = max(each.least for each in sizes.values()), min(each.most for each in sizes.values())
    wanted = max(min(wanted, high), low)
    leaders = {name: each for name, each in sizes.items() if is_wisp(name) != still}
    chosen = _alike(leaders, wanted, still=still) if leaders else {}
    if chosen:
        reached = [sizes[name].at(quality) for name, quality in chosen.items()]
        wanted = math.sqrt(min(reached) * max(reached))
    return {name: chosen[name] if name in chosen else each.nearest(wanted, CLOSE) for name, each in sizes.items()}


def _alike(leaders: Mapping[str, Sizes], wanted: float, *, still: bool) -> dict[str, float]:
    """A quality of each: of those within ALIKE of one size the nearest to `wanted`, else the most alike."""
    first, *others = leaders.values()
    candidates = first.around(wanted, _NEAR) if still else [first.nearest(wanted, CLOSE)]
    groups: list[list[float]] = [
        [quality, *(other.nearest(first.at(quality), 0) for other in others)] for quality in candidates
    ]

    def rank(qualities: list[float]) -> tuple[float, float]:
        reached = [each.at(quality) for each, quality in zip(leaders.values(), qualities, strict=True)]
        return max(max(reached) / min(reached) - 1, ALIKE), abs(math.log(max(reached) / wanted))

    best: list[float] = min(groups, key=rank)
    return dict(zip(leaders, best, strict=True))


def is_wisp(codec: str) -> bool:
    """Whether an id is one of Wisp's."""
    return codec == "wisp" or codec.startswith("wisp-")


@dataclass(frozen=True)
class ViewerJob:
    """One source at one rate: frames `numbers` of the files of `codecs`, whose sizes `known` by quality."""

    footage: Footage
    target_bpp: float
    codecs: tuple[BaseCodec, ...]
    known: Mapping[str, Mapping[float, int]]
    numbers: tuple[int, ...]
    setting: Setting
    folder: Path

    def run(self) -> list[Record]:
        """See Job."""
        try:
            return [*self._made()]
        except Exception as error:
            return self._failed(in_words(error))

    def ended(self) -> list[Record]:
        """See Job."""
        return self._failed("its process ended")

    def _failed(self, message: str) -> list[Record]:
        info = self.footage.info
        return [Failure(info.dataset, info.name, VIEWER, self.target_bpp, message)]

    @property
    def _still(self) -> bool:
        return self.footage.info.frames == 1

    def _made(self) -> list[EqualSize]:
        info, setting = self.footage.info, self.setting
        reference = self._chosen(workplace.clip(self.footage, "rgb24", setting, reference=True))
        source = self._chosen(workplace.clip(self.footage, "rgb24", setting))
        records = [self._original(number, source[number], reference[number]) for number in self.numbers]
        codecs = {codec.id: opened(codec, setting.threads) for codec in self.codecs}
        sizes = {name: self._sizes(codec) for name, codec in codecs.items()}
        wanted = self.target_bpp * info.width * info.height * info.frames / 8
        for name, quality in equal_qualities(sizes, wanted, still=self._still).items():
            coded = there_and_back(codecs[name], self.footage, quality, setting)
            file = f"{self._base}/{self.target_bpp:g}bpp-{name}.{codecs[name].ending}"
            self._write(file, coded.stream.read_bytes())
            text = f"{codecs[name].quality_name} {quality:g}"
            for number, pixels in self._chosen(coded.shown).items():
                told = (name, codecs[name].version, text)
                records.append(self._record(told, coded.bytes, file, number, pixels, reference[number]))
        return records

    def _sizes(self, codec: BaseCodec) -> Sizes:
        ends = SCALES.get(codec.id, _WISP_SCALE) if self._still else ()
        return Sizes(partial(self._size, codec), self.known.get(codec.id, {}), codec.step, ends)

    def _size(self, codec: BaseCodec, quality: float) -> int:
        return there_and_back(codec, self.footage, quality, self.setting).bytes

    def _chosen(self, clip: RawClip) -> dict[int, Pixels]:
        return {number: pixels for number, pixels in enumerate(clip.pixels()) if number in self.numbers}

    @property
    def _base(self) -> str:
        return f"viewer/{self.footage.info.dataset}/{self.footage.info.name}"

    def _of_frame(self, number: int) -> str:
        return "" if self._still else f"-{number}"

    def _original(self, number: int, pixels: Pixels, reference: Pixels) -> EqualSize:
        file = f"{self._base}/{ORIGINAL}{self._of_frame(number)}.png"
        self._write_png(file, pixels)
        size = (self.folder / file).stat().st_size
        text = "as it is" if self._still else "as it is, one frame as PNG"
        return self._record((ORIGINAL, "", text), size, file, number, pixels, reference)

    def _record(
        self, told: tuple[str, str, str], size: int, file: str, number: int, pixels: Pixels, reference: Pixels
    ) -> EqualSize:
        """`told` are codec, version and setting; the original is its own decoded picture, of one frame's rate."""
        codec, version, setting = told
        info, shown = self.footage.info, file
        bpp = 8 * size / (info.width * info.height)
        if codec != ORIGINAL:
            shown = f"{file.rpartition('.')[0]}{self._of_frame(number)}.png"
            self._write_png(shown, pixels)
            bpp = bits_per_pixel(size, info)
        return EqualSize(
            dataset=info.dataset,
            image=frame_name(info.name, number, info.frames),
            pixels=info.pixels,
            target_bpp=self.target_bpp,
            codec=codec,
            version=version,
            setting=setting,
            bytes=size,
            bpp=bpp,
            measures=_measured(self.setting, reference, pixels),
            file=file,
            shown=shown,
        )

    def _write_png(self, name: str, pixels: Pixels) -> None:
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(pixels)).save(buffer, "png")
        self._write(name, buffer.getvalue())

    def _write(self, name: str, data: bytes) -> None:
        Writing(overwrite=True, make_folders=True).write(str(self.folder / name), data)


def _measured(setting: Setting, reference: Pixels, shown: Pixels) -> dict[str, float]:
    """Of one frame; VMAF, which looks at motion, is left out, and so is what fails, as points have told already."""
    values = {}
    for measure in measures_of(setting):
        if isinstance(measure, MeanOfFrames):
            with suppress(Exception):
                values[measure.info.id] = measure.compute(reference, shown)
    return values


def viewer_jobs(
    present: Sequence[BaseCodec],
    footage: Sequence[Footage],
    points: Sequence[Point],
    rates: Sequence[float],
    frames: int,
    setting: Setting,
    folder: Path,
    there: Sequence[EqualSize],
) -> list[ViewerJob]:
    """What the viewer lacks: at every rate, of stills the codecs STILLS and the best quick effort of Wisp that are
    `present`; of clips `frames` frames of those of CLIPS and Wisp's that have two points of it or more."""
    have = {record.key for record in there}
    known: dict[tuple[str, str], dict[str, dict[float, int]]] = defaultdict(lambda: defaultdict(dict))
    for point in points:
        known[point.dataset, point.image][point.codec][point.quality] = point.bytes
    jobs = []
    for each in footage if rates else ():
        info, sizes = each.info, known[each.info.dataset, each.info.name]
        codecs = _of_still(present) if info.frames == 1 else _of_clip(present, sizes)
        if not codecs or info.dataset == RESTORED:
            continue
        numbers = tuple(spread(info.frames, frames))
        names = [frame_name(info.name, number, info.frames) for number in numbers]
        wanted = [(name, codec) for name in names for codec in (ORIGINAL, *(codec.id for codec in codecs))]
        mine = {codec.id: dict(sizes[codec.id]) for codec in codecs}
        for rate in rates:
            if any((info.dataset, name, codec, rate) not in have for name, codec in wanted):
                jobs.append(ViewerJob(each, rate, codecs, mine, numbers, setting, folder))
    return jobs


def _of_still(present: Sequence[BaseCodec]) -> tuple[BaseCodec, ...]:
    quick = [codec for codec in present if is_wisp(codec.id) and not codec.slow]
    return (*(codec for codec in present if codec.id in STILLS), *quick[-1:])


def _of_clip(present: Sequence[BaseCodec], sizes: Mapping[str, Mapping[float, int]]) -> tuple[BaseCodec, ...]:
    others = [codec for codec in present if not is_wisp(codec.id)]
    shown = [codec for codec in others if codec.id in CLIPS] or others[:2]
    shown += [codec for codec in present if is_wisp(codec.id)]
    return tuple(codec for codec in shown if len(sizes.get(codec.id, {})) >= LEAST_POINTS)
