"""The options of the commands that take many inputs: what is read, what is told, how many at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bitstream.metadata import NAMES
from cli import options
from cli.batch import Batch
from cli.gathered import gathered
from cli.plan import Wanted
from codec.files.output import Writing

MAX_JOBS = 256
_KINDS = tuple(NAMES)
_OPTIONS = (
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    click.option("--skip-existing", is_flag=True, help="Leave inputs alone whose output exists."),
    click.option("-r", "--recursive", is_flag=True, help="Take what is in folders, too."),
    click.option(
        "-j", "--jobs", type=click.IntRange(1, MAX_JOBS), default=1, show_default=True, help="Inputs at a time."
    ),
    click.option("--keep-times", is_flag=True, help="Give outputs the times of their inputs."),
    click.option("--strip", is_flag=True, help="Leave out ICC profile, EXIF and XMP."),
    *(click.option(f"--strip-{kind}", is_flag=True, help=f"Leave out the {NAMES[kind]}.") for kind in _KINDS),
    click.option("--quiet", is_flag=True, help="Tell errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Tell what was done with each input."),
    options.progress,
)


def _batch(values: dict[str, Any]) -> dict[str, Any]:
    strip = values.pop("strip")
    chosen = [kind for kind in _KINDS if values.pop(f"strip_{kind}") or strip]
    for first, second in (("overwrite", "skip_existing"), ("quiet", "verbose")):
        if values[first] and values[second]:
            raise click.UsageError(f"--{first} and --{second.replace('_', '-')} exclude each other.")
    writing = Writing(values.pop("overwrite"), values.pop("keep_times"))
    return {"batch": Batch(writing=writing, strip=frozenset(chosen), **values)}


batch = gathered(_OPTIONS, _batch)  # handed over as one parameter `batch`


def ending_in(endings: frozenset[str]) -> Wanted:
    """Files of these endings (with the dot, small letters)."""

    def wanted(path: Path) -> bool:
        return path.suffix.lower() in endings

    return wanted
