"""The group `wisp bench`: comparisons and measurements."""

from __future__ import annotations

import click

from cli.bench_bd import bd
from cli.bench_exactness import exactness
from cli.bench_rd import rd
from cli.bench_speed import speed
from cli.bench_video import video

EPILOG = """\b
Examples:
  wisp bench rd --quick
  wisp bench bd wisp-rd --anchor avif
  wisp bench video --quick
  wisp bench speed --quick
  wisp bench exactness
"""


@click.group(short_help="Compare with other codecs; measure this machine.", epilog=EPILOG)
def bench() -> None:
    """Compare Wisp with other codecs, and measure it on this machine."""


for command in (rd, bd, video, speed, exactness):
    bench.add_command(command)
