"""Everything that changes with a choice: the figures, the texts beside them, and what the selects offer."""

from __future__ import annotations

from benchmarks.measures.interface import MeasureInfo
from benchmarks.report import words
from benchmarks.report.comparisons import COMPARISON, add_comparisons, compared
from benchmarks.report.content import Content, DatasetShown
from benchmarks.report.curves import MEAN, add_curves
from benchmarks.report.plots import Figures, Json
from benchmarks.report.words import LOW_OVERLAP, counted


def figures_of(content: Content) -> Figures:
    """All of it."""
    found = Figures()
    _choices(found, content)
    add_curves(found, content)
    add_comparisons(found, content)
    found.texts.append(found.layer("comparison texts", COMPARISON, compared(content, _texts)))
    return found


def _choices(found: Figures, content: Content) -> None:
    """What the selects offer, and the texts that follow from the dataset."""
    one = content.words["one"]
    images, texts, anchors = {}, {}, {}
    for d, dataset in enumerate(content.datasets):
        mean = [MEAN, f"mean of {counted(len(dataset.images), one)}"]
        images[str(d)] = [mean, *([str(i), name] for i, name in enumerate(dataset.images))]
        codecs = len({point.codec for point in dataset.points})
        texts[str(d)] = {
            "title": f"{counted(codecs, 'codec')} on {counted(len(dataset.images), one)}",
            "fact-dataset": dataset.name, "fact-points": f"{len(dataset.points):,}",
            "lede": words.ranges(content, dataset, next(iter(content.measures), None)),
        }  # fmt: skip
        for m, info in enumerate(content.measures):
            ids = content.anchors(dataset, info.id)
            anchors[f"{d}/{m}"] = [[codec, content.codecs[codec].title] for codec in ids]
    found.options["curve-image"] = found.layer("image options", ["dataset"], images)
    found.options["anchor"] = found.layer("anchor options", ["dataset", "measure"], anchors)
    found.texts.append(found.layer("dataset texts", ["dataset"], texts))


def _texts(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    """Beside the figures that an anchor changes."""
    rows = dataset.compared(info.id, anchor)
    held, many = content.codecs[anchor].title, content.words["many"]
    like = (" All-intra codecs code every frame on its own, predicted ones from other frames: compare like with like."
            if content.clips else "")  # fmt: skip
    timed = [codec for codec, row in rows.items() if row.averaged and codec in dataset.seconds]
    without = [content.codecs[codec].title for codec in rows
               if codec not in timed and not content.codecs[codec].published]  # fmt: skip
    what, way = ("Median speed of a warm process", "up") if content.clips else ("Median time of a warm call", "down")
    note = f" No time or no BD-rate: {', '.join(without)}." if without else ""
    low = any(rate.overlap < LOW_OVERLAP for row in rows.values() for rate in row.per_image.values())
    images = any(row.per_image for row in rows.values())
    return {
        "lede": words.lede(content, dataset, info, anchor),
        "bd-intro": f"Rate at equal {info.title} against {held}, by piecewise cubic (PCHIP) interpolation. Dots are "
        f"{many}, the bar is the averaged number; their axis is logarithmic, so half the size is as far from 0 as "
        f"twice the size.{like}",
        "speed-intro": f"{what}, and rate at equal {info.title} (averaged curves); {way} and to the left is better."
        if timed else "",
        "speed-note": f"{words.conditions(dataset)}{note}".strip(),
        "images-intro": f"Against {held}, at equal {info.title}, from most to least saved by the best Wisp. A name in "
        f"the legend shows that codec. A click on a dot shows that {content.words['one']} above." if images else "",
        "images-note": "Hollow dots: the two ranges of quality overlap by less than half." if low and images else "",
    }  # fmt: skip
