"""What a picture may come as: paths, file objects, pipes, PIL images, arrays, tensors; and what is no picture."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bitstream.errors import FileAccessError, LimitError, RequestError, WispError
from bitstream.metadata import Metadata
from codec.formats.pictures.load import load_picture
from codec.pixels.distortion import psnr
from codec.pixels.picture import Picture
from tests.support.picture_files import GREY, PIXELS, RGB, file_of, image_of, load, needs_avif, png, png_chunk

# Files of every kind


# Kind of file -> the modes that Pillow writes into it, and what it then reads.
HELD = {
    "PNG": {mode: mode for mode in PIXELS},
    "TIFF": {mode: mode for mode in PIXELS},
    "TGA": {mode: mode for mode in PIXELS},
    "WEBP": {"L": "RGB", "LA": "RGBA", "RGB": "RGB", "RGBA": "RGBA"},
    "PPM": {"L": "L", "RGB": "RGB"},
    "BMP": {"L": "L", "RGB": "RGB"},
}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in HELD.items() for mode in modes])
def test_lossless_files(kind: str, mode: str) -> None:
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    picture, notes = load(file_of(image_of(PIXELS[mode]), kind, **options))
    assert picture.mode == HELD[kind][mode] and notes == []
    wanted = np.asarray(image_of(PIXELS[mode]).convert(picture.mode))
    assert np.array_equal(picture.pixels, np.atleast_3d(wanted))


@pytest.mark.parametrize(
    "kind", ["JPEG", "WEBP", pytest.param("AVIF", marks=needs_avif), "JPEG2000"], ids=["JPEG", "WebP", "AVIF", "JP2"]
)
def test_lossy_files(kind: str) -> None:
    smooth = np.asarray(image_of(RGB).resize((80, 48), Image.Resampling.BICUBIC))
    picture, notes = load(file_of(image_of(smooth), kind, **({"quality": 95} if kind != "JPEG2000" else {})))
    assert picture.mode == "RGB" and notes == [] and psnr(picture.pixels, smooth) > 25


# Ways to hand them over


class Pipe(io.RawIOBase):
    """Like the reading end of a pipe: it cannot seek, and gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self._left[: min(7, len(buffer))]
        self._left = self._left[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def test_every_source_gives_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    read_to_its_end = io.BytesIO(data)
    read_to_its_end.read()
    tensor = torch.from_numpy(RGB).permute(2, 0, 1)
    with path.open("rb") as file, path.open("rb", buffering=0) as raw, Image.open(path) as image:
        files = [file, raw, io.BytesIO(data), read_to_its_end, Pipe(data), io.BufferedReader(Pipe(data))]
        for source in (path, str(path), *files, image, RGB, tensor, Picture(RGB)):
            picture, notes = load(source)  # type: ignore[arg-type]
            assert np.array_equal(picture.pixels, RGB) and notes == []


def test_a_real_pipe() -> None:
    reading, writing = os.pipe()
    data = file_of(image_of(RGB)).getvalue()
    with os.fdopen(writing, "wb") as end:
        end.write(data)
    with os.fdopen(reading, "rb") as pipe:
        assert np.array_equal(load(pipe)[0].pixels, RGB)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_name_of_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(file_of(image_of(RGB)).getvalue(),))
    writer.start()
    assert np.array_equal(load_picture(path).pixels, RGB)
    writer.join()


def test_a_file_object_stays_open() -> None:
    file = file_of(image_of(RGB))
    load(file)
    assert not file.closed and np.array_equal(load(file)[0].pixels, RGB)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_the_filters_of_warnings_are_left_alone(kind: str) -> None:
    """They belong to the process: several threads that change and restore them leave them changed."""

    class Watching(io.BytesIO):
        def read(self, count: int | None = -1) -> bytes:
            seen.append(warnings.filters)
            return super().read(count)

    seen: list[object] = []
    mine = warnings.filters
    load_picture(Watching(file_of(image_of(RGB), kind).getvalue()))
    assert seen and all(filters is mine for filters in seen)


