"""What the commands for pictures and videos share: a list of its own in --help, and which frames are meant.

--frames, --start, --duration, --every, --scale   which frames, and how large
"""

from __future__ import annotations

import functools
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from cli.command import WispCommand
from cli.gathered import gathered

if TYPE_CHECKING:
    from codec.jobs.selection import Scale, Selection

_SPAN = re.compile(r"(\d{0,9}):(\d{0,9})")
_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,6}):)?(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})")
_SIZE = re.compile(r"(\d{1,5})[xX](\d{1,5})")
_SIDES = re.compile(r"(\d{1,5}|-1):(\d{1,5}|-1)")
_FACTOR = re.compile(r"\d{1,6}(?:\.\d{1,6})?|\.\d{1,6}|\d{1,6}/\d{1,6}")
_MOST = 16  # times larger by a factor: more is meant as a side

MAX_STEP = 1 << 20


class VideoOption(click.Option):
    """An option that --help lists under "Video"."""


class VideoCommand(WispCommand):
    """A subcommand for pictures and videos: the options of the latter stand apart."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists instead of one."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": [], "Video": []}
        for parameter in filter(lambda found: isinstance(found, click.Option), self.get_params(ctx)):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups["Video" if isinstance(parameter, VideoOption) else "Options"].append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(records)


video_option = functools.partial(click.option, cls=VideoOption)


def listed(names: tuple[str, ...]) -> str:
    """Options as the subject of a sentence: "--frames and --rate are"."""
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


def given(names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of these parameters the user has given, as the options are called."""
    ctx = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    chosen = {name for name in names if ctx.get_parameter_source(name) is not default}
    return tuple(parameter.opts[-1] for parameter in ctx.command.params if parameter.name in chosen and parameter.opts)


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> Fraction | None:
    """90, 1:30 and 0:01:30.5 -> seconds."""
    if value is None:
        return None
    found = _CLOCK.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time: 90, 1:30 and 0:01:30.5 are.")
    hours, minutes = (int(part or 0) for part in found.groups()[:2])
    return 3600 * hours + 60 * minutes + Fraction(found[3])


def _some_seconds(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Fraction | None:
    seconds = _seconds(ctx, parameter, value)
    if seconds == 0:
        raise click.BadParameter("no frame is shown in 0 seconds.")
    return seconds


def _span(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int | None] | None:
    if value is None:
        return None
    found = _SPAN.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not A:B: the frames from A on, counted from 0, and before B.")
    first, last = int(found[1] or 0), int(found[2]) if found[2] else None
    if last is not None and last <= first:
        raise click.BadParameter(f"{value!r} holds no frame.")
    return first, last


def _scale(_: click.Context, __: click.Parameter, value: str | None) -> Scale | None:
    """640x360, 640:-1, 1/2 or 0.5."""
    if value is None:
        return None
    from codec.jobs.selection import Scale

    size, sides, factor = _SIZE.fullmatch(value), _SIDES.fullmatch(value), _FACTOR.fullmatch(value)
    if found := size or sides:
        width, height = (max(int(side), 0) if side != "-1" else -1 for side in found.groups())
        if 0 in (width, height) or width == height == -1:
            raise click.BadParameter(f"{value!r} holds no pixel.")
        return Scale(max(width, 0), max(height, 0))
    if factor is None or value.endswith("/0"):
        raise click.BadParameter(f"{value!r} is no size: 640x360, 640:-1, 1/2 and 0.5 are.")
    by = Fraction(value)
    if not 0 < by <= _MOST:
        raise click.BadParameter(f"{value!r} is no factor above 0 and up to {_MOST} (a width is {value}:-1).")
    return Scale(factor=by)


FRAMES = video_option(
    "--frames",
    "span",
    metavar="A:B",
    callback=_span,
    help="From frame A on, counted from 0, and before B; A: and :B too.",
)
START = video_option(
    "--start",
    metavar="TIME",
    callback=_seconds,
    help="From here on, from the first frame: seconds, or [HH:]MM:SS[.f].",
)
DURATION = video_option("--duration", metavar="TIME", callback=_some_seconds, help="For so long, likewise.")
_SELECTION = (
    FRAMES,
    START,
    DURATION,
    video_option("--every", type=click.IntRange(1, MAX_STEP), default=1, metavar="N", help="Of those every Nth frame."),
    video_option("--scale", metavar="SIZE", callback=_scale, help="Resize to WxH, W:-1, -1:H, or by 1/2 or 0.5."),
)
SELECTION = ("span", "start", "duration", "every", "scale")


def selected(
    span: tuple[int, int | None] | None,
    start: Fraction | None,
    duration: Fraction | None,
    every: int = 1,
    scale: Scale | None = None,
) -> Selection:
    """The options as the codec has them."""
    from codec.jobs.selection import Selection

    first, last = span or (0, None)
    return Selection(first, last, start or Fraction(0), duration, every, scale)


def _chosen(values: dict[str, Any]) -> dict[str, Any]:
    return {"selection": selected(*(values[name] for name in SELECTION))}


selection = gathered(_SELECTION, _chosen)  # handed over as one parameter `selection`
