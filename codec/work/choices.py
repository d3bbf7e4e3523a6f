"""The words that choose where and how the networks run; without torch."""

from __future__ import annotations

from typing import Any, Literal, get_args

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]
EntropyDtype = Literal["auto", "fp32", "fp64"]


def check_choice(value: str, choices: Any) -> None:
    """Raise ValueError where `value` is none of the words of the Literal `choices`."""
    if value not in get_args(choices):
        raise ValueError(f"{value!r} is not one of {', '.join(get_args(choices))}")