@pytest.mark.parametrize("loaded", [False, True])
def test_an_image_of_the_callers_stays_as_it_is(loaded: bool) -> None:
    """Its one transparent colour, which the file gives in fewer bits, counts each time all the same."""
    with Image.open(png((8, 1), 0, bytes([0x12] * 4), png_chunk(b"tRNS", struct.pack(">H", 2)), depth=4)) as image:
        before = dict(image.info)
        if loaded:
            load(image)
        picture, _ = load(image)
        assert picture.pixels[0, :2].tolist() == [[17, 255], [34, 0]]
        assert image.info == before and image.mode == "L" and image.format == "PNG"


# Arrays and tensors


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_arrays(channels: int) -> None:
    pixels = PIXELS[["L", "LA", "RGB", "RGBA"][channels - 1]]
    picture, notes = load(pixels)
    assert np.array_equal(picture.pixels, pixels) and notes == [] and picture.metadata == Metadata()
    floats = torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)
    for tensor in (torch.from_numpy(pixels).permute(2, 0, 1), floats, floats.double(), floats.requires_grad_()):
        assert np.array_equal(load_picture(tensor).pixels, pixels)


def test_two_dimensions_are_grey() -> None:
    assert np.array_equal(load(GREY[:, :, 0])[0].pixels, GREY)


def test_floats_are_rounded() -> None:
    values = torch.tensor([[[0, 0.4 / 255, 0.6 / 255, 1.4 / 255, 254.6 / 255, 1]]])
    assert load_picture(values).pixels.ravel().tolist() == [0, 0, 1, 1, 255, 255]
    assert load_picture(values.half()).pixels.ravel().tolist() == [0, 0, 1, 1, 255, 255]
    assert load_picture(values.bfloat16()).pixels.ravel().tolist() == [0, 0, 1, 1, 255, 255]


def test_arrays_need_not_be_contiguous() -> None:
    assert np.array_equal(load_picture(RGB[::-2, 1::3]).pixels, RGB[::-2, 1::3].copy())
    tensor = torch.from_numpy(RGB)[::2].permute(2, 0, 1)
    assert np.array_equal(load_picture(tensor).pixels, RGB[::2])


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.bool_, np.uint16])
def test_arrays_of_another_dtype(dtype: type[np.generic]) -> None:
    with pytest.raises(TypeError, match="uint8 is expected"):
        load_picture(RGB.astype(dtype))
    with pytest.raises(TypeError, match="uint8 is expected"):
        load_picture(Picture(RGB.astype(dtype)))


@pytest.mark.parametrize("shape", [(4, 4, 5), (4, 4, 0), (3, 4, 4, 3), (0, 4, 3), (4, 0, 3), (0, 0), (4,), ()])
def test_arrays_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is expected"):
        load_picture(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(4, 4), (5, 4, 4), (0, 4, 4), (1, 3, 4, 4), (3, 0, 4), (3, 4, 0), (4,), ()])
def test_tensors_of_another_shape(shape: tuple[int, ...]) -> None:
    for dtype in (torch.uint8, torch.float32):
        with pytest.raises(ValueError, match="is expected"):
            load_picture(torch.zeros(shape, dtype=dtype))


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.int8, torch.complex64])
def test_tensors_of_another_dtype(dtype: torch.dtype) -> None:
    with pytest.raises(TypeError, match="uint8 is expected"):
        load_picture(torch.zeros(3, 4, 4, dtype=dtype))


@pytest.mark.parametrize("value", [-0.01, 1.01, 255.0, float("nan"), float("inf")])
def test_floats_beyond_their_range(value: float) -> None:
    tensor = torch.full((3, 4, 4), 0.5)
    tensor[1, 2, 3] = value
    with pytest.raises(ValueError, match=r"not all within 0\.\.1"):
        load_picture(tensor)


@pytest.mark.parametrize("source", [None, 5, ["a.png"], object()])
def test_what_is_no_source(source: Any) -> None:
    with pytest.raises(TypeError, match=type(source).__name__):
        load_picture(source)


@pytest.mark.parametrize("source", [b"photo.png", bytearray(b"photo.png")])
def test_bytes_are_no_name(source: Any) -> None:
    with pytest.raises(TypeError, match="BytesIO"):
        load_picture(source)


# Frames


def animation(kind: str) -> tuple[io.BytesIO, list[Image.Image]]:
    frames = [Image.fromarray(np.full((6, 10, 3), (60 * i, 200 - 40 * i, 90), np.uint8)) for i in range(3)]
    options = {"lossless": True} if kind == "WEBP" else {}
    return file_of(frames[0], kind, save_all=True, append_images=frames[1:], **options), frames


