"""A run of `wisp bench rd` or `wisp bench video`: progress, results and what is made of them, tables, exit status."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import WispError
from cli.bench_progress import RunShown
from cli.bench_table import print_bd_tables

if TYPE_CHECKING:
    from benchmarks.rd.run import Request


def run_and_report(
    request: Request, folder: Path, command: str, progress: str, anchor: str, *, clips: bool = False
) -> None:
    """Make what `folder` lacks, then its outputs and tables. Raises WispError where a point failed, and as
    `run_benchmark`."""
    from benchmarks.rd.outputs import REPORT, make_folder, write_outputs
    from benchmarks.rd.run import run_benchmark

    make_folder(folder)
    with RunShown(progress, command) as show:
        results = run_benchmark(request, folder, shlex.join(["wisp", *sys.argv[1:]]), show)
    write_outputs(results, folder, anchor if clips else None)
    print_bd_tables(results, anchor)
    click.echo(f"report: {folder / REPORT}")
    if show.failures:
        raise WispError(f"points that failed: {show.failures}; the same command tries them again")
