"""Work for another process that goes wrong there; imported by it, so without torch."""

from __future__ import annotations

import os

import click


def fragile(number: int) -> int:
    """Twice the number, but 3 ends the process at once, and 4 is refused."""
    if number == 3:
        os._exit(9)
    if number == 4:
        raise click.UsageError("4 is refused")
    return 2 * number
