"""A page of titled sections in one HTML file that needs no network: text, tables, pictures and Plotly figures.

    loss = figure([{"x": steps, "y": losses, "name": "loss"}], xaxis={"title": {"text": "step"}})
    page = build_page("Training", [
        Section("Loss", ["Of the training pictures.", Plot(loss)]),
        Section("Pictures", [picture(webp, "after 1000 steps"), table(["Name", "PSNR"], [["monarch", "33.1"]])]),
    ])
    write_page(path, page)

Whatever is a plain string gets into the page escaped, or as JSON without a "<", which scripts put into text nodes and
into Plotly's figures. Only `Html` is taken as it is. A content security policy allows the page's own scripts by their
hashes, and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from benchmarks.report.plots import Figures, Json


class Html(str):
    """Text that is HTML already."""


@dataclass(frozen=True)
class Plot:
    """A figure of `plots.figure`, or of Plotly's `to_plotly_json`."""

    figure: Json


Part: TypeAlias = "str | Plot"  # a string that is not Html makes a paragraph


@dataclass(frozen=True)
class Section:
    """Parts under a title; `name` is the id of the element, for links."""

    title: str
    parts: Sequence[Part]
    name: str = ""


def build_page(
    title: str,
    sections: Iterable[Section],
    *,
    kicker: str = "Wisp",
    lede: str = "",
    head: str = "",
    nav: str = "",
    figures: Figures | None = None,
    holders: str = "",
    scripts: Sequence[str] = (),
) -> str:
    """The HTML of a page.

    `kicker` is a line above the title, `lede` one below it, `head` and `nav` the HTML below that, the latter stays in
    sight. `figures` are those that follow choices, each drawn into the element of its name. `holders` are elements with
    data for `scripts`, files of the folder page/.
    """
    from plotly.offline import get_plotlyjs

    found = figures or Figures()
    body = "\n".join(_section(section, number, found) for number, section in enumerate(sections))
    plotly = _script_text(get_plotlyjs())
    script = _script_text("\n".join(part(f"{name}.js") for name in ("figures", *scripts)))
    return filled(
        part("page.html"),
        {
            "title": escape(title),
            "policy": _policy(plotly, script),
            "style": part("style.css"),
            "kicker": escape(kicker),
            "lede": escape(lede),
            "head": head,
            "nav": nav,
            "sections": body,
            "figures": json_text(asdict(found)),
            "holders": holders,
            "plotly": plotly,
            "script": script,
        },
    )


def write_page(path: Path, page: str) -> None:
    """Write it to `path`, whole or not at all. Raises FileAccessError."""
    from codec.files.output import Writing

    Writing(overwrite=True).write(str(path), page.encode("utf-8", "replace"))  # a command line may be no UTF-8


def html(value: str) -> str:
    """Of any text."""
    return value if isinstance(value, Html) else escape(value)


def code(text: str) -> Html:
    """As typed."""
    return Html(f"<code>{escape(text)}</code>")


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Terms and what they are, a line each; without those that are empty."""
    rows = "".join(f"<dt>{html(term)}</dt><dd>{html(fact)}</dd>" for term, fact in pairs if fact)
    return Html(f'<dl class="rows">{rows}</dl>')


def folded(summary: str, body: Html) -> Html:
    """`body`, once a reader opens it."""
    return Html(f"<details><summary>{html(summary)}</summary>{body}</details>")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Html:
    """A table of texts."""
    head = "".join(f'<th scope="col">{html(text)}</th>' for text in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return Html(f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>')


def picture(data: bytes, caption: str, media_type: str = "image/webp") -> Html:
    """A coded picture that browsers decode, with a line below it."""
    source = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return Html(
        f'<figure><img src="{source}" alt="{escape(caption)}"><figcaption>{html(caption)}</figcaption></figure>'
    )


def place(name: str, kind: str = "plot") -> Html:
    """An empty element for a figure of this name, or for a text that follows choices."""
    tag = "div" if kind == "plot" else "p"
    return Html(f'<{tag} id="{name}" class="{kind}"></{tag}>')


def part(name: str) -> str:
    """A file of the folder page/."""
    return files("benchmarks.report").joinpath("page", name).read_text("utf-8")


def filled(page: str, texts: Mapping[str, str]) -> str:
    """`page` with each {{name}} replaced, in one pass: what a text itself holds is left alone."""
    return re.sub(r"\{\{(\w+)\}\}", lambda found: texts[found[1]], page)


def json_text(data: object) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _section(section: Section, number: int, figures: Figures) -> str:
    name = section.name or f"section-{number}"
    found = []
    for one in section.parts:
        if isinstance(one, Plot):
            plot = f"plot-{len(figures.figures)}"
            figures.figures[plot] = [figures.layer(plot, [], {"": one.figure})]
            found.append(place(plot))
        else:
            found.append(one if isinstance(one, Html) else Html(f"<p>{escape(one)}</p>"))
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n<h2 id="{name}-title">{html(section.title)}</h2>\n'
        + "\n".join(found)
        + "\n</section>"
    )


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
