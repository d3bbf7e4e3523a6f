"""From what a user names to what is compared; every wrong word is a RequestError that lists the right ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.codecs.catalog import catalog
from benchmarks.codecs.interface import ImageCodec
from benchmarks.datasets import (
    BUNDLED,
    ReleasedJpeg,
    Sample,
    chosen_samples,
    released_jpegs,
    restoration_samples,
)
from benchmarks.measures.catalog import EXTRA, STANDARD
from benchmarks.rd.plan import quick_samples
from benchmarks.rd.records import Curve
from benchmarks.rd.released import RELEASED
from benchmarks.rd.results import FILE_NAME, read_results
from benchmarks.rd.tables import read_curve
from bitstream.errors import RequestError

SLOW_EFFORTS = (5, 7, 9)
ALL = "all"


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
    unknown = [name for name in names if name not in found]
    if unknown:
        raise RequestError(f"no codec is called {', '.join(unknown)}; there are {', '.join(found)}")
    if names:
        return [codec for name, codec in found.items() if name in names]
    wanted = {*efforts, *(SLOW_EFFORTS if slow else ())}
    return [
        codec
        for name, codec in found.items()
        if (int(name[6:]) in wanted if _names_effort(name) else slow or not codec.slow)
    ]


def check_anchor(anchor: str | None, names: Sequence[str], folder: Path) -> None:
    """Raises RequestError for an anchor that neither takes part nor has points in `folder`'s results."""
    if anchor is None or anchor in names:
        return
    if names:
        path = folder / FILE_NAME
        there = {point.codec for point in read_results(path).points} if path.exists() else set()
        if anchor not in there:
            raise RequestError(f"the anchor {anchor} is not among {', '.join(names)}")
    elif anchor not in catalog(efforts=range(1, 10)) and anchor != RELEASED.id:
        raise RequestError(f"no codec is called {anchor}; there are {', '.join(catalog())}")


def _names_effort(name: str) -> bool:
    return name.startswith("wisp-e") and name[6:] in {str(effort) for effort in range(1, 10)}


def chosen_measures(names: Sequence[str]) -> tuple[str, ...]:
    """Measures by id; without `names` the four that need nothing more, "all" for every one."""
    known = (*STANDARD, *EXTRA)
    unknown = [name for name in names if name not in (*known, ALL)]
    if unknown:
        raise RequestError(f"no measure is called {', '.join(unknown)}; there are {', '.join(known)}, {ALL}")
    if ALL in names:
        return known
    return tuple(name for name in known if name in names) if names else tuple(STANDARD)


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


def chosen_curve(text: str) -> Curve:
    """A published curve from NAME=FILE. Raises RequestError, and as `read_curve`."""
    name, equals, file = text.partition("=")
    if not equals or not name or not file:
        raise RequestError(f"a curve is given as NAME=FILE, not {text}")
    return read_curve(name, Path(file).expanduser())
