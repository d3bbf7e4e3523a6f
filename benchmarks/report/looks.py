"""How codecs look in every figure. Colours are CSS variables of style.css, so that one figure serves light and dark."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks.report.content import CodecShown
from benchmarks.report.plots import COLOURS, Json
from benchmarks.report.words import plain

SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "x", "triangle-down", "pentagon")
MEASURED, PUBLISHED = ("solid", "dot", "dashdot"), ("dash", "longdash", "longdashdot")
SHOWN: Json = {"annotations": [], "xaxis": {"visible": True}, "yaxis": {"visible": True}}  # after `empty`
_COLOURS = {"wisp": 4, "series": COLOURS}  # how many of each there are in style.css
_LABEL = 26  # characters a line


@dataclass(frozen=True)
class Look:
    """The same in every figure."""

    colour: str
    symbol: str
    dash: str


def looks_of(codecs: Iterable[CodecShown]) -> dict[str, Look]:
    """By codec; a colour that comes again has another symbol and another dash."""
    seen: Counter[str] = Counter()
    uses: Counter[tuple[bool, str]] = Counter()
    found = {}
    for codec in codecs:
        family = "wisp" if codec.wisp else "series"
        number = seen[family]
        seen[family] += 1
        turn, place = divmod(number, _COLOURS[family])
        colour = f"var(--{family}-{place})"
        dashes = PUBLISHED if codec.published else MEASURED
        dash = dashes[uses[codec.published, colour] % len(dashes)]
        uses[codec.published, colour] += 1
        found[codec.id] = Look(colour, SYMBOLS[(number + 3 * turn) % len(SYMBOLS)], dash)
    return found


def label(title: str, lines: int = 2) -> str:
    """A title for legends and axes: on `lines` lines at most, and cut where it is longer still, so that it leaves the
    figure its room."""
    rows = textwrap.wrap(title, _LABEL) or [title]
    if len(rows) > lines:
        rows = [*rows[: lines - 1], rows[lines - 1][: _LABEL - 1] + "\u2026"]
    return "<br>".join(map(plain, rows))


def widths(codecs: Iterable[CodecShown], wide: int, narrow: int) -> dict[str, Any]:
    """By the page's width: the legend beside the figure, `wide` pixels high, or below it, `narrow` ones above that."""
    lines = sum(1 + label(codec.title).count("<br>") for codec in codecs)
    order = {"traceorder": "reversed"}  # Wisp is drawn last, above the others, and named first
    beside = {"orientation": "v", "x": 1.02, "y": 1}
    below = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom", "maxheight": 0.9,
             "entrywidthmode": "fraction", "entrywidth": 1}  # fmt: skip
    room = 19 * lines + 30
    return {
        "wide": {"layout": {"height": max(wide, 60 + 19 * lines), "legend": {**order, **beside}}},
        "narrow": {"layout": {"height": narrow + room, "legend": {**order, **below}, "margin": {"b": room + 40}}},
    }


def empty(reason: str) -> dict[str, Any]:
    """In place of a layout's axes where there is nothing to draw."""
    text = {"text": reason.replace(": ", ":<br>").replace(", or ", "<br>or "), "showarrow": False, "x": 0.5, "y": 0.5,
            "xref": "paper", "yref": "paper", "font": {"size": 13}}  # fmt: skip
    return {"annotations": [text], "xaxis": {"visible": False}, "yaxis": {"visible": False}}
