"""Numbers and sentences of the report."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import BdRow
from benchmarks.report.content import Content, DatasetShown, finite

FEW_SETTINGS = 5  # with fewer, BD-rate is a first look
LOW_OVERLAP = 0.5
NOTHING = "\u2013"
BD_NOTE = """<p class="note">Negative numbers mean smaller files at the same quality, positive ones larger files. The
averaged number compares the mean rates and mean distortions of all {many} at each setting. It flatters codecs that
spend about the same rate on every {one}; the mean of the {many}' own numbers does not, so both are given. The overlap
is the part of the two ranges of quality that both codecs reach: below 50&nbsp;% (<span class="low">marked so</span>)
the number rests on a small part of the curves.</p>"""


def plain(text: str) -> str:
    """Text for Plotly, which reads some markup."""
    return escape(text, quote=False)


def counted(number: int, noun: str) -> str:
    """ "1 codec", "2 codecs"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def signed(percent: float) -> str:
    """ "+1.2 %", with a minus sign where there is one."""
    text = f"{percent:+.0f}" if abs(percent) >= 1000 else f"{percent:+.1f}"
    return f"{'0.0' if float(text) == 0 else text.replace('-', chr(0x2212))}\u00a0%"


def valued(value: float, info: MeasureInfo) -> str:
    """A measure's value with its unit."""
    number = f"{value:.{4 if abs(value) < 2 else 2}f}".replace("-", "\u2212")
    return f"{number}\u00a0{info.unit}" if info.unit else number


def headed(info: MeasureInfo) -> str:
    """A measure's title with its unit."""
    return f"{info.title} ({info.unit})" if info.unit else info.title


def best_wisp(content: Content, rows: Iterable[BdRow], anchor: str) -> BdRow | None:
    """Of rows in the order of their BD-rate the best Wisp's; of efforts that are equal to 0.05 points the highest."""
    own = [row for row in rows if content.codecs[row.codec].wisp and row.averaged and row.codec != anchor]
    equal = [row for row in own if _percent(row) - _percent(own[0]) <= 0.05]
    return max(equal, key=lambda row: int((re.search(r"-e(\d+)", row.codec) or [0, 0])[1]), default=None)


def _percent(row: BdRow) -> float:
    return row.averaged.percent if row.averaged else 0.0


def lede(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> str:
    """One sentence: the best Wisp against the anchor, else the ranges of rate and quality."""
    row = best_wisp(content, dataset.rows(info.id, anchor).values(), anchor)
    settings = _few_settings(dataset)
    if row and row.averaged and not content.codecs[anchor].wisp:
        percent, title = row.averaged.percent, content.codecs[row.codec].title
        size = f"{abs(percent):.1f}\u00a0% {'smaller' if percent < 0 else 'larger'}"
        return (f"At equal {info.title}, files of {title} are {size} than those of {content.codecs[anchor].title} "
                f"(BD-rate of averaged curves{settings}).")  # fmt: skip
    return ranges(content, dataset, info)


def ranges(content: Content, dataset: DatasetShown, info: MeasureInfo | None) -> str:
    """From where to where the points go, exact ones apart."""
    measured = list(dict.fromkeys(point.codec for point in dataset.points))
    if not measured:
        return ""
    name = f"{content.codecs[measured[0]].title}: " if len(measured) == 1 else ""
    rate = f"{_between([p.bpp for p in dataset.points], lambda bpp: f'{bpp:.2g}')} bits per pixel"
    values = [v for p in dataset.points if info and finite(v := p.measures.get(info.id, math.nan))]
    if info and values:
        rate += f", {info.title} {_between(values, lambda value: valued(value, info))}"
    return f"{name}{rate}{_few_settings(dataset)}."


def _between(numbers: Sequence[float], worded: Callable[[float], str]) -> str:
    low, high = worded(min(numbers)), worded(max(numbers))
    return low if low == high else f"{low} to {high}"


def _few_settings(dataset: DatasetShown) -> str:
    """ ", 4 settings a codec" where no codec has more than a few; nothing is said of codecs that were not run here."""
    counts: dict[str, int] = {}
    for (codec, _), count in Counter((point.codec, point.image) for point in dataset.points).items():
        if codec in dataset.seconds:
            counts[codec] = max(count, counts.get(codec, 0))
    if not counts or max(counts.values()) >= FEW_SETTINGS:
        return ""
    low, high = min(counts.values()), max(counts.values())
    return f", {f'{low} to ' if low < high else ''}{counted(high, 'setting')} a codec"


def conditions(dataset: DatasetShown) -> str:
    """Under what the times were taken."""
    threads = " or ".join(counted(n, "thread") for n in sorted({point.threads for point in dataset.points}))
    most = max((point.jobs for point in dataset.points), default=1)
    if not threads:
        return ""
    if most == 1:
        return f"Each codec was allowed {threads}. Nothing else of the benchmark ran at the same time."
    return (f"Each codec was allowed {threads}. Up to {most} processes ran at a time, so times are longer than those "
            "of a codec alone on the machine.")  # fmt: skip
