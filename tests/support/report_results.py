"""Small results of the benchmark for tests of its report: two datasets, real pictures, names that could do harm."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.datasets import DEMO_PICTURE, read_picture
from benchmarks.measures import psnr
from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.records import Absence, CodecInfo, Curve, EqualSize, Failure, Point, Run
from benchmarks.rd.results import Results

HOSTILE = '"é\'&amp;<b>%{x}{{data}}</script><img src=x onerror="window.harmed=1">'
DATASETS = {"first": ("monarch", HOSTILE), "second": ("wing", "flowers", "leaf")}
CODECS = {"jpeg420": "JPEG 4:2:0", "other": f"Other {HOSTILE}", "wisp-e4": "Wisp, effort 4"}
INFOS = {
    info.id: info
    for info in (
        MeasureInfo("psnr", "PSNR", "dB", True, "of all samples"),
        MeasureInfo("distance", "Distance", "", False, f"a paper {HOSTILE}"),
        MeasureInfo("unseen", "Unseen", "", True, "in no result"),
    )
}
PUBLISHED = Curve(f"Published {HOSTILE}", "curves/paper.json", (0.2, 0.5, 1.1), {"psnr": (29.0, 33.0, 37.5)})
_SAVING = {"jpeg420": 1.0, "other": 0.8, "wisp-e4": 0.5}  # rate for JPEG's quality


def point(dataset: str, image: str, codec: str, quality: float, bpp: float, measures: Mapping[str, float]) -> Point:
    """A point of a picture of 96x64."""
    return Point(
        dataset=dataset,
        image=image,
        pixels="0" * 16,
        width=96,
        height=64,
        codec=codec,
        version="1",
        options={},
        quality=quality,
        bytes=round(bpp * 96 * 64 / 8),
        bpp=bpp,
        measures=measures,
        encode_seconds=0.01 / _SAVING.get(codec, 1),
        decode_seconds=0.002,
        threads=1,
        jobs=2,
        command="",
    )


def points() -> list[Point]:
    """Five qualities of each picture and codec. Pictures and datasets differ, and so do the codecs' slopes."""
    found = []
    for number, (dataset, images) in enumerate(DATASETS.items()):
        for place, image in enumerate(images):
            for codec, saving in _SAVING.items():
                for step in range(5):
                    bpp = 0.1 * 2**step * saving * (1 + 0.2 * place) * (1 + 0.1 * number * saving)
                    value = 27 + 3 * step + 0.4 * place + 0.3 * step * saving
                    measures = {"psnr": value, "distance": 5 - step * (0.9 + 0.1 * saving)}
                    found.append(point(dataset, image, codec, 20 * step, bpp, measures))
    return found


def run() -> Run:
    """A run that had all codecs, and lacked one more and a measure."""
    return Run(
        started="2026-02-03T04:05:06+00:00",
        command=f"wisp bench rd {HOSTILE}",
        machine={"processor": "A processor", "cores": "2"},
        versions={"pillow": "12.0"},
        jobs=2,
        threads=1,
        codecs=tuple(CodecInfo(name, title, "1.0", {}, f"encode {name}") for name, title in CODECS.items()),
        measures={"psnr": "1", "distance": "2"},
        absent=(
            Absence("far", "Far codec", "codec", "no program far", f"fetch far {HOSTILE}"),
            Absence("lost", "Lost measure", "measure", "no package lost", "pip install lost"),
        ),
    )


def jpeg(pixels: NDArray[np.uint8], quality: int) -> bytes:
    """Pillow's."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "jpeg", quality=quality)
    return buffer.getvalue()


def equal_pictures(folder: Path, dataset: str, image: str, stem: str, *, left: int) -> list[EqualSize]:
    """Original, JPEG and a "Wisp" picture at two rates, written to `folder`; `left` chooses the crop of 96x64.

    Wisp's size is 3 % off at the higher rate.
    """
    pixels = np.ascontiguousarray(read_picture(DEMO_PICTURE)[200:264, left : left + 96])
    records = []

    def add(target: float, codec: str, size: int, data: bytes, ending: str, shown: NDArray[np.uint8]) -> None:
        file, picture = f"{stem}-{target:g}-{codec}.{ending}", f"{stem}-{target:g}-{codec}.png"
        (folder / file).write_bytes(data)
        Image.fromarray(shown).save(folder / picture)
        values = {"psnr": psnr(pixels, shown), "distance": 1.0}
        bpp = size * 8 / 96 / 64
        records.append(
            EqualSize(dataset, image, "0" * 16, target, codec, "1", "quality", size, bpp, values, file, picture)
        )

    for target, quality in ((0.5, 10), (1.5, 50)):
        coded = jpeg(pixels, quality)
        shown = np.asarray(Image.open(io.BytesIO(coded)))
        better = ((pixels.astype(int) * 3 + shown) // 4).astype(np.uint8)
        add(target, "original", 18000, b"", "raw", pixels)
        add(target, "jpeg420", len(coded), coded, "jpg", shown)
        add(target, "wisp-e4", round(len(coded) * (0.99 if target < 1 else 1.03)), b"wisp", "wisp", better)
    return records


def whole(folder: Path) -> Results:
    """Everything that a report can show."""
    results = Results(runs=[run()], points=points(), curves=[PUBLISHED])
    results.failures = [
        Failure("first", "monarch", "other", 100, f"too much {HOSTILE}"),
        Failure("first", "monarch", "jpeg420", 20, "made by a later run"),
    ]
    results.equal = [
        *equal_pictures(folder, "first", "monarch", "a", left=300),
        *equal_pictures(folder, "first", HOSTILE, "b", left=100),
        *equal_pictures(folder, "second", "wing", "c", left=400),
    ]
    return results


def partial(folder: Path) -> dict[str, Results]:
    """Results that lack something, by what they lack."""
    lonely = [p for p in points() if p.codec == "wisp-e4" and p.image == "monarch"]
    exact = [point("first", "monarch", codec, 100, 9.0, {"psnr": math.inf}) for codec in CODECS]
    uneven = [p for p in points() if p.dataset == "second" and not (p.image == "leaf" and p.codec == "other")]
    thinned = [
        point(p.dataset, p.image, p.codec, p.quality, p.bpp, {"psnr": p.measures["psnr"]}) if index % 3 else p
        for index, p in enumerate(points())
    ]
    gone = equal_pictures(folder, "first", "monarch", "gone", left=0)
    (folder / gone[2].shown).unlink()
    return {
        "everything": Results(),
        "all but a run": Results(runs=[run()]),
        "pictures": Results(runs=[run()], points=points()),
        "runs": Results(points=points()),
        "other codecs": Results(runs=[run()], points=lonely),
        "other points": Results(runs=[run()], points=lonely[:1]),
        "finite values": Results(runs=[run()], points=exact),
        "a picture of one codec": Results(runs=[run()], points=uneven, curves=[PUBLISHED]),
        "values of a measure": Results(runs=[run()], points=thinned),
        "points of the viewer": Results(equal=equal_pictures(folder, "first", "monarch", "alone", left=0)),
        "an original": Results(points=points(), equal=equal_pictures(folder, "first", "monarch", "bare", left=0)[1:3]),
        "all but the original": Results(equal=equal_pictures(folder, "first", "monarch", "only", left=0)[:1]),
        "a file of the viewer": Results(points=points(), equal=gone),
        "points, with a published curve": Results(curves=[PUBLISHED]),
    }
