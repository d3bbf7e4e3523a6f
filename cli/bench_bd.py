"""`wisp bench bd`: the table of a results file alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import RequestError
from cli import bench_options, options
from cli.bench_table import print_bd_tables
from cli.command import WispCommand

if TYPE_CHECKING:
    from benchmarks.rd.bd import Method

EPILOG = """\b
Examples:
  wisp bench bd wisp-rd
  wisp bench bd wisp-rd/results.jsonl --anchor avif --measures psnr,ms-ssim
"""


@click.command(cls=WispCommand, short_help="BD-rates of a results file.", epilog=EPILOG)
@click.argument("results", metavar="RESULTS", type=click.Path())
@click.option("--anchor", default="jpeg420", show_default=True, help="Codec that the others are compared with.")
@click.option("--measures", callback=bench_options.names, metavar="NAME,...", help="Which.  [default: all in the file]")
@click.option(
    "--method",
    type=click.Choice(["pchip", "akima", "cubic"]),
    default="pchip",
    show_default=True,
    help="Interpolation of the curves.",
)
@options.debug
def bd(results: str, anchor: str, measures: tuple[str, ...], method: Method) -> None:
    """Print BD-rates from RESULTS, a results.jsonl of `wisp bench rd` or `wisp bench video`, or its folder."""
    from benchmarks.measures.catalog import INFOS, check_measures
    from benchmarks.rd.outputs import TABLES, check_packages
    from benchmarks.rd.results import FILE_NAME, read_results

    check_packages(TABLES)
    path = Path(results)
    found = read_results(path / FILE_NAME if path.is_dir() else path)
    codecs = list(dict.fromkeys(point.codec for point in found.points))
    if anchor not in codecs:
        raise RequestError(f"{anchor} has no points in these results; there are {', '.join(codecs) or 'none'}")
    check_measures(measures, INFOS)
    taken = {name for point in found.points for name in point.measures}
    lacking = [name for name in measures if name not in taken]
    if lacking:
        raise RequestError(f"no {', '.join(lacking)} in these results; there are {', '.join(sorted(taken))}")
    print_bd_tables(found, anchor, measures, method)
