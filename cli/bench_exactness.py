"""`wisp bench exactness`: the golden files under every configuration of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.command import WispCommand

if TYPE_CHECKING:
    from benchmarks.exactness.report import Comparison
    from benchmarks.exactness.run import Outcome

NAME_WIDTH = 58
DIFFERENT = 1  # exit status of --compare
EPILOG = """\b
Exit status: 0 every configuration gave the expected latents, 1 --compare found a difference, or a
configuration failed, 5 latents differ, 6 a configuration was refused (nothing wrong was decoded).

\b
Examples:
  wisp bench exactness
  wisp bench exactness --json here.json
  wisp bench exactness --compare there.json --only fp32
"""


def _line(outcome: Outcome) -> str:
    if outcome.status in ("skipped", "refused", "failed"):
        return f"{outcome.status:<8} {outcome.name}: {' '.join(outcome.reason.split())}"
    told = [outcome.hash[:16] or "-" * 16, outcome.entropy_dtype]
    told += [f"pixels {outcome.pixels[:8]}", f"file {outcome.encoded[:8]}"] if outcome.pixels else [outcome.reason]
    return f"{outcome.status:<8} {outcome.name:<{NAME_WIDTH}} {'  '.join(told)}"


def _compared(name: Path, comparison: Comparison) -> list[str]:
    verdict = "the same latents as" if comparison.same else "DIFFERENT latents from"
    return [f"{verdict} {name}", *(f"  {line}" for line in comparison.lines)]


@click.command(cls=WispCommand, short_help="Decode the same latents under every configuration?", epilog=EPILOG)
@click.option("--only", metavar="WORD", help="Configurations whose name or group holds this.")
@click.option("--list", "listed", is_flag=True, help="Name the configurations and run none.")
@click.option("--json", "json_file", metavar="FILE", help="Write everything here; - is standard output.")
@click.option(
    "--compare", metavar="FILE", type=click.Path(path_type=Path), help="What --json wrote on another machine."
)
@click.option("--golden", metavar="DIR", type=click.Path(path_type=Path), help="Other golden files.")
@options.overwrite
@options.debug
def exactness(
    only: str | None, listed: bool, json_file: str | None, compare: Path | None, golden: Path | None, overwrite: bool
) -> None:
    """Decode golden files in every dtype, number of threads, layout, instruction set, setting and device there is
    here, and hold the hash of their latents against the one they must have.

    The fingerprint is the same on every machine where nothing differs. Pixels, and a file encoded here, may differ
    between machines; their hashes are shown and not judged. All of it takes about two minutes.
    """
    import json

    from benchmarks.exactness import report
    from benchmarks.exactness.configurations import configurations
    from benchmarks.exactness.golden import FOLDER, read_goldens
    from benchmarks.exactness.run import run
    from codec.files.output import STDOUT, Writing

    chosen = [item for item in configurations() if only is None or only.lower() in f"{item.group}: {item.name}".lower()]
    if not chosen:
        raise click.UsageError(f"no configuration is called {only!r}: --list names them")
    if listed:
        click.echo("\n".join(f"{item.group}: {item.name}" for item in chosen))
        return
    if json_file is not None:
        Writing(overwrite).check(json_file)
    other = None if compare is None else report.read_document(compare)
    goldens = read_goldens(folder := golden or FOLDER)
    aside = json_file == STDOUT  # what is not JSON goes to stderr
    outcomes = []
    for outcome in run(chosen, folder, goldens):
        outcomes.append(outcome)
        click.echo(_line(outcome), err=aside)
    summary = ", ".join(f"{count} {status}" for status, count in report.counts(outcomes).items())
    click.echo(f"{summary}; fingerprint {report.fingerprint(outcomes) or 'none: nothing was decoded'}", err=aside)
    found = report.document(outcomes, goldens)
    if json_file is not None:
        Writing(overwrite).write(json_file, f"{json.dumps(found, indent=2)}\n".encode())
    status = report.exit_status(outcomes)
    if other is not None and compare is not None:
        comparison = report.compare(found, other)
        click.echo("\n".join(_compared(compare, comparison)), err=aside)
        status = status or (0 if comparison.same else DIFFERENT)
    click.get_current_context().exit(status)
