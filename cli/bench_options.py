"""Values of `wisp bench`'s options that are lists with commas, read by callbacks."""

from __future__ import annotations

import click


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
