"""`wisp bench speed`: seconds and memory of Wisp and its peers, from thumbnails to 24 megapixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli import options
from cli.command import WispCommand

if TYPE_CHECKING:
    from benchmarks.speed.records import SpeedReport, SpeedSettings
    from benchmarks.speed.sheets import Sheet

QUICK_SIZES = "64x64,768x512"
BUSY = 0.5  # processes running on average
FAILED = 1  # exit status where a codec could not code a picture
EXAMPLES = """\b
Examples:
  wisp bench speed --quick
  wisp bench speed --json speed.json
  wisp bench speed --codecs wisp-e4,jpeg420,avif --sizes 768x512,6000x4000 --threads 1
  wisp bench speed --quick --markdown > speed.md
"""


def _words(text: str) -> list[str]:
    return list(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _settings(
    codecs: str | None, sizes: str | None, threads: str | None, psnr: float | None, anchor: str | None, quick: bool
) -> SpeedSettings:
    """What the options say. Raises UsageError."""
    from dataclasses import replace

    from benchmarks.codecs.catalog import catalog
    from benchmarks.mosaic import parse_size
    from benchmarks.speed.codec_server import EFFORTS
    from benchmarks.speed.records import SpeedSettings

    usual = SpeedSettings()
    if quick:
        usual = replace(usual, threads=(1,), cold_runs=1, warm_runs=3, warm_seconds=0.5)
    known = catalog(efforts=EFFORTS)
    chosen = usual.codecs if codecs is None else tuple(_words(codecs))
    if sizes is None and quick:
        sizes = QUICK_SIZES
    for codec in (*chosen, *([anchor] if anchor else [])):
        if codec not in known:
            raise click.UsageError(f"no codec is called {codec!r}: there are {', '.join(known)}")
    if anchor is not None and anchor not in chosen:
        raise click.UsageError(f"the anchor {anchor!r} is not among the codecs")
    try:
        return replace(
            usual,
            codecs=chosen,
            psnr=usual.psnr if psnr is None else psnr,
            sizes=usual.sizes if sizes is None else tuple(parse_size(word) for word in _words(sizes)),
            threads=usual.threads if threads is None else tuple(_thread_count(word) for word in _words(threads)),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _thread_count(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= options.MAX_THREADS:
        raise ValueError(f"{word!r} is not a number of threads in 1..{options.MAX_THREADS}")
    return int(word)


def _measure(settings: SpeedSettings, quiet: bool) -> SpeedReport:
    """All steps of the run, with a bar on a terminal."""
    from benchmarks.speed.run import SpeedRun
    from cli.progress import shown

    with SpeedRun(settings) as run:
        if run.load > BUSY:
            click.echo(f"the machine is busy (load {run.load:.1f}): times will be longer than they need be", err=True)
        run.prepare(lambda codec: None if quiet else click.echo(f"choosing the quality of {codec}", err=True))
        steps = run.steps()
        if not quiet:
            minutes = sum(step.seconds for step in steps) / 60
            names = ", ".join(participant.id for participant in run.participants)
            click.echo(f"measuring {names}: about {max(1, round(minutes))} min", err=True)
        with shown("auto", [max(1, round(1000 * step.seconds)) for step in steps], quiet=quiet) as progress:
            for job, step in enumerate(steps):
                progress.begin(job, step.name)
                step.work(lambda share, job=job: progress.advance(job, share))  # type: ignore[misc]
                progress.end(job, step.name, 0)
        return run.report()


def _print_tables(found: Sequence[Sheet], err: bool) -> None:
    from rich.table import Table

    from cli.console import console as new_console

    console = new_console(err=err)
    for sheet in found:
        table = Table(title=sheet.title, title_justify="left")
        for i, heading in enumerate(sheet.headings):
            table.add_column(heading, justify="left" if i < sheet.left else "right")
        for i, row in enumerate(sheet.rows):
            table.add_row(*row, end_section=i in sheet.rules)
        console.print(table)


@click.command(cls=WispCommand, short_help="Time and memory of Wisp beside other codecs.", epilog=EXAMPLES)
@click.option("--codecs", metavar="IDS", help="Separated by commas.  [default: wisp-e4 and five peers]")
@click.option("--sizes", metavar="SIZES", help="As 768x512, separated by commas.  [default: 64x64 to 6000x4000]")
@click.option("--threads", metavar="COUNTS", help="Separated by commas.  [default: 1,2]")
@click.option("--anchor", metavar="ID", help="The codec that ratios are taken to.  [default: avif]")
@click.option(
    "--psnr",
    type=click.FloatRange(20, 60),
    metavar="DB",
    help="Every codec's quality is the one nearest this on 768x512.  [default: 32]",
)
@click.option("--quick", is_flag=True, help="Up to 768x512, one thread, few repeats: under a minute.")
@click.option("--json", "json_file", metavar="FILE", help="Write everything here; - is standard output.")
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown.")
@click.option("--quiet", is_flag=True, help="No progress.")
@options.overwrite
@options.debug
def speed(
    codecs: str | None,
    sizes: str | None,
    threads: str | None,
    anchor: str | None,
    psnr: float | None,
    quick: bool,
    json_file: str | None,
    markdown: bool,
    quiet: bool,
    overwrite: bool,
) -> None:
    """Encode and decode mosaics of photographs with Wisp and other codecs, cold (a process for every file: its wall
    time and peak memory) and warm (in a process that stays), and compare the times.

    The codecs take turns, each at the quality nearest one PSNR, with as many cores as threads. Nothing else should
    run meanwhile. The default takes about 20 minutes on two cores.
    """
    import json

    from benchmarks.speed.records import ANCHOR, in_words
    from benchmarks.speed.sheets import sheets, to_markdown
    from codec.files.output import STDOUT, Writing

    settings = _settings(codecs, sizes, threads, psnr, anchor, quick)
    if json_file is not None:
        Writing(overwrite).check(json_file)
    report = _measure(settings, quiet)
    names = [participant.id for participant in report.participants]
    wanted = anchor or ANCHOR
    held = wanted if wanted in names else names[0]
    if held != wanted:
        click.echo(f"ratios are to {held}: {wanted} does not take part", err=True)
    aside = json_file == STDOUT  # what is not JSON goes to stderr
    if markdown:
        click.echo("\n".join(to_markdown(sheet) for sheet in sheets(report, held)), err=aside)
    else:
        _print_tables(sheets(report, held), aside)
    for missing in report.absent:
        click.echo(f"absent: {missing.id}: {missing.reason} ({missing.remedy})", err=True)
    for fault in report.faults:
        where = f"{fault.direction} {fault.size}, {in_words(fault.threads)}"
        click.echo(f"failed: {fault.codec}, {where}: {fault.message}", err=True)
    if json_file is not None:
        Writing(overwrite).write(json_file, f"{json.dumps(report.as_dict(held), indent=2)}\n".encode())
    click.get_current_context().exit(FAILED if report.faults else 0)
