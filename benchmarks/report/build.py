"""Puts the page together: one HTML file with its data, pictures, styles and scripts inside.

Whatever comes from results (names of pictures and curves, command lines) gets into the page in one of two ways only:
as JSON without a "<", which the scripts put into text nodes, or through `html.escape`. A content security policy
allows the page's own scripts by their hashes, and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.results import Results
from benchmarks.report.clips import PICTURE_WORDS, SEQUENCE_WORDS, Clips
from benchmarks.report.data import report_data
from benchmarks.report.pictures import Pictures

SCRIPTS = ("common", "head", "legend", "curves", "table", "speed", "images", "stage", "viewer", "main")


def build_report(results: Results, folder: Path, infos: Mapping[str, MeasureInfo], clips: Clips | None = None) -> str:
    """The HTML of `results`; `folder` holds the files that its records of equal size name.

    `infos` are the measures that may occur, by id, in the order in which the page offers them. With `clips`
    the results are of sequences.
    """
    from plotly.offline import get_plotlyjs

    pictures = Pictures(folder)
    data = report_data(results, infos, pictures, clips)
    plotly = _script_text(get_plotlyjs())
    script = _script_text("\n".join(_part(f"{name}.js") for name in SCRIPTS))
    count = sum(not codec["published"] for codec in _listed(data["codecs"]))
    return _filled(
        _part("page.html"),
        {
            **(PICTURE_WORDS if clips is None else SEQUENCE_WORDS),
            "title": html.escape(f"Wisp: rate and distortion of {count} codec{'' if count == 1 else 's'}"),
            "policy": _policy(plotly, script),
            "style": _part("style.css"),
            "data": _json_text(data),
            "pictures": "\n".join(
                f'<script type="text/plain" id="{name}" data-type="{media_type}">{text}</script>'
                for name, media_type, text in pictures
            ),
            "plotly": plotly,
            "script": script,
        },
    )


def write_report(
    path: Path, results: Results, folder: Path, infos: Mapping[str, MeasureInfo], clips: Clips | None = None
) -> None:
    """Write `build_report`'s page to `path`, whole or not at all. Raises FileAccessError."""
    from codec.files.output import Writing

    Writing(overwrite=True).write(str(path), build_report(results, folder, infos, clips).encode())


def _part(name: str) -> str:
    return files("benchmarks.report").joinpath("page", name).read_text("utf-8")


def _listed(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []


def _filled(page: str, texts: Mapping[str, str]) -> str:
    """`page` with each {{name}} replaced, in one pass: what a text itself holds is left alone."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: texts[found[1]], page)


def _json_text(data: object) -> str:
    """JSON that may stand inside a script element, and in a file: a path on a command line may be no UTF-8."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").encode("utf-8", "replace").decode()


def _script_text(text: str) -> str:
    """A script that cannot end its own element; with the line ends that a browser sees when it takes the hash."""
    text = re.sub(r"<(/script|!--)", r"<\\\1", text, flags=re.IGNORECASE)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _policy(*scripts: str) -> str:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
