"""Plotly figures as the page takes them: one look, colours for light and dark, and layers that follow choices.

A figure is a list of layers, put on top of each other by page/figures.js: a layer has one state for every combination
of the choices in `by` (dataset, measure, anchor, ...), with the parts of the figure (`data`, `layout`) that follow from
them. So what is chosen for the whole page changes every figure, and nothing is kept twice. The first layer of each is
a whole figure. Most figures have no more than that one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
COLOURS = 8  # of series in style.css, var(--series-0) and so on; besides them Wisp's, var(--wisp-0) to 3
_CLEAR = "rgba(0,0,0,0)"


@dataclass
class Figures:
    """What a page draws: `layers` by name, the layers of each figure, and those of texts and of selects."""

    layers: dict[str, Json] = field(default_factory=dict)
    figures: dict[str, list[str]] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def layer(self, name: str, by: Iterable[str], states: Mapping[str, Any]) -> str:
        """Add one -> its name."""
        self.layers[name] = {"by": list(by), "states": states}
        return name


def figure(traces: Iterable[Json], **layout: Any) -> Json:
    """A whole Plotly figure in the look of the page, checked by Plotly (ValueError).

    `traces` and `layout` are what Plotly's figures take. A colour may be a CSS variable of style.css, `var(--ink)`;
    traces without a colour get var(--series-1) and on.
    """
    import plotly.graph_objects as go

    found: Json = go.Figure(data=list(traces), layout=_look(layout)).to_plotly_json()
    found["layout"].pop("template", None)
    return found


def short(value: float | None, digits: int = 6) -> float | None:
    """Few digits, for a small page; None where there is no finite value."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{digits}g}")


def _look(layout: Json) -> Json:
    """What all figures have in common, and `layout`."""
    axis = {"gridcolor": "var(--grid)", "linecolor": "var(--line)", "zerolinecolor": "var(--line)", "ticks": "",
            "zeroline": False, "automargin": True, "title": {"standoff": 12}}  # fmt: skip
    return {
        "autosize": True, "paper_bgcolor": _CLEAR, "plot_bgcolor": _CLEAR, "hovermode": "closest", "template": None,
        "uirevision": "page", "showlegend": True, "font": {"size": 12, "color": "var(--soft)"},
        "margin": {"l": 16, "r": 16, "t": 28, "b": 16}, "height": 420,
        "colorway": [f"var(--series-{(number + 1) % COLOURS})" for number in range(COLOURS)],
        "hoverlabel": {"bgcolor": "var(--raised)", "bordercolor": "var(--line)", "align": "left",
                       "font": {"size": 13, "color": "var(--ink)"}},
        "modebar": {"bgcolor": _CLEAR, "color": "var(--soft)", "activecolor": "var(--ink)"},
        "legend": {"font": {"color": "var(--ink)"}, "itemsizing": "trace"},
        **layout, "xaxis": {**axis, **layout.get("xaxis", {})}, "yaxis": {**axis, **layout.get("yaxis", {})},
    }  # fmt: skip
