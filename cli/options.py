"""Shared options of the subcommands.

-o, --output     where the result goes; - is stdout
--overwrite      replace an output that exists
--skip-existing  leave an input alone whose output exists
--recursive      take what is in folders, too
--jobs           inputs worked on at a time
--keep-times     give outputs the times of their inputs
--strip, --strip-icc, --strip-exif, --strip-xmp
                 leave metadata out
--quiet, --verbose, --progress
                 what is told meanwhile
--model          a model file beside those that are found by themselves
--device         where the networks run
--precision      arithmetic of the pixel path
--entropy-dtype  arithmetic of the entropy path (the result is the same)
--threads        threads of the networks
--json           for programs
--debug          show tracebacks

Those of videos are in selection_options.py and video_options.py, those of many inputs in batch_options.py.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitstream.errors import UnsupportedError
from cli.command import DEBUG
from cli.gathered import gathered
from codec.work.memory import keep_freed_memory
from codec.work.threads import set_threads

if TYPE_CHECKING:
    from codec.api import Codec

MAX_THREADS = 256

inputs_argument = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
input_argument = click.argument("input", metavar="INPUT")
output = click.option("-o", "--output", metavar="OUT", help="Where the result goes; - is standard output.")
output_to = click.option(
    "-o", "--output", metavar="OUT", required=True, help="Where the result goes; - is standard output."
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
model = click.option("--model", metavar="FILE", type=click.Path(path_type=Path), help="A model file to use.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Tell what was done.")
device = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where the networks run.",
)
threads = click.option("--threads", type=click.IntRange(1, MAX_THREADS), metavar="N", help="Threads of the networks.")
progress = click.option(
    "--progress",
    type=click.Choice(["auto", "json", "none"]),
    default="auto",
    show_default=True,
    help="auto is a bar with the time left, on a terminal only; json is for programs, on standard error.",
)
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
        """A codec that will run so, the same one for the same arguments. Torch is imported when it is needed."""
        return _codec(self, model)


@functools.lru_cache(maxsize=1)
def _codec(arithmetic: Arithmetic, model: Path | None) -> Codec:
    prepare_networks(arithmetic.threads)
    from codec.api import Codec

    try:
        return Codec(
            model,
            device=arithmetic.device,  # type: ignore[arg-type]
            precision=arithmetic.precision,  # type: ignore[arg-type]
            entropy_dtype=arithmetic.entropy_dtype,  # type: ignore[arg-type]
        )
    except UnsupportedError as error:  # the device is not here
        raise click.UsageError(f"{error}.") from error


def prepare_networks(threads: int | None) -> None:
    """Settings of the process before networks run, best before torch is imported; `threads` None is one a core."""
    # Read when torch's OpenMP starts: threads that wait spin for some 10 microseconds instead of
    # milliseconds. As fast on an idle machine, several times as fast beside other programs.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    keep_freed_memory()
    if threads is None:
        return
    set_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


_ARITHMETIC = (
    device,
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
    threads,
)


def _arithmetic(values: dict[str, Any]) -> dict[str, Any]:
    return {"arithmetic": Arithmetic(**values)}


arithmetic = gathered(_ARITHMETIC, _arithmetic)  # handed over as one parameter `arithmetic`