ANIMATED = ["GIF", "PNG", "WEBP", "TIFF", pytest.param("AVIF", marks=needs_avif)]


def far(picture: Picture, frame: Image.Image) -> int:
    """Animated pictures of other modes are compared in RGB; a lossy one is a few levels off."""
    return int(np.abs(np.asarray(picture.image().convert("RGB")).astype(int) - np.asarray(frame)).max())


@pytest.mark.parametrize("kind", ANIMATED)
def test_the_first_frame_with_a_note_or_the_one_asked_for(kind: str) -> None:
    file, frames = animation(kind)
    picture, notes = load(file)
    assert notes[0] == "has 3 frames, the first is coded" and far(picture, frames[0]) <= 3
    for number, frame in enumerate(frames):
        file.seek(0)
        picture, notes = load(file, frame=number)
        assert far(picture, frame) <= 3 and not any("frames" in note for note in notes)


@pytest.mark.parametrize("kind", ANIMATED)
def test_an_image_that_is_at_another_frame(kind: str) -> None:
    file, frames = animation(kind)
    with Image.open(file) as image:
        image.seek(2)
        picture, notes = load(image)
        assert notes[0] == "has 3 frames, number 2 is coded" and far(picture, frames[2]) <= 3
        picture, notes = load(image, frame=1)
        assert far(picture, frames[1]) <= 3 and not any("frames" in note for note in notes)
        assert image.tell() == 2  # it is the caller's


@pytest.mark.parametrize("number", [-1, 3, 99])
def test_frames_that_do_not_exist(number: int) -> None:
    with pytest.raises(RequestError, match=f"has 3 frames: there is no frame {number}, the first is 0"):
        load(animation("GIF")[0], frame=number)
    if number:
        with pytest.raises(RequestError, match=f"has one frame: there is no frame {number}"):
            load(file_of(image_of(RGB)), frame=number)


def test_frame_zero_of_a_still() -> None:
    picture, notes = load(file_of(image_of(RGB)), frame=0)
    assert np.array_equal(picture.pixels, RGB) and notes == []


# Limits


@pytest.mark.parametrize(("width", "height"), [(65535, 65535), (16384, 8193), (65536, 1), (1, 65536)])
def test_too_many_pixels_are_refused_before_they_are_read(width: int, height: int) -> None:
    """The files hold no pixel, so that whoever reads on calls them damaged; the array takes three bytes."""
    with pytest.raises(LimitError):
        load(png((width, height), 2, b""))
    with pytest.raises(LimitError):
        load_picture(np.broadcast_to(np.uint8(0), (height, width, 3)))


def test_as_many_pixels_as_allowed_are_no_matter_of_limits() -> None:
    with pytest.raises(FileAccessError, match="damaged"):
        load(png((16384, 8192), 2, b""))


# What is no picture


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (b"some text", "is not a picture"), (b"\x89WSP\r\n\x1a\n...", "is a Wisp file already")],
)
@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_what_is_no_picture(data: bytes, words: str, kind: Callable[[bytes], BinaryIO], tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)
    for source in (kind(data), path, str(path)):
        with pytest.raises(FileAccessError, match=words):
            load(source)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        load(tmp_path / "none.png")
    with pytest.raises(FileAccessError, match="directory"):
        load(tmp_path)
    with pytest.raises(FileAccessError, match="null"):
        load("a\0b.png")


def test_a_truncated_picture_is_damaged() -> None:
    data = file_of(image_of(RGB)).getvalue()
    for source in (io.BytesIO(data[:-40]), Pipe(data[:-40]), Image.open(io.BytesIO(data[:-40]))):
        with pytest.raises(FileAccessError, match="damaged"):
            load(source)  # type: ignore[arg-type]


_NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (24, 40, 3), dtype=np.uint8))
_FILES = [file_of(_NOISE, kind).getvalue() for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO")]


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it finds
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_damaged_pictures_give_our_errors_if_any(data: st.DataObject) -> None:
    """Pillow's decoders raise whatever they come upon; a damage that they do not notice is fine."""
    damaged = bytearray(data.draw(st.sampled_from(_FILES)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, 60))] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
    try:
        pixels = load_picture(io.BytesIO(bytes(damaged[:end]))).pixels
    except WispError:
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and 1 <= pixels.shape[2] <= 4
