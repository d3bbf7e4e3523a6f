"""The codecs that are programs, with programs that stand in for them: command lines, files, failures."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs.mozjpeg import MozJpeg
from benchmarks.codecs.vvc import VtmIntra, Vvc, VvencIntra
from benchmarks.ycbcr import to_pixels, to_planes
from tests.support.fake_codecs import write_cjpeg, write_vtm, write_vvenc

SIZES = [(64, 48), (33, 17), (1, 1), (2, 5)]


@pytest.fixture
def vvenc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VvencIntra:
    write_vvenc(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    codec = VvencIntra()
    codec.open(2)
    return codec


@pytest.fixture
def vtm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VtmIntra:
    config = write_vtm(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("VTM_INTRA_CFG", str(config))
    codec = VtmIntra()
    codec.open(1)
    return codec


def arguments_of(data: bytes) -> list[str]:
    """What the stand-in encoder was called with, which it stores behind the file's size."""
    return json.loads(data[4:].removeprefix(b"FAKE").partition(b"\n")[0])


def converted(pixels: NDArray[np.uint8], subsampled: bool) -> NDArray[np.uint8]:
    return to_pixels(to_planes(pixels, bits=10, subsampled=subsampled), bits=10)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_vvenc_gets_even_planes_of_ten_bits(
    vvenc: VvencIntra, width: int, height: int, photograph: NDArray[np.uint8]
) -> None:
    pixels = photograph[90 : 90 + height, 70 : 70 + width]
    data = vvenc.encode(pixels, 37)
    assert struct.unpack(">HH", data[:4]) == (width, height)
    even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    planes = data[4:].partition(b"\n")[2]
    luma = np.frombuffer(planes, "<u2")[: even.shape[0] * even.shape[1]].reshape(even.shape[:2])
    assert np.abs(luma / 1023 - even @ np.array([0.299, 0.587, 0.114]) / 255).max() < 1 / 1023
    assert np.array_equal(vvenc.decode(data), converted(even, True)[:height, :width])


def test_vvenc_command_line(vvenc: VvencIntra, photograph: NDArray[np.uint8]) -> None:
    words = arguments_of(vvenc.encode(photograph[:17, :33], 37))
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given.pop("--input").endswith("in.yuv") and given.pop("--output").endswith("out.266")
    assert given == {
        "--size": "34x18",
        "--format": "yuv420_10",
        "--framerate": "25",
        "--frames": "1",
        "--preset": "medium",
        "--qpa": "0",
        "--qp": "37",
        "--threads": "2",
        "--verbosity": "1",
    }
    assert "--qp 37" in vvenc.command(37) and vvenc.command(37).startswith("vvencapp ")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_vtm_gets_planes_of_four_four_four(
    vtm: VtmIntra, width: int, height: int, photograph: NDArray[np.uint8]
) -> None:
    pixels = photograph[90 : 90 + height, 70 : 70 + width]
    data = vtm.encode(pixels, 22)
    assert np.array_equal(vtm.decode(data), converted(pixels, False))
    words = arguments_of(data)
    assert words[0] == "-c" and words[1].endswith("encoder_intra_vtm.cfg")
    assert {f"--SourceWidth={width}", f"--SourceHeight={height}", "--QP=22", "--InputChromaFormat=444"} <= set(words)


def test_versions_of_programs(vvenc: VvencIntra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vvenc.version == "vvencapp version 1.2.3 (fake); vvdecapp version 1.2.3 (fake)"
    monkeypatch.setenv("VTM_INTRA_CFG", str(write_vtm(tmp_path)))
    codec = VtmIntra()
    codec.open(1)
    before = codec.version
    assert before.startswith("EncoderApp version 1.2.3")
    (tmp_path / "encoder_intra_vtm.cfg").write_text("IntraPeriod : 2\n")
    assert codec.version != before


def test_a_failing_encoder_says_why(vvenc: VvencIntra, photograph: NDArray[np.uint8]) -> None:
    with pytest.raises(RuntimeError, match=r"^vvencapp: ERROR: qp out of range$"):
        vvenc.encode(photograph[:16, :16], 64)


def broken(name: str, source: str, folder: Path) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{source}\n")
    (folder / name).chmod(0o755)


def test_an_encoder_that_writes_nothing(vvenc: Vvc, tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    broken("vvencapp", "exit 0", tmp_path)
    with pytest.raises(RuntimeError, match="vvencapp: wrote nothing"):
        vvenc.encode(photograph[:16, :16], 30)


def test_an_encoder_that_dies_without_a_word(vvenc: Vvc, tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    broken("vvencapp", "kill -9 $$", tmp_path)
    with pytest.raises(RuntimeError, match="vvencapp: exit status -9"):
        vvenc.encode(photograph[:16, :16], 30)


def test_an_encoder_that_cannot_be_started(vvenc: Vvc, tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    (tmp_path / "vvencapp").unlink()
    with pytest.raises(RuntimeError, match="vvencapp: No such file"):
        vvenc.encode(photograph[:16, :16], 30)


@pytest.mark.parametrize("stream", [b"", b"noise", b"FAKE[]\n", b"FAKE[]\n" + bytes(767), b"FAKE[]\n" + bytes(800)])
def test_a_damaged_stream_is_no_picture(vvenc: Vvc, stream: bytes) -> None:
    with pytest.raises((RuntimeError, ValueError)):
        vvenc.decode(struct.pack(">HH", 16, 16) + stream)
    assert vvenc.decode(struct.pack(">HH", 16, 16) + b"FAKE[]\n" + bytes(768)).shape == (16, 16, 3)


def test_mozjpeg_compresses_a_ppm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photograph: NDArray[np.uint8]
) -> None:
    write_cjpeg(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    codec = MozJpeg()
    codec.open(1)
    assert codec.version.startswith("mozjpeg version 4.1.5 (build 20240101); decoded by libjpeg ")
    pixels = photograph[50:67, 40:73]
    by_hand = io.BytesIO()
    Image.fromarray(pixels).save(by_hand, "jpeg", quality=60, optimize=True, progressive=True)
    data = codec.encode(pixels, 60)
    assert data == by_hand.getvalue()
    assert codec.decode(data).shape == pixels.shape
    assert codec.command(60) == "cjpeg -quality 60 -optimize -progressive -outfile out.jpg in.ppm"
    with pytest.raises(OSError, match="cannot identify"):
        codec.decode(b"noise")
    broken("cjpeg", "echo out of paper >&2; exit 3", tmp_path)
    with pytest.raises(RuntimeError, match="cjpeg: out of paper"):
        codec.encode(pixels, 60)
