"""The benchmark's own sequences as files: `python -m benchmarks.video.make DIR`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from benchmarks.video.sequences import MADE, RATE, Pixels
from bitstream.errors import FileAccessError, RequestError

if TYPE_CHECKING:
    from av.video.stream import VideoStream

SIZE, FRAMES = "640x360", 60
LEAST_SIDE, MOST_SIDE = 16, 8192  # pixels
KINDS = ("ffv1", "y4m")
_ENDINGS = {"ffv1": "mkv", "y4m": "y4m"}


def size_of(text: str) -> tuple[int, int]:
    """(width, height) of "640x360". Raises RequestError: sides are even (4:2:0), LEAST_SIDE to MOST_SIDE."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(LEAST_SIDE <= side <= MOST_SIDE and side % 2 == 0 for side in (width, height)):
        raise RequestError(f"a size is WIDTHxHEIGHT, even numbers from {LEAST_SIDE} to {MOST_SIDE}, not {text}")
    return width, height


def write_sequence(path: Path, frames: Iterator[Pixels], kind: str) -> None:
    """The frames at RATE: as "ffv1" (Matroska, RGB, lossless) or "y4m" (4:2:0, BT.601, limited range).

    The file appears when it is whole. Raises FileAccessError.
    """
    part = path.with_name(path.name + ".part")
    try:
        _write(part, frames, kind)
        part.replace(path)
    except OSError as error:  # PyAV's, too
        raise FileAccessError(f"{path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _write(path: Path, frames: Iterator[Pixels], kind: str) -> None:
    import av
    from av.video.reformatter import ColorRange, Colorspace

    codec, layout = ("ffv1", "bgr0") if kind == "ffv1" else ("rawvideo", "yuv420p")
    container = "matroska" if kind == "ffv1" else "yuv4mpegpipe"
    with av.open(os.fspath(path), "w", format=container) as output:
        stream = cast("VideoStream", output.add_stream(codec, rate=RATE))
        stream.pix_fmt = layout
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.width, stream.height = pixels.shape[1], pixels.shape[0]
            frame = av.VideoFrame.from_ndarray(pixels, "rgb24")
            if layout == "yuv420p":
                frame = frame.reformat(format=layout, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)
            else:
                frame = frame.reformat(format=layout)
            frame.pts, frame.time_base = number, 1 / RATE
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--size", default=SIZE, show_default=True, metavar="WxH")
@click.option("--frames", default=FRAMES, show_default=True, type=click.IntRange(1))
@click.option("--kind", type=click.Choice(KINDS), default=KINDS[0], show_default=True)
@click.option("--sequence", "names", multiple=True, type=click.Choice(list(MADE)), help="Only this one, repeatable.")
def main(folder: Path, size: str, frames: int, kind: str, names: tuple[str, ...]) -> None:
    """Write the sequences to FOLDER."""
    width, height = size_of(size)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or MADE:
        path = folder / f"{name}.{_ENDINGS[kind]}"
        write_sequence(path, MADE[name](width, height, frames), kind)
        click.echo(path)


if __name__ == "__main__":
    main()
