"""Telling videos and animations from single pictures and from anything else."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.files.source import opened
from codec.formats.sniff import is_video
from tests.support.media_files import Pipe, StalledError, animation, moving, write_clip, y4m


def samples(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Contents, and whether they are video."""
    picture = moving(1)[0]
    found: dict[str, tuple[bytes, bool]] = {}
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "ICO"):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, kind)
        found[kind] = file.getvalue(), False
    for kind in ("GIF", "PNG", "WEBP"):
        found[f"animated {kind}"] = animation(moving(3), kind, 40), True
    pages, album = io.BytesIO(), io.BytesIO()
    more = [Image.fromarray(one) for one in moving(3)]
    more[0].save(pages, "TIFF", save_all=True, append_images=more[1:])
    more[0].save(album, "MPO", save_all=True, append_images=more[1:])
    found["pages of a TIFF"] = pages.getvalue(), False
    found["MPO"] = album.getvalue(), False
    found["y4m"] = y4m([[picture[:, :, 0].copy()]], "W64 H48 F25:1 Cmono"), True
    for name, codec in (("a.mp4", "libx264"), ("a.mkv", "ffv1"), ("a.avi", "mpeg4"), ("a.ts", "mpeg2video")):
        write_clip(folder / name, moving(12), codec)
        found[name] = (folder / name).read_bytes(), True
    found["Wisp"] = b"\x89WSP\r\n\x1a\n" + bytes(100), False
    found["text"] = b"a line of text\n" * 300, False
    found["empty"] = b"", False
    found["garbage"] = np.random.default_rng(1).bytes(9000), False
    found["HEIC"] = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(4000), False
    return found


def test_is_video_by_content(tmp_path: Path) -> None:
    for name, (data, expected) in samples(tmp_path).items():
        path = tmp_path / "named.txt"
        path.write_bytes(data)
        file = io.BytesIO(data)
        file.seek(min(3, len(data)))
        for source in (path, file, data, Pipe(data), io.BufferedReader(Pipe(data))):
            with opened(source, rewound=True) as found:  # type: ignore[arg-type]
                assert is_video(found) is expected, name
                assert found.read() == data, name


def test_a_pipe_with_a_video_is_looked_into_no_further_than_needed(tmp_path: Path) -> None:
    for name, (data, expected) in samples(tmp_path).items():
        pipe = Pipe(data, piece=12)
        with opened(pipe) as found:  # type: ignore[arg-type]
            assert is_video(found) is expected
            assert found.seekable() is (not expected or name.startswith("animated"))
            assert found.seekable() or pipe.taken <= 4096


def test_a_pipe_that_fails_is_no_video_in_silence() -> None:
    with opened(Pipe(bytes(100), given=20)) as found, pytest.raises(StalledError):  # type: ignore[arg-type]
        is_video(found)


def test_pictures_are_told_without_ffmpeg(tmp_path: Path) -> None:
    """In a process of its own: neither FFmpeg nor torch is loaded for a still, nor by the import of this module."""
    Image.fromarray(moving(1)[0]).save(tmp_path / "a.jpg")
    program = (
        "import sys\n"
        "import codec.formats.video.read.open\n"
        "from codec.files.source import opened\n"
        "from codec.formats.sniff import is_video\n"
        f"with opened({str(tmp_path / 'a.jpg')!r}) as source:\n"
        "    assert is_video(source) is False\n"
        "assert not {'av', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
