"""Groups of options that a command gets as the objects they make, through one wrapper for all of its groups."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

Option = Callable[[Callable[..., Any]], Callable[..., Any]]  # what click.option makes
Make = Callable[[dict[str, Any]], dict[str, Any]]


def gathered(options: Sequence[Option], make: Make) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator that adds options, listed by --help in this order, and hands over what `make` makes of their values.

    `make` gets the values by the options' names, and returns parameters of the command. It may raise UsageError.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        command = function if hasattr(function, "groups") else _collecting(function)
        known = {parameter.name for parameter in _parameters(command)}
        for option in reversed(options):
            option(command)
        names = [parameter.name for parameter in _parameters(command) if parameter.name not in known]
        command.groups.append((names, make))  # type: ignore[attr-defined]
        return command

    return decorate


def _collecting(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def collected(*args: Any, **values: Any) -> Any:
        for names, make in collected.groups:  # type: ignore[attr-defined]
            values.update(make({name: values.pop(name) for name in names}))
        return function(*args, **values)

    collected.groups = []  # type: ignore[attr-defined]
    return collected


def _parameters(function: Callable[..., Any]) -> list[click.Parameter]:
    """Of the options and arguments that decorate a function so far."""
    found: list[click.Parameter] = getattr(function, "__click_params__", [])
    return found
