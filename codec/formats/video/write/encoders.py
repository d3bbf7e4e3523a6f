"""The encoders of FFmpeg for MP4 and Matroska: their names, the sizes that they take, and their options."""

from __future__ import annotations

from dataclasses import dataclass

from bitstream.errors import RequestError
from codec.formats.video.write.sink import SinkSettings, VideoCodec

_SPEEDS = "ultrafast superfast veryfast faster fast medium slow slower veryslow placebo"
_DEFAULT: dict[str, VideoCodec] = {"mp4": "h264", "mkv": "ffv1"}


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg.

    A side of a picture is a multiple of `step` pixels, and at least `least`; `quality` is the usual CRF, `worst` the
    highest, `preset` the usual one of `presets`. An encoder without presets is lossless.
    """

    codec: VideoCodec
    name: str
    words: str
    step: int = 1
    least: int = 1
    quality: int = 0
    worst: int = 0
    preset: str = ""
    presets: tuple[str, ...] = ()

    def padded(self, size: tuple[int, int]) -> tuple[int, int]:
        """The smallest size that the encoder takes and that cuts off no pixel."""
        width, height = (max(-(-side // self.step) * self.step, self.least) for side in size)
        return width, height

    def options(self, settings: SinkSettings) -> dict[str, str]:
        """The encoder's options. Raises RequestError for a quality or preset that it does not have."""
        if not self.presets:
            if settings.quality is not None or settings.preset is not None:
                raise RequestError(f"{self.words} is lossless: it has no quality and no preset")
            return {"level": "3", "slicecrc": "1", "g": "1"}
        quality = self.quality if settings.quality is None else settings.quality
        if not 0 <= quality <= self.worst:
            raise RequestError(f"the quality (CRF) of {self.words} is 0..{self.worst}, not {quality}")
        preset = settings.preset or self.preset
        if preset not in self.presets:
            raise RequestError(f"{self.words} has no preset {preset}, but {', '.join(self.presets)}")
        options = {"crf": str(quality), "preset": preset}
        if self.codec == "av1":
            return options | {"svtav1-params": f"lp={settings.threads}"}
        options["chroma_sample_location"] = "center"  # which SVT-AV1 does not know
        if self.codec == "h265":
            options["forced-idr"] = "1"
            options["x265-params"] = f"log-level=none:pools={settings.threads}:frame-threads=1"
        return options


_ENCODERS = (
    Encoder("h264", "libx264", "H.264", 2, 2, 18, 51, "medium", tuple(_SPEEDS.split())),
    # Narrower pictures make x265 4.2 write beyond its memory.
    Encoder("h265", "libx265", "H.265", 2, 64, 20, 51, "medium", tuple(_SPEEDS.split())),
    Encoder("av1", "libsvtav1", "AV1", 1, 16, 24, 63, "8", tuple(map(str, range(14)))),
    Encoder("ffv1", "ffv1", "FFV1"),
)


def chosen_encoder(settings: SinkSettings) -> Encoder:
    """The encoder that the settings ask for. Raises RequestError for one that mp4 does not hold."""
    codec = settings.codec or _DEFAULT[settings.kind]
    if settings.kind == "mp4" and codec == "ffv1":
        raise RequestError("mp4 does not hold FFV1, mkv does")
    return next(encoder for encoder in _ENCODERS if encoder.codec == codec)
