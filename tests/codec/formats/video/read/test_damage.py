"""Video in that is damaged, truncated, too large or no video at all; memory."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from bitstream.errors import FileAccessError, LimitError, WispError
from codec.formats.video.read import demuxer
from codec.formats.video.read.open import open_source
from codec.pixels.frame import Frame
from tests.support.media_files import moving, read, write_clip


def test_truncated_files_give_what_they_have(tmp_path: Path) -> None:
    for name, options in (("a.mp4", {"movflags": "faststart"}), ("a.mkv", {}), ("a.avi", {})):
        write_clip(tmp_path / name, moving(20, (160, 120)), options={"b": "2M"}, container_options=options)
        data = (tmp_path / name).read_bytes()
        whole = read(data)
        cut = data[: len(data) * 6 // 10]
        found = read(cut)
        assert 1 < len(found.frames) < 20
        assert "is truncated: what is left of it is used" in found.notes
        for one, other in zip(found.frames[:-1], whole.frames, strict=False):
            assert np.array_equal(one.pixels, other.pixels)
        with pytest.raises(FileAccessError, match="truncated"):
            read(cut, strict=True)
        assert whole.notes == []


def test_damage_in_the_middle(tmp_path: Path) -> None:
    write_clip(
        tmp_path / "a.mp4", moving(20), "libx264", options={"g": "5"}, container_options={"movflags": "faststart"}
    )
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    with av.open(str(tmp_path / "a.mp4")) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    position, size = packets[7]
    assert position is not None
    data[position : position + size] = b"\xff" * size
    found = read(bytes(data))
    assert 15 <= len(found.frames) < 20
    assert found.notes == ["1 of 20 video packets damaged"]
    with pytest.raises(FileAccessError, match="damaged"):
        read(bytes(data), strict=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (np.random.default_rng(0).bytes(50_000), "cannot be read as video"),
        (b"plain text, line by line\n" * 200, "video"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 5, "no video stream"),
        (b"\x89WSP\r\n\x1a\n" + bytes(50), "is a Wisp file already"),
        (b"\x1aE\xdf\xa3" + bytes(500), "cannot be read as video"),
    ],
    ids=["empty", "garbage", "text", "subtitles", "Wisp", "Matroska's first bytes alone"],
)
def test_what_is_no_video(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    for source in (tmp_path / "a.txt", io.BytesIO(data)):
        with pytest.raises(FileAccessError, match=message):
            open_source(source)


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    for place in (tmp_path / "none.mp4", tmp_path, "null\0byte"):
        with pytest.raises(FileAccessError):
            open_source(place)
    with pytest.raises(TypeError):
        open_source(5)  # type: ignore[arg-type]


def test_playlists_open_nothing(tmp_path: Path) -> None:
    write_clip(tmp_path / "part.ts", moving(3), "mpeg2video")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n")
    script = tmp_path / "list.ffconcat"
    script.write_text("ffconcat version 1.0\nfile part.ts\n")
    for source in (playlist, script):
        with pytest.raises(FileAccessError):
            open_source(source)


def test_no_frame_at_all_is_an_error(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", moving(3), "libx264", container_options={"movflags": "faststart"})
    data = (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(FileAccessError):
        read(data[: data.index(b"mdat") + 8])


def test_limits_are_checked_before_memory_is_taken() -> None:
    file = io.BytesIO()
    write_clip(file, moving(2), "qtrle", "rgb24", container="mov")
    boxes = bytearray(file.getvalue())
    at = boxes.index(b"rle ") + 28  # width and height of the sample description
    assert struct.unpack_from(">2H", boxes, at) == (64, 48)
    struct.pack_into(">2H", boxes, at, 65_535, 65_535)
    with pytest.raises(LimitError):
        read(bytes(boxes))


def test_errors_of_the_file_object_come_through(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", moving(20), "ffv1", "bgr0")
    data = (tmp_path / "a.mkv").read_bytes()

    class Failing(io.RawIOBase):
        error: BaseException = OSError(5, "Input/output error")

        def __init__(self) -> None:
            self._file = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def read(self, count: int = -1) -> bytes:
            if self._file.tell() > len(data) // 2:
                raise self.error
            return self._file.read(min(count, 5000))

    with pytest.raises(FileAccessError, match="Input/output error"):
        read(Failing())
    Failing.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        read(Failing())


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mkv", moving(3, (32, 32)) * 400, "ffv1", "bgr0", sound=("pcm_s16le",))
    alive: list[int] = []
    with open_source(tmp_path / "a.mkv") as source:
        for item in source:
            if isinstance(item, Frame) and item.number in (200, 1199):
                alive.append(resident())
    assert len(alive) == 2
    assert alive[1] < 1.05 * alive[0]


def resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_every_demuxing_error_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Random damage to a whole file gives frames or one of Wisp's errors, nothing else."""
    write_clip(tmp_path / "a.mkv", moving(8, (32, 32)), "mpeg4", sound=("flac",))
    monkeypatch.setattr(demuxer, "_MOST_FAULTS", 10)
    data, rng = (tmp_path / "a.mkv").read_bytes(), np.random.default_rng(5)
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(data)
        for at in rng.integers(0, len(data), 20):
            damaged[at] = rng.integers(256)
        try:
            outcomes.add(bool(read(bytes(damaged)).frames))
        except WispError:
            outcomes.add(False)
    assert True in outcomes
