"""The log of an encoded clip: a row for every frame and every second."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from bitstream.sequence.record import KINDS
from codec.sequence.encoder import WrittenFrame

MOST_DB = 100.0  # what an exact frame counts in a mean
LogKind = Literal["csv", "json"]
COLUMNS = ("row", "frame", "time", "kind", "bits", "quality", "psnr", "ms", "frames", "kbps")


@dataclass
class _Second:
    """What came in one second of the clip."""

    number: int
    frames: int = 0
    bits: int = 0
    psnr: float = 0.0
    ms: float = 0.0


class FrameLog:
    """Lines for programs: a row `frame` for each frame, behind those of a second of the clip a row `second`.

    A frame's row has its number, time in seconds, kind, bits, quality 0..100, PSNR in dB over the channels (empty:
    exact), milliseconds of work; a second's the number of frames, their bits, kbit/s, mean PSNR (exact frames count
    100 dB), milliseconds. `put` takes a line without its end.
    """

    def __init__(self, kind: LogKind, put: Callable[[str], None]) -> None:
        self._kind, self._put = kind, put
        self._second: _Second | None = None
        if kind == "csv":
            put(",".join(COLUMNS))

    def frame(self, written: WrittenFrame, seconds: float, psnr: float) -> None:
        """A frame that is shown `seconds` after the clip's beginning."""
        if self._second is None or int(seconds) != self._second.number:
            self._end_second()
            self._second = _Second(int(seconds))
        bits, ms = 8 * written.bytes, 1000 * written.seconds
        now = self._second
        now.frames, now.bits, now.ms = now.frames + 1, now.bits + bits, now.ms + ms
        now.psnr += min(psnr, MOST_DB)
        self._row(
            row="frame",
            frame=written.record.number,
            time=round(seconds, 6),
            kind=KINDS[written.record.kind],
            bits=bits,
            quality=None if written.quality is None else round(written.quality, 2),
            psnr=None if math.isinf(psnr) else round(psnr, 3),
            ms=round(ms, 1),
        )

    def end(self) -> None:
        """The clip has ended."""
        self._end_second()
        self._second = None

    def _end_second(self) -> None:
        second = self._second
        if second is not None:
            self._row(
                row="second",
                time=second.number,
                bits=second.bits,
                psnr=round(second.psnr / second.frames, 3),
                ms=round(second.ms, 1),
                frames=second.frames,
                kbps=round(second.bits / 1000, 2),
            )

    def _row(self, **values: object) -> None:
        self._put(json.dumps(values) if self._kind == "json" else _csv_line(values))


def _csv_line(values: Mapping[str, object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow([values.get(name) for name in COLUMNS])
    return line.getvalue()
