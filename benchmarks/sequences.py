"""Sequences that the benchmark makes itself, so that it needs no network: motion over photographs, a screen, noise.

As files: `python -m benchmarks.sequences DIR`.

Every function yields `frames` frames (height, width, 3) uint8, sRGB, meant for RATE, one at a time; the same arguments
give the same frames, and a longer sequence begins with a shorter one wherever no cut comes between.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import click
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.datasets import LIVE, read_picture
from benchmarks.raw import Pixels
from bitstream.errors import FileAccessError, RequestError

if TYPE_CHECKING:
    from av.video.stream import VideoStream

Box = tuple[float, float, float, float]  # left, top, right, bottom, in pixels of the still

RATE = Fraction(25)  # frames a second
PAN_STILLS = ("bikes", "parrots", "rapids", "house", "monarch", "sailing1", "buildings", "caps", "ocean", "stream")
NOISE_STILL = "lighthouse2"
SHOT = 30  # frames of one still; a short sequence is cut in its middle
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # successive directions never come back to one another


def _fitting(still: Image.Image, width: int, height: int, share: float) -> tuple[float, float]:
    """Sides of the box of the wanted shape that takes `share` of the largest one within the still."""
    scale = share * min(still.width / width, still.height / height)
    return width * scale, height * scale


def _view(still: Image.Image, box: Box, width: int, height: int) -> Pixels:
    """The box, at any fraction of a pixel, by a Lanczos filter that widens where the picture shrinks."""
    return np.asarray(still.resize((width, height), Image.Resampling.LANCZOS, box=box))


def _read(name: str) -> Image.Image:
    return Image.fromarray(read_picture(LIVE / f"{name}.png"))


def pan_zoom(width: int, height: int, frames: int) -> Iterator[Pixels]:
    """A camera over LIVE stills: each is panned over by 0.4 to 2 pixels of it a frame, in a direction of its own,
    and zoomed into or out of by 0.3 % a frame, all in fractions of a pixel; hard cuts between the stills."""
    length = min(SHOT, max(math.ceil(frames / 2), 1))
    names = cycle(PAN_STILLS)
    for first in range(0, frames, length):
        shot = first // length
        still = _read(next(names))
        angle, speed = 0.6 + shot * _GOLDEN_ANGLE, 0.4 + 1.6 * ((shot * 0.618) % 1)
        for number in range(min(length, frames - first)):
            time = number - (length - 1) / 2  # the middle of a shot is the middle of its still
            across, down = _fitting(still, width, height, 0.82 * 1.003 ** (time if shot % 2 else -time))
            # Less of a large travel than would leave the still.
            x = still.width / 2 + _within(speed * time * math.cos(angle), (still.width - across) / 2)
            y = still.height / 2 + _within(speed * time * math.sin(angle), (still.height - down) / 2)
            box = (x - across / 2, y - down / 2, x + across / 2, y + down / 2)
            yield _view(still, _inside(still, box), width, height)


def _within(value: float, most: float) -> float:
    return min(max(value, -most), most)


def _inside(still: Image.Image, box: Box) -> Box:
    """Pillow refuses what rounding leaves outside."""
    left, top, right, bottom = box
    return max(left, 0.0), max(top, 0.0), min(right, float(still.width)), min(bottom, float(still.height))


# Screen scroll

_RUNS = ((2, 3), (2, 0), (14, 4), (6, 0), (18, 9), (8, 0), (10, -5))  # frames, pixels that each of them moves by
_PAGES = 4  # heights of the screen, after which the page begins again
_WORDS = (
    "the", "of", "frame", "a", "codec", "is", "rate", "in", "picture", "and", "stream", "with", "decoder", "latent",
    "table", "for", "motion", "as", "block", "each", "quality", "bits", "on", "sample", "time", "by", "size",
    "which", "colour", "from", "tile", "range", "error", "noise", "when", "entropy", "scale", "model", "at",
)  # fmt: skip


def scroll(width: int, height: int, frames: int) -> Iterator[Pixels]:
    """A page of text, boxes and rules in a window, scrolled by whole pixels, now and then still or backwards; the bar
    on top stays where it is."""
    page = _page(width, _PAGES * height)
    bar = _bar(width, max(height // 12, 4))
    offset = 0
    steps = (pixels for run, pixels in cycle(_RUNS) for _ in range(run))
    for _ in range(frames):
        frame = np.take(page, np.arange(offset, offset + height), axis=0, mode="wrap")
        frame[: len(bar)] = bar
        yield frame
        offset += next(steps)


def _page(width: int, height: int) -> Pixels:
    """A page whose text, headings, boxes and tables differ from place to place."""
    random = np.random.default_rng(11)
    picture = Image.new("RGB", (width, height), (252, 252, 250))
    draw = ImageDraw.Draw(picture)
    margin, y = max(width // 24, 2), 8
    while y < height:
        kind = ("text", "text", "heading", "box", "table")[int(random.integers(5))]
        if kind == "heading":
            draw.text((margin, y), _line(random, 4).title(), (20, 50, 110), ImageFont.load_default(22))
            draw.line((margin, y + 32, width - margin, y + 32), (190, 190, 190))
            y += 44
        elif kind == "text":
            for _ in range(int(random.integers(3, 7))):
                draw.text((margin, y), _line(random, max(width // 42, 2)), (30, 30, 30), ImageFont.load_default(13))
                y += 19
            y += 12
        elif kind == "box":
            colour = tuple(int(value) for value in random.integers(90, 230, 3))
            tall = int(random.integers(30, 70))
            corners = (margin, y, margin + int(random.integers(max(width // 4, 1), max(width // 2, 2))), y + tall)
            draw.rounded_rectangle(corners, 6, colour, (60, 60, 60))
            draw.text((margin + 10, y + 8), _line(random, 2), (255, 255, 255), ImageFont.load_default(14))
            y += tall + 14
        else:
            y = _table(draw, random, (margin, y), width - 2 * margin) + 14
    return np.asarray(picture)


def _table(draw: ImageDraw.ImageDraw, random: np.random.Generator, corner: tuple[int, int], width: int) -> int:
    """Draws rows of numbers and returns where they end."""
    left, y = corner
    font = ImageFont.load_default(12)
    for row in range(int(random.integers(3, 6))):
        draw.rectangle(
            (left, y, left + width, y + 18), (238, 242, 248) if row % 2 else (255, 255, 255), (205, 205, 205)
        )
        for column in range(4):
            draw.text((left + 6 + column * width // 4, y + 2), f"{random.random() * 1000:.2f}", (50, 50, 50), font)
        y += 18
    return y


def _line(random: np.random.Generator, words: int) -> str:
    return " ".join(_WORDS[int(index)] for index in random.integers(len(_WORDS), size=words))


def _bar(width: int, height: int) -> Pixels:
    picture = Image.new("RGB", (width, height), (44, 62, 80))
    font = ImageFont.load_default(max(height // 2, 6))
    ImageDraw.Draw(picture).text((6, height // 5), "File  Edit  View  Help", (240, 240, 240), font)
    return np.asarray(picture)


# Noise

_READ_NOISE, _SHOT_NOISE = 2.0, 0.12  # grey levels; grey levels squared per grey level
_DRIFT = 0.27  # pixels of the still a frame


def noise(width: int, height: int, frames: int) -> Iterator[Pixels]:
    """A slow pan over one LIVE still with the noise of a sensor, new in every frame: Gaussian, of a variance that
    rises linearly with the level (Foi et al., "Practical Poissonian-Gaussian noise modeling", IEEE TIP 17 (10),
    2008), here on the coded samples."""
    still = _read(NOISE_STILL)
    across, down = _fitting(still, width, height, 0.8)
    spare = still.width - across
    for number in range(frames):
        travel = (_DRIFT * number) % (2 * spare)
        left = min(travel, 2 * spare - travel)  # there and back
        top = (still.height - down) / 2
        clean = _view(still, _inside(still, (left, top, left + across, top + down)), width, height)
        random = np.random.default_rng((7, number))
        level = clean.astype(np.float32)
        deviation = np.sqrt(_READ_NOISE**2 + _SHOT_NOISE * level)
        noisy = level + deviation * random.standard_normal(level.shape, np.float32)
        yield np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


Maker = Callable[[int, int, int], Iterator[Pixels]]
MADE: Mapping[str, Maker] = MappingProxyType({"pan-zoom": pan_zoom, "scroll": scroll, "noise": noise})

# As files

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
