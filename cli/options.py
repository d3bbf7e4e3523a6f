"""Shared options of the subcommands.

-o, --output    where the result goes; - is stdout
--overwrite     replace an output that exists
--model         a model file beside those that are found by themselves
--device        where the networks run
--precision     arithmetic of the pixel path
--entropy-dtype arithmetic of the entropy path (the result is the same)
--threads       threads of the networks
--json          for programs
--debug         show tracebacks
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from bitstream.errors import FileAccessError, LimitError
from bitstream.limits import MAX_FILE_BYTES
from cli.command import DEBUG
from codec.outputs import STDOUT

if TYPE_CHECKING:
    from codec.api import Codec

STDIN = "-"
MAX_THREADS = 256

input_argument = click.argument("input", metavar="INPUT")
output = click.option("-o", "--output", metavar="OUT", help="Where the result goes; - is standard output.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
model = click.option("--model", metavar="FILE", type=click.Path(path_type=Path), help="A model file to use.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def _set_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[DEBUG] = value


debug = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_set_debug, help="Show where an error comes from."
)


@dataclass(frozen=True)
class Arithmetic:
    """Where and how the networks run, as the options say."""

    device: str
    precision: str
    entropy_dtype: str
    threads: int | None

    def codec(self, model: Path | None = None) -> Codec:
        """Imports torch, so it is called when everything else has been checked."""
        # Read when torch's OpenMP starts: threads that wait spin for some 10 microseconds instead of
        # milliseconds. As fast on an idle machine, several times as fast beside other programs.
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
        import torch

        from codec.api import Codec

        if self.device == "cuda" and not torch.cuda.is_available():
            raise click.UsageError("device cuda is not available here.")
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        return Codec(model, device=self.device, precision=self.precision, entropy_dtype=self.entropy_dtype)  # type: ignore[arg-type]


_ARITHMETIC = (
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the networks run.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "bf16"]),
        default="auto",
        show_default=True,
        help="Arithmetic of the pixels; auto is bf16 where the processor has it.",
    ),
    click.option(
        "--entropy-dtype",
        type=click.Choice(["auto", "fp32", "fp64"]),
        default="auto",
        show_default=True,
        help="Arithmetic of the entropy coding; the result is the same.",
    ),
    click.option("--threads", type=click.IntRange(1, MAX_THREADS), metavar="N", help="Threads of the networks."),
)


def arithmetic(function: Callable[..., Any]) -> Callable[..., Any]:
    """The four options of `Arithmetic`, handed over as one parameter of that name."""

    @functools.wraps(function)
    def collected(
        *args: Any, device: str, precision: str, entropy_dtype: str, threads: int | None, **kwargs: Any
    ) -> Any:
        return function(*args, arithmetic=Arithmetic(device, precision, entropy_dtype, threads), **kwargs)

    decorated: Callable[..., Any] = collected
    for option in reversed(_ARITHMETIC):
        decorated = option(decorated)
    return decorated


def open_wisp(name: str) -> str | BinaryIO:
    """The path of a Wisp file, or stdin as it comes: it is read forward only. Raises FileAccessError."""
    if name != STDIN or sys.stdin is None or sys.stdin.isatty():
        return open_input(name)
    return sys.stdin.buffer


def open_input(name: str) -> str | BinaryIO:
    """The path itself, or what stdin holds. Raises FileAccessError or LimitError."""
    if name != STDIN:
        return name
    if sys.stdin is None or sys.stdin.isatty():  # None where it is closed
        raise FileAccessError("nothing is piped into standard input")
    try:
        data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FileAccessError(error.strerror or str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise LimitError(f"standard input holds more than {MAX_FILE_BYTES} bytes")
    return BytesIO(data)


def input_path(name: str) -> Path | None:
    """The input as a path, None for stdin."""
    return None if name == STDIN else Path(name)


def output_name(given: str | None, source: str, suffix: str) -> str:
    """Where the result goes: as given, else beside the input, else (input from stdin) to stdout."""
    if given is not None:
        return given
    if not Path(source).name:  # such as "." or "/"
        raise FileAccessError("is not the name of a file")
    return STDOUT if source == STDIN else str(Path(source).with_suffix(suffix))
