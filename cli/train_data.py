"""`wisp train data`: packs of crops or clips to train on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.command import WispCommand
from cli.progress import shown
from codec.files.output import Writing

if TYPE_CHECKING:
    from codec.training.data.pack import PackReport
    from codec.training.data.settings import PictureFormat

EXAMPLES = """\b
Examples:
  wisp train data photos -o pack.tar
  wisp train data photos more.tar -o pack.tar --size 256 --per-picture 8 --exclude testset
  wisp train data photos -o pack.tar --downscale 2:4 --limit 20000 --format avif --jobs 8
  wisp train data screenshots -o graphics.tar --graphics
  wisp train data videos clip.mp4 -o clips.tar --clips 9x256
"""
_WORDS = {
    "unreadable": "could not be read",
    "excluded": "to be tested with",
    "small": "too small",
    "flat": "flat",
    "short": "too short",
    "still": "hardly moving",
    "duplicate": "seen already",
    "excluded crops": "parts of what is to be tested with",
    "duplicate crops": "parts seen already",
}


def _range(_: click.Context, __: click.Parameter, value: str) -> tuple[float, float]:
    """FROM:TO or one number, 1 and more."""
    low, colon, high = value.partition(":")
    try:
        found = float(low), float(high if colon else low)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no range such as 1.5:3.") from None
    if not 1 <= found[0] <= found[1] < float("inf"):
        raise click.BadParameter(f"{value}: the first number is 1 or more, the second no smaller.")
    return found


def _clips(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """FRAMESxSIZE."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,4})x(\d{1,5})", value)
    if match is None or int(match[1]) < 2 or int(match[2]) < 16:
        raise click.BadParameter(f"{value!r} is not frames (2 or more) by pixels (16 or more), such as 9x256.")
    return int(match[1]), int(match[2])


@click.command(cls=WispCommand, short_help="Make packs of crops or clips to train on.", epilog=EXAMPLES)
@click.argument("sources", metavar="DIR|FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="PACK.tar", required=True, type=click.Path(path_type=Path), help="The pack.")
@options.overwrite
@click.option("--size", type=click.IntRange(16, 8192), metavar="N", help="Side of a crop, in pixels.  [default: 384]")
@click.option(
    "--per-picture",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    metavar="N",
    help="Crops of a picture at most, or clips of a video.",
)
@click.option(
    "--downscale",
    callback=_range,
    default="1.5:3",
    show_default=True,
    metavar="FROM:TO",
    help="Scale down by a factor from this range, drawn for each crop, what was coded with loss: JPEG, AVIF, lossy "
    "WebP, videos. Washes artefacts out; 1 turns it off.",
)
@click.option("--downscale-all", is_flag=True, help="Scale pictures that are stored without loss down as well.")
@click.option(
    "--texture",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="X",
    help="How much textured crops, or clips that move, are preferred; 0 not at all. Flat ones are always left out.",
)
@click.option(
    "--exclude",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR|FILE",
    help="Pictures and videos to test with, which must not be trained on. They are found again at any size and "
    "quality, and mostly where one shows more than half of the other; not by small parts. Takes about a second a "
    "picture. May be repeated.",
)
@click.option("--clips", callback=_clips, metavar="NxSIZE", help="Cut clips of N frames of SIZE x SIZE out of videos.")
@click.option("--graphics", is_flag=True, help="These are drawings or screenshots: names begin with g_, not with p_.")
@click.option(
    "--format",
    "picture_format",
    type=click.Choice(["webp", "avif"]),
    default="webp",
    show_default=True,
    help="webp is lossless; avif is of quality 95, 4:4:4: some 46 dB, and two fifths of the size.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Crops or clips of the pack at most.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all that is drawn.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), metavar="N", help="Sources at a time.  [default: one a core]"
)
@click.option("--quiet", is_flag=True, help="Tell errors only.")
@options.debug
def data(
    sources: tuple[Path, ...],
    output: Path,
    overwrite: bool,
    size: int | None,
    per_picture: int,
    downscale: tuple[float, float],
    downscale_all: bool,
    texture: float,
    exclude: tuple[Path, ...],
    clips: tuple[int, int] | None,
    graphics: bool,
    picture_format: PictureFormat,
    limit: int | None,
    seed: int,
    jobs: int | None,
    quiet: bool,
) -> None:
    """Cut crops of pictures, or clips of videos, into a pack to train on.

    Pictures are taken from folders and those below them, from tar files, and by their names. PACK.tar has webdataset's
    layout: KEY.webp and KEY.json with source, place, scale and hashes; PACK.csv lists them. Duplicates are dropped by a
    perceptual hash. A clip is one picture, its frames below each other, without a change of scene. The same sources and
    options give the same pack.
    """
    if clips is not None and (size is not None or graphics):
        raise click.UsageError(f"--clips and {'--graphics' if graphics else '--size'} exclude each other.")
    from codec.training.data.pack import make_pack
    from codec.training.data.settings import PackSettings
    from codec.work.progress import Progress
    from codec.work.threads import cores

    settings = PackSettings(
        size=clips[1] if clips else size or 384,
        frames=clips[0] if clips else None,
        per_source=per_picture,
        downscale=downscale,
        downscale_all=downscale_all,
        texture=texture,
        graphics=graphics,
        picture_format=picture_format,
        seed=seed,
        limit=limit,
    )
    count = jobs or cores()
    with shown("auto", [1], quiet=quiet) as bar:
        bar.begin(0, output.name)
        report = make_pack(
            sources,
            output,
            settings,
            exclude=exclude,
            writing=Writing(overwrite),
            jobs=count if count > 1 else 0,
            progress=Progress(lambda share: bar.advance(0, share)),
        )
    if not quiet:
        click.echo(_told(output, report, "clips" if clips else "crops"))


def _told(output: Path, report: PackReport, what: str) -> str:
    sources = "one source" if report.sources == 1 else f"{report.sources} sources"
    line = f"{output}: {report.samples} {what} of {sources}, {report.bytes:,} bytes"
    left_out = ", ".join(f"{count} {_WORDS[why]}" for why, count in report.left_out.items())
    return f"{line}\nleft out: {left_out}" if left_out else line
