"""Pictures of the report's viewer: JPEG, AVIF and Wisp side by side at equal file size.

JPEG and AVIF have coarse steps of quality, so their files decide: of those near the wanted rate two that are alike in
size are taken. Wisp is then asked for that size, which it meets closely.
"""

from __future__ import annotations

import bisect
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs.interface import ImageCodec
from benchmarks.codecs.wisp import Wisp
from benchmarks.datasets import RESTORED, Sample
from benchmarks.measures import bits_per_pixel
from benchmarks.rd.records import VIEWER, EqualSize, Failure, Record
from benchmarks.rd.worker import Setting, compared, in_words, measures_of, opened, read_sample
from bitstream.errors import TargetError
from codec.files.output import write_output

ORIGINAL = "original"
STEPPED = {"jpeg420": 100, "avif": 100}  # their highest quality; every integer from 1 is a step
WITHIN = 0.02  # largest over smallest file, less 1
ALIKE = 0.015  # the same of JPEG and AVIF alone, to which Wisp is fitted
_MORE = 0.004  # than asked, where Wisp stayed too small
_NEAR = 4  # steps of the first codec to both sides of the wanted rate


@dataclass(frozen=True)
class EqualJob:
    """One picture at one rate, with every codec of `codecs`."""

    sample: Sample
    target_bpp: float
    codecs: tuple[ImageCodec, ...]
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
        sample = self.sample
        return [Failure(sample.dataset, sample.name, VIEWER, self.target_bpp, message)]

    def _made(self) -> list[EqualSize]:
        source, reference, pixels = read_sample(self.sample)
        codecs = {codec.id: opened(codec, self.setting.threads) for codec in self.codecs}
        chosen = equal_files(codecs, source, self.target_bpp)
        original = _png(source)
        records = [self._record(ORIGINAL, "", "as it is", original, "png", source, reference, pixels)]
        for codec_id, file in chosen.items():
            codec = codecs[codec_id]
            shown = codec.decode(file.data)
            records.append(
                self._record(codec_id, codec.version, file.setting, file.data, codec.ending, shown, reference, pixels)
            )
        return records

    def _record(
        self,
        codec: str,
        version: str,
        setting: str,
        data: bytes,
        ending: str,
        shown: NDArray[np.uint8],
        reference: NDArray[np.uint8],
        pixels: str,
    ) -> EqualSize:
        sample = self.sample
        base = f"viewer/{sample.dataset}/{sample.name}/" + (
            codec if codec == ORIGINAL else f"{self.target_bpp:g}bpp-{codec}"
        )
        file, picture = f"{base}.{ending}", f"{base}.png"
        write_output(str(self.folder / file), data, overwrite=True, make_folders=True)
        if picture != file:
            write_output(str(self.folder / picture), _png(shown), overwrite=True, make_folders=True)
        return EqualSize(
            dataset=sample.dataset,
            image=sample.name,
            pixels=pixels,
            target_bpp=self.target_bpp,
            codec=codec,
            version=version,
            setting=setting,
            bytes=len(data),
            bpp=bits_per_pixel(len(data), shown),
            measures=compared(measures_of(self.setting), reference, shown)[0],
            file=file,
            shown=picture,
        )


@dataclass(frozen=True)
class EqualFile:
    """A coded picture, and the setting that made it."""

    data: bytes
    setting: str


def equal_files(codecs: Mapping[str, ImageCodec], pixels: NDArray[np.uint8], target_bpp: float) -> dict[str, EqualFile]:
    """A file of every codec, all as near to one size as they go, near `target_bpp` (or what Wisp can reach)."""
    wanted = target_bpp * pixels.shape[0] * pixels.shape[1] / 8
    wisp = next((codec for codec in codecs.values() if isinstance(codec, Wisp)), None)
    ends = [] if wisp is None else [EqualFile(wisp.encode(pixels, q), f"quality {q}") for q in (0, 100)]
    if ends:
        wanted = min(max(wanted, len(ends[0].data)), len(ends[1].data))
    chosen = _alike({name: _Steps(codecs[name], pixels, STEPPED[name]) for name in codecs if name in STEPPED}, wanted)
    if chosen:
        wanted = max(len(file.data) for file in chosen.values())
    if wisp is not None:
        chosen[wisp.id] = _met(wisp, pixels, int(wanted), ends)
    return chosen


class _Steps:
    """Files of one codec at whole qualities from 1, each made once."""

    def __init__(self, codec: ImageCodec, pixels: NDArray[np.uint8], highest: int) -> None:
        self._highest = highest
        self._at = cache(lambda quality: EqualFile(codec.encode(pixels, quality), f"quality {quality}"))

    def _reaching(self, size: float) -> int:
        """The first quality whose file is so large."""
        return bisect.bisect_left(range(1, self._highest), size, key=lambda quality: len(self._at(quality).data)) + 1

    def around(self, size: float, steps: int) -> list[EqualFile]:
        """Of the qualities so many steps to both sides of `size`."""
        first = self._reaching(size)
        return [self._at(quality) for quality in range(max(first - steps, 1), min(first + steps, self._highest) + 1)]

    def nearest(self, size: float) -> EqualFile:
        """To `size`."""
        return min(self.around(size, 1), key=lambda file: abs(math.log(len(file.data) / size)))


def _alike(steps: Mapping[str, _Steps], wanted: float) -> dict[str, EqualFile]:
    """A file of each: of those within ALIKE of one size the nearest to `wanted`, else the most alike."""
    if not steps:
        return {}
    first, *others = steps.values()
    groups: list[list[EqualFile]] = [
        [file, *(other.nearest(len(file.data)) for other in others)] for file in first.around(wanted, _NEAR)
    ]

    def rank(files: list[EqualFile]) -> tuple[float, float]:
        sizes = [len(file.data) for file in files]
        return max(max(sizes) / min(sizes) - 1, ALIKE), abs(math.log(max(sizes) / wanted))

    best: list[EqualFile] = min(groups, key=rank)
    return dict(zip(steps, best, strict=True))


def _met(wisp: Wisp, pixels: NDArray[np.uint8], size: int, ends: Sequence[EqualFile]) -> EqualFile:
    """Wisp's file of `size`, or where it cannot be met the nearest of `ends`."""
    try:
        for asked in (size, int(size * (1 + _MORE))):  # what is met to 98 % from below may be too small beside `size`
            file = EqualFile(wisp.encode_to_size(pixels, asked), f"at most {asked:,} bytes")
            if len(file.data) * (1 + WITHIN) >= size:
                break
    except TargetError:
        return min(ends, key=lambda end: abs(math.log(len(end.data) / size)))
    return file


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def equal_jobs(
    present: Sequence[ImageCodec],
    samples: Sequence[Sample],
    rates: Sequence[float],
    setting: Setting,
    folder: Path,
    there: Sequence[EqualSize],
) -> list[EqualJob]:
    """What the viewer lacks: of JPEG, AVIF and the best effort of Wisp that are `present`, at every rate."""
    stepped = [codec for codec in present if codec.id in STEPPED]
    quick = [codec for codec in present if isinstance(codec, Wisp) and not codec.slow]
    codecs = (*stepped, *quick[-1:])
    if not codecs:
        return []
    have = {(record.dataset, record.image, record.target_bpp, record.codec) for record in there}
    wanted = {ORIGINAL, *(codec.id for codec in codecs)}
    return [
        EqualJob(sample, rate, codecs, setting, folder)
        for sample in samples
        if sample.dataset != RESTORED
        for rate in rates
        if any((sample.dataset, sample.name, rate, codec) not in have for codec in wanted)
    ]
