"""What the file jobs are given beside `EncodeSettings`, and what they report."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, TypedDict

from codec.formats.pictures.save import DEFAULT_OUTPUT_QUALITY
from codec.formats.video.write.sink import VideoCodec
from codec.jobs.selection import Selection
from codec.pixels.geometry import Crop
from codec.restore.settings import Restoration
from codec.work.choices import check_choice

if TYPE_CHECKING:
    from codec.formats.video.read.rawvideo import RawVideo
    from codec.still.salvage import DamagedTile

Chroma = Literal["420", "444"]
MAX_DOWNSCALE = 64


@dataclass(frozen=True, kw_only=True)
class InputSettings:
    """What is read of a picture or video that is to be encoded.

    Args:
        strip: kinds of metadata to leave out: "icc", "exif", "xmp".
        frame: this one of an animation, from 0, as a picture; None takes an animation as a sequence.
        selection: which frames of a video, and how large.
        audio: keep the sound of a video.
        raw: what raw video is, which cannot be recognised.
        strict: refuse what would have to be converted instead of noting it.
        restoration: what is done to it first. Frames are restored before they are resized.
    """

    strip: frozenset[str] = frozenset()
    frame: int | None = None
    selection: Selection = field(default_factory=Selection)
    audio: bool = True
    raw: RawVideo | None = None
    strict: bool = False
    restoration: Restoration | None = None


class DecodeOptions(TypedDict, total=False):
    """The fields of `DecodeSettings`, as keyword arguments of `decode_file`."""

    format: str | None
    output_quality: int
    crop: Crop | None
    downscale: int
    strip: Collection[str]
    video_codec: VideoCodec | None
    crf: int | None
    preset: str | None
    rate: Fraction | None
    chroma: Chroma
    selection: Selection
    audio: bool
    salvage: bool
    fast: bool
    workers: int | None


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """What is made of a `.wisp` file.

    Args:
        format: of the output, None by its ending.
        output_quality: 0..100, of a picture in a lossy format.
        crop: (x, y, width, height) in pixels; pictures only.
        downscale: 1..64, write means of so many pixels squared; pictures only.
        strip: kinds of metadata to leave out.
        video_codec, crf, preset: how the frames of a sequence are encoded; None takes the usual ones of the format.
        rate: constant frames a second, for which frames are repeated and dropped.
        chroma: subsampling of y4m.
        selection: which frames, and how large.
        audio: write the sound, too.
        salvage: show what is intact of a damaged file.
        fast: make the pixels by the fast synthesis of the file's model, as in `decode`.
        preview: leave out the detail, as in `decode`; pictures only.
        workers: frames decoded at a time, as in `open_video`.

    Raises:
        ValueError: a value out of range.
    """

    format: str | None = None
    output_quality: int = DEFAULT_OUTPUT_QUALITY
    crop: Crop | None = None
    downscale: int = 1
    strip: Collection[str] = frozenset()
    video_codec: VideoCodec | None = None
    crf: int | None = None
    preset: str | None = None
    rate: Fraction | None = None
    chroma: Chroma = "420"
    selection: Selection = field(default_factory=Selection)
    audio: bool = True
    salvage: bool = False
    fast: bool = False
    preview: bool = False
    workers: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.output_quality <= 100 or not 1 <= self.downscale <= MAX_DOWNSCALE:
            raise ValueError(f"output_quality {self.output_quality} or downscale {self.downscale} is out of range")
        check_choice(self.chroma, Chroma)
        if self.video_codec is not None:
            check_choice(self.video_codec, VideoCodec)


@dataclass(frozen=True, kw_only=True)
class EncodeReport:
    """What was written.

    Attributes:
        size, mode: (width, height) in pixels; Pillow's name of the channels.
        bytes: of the file.
        seconds: of wall time; `stages` its parts by name.
        quality: 0..100 as asked for or found; None where every tile is lossless, or it varies.
        model_quality, tile, tiles, lossless_tiles: of a picture.
        psnr, ms_ssim: in dB, and 0..1, where measured; of a sequence the mean PSNR of the frames.
        frames, repeats, duration, kilobits: of a sequence; duration in seconds, 1000 bits a second without sound.
        lost: frames missing from a damaged source.
        interrupted: the job was asked to stop, and ended the file early.
    """

    size: tuple[int, int]
    mode: str
    bytes: int
    seconds: float
    stages: dict[str, float] = field(default_factory=dict)
    quality: float | None = None
    model_quality: float = 0.0
    tile: int = 0
    tiles: int = 0
    lossless_tiles: int = 0
    psnr: float | None = None
    ms_ssim: float | None = None
    frames: int = 1
    repeats: int = 0
    duration: float = 0.0
    kilobits: float = 0.0
    lost: int = 0
    interrupted: bool = False

    @property
    def bpp(self) -> float:
        """Bits per pixel of the whole file."""
        return 8 * self.bytes / (self.size[0] * self.size[1] * self.frames)


@dataclass(frozen=True, kw_only=True)
class DecodeReport:
    """What was written.

    Attributes:
        size, mode: (width, height) in pixels; Pillow's name of the channels.
        bytes, tiles, tiles_decoded, damaged: of a picture; `damaged` tiles are grey, with `salvage`.
        without_detail: of a picture, tiles that lost their detail alone, with `salvage`.
        frames, lost: of a sequence; `lost` ones were left out, with `salvage`.
        whole: whether the file was undamaged.
        seconds: of wall time.
        interrupted, kept: the job was asked to stop; the name under which the unfinished output is.
    """

    size: tuple[int, int]
    mode: str
    seconds: float
    bytes: int = 0
    tiles: int = 0
    tiles_decoded: int = 0
    damaged: tuple[DamagedTile, ...] = ()
    without_detail: tuple[int, ...] = ()
    frames: int = 1
    lost: int = 0
    whole: bool = True
    interrupted: bool = False
    kept: str | None = None
