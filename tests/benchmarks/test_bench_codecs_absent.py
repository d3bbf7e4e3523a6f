"""A codec that cannot run here says what is missing and how to get it, and only when it is opened."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import features

from benchmarks.codecs.catalog import catalog
from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.codecs.one_frame import OneFrame
from tests.support.fake_codecs import write_cjpeg, write_vtm, write_vvenc

MODULES = {
    "jpegli": ("pyjpegli", "pip install pyjpegli"),
    "jpegxl": ("imagecodecs", "pip install imagecodecs"),
    "heic": ("pillow_heif", "pip install pillow-heif"),
    "x265-intra": ("av.codec", "pip install av"),
    "svtav1-intra": ("av.codec", "pip install av"),
}
PROGRAMS = {"mozjpeg": "mozilla/mozjpeg", "vvc-intra": "fraunhoferhhi/vvenc", "vtm-intra": "VVCSoftware_VTM"}


def absence(codec: ImageCodec) -> AbsentError:
    with pytest.raises(AbsentError) as caught:
        codec.open(1)
    assert caught.value.reason in str(caught.value) and caught.value.remedy in str(caught.value)
    return caught.value


@pytest.mark.parametrize("name", MODULES)
def test_a_package_that_is_not_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, remedy = MODULES[name]
    monkeypatch.setitem(sys.modules, module, None)
    error = absence(catalog()[name])
    assert module.split(".", maxsplit=1)[0] in error.reason
    assert error.remedy == remedy


@pytest.mark.parametrize("name", ["webp", "jpeg2000", "avif", "avif-psnr"])
def test_a_pillow_without_the_library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check", lambda _: False)
    error = absence(catalog()[name])
    assert "this Pillow is built without" in error.reason
    assert "pip install" in error.remedy


@pytest.mark.parametrize(("name", "encoder"), [("x265-intra", "libx265"), ("svtav1-intra", "libsvtav1")])
def test_a_pyav_without_the_encoder(name: str, encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    codec = catalog()[name]
    assert isinstance(codec, OneFrame)
    monkeypatch.setattr(type(codec.video), "encoder", "libnosuch")
    error = absence(codec)
    assert "without libnosuch" in error.reason and encoder not in error.reason
    assert "pip install" in error.remedy


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_empty_path(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = absence(catalog()[name])
    assert "on the PATH" in error.reason
    assert PROGRAMS[name] in error.remedy


def test_a_cjpeg_of_another_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cjpeg(tmp_path, "libjpeg-turbo version 2.1.5 (build 20230203)")
    monkeypatch.setenv("PATH", str(tmp_path))
    error = absence(catalog()["mozjpeg"])
    assert "libjpeg-turbo version 2.1.5" in error.reason


def test_an_encoder_without_its_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vvenc(tmp_path)
    (tmp_path / "vvdecapp").unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "vvdecapp" in absence(catalog()["vvc-intra"]).reason


def test_vtm_without_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vtm(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("VTM_INTRA_CFG", raising=False)
    assert "VTM_INTRA_CFG" in absence(catalog()["vtm-intra"]).reason


def test_a_wisp_model_that_is_not_there(tmp_path: Path) -> None:
    assert "wisp models" in absence(catalog(model=str(tmp_path / "none.safetensors"))["wisp-e4"]).remedy


@pytest.mark.parametrize("name", [*MODULES, *PROGRAMS])
def test_nothing_is_coded_before_opening(name: str, photograph: object) -> None:
    codec = catalog()[name]
    with pytest.raises(RuntimeError, match="not opened"):
        codec.encode(photograph[:32, :32], codec.qualities[0])  # type: ignore[index]
