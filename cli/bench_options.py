"""What options of `wisp bench` have in common: some of `rd` and `video`, and values that are lists with commas."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import click

from cli import options

_SHARED = (
    click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Codecs at a time.  [default: one a core]"),
    click.option(
        "--threads", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Threads of each."
    ),
    options.progress,
)


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """--jobs, --threads, --progress."""
    return reduce(lambda made, option: option(made), reversed(_SHARED), command)


def names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """The words of "a,b" without blanks and doubles, in their order; none where the option was not given."""
    if value is None:
        return ()
    words = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    if not words:
        raise click.BadParameter("name at least one", ctx, param)
    return words


def efforts(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """The numbers of "1,4", each 1..9."""
    words = names(ctx, param, value)
    for word in words:
        if word not in "123456789" or len(word) != 1:
            raise click.BadParameter(f"{word} is no effort: 1 to 9", ctx, param)
    return tuple(map(int, words))
