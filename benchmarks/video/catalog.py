"""All codecs of the video benchmark, in the order of reports. Building them imports none of their libraries.

Each encoder comes at three presets, with prediction and all intra. Two of the three take part unless others are
named, and one of them with --quick.
"""

from __future__ import annotations

from benchmarks.video.aom import Aom
from benchmarks.video.interface import VideoCodec
from benchmarks.video.pyav_codec import PyAvCodec
from benchmarks.video.svtav1 import SvtAv1
from benchmarks.video.vp9 import Vp9
from benchmarks.video.wisp import WispVideo
from benchmarks.video.x264 import X264
from benchmarks.video.x265 import X265

# Encoder, preset, whether it is among the usual ones, and the quick ones.
_PRESETS: tuple[tuple[type[PyAvCodec], str, bool, bool], ...] = (
    (X264, "veryfast", True, False),
    (X264, "medium", True, True),
    (X264, "veryslow", False, False),
    (X265, "fast", True, True),
    (X265, "medium", True, False),
    (X265, "slow", False, False),
    (SvtAv1, "8", True, True),
    (SvtAv1, "5", True, False),
    (SvtAv1, "3", False, False),
    (Vp9, "4", True, True),
    (Vp9, "2", True, False),
    (Vp9, "1", False, False),
    (Aom, "6", True, True),
    (Aom, "4", True, False),
    (Aom, "2", False, False),
)


def catalog() -> dict[str, VideoCodec]:
    """The codecs by their ids; none is opened yet."""
    made: list[VideoCodec] = [
        kind(preset, intra=intra, usual=usual, quick=quick)
        for kind, preset, usual, quick in _PRESETS
        for intra in (False, True)
    ]
    return {codec.id: codec for codec in (*made, WispVideo())}
