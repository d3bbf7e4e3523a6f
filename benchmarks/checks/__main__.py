"""Runs the checks of Wisp against its own figures: `python -m benchmarks.checks --help`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.checks import (
    cold,
    colorize,
    denoise,
    effort,
    fast,
    large,
    monotone,
    noisy,
    precision,
    seams,
    size,
    soak,
    speed,
    targets,
    typical,
    video,
)
from benchmarks.checks.check import Check, Run, names_of_live
from benchmarks.machine import machine, versions

CHECKS: dict[str, Check] = {
    "size": size.CHECK,
    "speed": speed.CHECK,
    "precision": precision.CHECK,
    "cold": cold.CHECK,
    "large": large.CHECK,
    "video": video.CHECK,
    "seams": seams.CHECK,
    "targets": targets.CHECK,
    "soak": soak.CHECK,
    "monotone": monotone.CHECK,
    "huge": large.HUGE_CHECK,
    "effort": effort.CHECK,
    "effort-ms-ssim": effort.MS_SSIM_CHECK,
    "typical": typical.CHECK,
    "fast": fast.CHECK,
    "denoise": denoise.CHECK,
    "colorize": colorize.CHECK,
    "noisy": noisy.CHECK,
}


def _line(name: str, check: Check) -> str:
    return f"{name:<15} {'*' if check.usual else ' '} {check.minutes:3g} min  {check.about}"


EPILOG = "\b\nChecks, with their time on two cores (* runs where none is named):\n" + "\n".join(
    f"  {_line(name, check)}" for name, check in CHECKS.items()
)


@click.command(epilog=EPILOG, context_settings={"max_content_width": 120})
@click.argument("names", nargs=-1, metavar="[NAME]...", type=click.Choice(list(CHECKS)))
@click.option("--picture", "pictures", multiple=True, metavar="NAME", type=click.Choice(names_of_live()),
              help="Only this LIVE picture, repeatable; of checks that go over those.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Every figure as JSON, as they come.")
def main(names: tuple[str, ...], pictures: tuple[str, ...], output: Path | None) -> None:
    """Measure Wisp on this machine and say which of its limits are met.

    Without NAME the quick checks run, some six minutes. Exit status 1: a limit was missed. Nothing else should run
    meanwhile.
    """
    found: dict[str, Any] = {"machine": machine(), "versions": versions()}

    def keep() -> None:
        if output is not None:
            output.write_text(json.dumps(found, indent=1) + "\n")

    missed = False
    for name in names or [name for name, check in CHECKS.items() if check.usual]:
        run = Run(pictures, keep)
        found[name] = {"rows": run.rows, "missed": run.missed}
        click.echo(f"{name}: {CHECKS[name].about}")
        CHECKS[name].measure(run)
        missed |= bool(run.missed)
    keep()
    sys.exit(missed)


if __name__ == "__main__":
    main()
