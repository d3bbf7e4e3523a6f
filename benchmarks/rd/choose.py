"""From what a user names to what is compared; every wrong word is a RequestError that lists the right ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.codecs.catalog import catalog, video_catalog
from benchmarks.codecs.interface import BaseCodec, ImageCodec, VideoCodec
from benchmarks.datasets import (
    BUNDLED,
    ReleasedJpeg,
    Sample,
    chosen_samples,
    released_jpegs,
    restoration_samples,
)
from benchmarks.measures.catalog import OF_CLIPS, STANDARD, check_measures, infos_of
from benchmarks.rd.plan import quick_samples
from benchmarks.rd.records import Curve
from benchmarks.rd.released import RELEASED
from benchmarks.rd.results import FILE_NAME, read_results
from benchmarks.rd.tables import read_curve
from benchmarks.sequences import size_of
from benchmarks.videos import Video, folder_sources, own_sources
from bitstream.errors import RequestError

SLOW_EFFORTS = (5, 7, 9)
ALL = "all"
NO_SEQUENCES = ("none",)
PICTURE_ANCHOR, CLIP_ANCHOR = "jpeg420", "x264-medium"


def chosen_codecs(
    names: Sequence[str],
    efforts: Sequence[int],
    *,
    slow: bool,
    model: str | None = None,
    compressai_weights: Path | None = None,
) -> list[ImageCodec]:
    """Codecs by id in the order of reports; without `names` all, those that take minutes a point only with `slow`."""
    every = sorted({*efforts, *SLOW_EFFORTS, *(int(name[6:]) for name in names if _names_effort(name))})
    found = catalog(efforts=every, model=model, compressai_weights=compressai_weights)
    if names:
        return _named(names, found)
    wanted = {*efforts, *(SLOW_EFFORTS if slow else ())}
    return [
        codec
        for name, codec in found.items()
        if (int(name[6:]) in wanted if _names_effort(name) else slow or not codec.slow)
    ]


def chosen_video_codecs(names: Sequence[str], *, quick: bool) -> list[VideoCodec]:
    """Codecs by id in the order of reports; without `names` the usual ones, with `quick` one preset of each."""
    found = video_catalog()
    if names:
        return _named(names, found)
    return [codec for codec in found.values() if (codec.quick if quick else codec.usual)]


_Kind = TypeVar("_Kind", bound=BaseCodec)


def _named(names: Sequence[str], found: Mapping[str, _Kind]) -> list[_Kind]:
    unknown = [name for name in names if name not in found]
    if unknown:
        raise RequestError(f"no codec is called {', '.join(unknown)}; there are {', '.join(found)}")
    return [codec for name, codec in found.items() if name in names]


def check_anchor(anchor: str | None, names: Sequence[str], folder: Path, *, clips: bool = False) -> None:
    """Raises RequestError for an anchor that neither takes part nor has points in `folder`'s results."""
    if anchor is None or anchor in names:
        return
    found = video_catalog() if clips else catalog(efforts=range(1, 10))
    if names:
        path = folder / FILE_NAME
        there = {point.codec for point in read_results(path).points} if path.exists() else set()
        if anchor not in there:
            raise RequestError(f"the anchor {anchor} is not among {', '.join(names)}")
    elif anchor not in found and anchor != RELEASED.id:
        raise RequestError(f"no codec is called {anchor}; there are {', '.join(found)}")


def _names_effort(name: str) -> bool:
    return name.startswith("wisp-e") and name[6:] in {str(effort) for effort in range(1, 10)}


def chosen_measures(names: Sequence[str], *, clips: bool = False) -> tuple[str, ...]:
    """Measures by id, "all" for every one; without `names` those of pictures or clips that need nothing more."""
    known = infos_of(clips=clips)
    check_measures([name for name in names if name != ALL], (*known, ALL))
    if ALL in names:
        return tuple(known)
    wanted = names or (OF_CLIPS if clips else STANDARD)
    return tuple(name for name in known if name in wanted)


def chosen_pictures(
    images: Sequence[str], live_root: Path | None, side: int | None, *, quick: bool
) -> tuple[list[Sample], list[ReleasedJpeg]]:
    """Pictures to be coded, and those that the LIVE release has coded already. Raises as benchmarks/datasets.py."""
    jpegs: list[ReleasedJpeg] = []
    if live_root is None:
        samples = chosen_samples(images, side)
    else:
        if side is not None:
            raise RequestError("--resize cannot be had with --live-root: the release's JPEG pictures are as they are")
        jpegs = released_jpegs(live_root)
        references = list(dict.fromkeys(jpeg.reference for jpeg in jpegs))
        samples = [*references, *(chosen_samples(images) if images else ())]
        if any(sample.dataset == BUNDLED for sample in samples[len(references) :]):
            raise RequestError(f"--live-root brings the set {BUNDLED} itself")
    if quick:
        samples = quick_samples(samples)
        names = {sample.name for sample in samples if sample.dataset == BUNDLED}
        jpegs = [jpeg for jpeg in jpegs if jpeg.reference.name in names]
    return [*samples, *restoration_samples(jpegs)], jpegs


def chosen_sources(names: Sequence[str], videos: Sequence[str], size: str, frames: int) -> list[Video]:
    """The benchmark's own sequences (`names`, or all; none of them for "none", or without `names` where there are
    `videos`), then the videos of folders. Raises RequestError, FileAccessError."""
    sources: list[Video] = []
    if names != NO_SEQUENCES and (names or not videos):
        sources = own_sources(size_of(size), frames, names)
    for text in videos:
        found = folder_sources(text, frames)
        if any(source.dataset == found[0].dataset for source in sources):
            raise RequestError(f"two sets are called {found[0].dataset}: write NAME=DIR for one of them")
        sources += found
    if not sources:
        raise RequestError("nothing to code: name sequences or a folder of videos")
    return sources


def chosen_curve(text: str) -> Curve:
    """A published curve from NAME=FILE. Raises RequestError, and as `read_curve`."""
    name, equals, file = text.partition("=")
    if not equals or not name or not file:
        raise RequestError(f"a curve is given as NAME=FILE, not {text}")
    return read_curve(name, Path(file).expanduser())
