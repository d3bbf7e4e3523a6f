"""Every codec of the video benchmark there and back: all intra and predicted, its versions, what it refuses."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from benchmarks.codecs.catalog import video_catalog
from benchmarks.codecs.interface import INTRA, PREDICTED, AbsentError, VideoCodec
from benchmarks.codecs.pyav_codec import PyAvCodec
from benchmarks.codecs.wisp import WispVideo
from benchmarks.codecs.x264 import X264
from benchmarks.measures import psnr
from benchmarks.raw import Pixels, RawClip, write_raw
from benchmarks.sequences import pan_zoom

SIZE, FRAMES = (64, 64), 6  # the least that x265 takes
CODECS = video_catalog()
QUICK = [codec.id for codec in CODECS.values() if codec.quick and isinstance(codec, PyAvCodec)]


@pytest.fixture(scope="module")
def frames() -> list[Pixels]:
    return list(pan_zoom(*SIZE, FRAMES))


def raw_clip(folder: Path, frames: list[Pixels], codec: VideoCodec) -> RawClip:
    height, width = frames[0].shape[:2]
    clip = RawClip(folder / "in.raw", codec.layout, width, height, len(frames), Fraction(30000, 1001))
    write_raw(clip.path, frames, codec.layout)
    return clip


def opened(codec: VideoCodec) -> VideoCodec:
    """The test is skipped where it is absent."""
    try:
        codec.open(1)
    except AbsentError as error:
        assert error.reason and error.remedy
        pytest.skip(str(error))
    return codec


def there_and_back(codec: VideoCodec, clip: RawClip, quality: float, folder: Path) -> tuple[Path, list[Pixels]]:
    stream, raw = folder / f"stream.{codec.ending}", folder / "out.raw"
    stream.unlink(missing_ok=True)
    codec.encode(clip, quality, stream)
    with raw.open("wb") as file:
        codec.decode(stream, file)
    shown = RawClip(raw, clip.layout, clip.width, clip.height, clip.frames, clip.rate)
    assert raw.stat().st_size == shown.bytes
    return stream, list(shown.pixels())


@pytest.mark.parametrize("name", QUICK)
def test_video_codecs_there_and_back(name: str, frames: list[Pixels], tmp_path: Path) -> None:
    codec = opened(CODECS[name])
    clip = raw_clip(tmp_path, frames, codec)
    sizes, quality = [], []
    for setting in (codec.qualities[0], codec.qualities[-1]):
        stream, shown = there_and_back(codec, clip, setting, tmp_path)
        sizes.append(stream.stat().st_size)
        quality.append(np.mean([psnr(one, other) for one, other in zip(frames, shown, strict=True)]))
    assert sizes[1] > 2 * sizes[0] and quality[1] > quality[0] + 3 and quality[1] > 25
    assert there_and_back(codec, clip, setting, tmp_path)[0].stat().st_size == sizes[1]  # the same again
    assert psnr(frames[0], shown[0]) > psnr(frames[0], shown[-1]) + 3  # in order: a cut is between these two
    _check_prediction(codec, stream)


def _check_prediction(codec: VideoCodec, stream: Path) -> None:
    """As the stream has it, and as title and options say it."""
    assert isinstance(codec, PyAvCodec)
    with av.open(str(stream), format=codec.container) as source:
        video = source.streams.video[0]
        kinds = [PictureType(frame.pict_type).name for frame in source.decode(video)]
        assert len(kinds) == FRAMES and video.codec_context.color_range == 2
    said = INTRA if codec.id.endswith("-intra") else PREDICTED
    assert (set(kinds) == {"I"}) == (said == INTRA)
    assert codec.options["prediction"] == said and codec.title.endswith(f", {said}")


def test_versions_and_commands_are_told() -> None:
    for name in QUICK:
        codec = CODECS[name]
        try:
            codec.open(1)
        except AbsentError:
            continue
        assert "PyAV" in codec.version and any(digit in codec.version.partition(",")[0] for digit in "0123456789")
        assert "unknown" not in codec.version
        command = codec.command(30)
        assert command.startswith("ffmpeg ") and "-crf 30" in command
        assert (" -g 1 " in command) == name.endswith("-intra")


def test_x264_leaves_no_note_in_the_stream(frames: list[Pixels], tmp_path: Path) -> None:
    codec = opened(X264("medium", intra=False))
    stream, _ = there_and_back(codec, raw_clip(tmp_path, frames, codec), 30, tmp_path)
    assert b"x264" not in stream.read_bytes()


def test_a_stream_that_is_to_be_intra_and_is_not_is_refused(frames: list[Pixels], tmp_path: Path) -> None:
    codec = opened(X264("medium", intra=True))
    clip = raw_clip(tmp_path, frames, codec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.codecs.pyav_codec.KEY_DISTANCE", 250)
        patch.setattr(
            X264, "settings", lambda self, preset: {"preset": preset, "g": "250", "x264-params": "keyint=250"}
        )
        with pytest.raises(ValueError, match="predicted a frame that was to be intra"):
            codec.encode(clip, 30, tmp_path / "stream")


def test_too_small_for_x265(tmp_path: Path) -> None:
    codec = opened(CODECS["x265-fast"])
    clip = raw_clip(tmp_path, list(pan_zoom(48, 32, 2)), codec)
    with pytest.raises(ValueError, match="codes nothing below 64 pixels a side"):
        codec.encode(clip, 30, tmp_path / "stream")


def test_an_encoder_that_pyav_lacks_is_absent() -> None:
    class Lost(X264):
        encoder = "libnowhere"

    with pytest.raises(AbsentError, match="built without libnowhere"):
        Lost("medium", intra=True).open(1)


def test_every_encoder_comes_at_presets_with_prediction_and_without() -> None:
    assert len({codec.id for codec in CODECS.values()}) == len({codec.title for codec in CODECS.values()}) == 31
    pairs = [name for name in CODECS if name.endswith("-intra")]
    assert len(pairs) == 15 and all(name.removesuffix("-intra") in CODECS for name in pairs)
    for family in ("x264", "x265", "svtav1", "vp9", "aom"):
        own = [codec for codec in CODECS.values() if codec.id.startswith(f"{family}-")]
        assert [sum(found) for found in zip(*((c.usual, c.quick) for c in own), strict=True)] == [4, 2]
    assert all(len(codec.qualities) == 6 for codec in CODECS.values()) and CODECS["wisp"].quick


def test_wisp_there_and_back(frames: list[Pixels], tmp_path: Path) -> None:
    codec = opened(WispVideo())
    repeated = [*frames, frames[-1]]
    clip = raw_clip(tmp_path, repeated, codec)
    low, _ = there_and_back(codec, clip, 10, tmp_path)
    size = low.stat().st_size
    high, shown = there_and_back(codec, clip, 80, tmp_path)
    assert high.stat().st_size > 1.5 * size
    assert min(psnr(one, other) for one, other in zip(repeated, shown, strict=True)) > 20
    assert np.array_equal(shown[-1], shown[-2]) and "model" in codec.version and codec.title == "Wisp, all intra"
