"""Tables on standard output by rich."""

from __future__ import annotations

from rich.console import Console

_WIDTH = 150  # where standard output is no terminal


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Not rich's own exit: the command ends as all of ours do (WispCommand)."""
        raise BrokenPipeError


def console(*, err: bool = False) -> Console:
    """As wide as the terminal, else wide enough for a table; of standard error with `err`."""
    made = _Console(stderr=err, highlight=False)
    if not made.is_terminal:
        made.width = _WIDTH
    return made
