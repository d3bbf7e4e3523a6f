"""Wisp's codec: pictures and videos <-> `.wisp` files.

    import codec
    data = codec.encode("photo.png", quality=75)
    image = codec.decode(data)
    for frame in codec.open_video("clip.wisp"):
        show(frame.pixels)

Names are loaded when first used, so that importing this package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bitstream.errors import (
    CorruptError,
    ExactnessError,
    FileAccessError,
    LimitError,
    ModelFileError,
    ModelNotFoundError,
    NoSuchFrameError,
    NotSeekableError,
    NotWispError,
    OutputExistsError,
    RequestError,
    TargetError,
    TruncatedError,
    UnsupportedError,
    WispError,
)
from codec.notes import WispNote
from codec.work import forks as _forks  # noqa: F401 - from now on it is known which process was forked

if TYPE_CHECKING:
    from bitstream.metadata import Metadata
    from bitstream.sequence.audio import AudioPacket, AudioStream
    from bitstream.sequence.clip import Clip
    from bitstream.sequence.record import Record
    from codec.api import Codec, decode, decode_array, decode_tensor, encode, salvage
    from codec.jobs.decode import decode_file
    from codec.jobs.describe_sequence import SequenceDescription
    from codec.jobs.describe_still import FileDescription, probe
    from codec.jobs.encode import encode_file
    from codec.jobs.selection import Scale, Selection
    from codec.jobs.settings import DecodeOptions, DecodeReport, DecodeSettings, EncodeReport
    from codec.pillow import register_pillow
    from codec.pixels.frame import Frame
    from codec.pixels.geometry import Box
    from codec.pixels.picture import Picture
    from codec.rate.target import Target
    from codec.restore.api import colorize, denoise
    from codec.sequence.encoder import WrittenFrame
    from codec.sequence.video import Video, VideoSlice, open_video
    from codec.sequence.writer import VideoWriter
    from codec.settings import EncodeOptions, EncodeSettings
    from codec.still.regions import Region
    from codec.still.salvage import DamagedTile, SalvageReport

__version__ = "0.1.0"
__all__ = [
    "AudioPacket",
    "AudioStream",
    "Box",
    "Clip",
    "Codec",
    "CorruptError",
    "DamagedTile",
    "DecodeOptions",
    "DecodeReport",
    "DecodeSettings",
    "EncodeOptions",
    "EncodeReport",
    "EncodeSettings",
    "ExactnessError",
    "FileAccessError",
    "FileDescription",
    "Frame",
    "LimitError",
    "Metadata",
    "ModelFileError",
    "ModelNotFoundError",
    "NoSuchFrameError",
    "NotSeekableError",
    "NotWispError",
    "OutputExistsError",
    "Picture",
    "Record",
    "Region",
    "RequestError",
    "SalvageReport",
    "Scale",
    "Selection",
    "SequenceDescription",
    "Target",
    "TargetError",
    "TruncatedError",
    "UnsupportedError",
    "Video",
    "VideoSlice",
    "VideoWriter",
    "WispError",
    "WispNote",
    "WrittenFrame",
    "colorize",
    "decode",
    "decode_array",
    "decode_file",
    "decode_tensor",
    "denoise",
    "encode",
    "encode_file",
    "open_video",
    "probe",
    "register_pillow",
    "salvage",
]
_LAZY = {
    "AudioPacket": "bitstream.sequence.audio",
    "AudioStream": "bitstream.sequence.audio",
    "Clip": "bitstream.sequence.clip",
    "DamagedTile": "codec.still.salvage",
    "EncodeOptions": "codec.settings",
    "EncodeSettings": "codec.settings",
    "Scale": "codec.jobs.selection",
    "Selection": "codec.jobs.selection",
    "decode_file": "codec.jobs.decode",
    "encode_file": "codec.jobs.encode",
    **dict.fromkeys(("DecodeOptions", "DecodeReport", "DecodeSettings", "EncodeReport"), "codec.jobs.settings"),
    "SalvageReport": "codec.still.salvage",
    "SequenceDescription": "codec.jobs.describe_sequence",
    "WrittenFrame": "codec.sequence.encoder",
    "Metadata": "bitstream.metadata",
    "FileDescription": "codec.jobs.describe_still",
    "Frame": "codec.pixels.frame",
    "Region": "codec.still.regions",
    "Target": "codec.rate.target",
    "Picture": "codec.pixels.picture",
    "Box": "codec.pixels.geometry",
    "Record": "bitstream.sequence.record",
    "Video": "codec.sequence.video",
    "VideoSlice": "codec.sequence.video",
    "VideoWriter": "codec.sequence.writer",
    "open_video": "codec.sequence.video",
    "probe": "codec.jobs.describe_still",
    "register_pillow": "codec.pillow",
    **dict.fromkeys(("colorize", "denoise"), "codec.restore.api"),
    **dict.fromkeys(("Codec", "decode", "decode_array", "decode_tensor", "encode", "salvage"), "codec.api"),
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
