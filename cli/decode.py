"""`wisp decode`: a `.wisp` file -> a picture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import click

from cli import options
from cli.command import WispCommand

FORMATS = ("png", "ppm")
EXAMPLES = """\b
Examples:
  wisp decode photo.wisp                  writes photo.png
  wisp decode photo.wisp -o photo.ppm
  wisp decode - -o - < photo.wisp | display
"""


def _format(given: str | None, target: str) -> str:
    """The output's format: as given, else by the output's ending."""
    ending = Path(target).suffix.lower().removeprefix(".")
    if given is None and ending in ("jpg", "jpeg", "webp", "avif", "tif", "tiff", "bmp", "gif", "heic", "jxl"):
        raise click.UsageError(f"{target}: this release writes {' and '.join(FORMATS)} (--format says which).")
    return given or (ending if ending in FORMATS else FORMATS[0])


@click.command(cls=WispCommand, short_help="Decode a .wisp file into a picture.", epilog=EXAMPLES)
@options.input_argument
@options.output
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: by the output's ending, else png.")
@options.overwrite
@options.model
@options.arithmetic
@options.debug
def decode(
    input: str,
    output: str | None,
    format_: str | None,
    overwrite: bool,
    model: Path | None,
    arithmetic: options.Arithmetic,
) -> None:
    """Decode the .wisp file INPUT (- is standard input) into a picture.

    Without -o the result lies beside the input.
    """
    from codec.model.registry import require_models
    from codec.outputs import check_output, write_output
    from codec.sources import read_file

    target = options.output_name(output, input, f".{format_ or FORMATS[0]}")
    kind = _format(format_, target)
    still = read_file(options.open_wisp(input))
    check_output(target, overwrite=overwrite, source=options.input_path(input))
    require_models(still.models_used, model)
    image = arithmetic.codec(model).decode(still)
    encoded = BytesIO()
    image.save(encoded, kind)
    write_output(target, encoded.getvalue(), overwrite=overwrite)
