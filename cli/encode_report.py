"""What `wisp encode` says of what it wrote: a line for people, facts for programs."""

from __future__ import annotations

import math
from typing import Any

from cli.plan import Job
from codec.files.output import STDOUT
from codec.jobs.settings import EncodeReport
from codec.settings import EncodeSettings


def picture_facts(job: Job, settings: EncodeSettings, report: EncodeReport) -> dict[str, Any]:
    """The line of --json for a picture."""
    target, psnr = settings.target, report.psnr
    return {
        "file": job.source,
        "output": job.target,
        "width": report.size[0],
        "height": report.size[1],
        "mode": report.mode,
        "target": None if target is None else {target.kind: target.value},
        "effort": settings.effort,
        "tune": settings.tune,
        "quality": report.quality,
        "model_quality": report.model_quality,
        "bytes": report.bytes,
        "bpp": round(report.bpp, 4),
        "psnr": None if psnr is None or math.isinf(psnr) else round(psnr, 4),  # null: every pixel is as it was
        "ms_ssim": None if report.ms_ssim is None else round(report.ms_ssim, 6),
        "tile": report.tile,
        "tiles": report.tiles,
        "lossless_tiles": report.lossless_tiles,
        "seconds": round(report.seconds, 3),
        "stages": {name: round(seconds, 3) for name, seconds in report.stages.items()},
    }


def video_facts(job: Job, settings: EncodeSettings, bitrate: float | None, report: EncodeReport) -> dict[str, Any]:
    """The line of --json for a video."""
    return {
        "file": job.source,
        "output": job.target,
        "width": report.size[0],
        "height": report.size[1],
        "mode": report.mode,
        "frames": report.frames,
        "repeats": report.repeats,
        "duration": round(report.duration, 6),
        "quality": None if settings.lossless or bitrate is not None else settings.quality,
        "target_kbps": bitrate,
        "effort": settings.effort,
        "tune": settings.tune,
        "bytes": report.bytes,
        "kbps": round(report.kilobits, 2),
        "psnr": None if report.psnr is None else round(report.psnr, 4),
        "fps": round(_fps(report), 3),
        "seconds": round(report.seconds, 3),
        "interrupted": report.interrupted,
    }


def picture_line(target: str, report: EncodeReport) -> str:
    """The line of --verbose for a picture."""
    size = f"{report.size[0]}x{report.size[1]} {report.mode}"
    tiles = f"{report.tiles} {'tile' if report.tiles == 1 else 'tiles'}, {report.lossless_tiles} lossless"
    return f"{size} -> {target}: {report.bytes} bytes, {report.bpp:.3f} bpp, {tiles}, {report.seconds:.2f} s"


def interrupted_line(job: Job, report: EncodeReport) -> str:
    """What is left of a video whose encoding was interrupted."""
    if not report.frames:
        return "interrupted before the first frame: nothing was written"
    frames = "the first frame is" if report.frames == 1 else f"the first {report.frames} frames are"
    return f"interrupted: {frames} in {'the output' if job.target == STDOUT else job.target}"


def _fps(report: EncodeReport) -> float:
    return report.frames / report.seconds if report.seconds else 0.0


def video_line(target: str, report: EncodeReport) -> str:
    """The line of --verbose for a video."""
    size = f"{report.size[0]}x{report.size[1]} {report.mode}"
    repeats = "" if not report.repeats else f" ({report.repeats} {'repeat' if report.repeats == 1 else 'repeats'})"
    frames = f"{report.frames} {'frame' if report.frames == 1 else 'frames'}{repeats}, {report.duration:.2f} s"
    work = f"{report.kilobits:.1f} kbit/s, coded at {_fps(report):.2f} fps"
    return f"{size} -> {target}: {report.bytes} bytes, {frames}, {work}"
