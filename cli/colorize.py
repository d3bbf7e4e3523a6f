"""`wisp colorize`: grey pictures and videos -> coloured ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.restored import restoring, run
from cli.selection_options import VideoCommand
from codec.restore.settings import Colorizing

EXAMPLES = """\b
Examples:
  wisp colorize old.png                        writes old.colorized.png
  wisp colorize old.jpg -o coloured.jpg
  wisp colorize *.jpg -o coloured/             many inputs into a folder
  wisp colorize film.mkv -o coloured.mp4       sound is kept
"""


@click.command(cls=VideoCommand, short_help="Give grey pictures and videos colours.", epilog=EXAMPLES)
@restoring
def colorize(model: Path | None, **values: Any) -> None:
    """Give the grey pictures and videos INPUT (- is standard input) colours.

    Of a picture in colour only its luma counts, as if it had been grey. Luma stays as it is, within 2 levels of 255.
    Read and written is what `wisp encode` reads and `wisp decode` writes, and .wisp files. Alpha, EXIF and XMP are
    kept, and an ICC profile unless it is one of grey pictures.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. Of videos
    frames, timestamps and sound are kept, and colours go with what moves.
    """
    run(Colorizing(model), "colorized", **values)
