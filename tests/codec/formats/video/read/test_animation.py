"""Animated GIF, PNG, WebP and AVIF in."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bitstream.errors import FileAccessError, UnsupportedError
from codec.formats.video.read.animation import TIME_BASE
from codec.formats.video.read.open import open_source
from tests.support.media_files import Pipe, animation, moving, read
from tests.support.picture_files import needs_avif, png, png_chunk

DURATIONS = [40, 100, 70, 250]


def see_through(count: int = 4) -> list[Any]:
    """RGBA pictures with a transparent corner that moves."""
    pictures = [np.dstack([picture, np.full((48, 64), 255, np.uint8)]) for picture in moving(count)]
    for i, picture in enumerate(pictures):
        picture[: 5 + i, : 5 + i] = 0
    return pictures


@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
@pytest.mark.parametrize("transparent", [False, True])
def test_lossless_animations(kind: str, options: dict[str, Any], transparent: bool) -> None:
    pictures = see_through() if transparent else moving(4)
    found = read(animation(pictures, kind, DURATIONS, **options))
    assert found.source.mode == ("RGBA" if transparent else "RGB")
    assert found.source.size == (64, 48)
    assert found.source.frames == 4
    assert found.source.clip.time_base == TIME_BASE
    assert [frame.duration for frame in found.frames] == DURATIONS
    assert [frame.pts for frame in found.frames] == [0, 40, 140, 210]
    assert [frame.number for frame in found.frames] == [0, 1, 2, 3]
    for frame, picture in zip(found.frames, pictures, strict=True):
        assert np.array_equal(frame.pixels, picture)


def flat(*colours: tuple[int, int, int]) -> list[Any]:
    return [np.broadcast_to(np.array(colour, np.uint8), (48, 64, 3)).copy() for colour in colours]


def test_gif_frames_are_composed() -> None:
    """The second frame changes a part only, and is stored as that part."""
    first, second = flat((200, 30, 60), (200, 30, 60))
    second[10:20, 10:30] = (20, 90, 240)
    found = read(animation([first, second], "GIF", [50, 80]))
    assert found.source.mode == "RGB"
    assert np.array_equal(found.frames[0].pixels, first)
    assert np.array_equal(found.frames[1].pixels, second)
    assert [(frame.pts, frame.duration) for frame in found.frames] == [(0, 50), (50, 80)]


def test_gifs_that_may_be_transparent_have_alpha() -> None:
    cleared = read(animation(flat((200, 30, 60), (20, 90, 240)), "GIF", 50, disposal=2))
    assert cleared.source.mode == "RGBA"
    images = [Image.new("RGBA", (64, 48)) for _ in range(2)]
    for i, image in enumerate(images):
        image.paste((250, 10, 10, 255), (10 * i, 10, 10 * i + 20, 30))
    file = io.BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=30, disposal=2)
    found = read(file.getvalue())
    assert found.source.mode == "RGBA"
    for frame, image in zip(found.frames, images, strict=True):
        assert np.array_equal(frame.pixels[:, :, 3], np.asarray(image)[:, :, 3])


def test_a_duration_of_zero_counts_a_tenth_of_a_second() -> None:
    for kind in ("GIF", "PNG", "WEBP"):
        found = read(animation(moving(3), kind, 0))
        assert [(frame.pts, frame.duration) for frame in found.frames] == [(0, 100), (100, 100), (200, 100)]


def test_fractions_of_a_millisecond_do_not_add_up() -> None:
    data = bytearray(animation(moving(8), "PNG", 40))
    at = 0
    while (at := data.find(b"fcTL", at)) >= 0:
        data[at + 24 : at + 28] = (1).to_bytes(2, "big") + (30).to_bytes(2, "big")  # 1/30 s
        data[at + 30 : at + 34] = zlib.crc32(data[at : at + 30]).to_bytes(4, "big")
        at += 4
    found = read(bytes(data))
    assert [frame.pts for frame in found.frames] == [round(i * 1000 / 30) for i in range(8)]
    assert found.frames[0].duration == 33


def test_grey_animations() -> None:
    pictures = [picture[:, :, 0].copy() for picture in moving(3)]
    found = read(animation(pictures, "PNG", 40))
    assert found.source.mode == "L"
    assert all(np.array_equal(f.pixels[:, :, 0], p) for f, p in zip(found.frames, pictures, strict=True))


def test_a_default_picture_that_is_no_frame_is_passed_over() -> None:
    pictures = moving(4)
    found = read(animation(pictures, "PNG", 40, default_image=True))
    assert found.source.frames == 3
    assert all(np.array_equal(f.pixels, p) for f, p in zip(found.frames, pictures[1:], strict=True))


@needs_avif
def test_avif_sequences() -> None:
    pictures = moving(4)
    found = read(animation(pictures, "AVIF", 40, quality=90))
    assert [frame.pts for frame in found.frames] == [0, 40, 80, 120]
    for frame, picture in zip(found.frames, pictures, strict=True):
        assert np.abs(frame.pixels.astype(float) - picture).mean() < 6


def test_animations_from_a_pipe() -> None:
    for kind in ("GIF", "PNG", "WEBP"):
        data = animation(flat((200, 30, 60), (20, 90, 240)), kind, 40)
        from_pipe, from_file = read(Pipe(data)), read(data)
        assert len(from_pipe.frames) == 2
        for one, other in zip(from_pipe.frames, from_file.frames, strict=True):
            assert np.array_equal(one.pixels, other.pixels)


def test_profiles_come_with_an_animation() -> None:
    found = read(animation(moving(2), "PNG", 40, icc_profile=b"a profile"))
    assert found.source.metadata.icc == b"a profile"


def test_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pictures = moving(2)
    found = read(animation(pictures, "PNG", 40, exif=exif))
    assert found.source.size == (48, 64)
    assert np.array_equal(found.frames[1].pixels, np.rot90(pictures[1], -1))


def test_truncated_animations() -> None:
    for kind in ("GIF", "PNG"):
        whole = read(animation(moving(6), kind, 40))
        cut = animation(moving(6), kind, 40)
        cut = cut[: len(cut) * 2 // 3]
        found = read(cut)
        assert 1 <= len(found.frames) < 6 or found.notes == []
        for one, other in zip(found.frames, whole.frames, strict=False):
            assert np.array_equal(one.pixels, other.pixels)
    png = animation(moving(6), "PNG", 40)
    assert "is damaged" in read(png[: len(png) * 2 // 3]).notes[0]
    with pytest.raises(FileAccessError, match="damaged"):
        read(png[: len(png) * 2 // 3], strict=True)


def test_single_pictures() -> None:
    file = io.BytesIO()
    picture = moving(1)[0]
    Image.fromarray(picture).save(file, "PNG")
    for make in (io.BytesIO, Pipe):
        with pytest.raises(FileAccessError, match="single picture"):
            read(make(file.getvalue()))
        found = read(make(file.getvalue()), still=True)
        assert [(frame.pts, frame.duration) for frame in found.frames] == [(0, 1)]
        assert np.array_equal(found.frames[0].pixels, picture)
        assert found.source.mode == "RGB"


def test_closing() -> None:
    source = open_source(io.BytesIO(animation(moving(3), "PNG", 40)))
    source.close()
    assert list(source) == []


def test_sixteen_bits_are_noted() -> None:
    """Made by hand: Pillow writes no such animation."""
    rows = [zlib.compress((b"\0" + bytes([100 + i]) * 24) * 4) for i in range(2)]
    controls = [struct.pack(">5I2H2B", number, 4, 4, 0, 0, 1, 25, 0, 0) for number in (0, 1)]
    later = (png_chunk(b"fcTL", controls[1]), png_chunk(b"fdAT", struct.pack(">I", 2) + rows[1]))
    before = (
        png_chunk(b"acTL", struct.pack(">2I", 2, 0)),
        png_chunk(b"fcTL", controls[0]),
        png_chunk(b"IDAT", rows[0]),
    )
    data = png((4, 4), 2, b"", *before, *later, depth=16).getvalue()
    found = read(data)
    assert found.notes == ["16 bits a channel reduced to 8"]
    assert [int(frame.pixels[0, 0, 0]) for frame in found.frames] == [100, 101]
    with pytest.raises(UnsupportedError, match="16 bits"):
        read(data, strict=True)
