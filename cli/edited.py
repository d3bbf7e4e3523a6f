"""The line of `wisp cut` and `wisp concat` about what they wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codec.jobs.settings import EncodeReport


def told(target: str, report: EncodeReport) -> str:
    """The line of --verbose."""
    frames = f"{report.frames} {'frame' if report.frames == 1 else 'frames'}"
    return f"-> {target}: {report.bytes} bytes, {frames}, {report.duration:.2f} s"
