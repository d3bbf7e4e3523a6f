"""Uncompressed video for pipes: YUV4MPEG2 (y4m), and bare rgb24 or yuv420p without a header.

Each frame is flushed as soon as it is complete. The header of y4m is as FFmpeg's and mjpegtools' writers have it:
https://wiki.multimedia.cx/index.php/YUV4MPEG2
"""

from __future__ import annotations

from dataclasses import replace

from bitstream.sequence.clip import UNKNOWN_MATRIX, Clip
from codec.formats.video.write.colour import RGB_LOOK, Converter, look_of, plane_bytes
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.file import FileSink, OutFile
from codec.formats.video.write.sink import SinkSettings
from codec.notes import note
from codec.pixels.frame import Frame

_SAMPLING = {"yuv420p": "C420jpeg", "yuv444p": "C444", "gray": "Cmono"}


class RawSink(FileSink):
    """Frames at a constant rate: the one asked for, else the clip's, else what its first frames tell."""

    def __init__(self, file: OutFile, settings: SinkSettings, clip: Clip, size: tuple[int, int], mode: str) -> None:
        super().__init__(file, size, mode)
        self._rate = ConstantRate(settings.rate or clip.rate)
        self._aspect = clip.pixel_aspect
        self._y4m = settings.kind == "y4m"
        self._begun = False
        self._format = settings.kind if not self._y4m else f"yuv{settings.chroma}p"
        # Neither header nor raw video states a matrix: it is the one that whoever reads them takes.
        look = look_of(replace(clip, colour_matrix=UNKNOWN_MATRIX), size[1])
        if self._y4m and mode == "L":
            self._format = "gray"  # the levels as they are, which is full range
        elif self._format == "rgb24":
            look = RGB_LOOK
        self._full = look.full or self._format == "gray"
        self._converter = Converter(self._format, look, size, settings.kind)

    def _take(self, frame: Frame) -> None:
        for due in self._rate.take(frame):
            self._put(due)

    def _finish(self) -> None:
        for due in self._rate.rest():
            self._put(due)

    def _tell(self) -> None:
        if told := self._rate.told():
            note(told)

    def _put(self, frame: Frame) -> None:
        if self._y4m:
            if not self._begun:
                self._file.write(self._header())
                self._begun = True
            self._file.write(b"FRAME\n")
        for plane in plane_bytes(self._converter.frame(frame.pixels)):
            self._file.write(plane)
        self._file.flush()

    def _header(self) -> bytes:
        rate, aspect = self._rate.rate, self._aspect
        assert rate is not None
        width, height = self._size
        fields = [
            "YUV4MPEG2",
            f"W{width}",
            f"H{height}",
            f"F{rate.numerator}:{rate.denominator}",
            "Ip",
            f"A{aspect.numerator}:{aspect.denominator}",
            _SAMPLING[self._format],
            f"XCOLORRANGE={'FULL' if self._full else 'LIMITED'}",
        ]
        return " ".join(fields).encode() + b"\n"
