"""From what a user names to what is compared; every wrong word is a RequestError that lists the right ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.rd.results import FILE_NAME, read_results
from benchmarks.video.catalog import catalog
from benchmarks.video.interface import VideoCodec
from benchmarks.video.make import size_of
from benchmarks.video.measures import INFOS
from benchmarks.video.sources import Source, folder_sources, own_sources
from bitstream.errors import RequestError

ANCHOR = "x264-medium"
INTRA = "-intra"  # at the end of an all-intra codec's id
NO_SEQUENCES = ("none",)


def chosen_codecs(names: Sequence[str], *, quick: bool) -> list[VideoCodec]:
    """Codecs by id in the order of reports; without `names` the usual ones, with `quick` one preset of each."""
    found = catalog()
    unknown = [name for name in names if name not in found]
    if unknown:
        raise RequestError(f"no codec is called {', '.join(unknown)}; there are {', '.join(found)}")
    if names:
        return [codec for name, codec in found.items() if name in names]
    return [codec for codec in found.values() if (codec.quick if quick else codec.usual)]


def chosen_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Measures by id; all without `names`."""
    unknown = [name for name in names if name not in INFOS]
    if unknown:
        raise RequestError(f"no measure is called {', '.join(unknown)}; there are {', '.join(INFOS)}")
    return tuple(name for name in INFOS if not names or name in names)


def chosen_sources(names: Sequence[str], videos: Sequence[str], size: str, frames: int) -> list[Source]:
    """The benchmark's own sequences (`names`, or all; none of them for "none", or without `names` where there are
    `videos`), then the videos of folders. Raises RequestError, FileAccessError."""
    sources: list[Source] = []
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


def check_anchor(anchor: str | None, names: Sequence[str], folder: Path) -> None:
    """Raises RequestError for an anchor that neither takes part nor has points in `folder`'s results."""
    if anchor is None or anchor in names:
        return
    if anchor not in catalog():
        raise RequestError(f"no codec is called {anchor}; there are {', '.join(catalog())}")
    if names:
        path = folder / FILE_NAME
        there = {point.codec for point in read_results(path).points} if path.exists() else set()
        if anchor not in there:
            raise RequestError(f"the anchor {anchor} is not among {', '.join(names)}")


def anchors_of(anchor: str, codecs: Sequence[str]) -> list[str]:
    """Of the codecs that have points: `anchor`, and its twin that is all intra, or is not; else the first codec."""
    twin = anchor.removesuffix(INTRA) if anchor.endswith(INTRA) else anchor + INTRA
    return [name for name in (anchor, twin) if name in codecs] or list(codecs[:1])
