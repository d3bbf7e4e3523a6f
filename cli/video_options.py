"""The options that count for videos only, beside those of cli/selection_options.py.

--no-audio                                leave the sound out
--format, --size, --rate                  of encode: what raw video is
--strict                                  refuse what would be converted
--target-bitrate, --two-pass              a bitrate to meet
--log, --log-file                         what every frame came to
--video-codec, --crf, --preset, --chroma, --rate
                                          of decode: how frames are written
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Any

import click

from cli.gathered import gathered
from cli.selection_options import video_option
from codec.formats.video.read.rawvideo import RAW_FORMATS, Y4M, RawVideo
from codec.jobs.settings import DecodeSettings, InputSettings

_SIZE = re.compile(r"(\d{1,5})[xX](\d{1,5})")
_RATE = re.compile(r"\d{1,9}(?:\.\d{1,9})?|\d{1,9}/\d{1,9}")
no_audio = video_option("--no-audio", is_flag=True, help="Leave the sound out.")


def _frame_size(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = _SIZE.fullmatch(value)
    if found is None or 0 in (int(found[1]), int(found[2])):
        raise click.BadParameter(f"{value!r} is no size such as 640x360.")
    return int(found[1]), int(found[2])


def _frames_a_second(_: click.Context, __: click.Parameter, value: str | None) -> Fraction | None:
    """25, 29.97 (which is 30000/1001) or 30000/1001."""
    if value is None:
        return None
    from codec.sequence.writer import frame_rate

    try:
        if _RATE.fullmatch(value) is None:
            raise ValueError
        return frame_rate(Fraction(value) if "/" in value else value)
    except (ValueError, ZeroDivisionError):
        raise click.BadParameter(f"{value!r} is no rate: 25, 29.97 and 30000/1001 frames a second are.") from None


def _kilobits(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter(f"{value:g} is not a number above 0.")
    return value


_SIZE_OF_RAW = video_option("--size", metavar="WxH", callback=_frame_size, help="Of the frames of raw video.")
_STRICT = video_option(
    "--strict", is_flag=True, help="Refuse what would have to be converted: 10 bits, interlaced frames."
)
_VIDEO_IN = (
    video_option(
        "--format",
        type=click.Choice((Y4M, *RAW_FORMATS)),
        metavar="RAW",
        help="The input is raw video: y4m, rgb24, yuv420p, or another of FFmpeg's formats of pixels.",
    ),
    _SIZE_OF_RAW,
    video_option("--rate", "frame_rate", metavar="R", callback=_frames_a_second, help="Frames a second of raw video."),
    _STRICT,
    no_audio,
    video_option(
        "--target-bitrate",
        "bitrate",
        type=float,
        metavar="KBPS",
        callback=_kilobits,
        help="1000 bits a second to meet.",
    ),
    video_option("--two-pass", is_flag=True, help="Meet it more closely, by reading the input twice."),
    video_option(
        "--log", type=click.Choice(["csv", "json"]), help="A line for every frame (bits, PSNR, ms) and every second."
    ),
    video_option("--log-file", metavar="FILE", help="Where these lines go; else to standard output."),
)
VIDEO_IN = ("format", "size", "frame_rate", "strict", "no_audio", "bitrate", "two_pass", "log", "log_file")


def _reading(values: dict[str, Any]) -> dict[str, Any]:
    kind, size, rate = (values.pop(name) for name in ("format", "size", "frame_rate"))
    _check_raw(kind, size, rate)
    if values["two_pass"] and values["bitrate"] is None:
        raise click.UsageError("--two-pass needs --target-bitrate.")
    if values["log_file"] and not values["log"]:
        raise click.UsageError("--log-file needs --log csv or --log json.")
    reading = InputSettings(
        raw=None if kind is None else RawVideo(kind, size, rate),
        strict=values.pop("strict"),
        audio=not values.pop("no_audio"),
    )
    return {"reading": reading, **values}


video_in = gathered(_VIDEO_IN, _reading)  # what is read comes as one parameter `reading`, the rest by name


def _check_raw(
    kind: str | None,
    size: tuple[int, int] | None,
    rate: Fraction | None,
    named: str = "--format",
    rate_named: str = "--rate",
) -> None:
    if kind is None and (size or rate):
        raise click.UsageError(f"{'--size' if size else rate_named} is for raw video: {named} says which.")
    if kind == Y4M and size:
        raise click.UsageError("--size is for raw video without a header: y4m has one.")
    if kind not in (None, Y4M) and size is None:
        raise click.UsageError(f"raw video of {kind} needs its --size, as in --size 640x360.")


_RAW_IN = (
    video_option(
        "--raw",
        type=click.Choice((Y4M, *RAW_FORMATS)),
        metavar="RAW",
        help="The input is raw video: y4m, rgb24, yuv420p, or another of FFmpeg's formats of pixels.",
    ),
    _SIZE_OF_RAW,
    video_option("--raw-rate", metavar="R", callback=_frames_a_second, help="Frames a second of raw video."),
    _STRICT,
)
RAW_IN = ("raw", "size", "raw_rate", "strict")


def _raw(values: dict[str, Any]) -> dict[str, Any]:
    kind, size, rate = (values.pop(name) for name in ("raw", "size", "raw_rate"))
    _check_raw(kind, size, rate, "--raw", "--raw-rate")
    return {"reading": InputSettings(raw=None if kind is None else RawVideo(kind, size, rate), **values)}


raw_in = gathered(_RAW_IN, _raw)  # what is read, where --format says what is written: one parameter `reading`


_OUTPUT = (
    video_option(
        "--video-codec", type=click.Choice(["h264", "h265", "av1", "ffv1"]), help="Of mp4 (h264) and mkv (ffv1)."
    ),
    video_option(
        "--crf", type=click.IntRange(0, 100), metavar="N", help="Of H.264, H.265, AV1: low is good. Of WebP 0..100."
    ),
    video_option(
        "--preset", metavar="NAME", help="The encoder's speed: ultrafast to placebo, AV1 0 to 13, WebP 0 to 6."
    ),
    video_option(
        "--rate",
        "frame_rate",
        metavar="R",
        callback=_frames_a_second,
        help="Constant frames a second: repeat and drop for it.",
    ),
    video_option(
        "--chroma",
        type=click.Choice(["420", "444"]),
        default="420",
        show_default=True,
        help="Of y4m: colours of all pixels?",
    ),
    no_audio,
)
FRAMES_OUT = ("video_codec", "crf", "preset", "frame_rate", "chroma", "no_audio")


def _written(values: dict[str, Any]) -> dict[str, Any]:
    rate, audio = values.pop("frame_rate"), not values.pop("no_audio")
    return {"video": DecodeSettings(rate=rate, audio=audio, **values)}


frames_out = gathered(_OUTPUT, _written)  # how frames are written, handed over as one parameter `video`
