"""What never changes on the benchmark's page: its facts, and how the results were made."""

from __future__ import annotations

from benchmarks.report import words
from benchmarks.report.content import Content, absences, failures
from benchmarks.report.page import Html, code, facts, folded, html, table


def head_facts(content: Content) -> str:
    """Of the head; those of the chosen dataset are filled in by page/figures.js."""
    run = content.results.runs[-1] if content.results.runs else None
    absent, failed = len(absences(content.results)), len(failures(content.results))
    lost = f'<a href="#absent">{absent} absent, {failed} failed</a>' if absent or failed else "nothing"
    rows = [
        (content.words["Many"], Html('<span id="fact-dataset"></span>')),
        (f"Coded {content.words['many']}", Html('<span id="fact-points"></span>')),
        ("Date", run.started[:10] if run else ""),
        ("Processor", run.machine.get("processor", "") if run else ""),
        ("Absent or failed", Html(lost)),
    ]
    inside = "\n".join(f"<div><dt>{term}</dt><dd>{html(fact)}</dd></div>" for term, fact in rows if fact)
    return f'<dl class="facts">{inside}</dl>'


def how_it_was_made(content: Content) -> list[Html]:
    """Notes, what could not take part or failed, the runs, versions and commands."""
    runs = content.results.runs
    parts = [Html(f'<p class="warning">{html(note)}</p>') for note in content.notes]
    parts += _lost(content)
    if runs:
        run = runs[-1]
        rows = [
            ("Command", code(run.command)),
            ("Started", run.started.replace("T", " ")),
            *((name.capitalize(), value) for name, value in run.machine.items()),
            ("Threads per codec", str(run.threads)),
            ("Processes at a time", str(run.jobs)),
        ]
        parts += [_title("Run"), facts(rows)]
    codecs = [[codec.title, codec.version, code(codec.command)] for codec in content.codecs.values()]
    versions = runs[-1].measures if runs else {}
    measures = [
        [words.headed(m), "higher" if m.higher_is_better else "lower", m.source, versions.get(m.id, "")]
        for m in content.measures
    ]
    parts += [
        _title("Versions and commands"),
        folded("Codecs", table(["Codec", "Version", "One of its commands, or source"], codecs)),
        folded("Measures", table(["Measure", "Better", "Source", "Version"], measures)),
    ]
    if runs:
        parts.append(folded("Packages", facts(runs[-1].versions.items())))
    if len(runs) > 1:
        earlier = [(run.started.replace("T", " "), code(run.command)) for run in reversed(runs[:-1])]
        parts.append(folded(f"Earlier runs ({len(earlier)})", facts(earlier)))
    return parts


def _lost(content: Content) -> list[Html]:
    parts = [Html('<div id="absent"></div>')]
    if absent := absences(content.results):
        rows = [[f"{each.title} ({each.what})", each.reason, code(each.remedy)] for each in absent]
        parts += [_title("Could not take part"), table(["", "Missing", "How to get it"], rows)]
    if failed := failures(content.results):
        titles = content.results.titles
        rows = [
            [titles.get(each.codec, each.codec), f"{each.dataset}/{each.image}", f"{each.quality:g}", each.message]
            for each in failed
        ]
        parts += [_title("Failed"), table(["Codec", content.words["One"], "Setting", "Message"], rows)]
    return parts


def _title(text: str) -> Html:
    return Html(f"<h3>{text}</h3>")
