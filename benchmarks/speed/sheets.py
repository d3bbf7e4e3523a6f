"""A report as tables of text, and those as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.speed.records import COMMAND, DIRECTIONS, Direction, Row, SpeedReport, in_words

ABSENT = "-"


@dataclass(frozen=True)
class Sheet:
    """A table; the first `left` columns are words, the others numbers. `rules` are the rows that a line follows."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    rules: frozenset[int] = frozenset()


def sheets(report: SpeedReport, anchor: str) -> list[Sheet]:
    """Settings, one table for each number of threads, summary, start-up."""
    by_threads = [_measured(report, threads, anchor) for threads in report.settings.threads]
    return [_participants(report), *by_threads, _summary(report, anchor), _start_up(report)]


def to_markdown(sheet: Sheet) -> str:
    """The table as GitHub renders it."""
    marks = ["---" if i < sheet.left else "---:" for i in range(len(sheet.headings))]
    lines = [sheet.headings, tuple(marks), *sheet.rows]
    return f"**{sheet.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Three significant digits, without an exponent."""
    if value is None:
        return ABSENT
    digits = f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.6f}".rstrip("0") if "e" in digits else digits


def _participants(report: SpeedReport) -> Sheet:
    rows = [(p.id, p.title, f"{p.quality:g}", f"{p.bpp:.3f}", f"{p.psnr:.2f}") for p in report.participants]
    title = f"Codecs, each at the quality nearest {report.settings.psnr:g} dB on a picture of 768x512"
    return Sheet(title, ("codec", "", "quality", "bpp", "PSNR dB"), tuple(rows), left=2)


def _measured(report: SpeedReport, threads: int, anchor: str) -> Sheet:
    rows, rules = [], set()
    names = [*(participant.id for participant in report.participants), COMMAND]
    for size in sorted(report.settings.sizes, key=lambda size: size.pixels):
        for codec in names:
            both = [report.row(codec, size, threads, direction) for direction in DIRECTIONS]
            if any(both):
                rows.append((str(size), codec, *_cells(report, both, anchor)))
        rules.add(len(rows) - 1)
    times = tuple(f"{direction} {what}" for direction in ("enc", "dec") for what in ("s", "s/MP", f"/ {anchor}"))
    headings = ("size", "codec", *times, "cold enc s", "cold dec s", "enc MiB", "dec MiB")
    title = f"{in_words(threads)}: warm seconds, and over those of {anchor}; cold: a process for each file"
    return Sheet(title, headings, tuple(rows), left=2, rules=frozenset(rules))


def _cells(report: SpeedReport, both: list[Row | None], anchor: str) -> Iterator[str]:
    for row in both:
        yield number(row.warm_seconds if row else None)
        yield number(row.warm_seconds_per_megapixel if row else None)
        yield number(report.ratio(row, anchor) if row else None)
    yield from (number(row.cold_seconds if row else None) for row in both)
    yield from (f"{row.peak_mib:,.0f}" if row and row.peak_mib is not None else ABSENT for row in both)


def _summary(report: SpeedReport, anchor: str) -> Sheet:
    rows = []
    for threads in report.settings.threads:
        for participant in report.participants:
            codec = participant.id
            cells = [cell for direction in DIRECTIONS for cell in _summed(report, codec, threads, direction, anchor)]
            rows.append((codec, str(threads), *cells))
    parts = (f"/ {anchor}", "exponent", "s/MP, largest")
    headings = ("codec", "threads", *(f"{direction} {part}" for direction in ("enc", "dec") for part in parts))
    title = f"Over all sizes, warm: mean ratio to {anchor} (geometric); exponent of pixels by which the time grows"
    rules = frozenset(range(len(report.participants) - 1, len(rows), max(1, len(report.participants))))
    return Sheet(title, headings, tuple(rows), rules=rules)


def _summed(report: SpeedReport, codec: str, threads: int, direction: Direction, anchor: str) -> tuple[str, ...]:
    growth = report.growth(codec, threads, direction)
    timed = [row for row in report.of(codec, threads, direction) if row.warm_seconds is not None]
    return (
        number(report.mean_ratio(codec, threads, direction, anchor)),
        ABSENT if growth is None else f"{growth:.2f}",
        number(timed[-1].warm_seconds_per_megapixel if timed else None),
    )


def _start_up(report: SpeedReport) -> Sheet:
    rows = tuple((part.what, number(part.seconds), f"{part.peak_mib:,.0f}") for part in report.start_up)
    return Sheet("Start-up: processes that code nothing", ("process", "s", "MiB"), rows)
