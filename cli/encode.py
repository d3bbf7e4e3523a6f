"""`wisp encode`: a picture -> a `.wisp` file."""

from __future__ import annotations

import math
from pathlib import Path

import click

from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from cli import options
from cli.command import WispCommand
from codec import DEFAULT_QUALITY

EXAMPLES = """\b
Examples:
  wisp encode photo.png                   writes photo.wisp, quality 75
  wisp encode photo.jpg -q 40 -o small.wisp
  cat photo.png | wisp encode - > photo.wisp
"""


def _checked_quality(_: click.Context, __: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which FloatRange lets pass
        raise click.BadParameter(f"{value} is not a number.")
    return value


def _checked_tile(_: click.Context, __: click.Parameter, value: int) -> int:
    if value % TILE_STEP:
        raise click.BadParameter(f"{value} is not a multiple of {TILE_STEP}.")
    return value


@click.command(cls=WispCommand, short_help="Encode a picture into a .wisp file.", epilog=EXAMPLES)
@options.input_argument
@options.output
@click.option(
    "-q",
    "--quality",
    type=click.FloatRange(0, 100),
    default=DEFAULT_QUALITY,
    show_default=True,
    callback=_checked_quality,
    help="0 (smallest) to 100 (best); equal steps look like equal steps of PSNR.",
)
@click.option(
    "--tile",
    type=click.IntRange(MIN_TILE, MAX_TILE),
    default=DEFAULT_TILE,
    show_default=True,
    callback=_checked_tile,
    metavar="N",
    help=f"Pixels a side of the tiles that are coded independently; a multiple of {TILE_STEP}.",
)
@options.overwrite
@options.model
@options.arithmetic
@options.debug
def encode(
    input: str,
    output: str | None,
    quality: float,
    tile: int,
    overwrite: bool,
    model: Path | None,
    arithmetic: options.Arithmetic,
) -> None:
    """Encode the picture INPUT (- is standard input) into a .wisp file.

    Without -o the result lies beside the input. What Pillow reads as RGB, grey, palette or CMYK can be encoded;
    what is not 8-bit RGB is converted with a note, transparency is refused.
    """
    from codec.model.registry import default_model, load_model_file
    from codec.outputs import check_output, write_output
    from codec.pictures import load_rgb

    target = options.output_name(output, input, ".wisp")
    picture = load_rgb(options.open_input(input))
    check_output(target, overwrite=overwrite, source=options.input_path(input))
    load_model_file(default_model(model).path)  # what is wrong with it shows before torch is imported
    codec = arithmetic.codec(model)
    write_output(target, codec.encode(picture, quality, tile=tile), overwrite=overwrite)
