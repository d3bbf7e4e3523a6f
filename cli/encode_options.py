"""The options of `wisp encode` that are EncodeSettings: a quality or a target to meet, an effort, regions, tiles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bitstream.errors import FileAccessError
from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from cli.gathered import Option, gathered
from codec.rate.target import Target, TargetKind
from codec.settings import DEFAULT_QUALITY, EncodeSettings
from codec.still.effort import DEFAULT_EFFORT, FIRST_REFINED, HIGHEST, LOWEST
from codec.still.regions import DEFAULT_DELTA, ROI_TILE, Region

_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})([kKmM]?)[bB]?")
_FACTORS = {"": 1, "k": 1000, "m": 1_000_000}
_RECTANGLE = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})(?:,([+-]?\d{1,9}(?:\.\d{1,9})?))?")
_NUMBERS = re.compile(r"\d+(,\d+){3}(,[+-]?[\d.]+)?")
_MAP = re.compile(r"(.+?)(?:,([+-]\d{1,9}(?:\.\d{1,9})?))?")
TARGETS = "target_size", "target_bpp", "target_psnr", "target_ms_ssim"


def _size(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """20000, 20k or 1.5M -> bytes."""
    if value is None:
        return None
    found = _SIZE.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no size: 20000, 20k and 1.5M are.")
    size = float(found[1]) * _FACTORS[found[2].lower()]
    if size < 1:
        raise click.BadParameter(f"{value!r} is less than a byte.")
    return math.floor(size)


def _within(high: float) -> Callable[[click.Context, click.Parameter, float | None], float | None]:
    """A number above 0 and below `high`."""

    def checked(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
        if value is not None and not 0 < value < high:
            limit = "a number above 0" if math.isinf(high) else f"between 0 and {high:g}"
            raise click.BadParameter(f"{value:g} is not {limit}.")
        return value

    return checked


@dataclass(frozen=True)
class _Area:
    """A region as it was asked for; a map is read when the work begins."""

    where: tuple[int, int, int, int] | str
    delta: float


def _areas(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[_Area, ...]:
    return tuple(_area(value) for value in values)


def _area(value: str) -> _Area:
    """x,y,w,h or the name of a grey picture, with a change of the quality behind it or without."""
    rectangle, named = _RECTANGLE.fullmatch(value), _MAP.fullmatch(value)
    if rectangle is not None:
        x, y, width, height = (int(number) for number in rectangle.groups()[:4])
        if 0 in (width, height):
            raise click.BadParameter(f"{value!r}: the region has no pixels.")
        where: tuple[int, int, int, int] | str = (x, y, width, height)
        change = rectangle[5]
    elif named is not None and not _NUMBERS.fullmatch(value):
        where, change = named[1], named[2]
    else:
        raise click.BadParameter(f"{value!r} is neither x,y,w,h nor the name of a picture.")
    delta = DEFAULT_DELTA if change is None else float(change)
    if not -100 <= delta <= 100:
        raise click.BadParameter(f"{value!r}: a change of the quality by {delta:g} is not within -100..100.")
    return _Area(where, delta)


def _grey(name: str) -> Any:
    """A map as (H, W) uint8. Raises FileAccessError, which names it."""
    from codec.formats.pictures.load import load_map

    try:
        return load_map(Path(name))
    except FileAccessError as error:
        raise FileAccessError(f"--roi {name}: {error}") from error


def _checked_quality(_: click.Context, __: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which FloatRange lets pass
        raise click.BadParameter(f"{value} is not a number.")
    return value


def _checked_tile(_: click.Context, __: click.Parameter, value: int | None) -> int | None:
    if value is not None and value % TILE_STEP:
        raise click.BadParameter(f"{value} is not a multiple of {TILE_STEP}.")
    return value


def quality_option(help_text: str) -> Option:
    """A quality 0..100."""
    return click.option(
        "-q",
        "--quality",
        type=click.FloatRange(0, 100),
        default=DEFAULT_QUALITY,
        show_default=True,
        callback=_checked_quality,
        help=help_text,
    )


_OPTIONS = (
    quality_option("0 (smallest) to 100 (best); equal steps look like equal steps of PSNR."),
    click.option("--lossless", is_flag=True, help="Keep every pixel that can be seen; the quality does not count."),
    click.option(
        "--exact",
        is_flag=True,
        help="Code colours under full transparency as all others; else they are free to change.",
    ),
    click.option(
        "--target-size", metavar="BYTES", callback=_size, help="The largest size of the file: 20000, 20k, 1.5M."
    ),
    click.option(
        "--target-bpp", type=float, metavar="BPP", callback=_within(math.inf), help="The same in bits per pixel."
    ),
    click.option("--target-psnr", type=float, metavar="DB", callback=_within(100), help="The least PSNR in dB."),
    click.option("--target-ms-ssim", type=float, metavar="M", callback=_within(1), help="The least MS-SSIM, 0..1."),
    click.option(
        "--effort",
        type=click.IntRange(LOWEST, HIGHEST),
        default=DEFAULT_EFFORT,
        show_default=True,
        help=f"1 to 9. From {FIRST_REFINED} on every picture's latents are refined: smaller, and 30 to 400 times as "
        "slow. 1 to 4 differ in lossless tiles and alpha only: the network has nothing to trade.",
    ),
    click.option(
        "--tune",
        type=click.Choice(["psnr", "ms-ssim"]),
        default="psnr",
        show_default=True,
        help=f"What an effort of {FIRST_REFINED} or more makes good.",
    ),
    click.option(
        "--roi",
        "areas",
        metavar="REGION",
        callback=_areas,
        multiple=True,
        help=f"x,y,w,h[,+N]: a rectangle whose quality is N higher ({DEFAULT_DELTA} if not said, -N is lower). "
        "FILE[,+N]: a grey picture laid over it, white is +N, black is -N, 128 no change. May be given again.",
    ),
    click.option(
        "--tile",
        type=click.IntRange(MIN_TILE, MAX_TILE),
        callback=_checked_tile,
        metavar="N",
        help=f"Pixels a side of the tiles that are coded independently; a multiple of {TILE_STEP}. {DEFAULT_TILE}, or "
        f"{ROI_TILE} with --roi.",
    ),
)


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    wanted = {name: value for name in TARGETS if (value := values.pop(name)) is not None}
    areas: tuple[_Area, ...] = values.pop("areas")
    _check(wanted, areas, values)
    settings = EncodeSettings(target=_target(wanted), regions=tuple(_region(area) for area in areas), **values)
    return {"settings": settings}


encode_settings = gathered(_OPTIONS, _settings)  # handed over as one parameter `settings`: EncodeSettings


def _check(wanted: dict[str, Any], areas: tuple[_Area, ...], values: dict[str, Any]) -> None:
    """Raise UsageError for options that do not go together, by their names."""
    chosen = ["--" + name.replace("_", "-") for name in wanted]
    if click.get_current_context().get_parameter_source("quality") is not click.core.ParameterSource.DEFAULT:
        chosen.append("--quality")
    if values["lossless"]:
        chosen.append("--lossless")
    if wanted and len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} exclude each other.")
    if values["lossless"] and areas:
        raise click.UsageError("--roi and --lossless exclude each other.")
    if values["tune"] != "psnr" and values["effort"] < FIRST_REFINED:
        raise click.UsageError(f"--tune {values['tune']} needs --effort {FIRST_REFINED} or more.")


def _target(wanted: dict[str, Any]) -> Target | None:
    for name, value in wanted.items():
        kind: TargetKind = name.removeprefix("target_").replace("_", "-")  # type: ignore[assignment]
        return Target(kind, value)
    return None


def _region(area: _Area) -> Region:
    """The region, a map read. Raises FileAccessError and its like."""
    return Region(_grey(area.where) if isinstance(area.where, str) else area.where, area.delta)
