"""Pillow with the plugin, saving: options, metadata, modes, and what cannot be saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from codec.api import Codec
from codec.files.source import read_file
from tests.support.cli_runner import torch_trap
from tests.support.goldens import golden_bytes
from tests.support.pillow_runner import run_program
from tests.support.scenes import MODES, logo, photo


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of PNG files."""
    for mode in MODES:
        Image.fromarray(logo(40, 60, mode).squeeze()).save(tmp_path / f"{mode}.png")
    Image.fromarray(photo(70, 90)).save(tmp_path / "photo.png", icc_profile=b"camera")
    return tmp_path


def test_lossless_saving_and_what_it_keeps(pictures: Path) -> None:
    """Options, `Image.info`, file objects, other modes; no network is needed."""
    program = """
import os
for mode in ("L", "LA", "RGB", "RGBA"):
    image = Image.open(f"{mode}.png")
    image.save(f"{mode}.out.wisp", lossless=True, exact=True)
    again = Image.open(f"{mode}.out.wisp")
    out[mode] = [again.mode == mode, again.tobytes() == image.tobytes(), again.info["lossless"]]
memory = BytesIO()
image = Image.open("photo.png")
image.save(memory, format="WISP", lossless=True)
memory.seek(0)
out["memory"] = [Image.open(memory).tobytes() == image.tobytes(), Image.open(memory).info["icc_profile"].decode()]
exif = Image.Exif()
exif[0x010E] = "a title"
image.save(Path("options.wisp"), lossless=True, icc_profile=b"given", exif=exif, xmp=b"<y/>", tile=64)
again = Image.open("options.wisp")
out["options"] = [again.info["icc_profile"].decode(), again.getexif()[0x010E], again.info["xmp"].decode()]
out["untouched"] = sorted(image.info)
image.save("raw.wisp", lossless=True, exif=exif.tobytes())
out["raw"] = Image.open("raw.wisp").getexif()[0x010E]
image.save("none.wisp", lossless=True, icc_profile=None, exif=b"")
out["none"] = sorted(Image.open("none.wisp").info)
with Image.open("options.wisp") as again:
    again.save("copy.wisp", lossless=True)
    again.save("copy.png")
copies = [Image.open(name) for name in ("copy.wisp", "copy.png")]
out["copies"] = [[copy.info["icc_profile"].decode(), copy.tobytes() == image.tobytes()] for copy in copies]
for name, mode in {"1": "L", "P": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "I;16": "L", "RGBa": "RGBA"}.items():
    source = Image.new(name, (9, 8))
    source.save("converted.wisp", lossless=True)
    out[f"from {name}"] = Image.open("converted.wisp").mode == mode
turned = Image.new("RGB", (9, 5))
exif = Image.Exif()
exif[0x0112] = 6
turned.save("turned.wisp", lossless=True, exif=exif)
again = Image.open("turned.wisp")
out["turned"] = [again.size, again.getexif()[0x0112]]
with open("half.wisp", "wb") as file:
    image.save(file, "wisp", lossless=True)
    out["open"] = not file.closed
"""
    found = run_program(program, pictures, torch_trap(pictures))
    for mode in MODES:
        assert found[mode] == [True, True, True]
    assert found["memory"] == [True, "camera"]
    assert found["options"] == ["given", "a title", "<y/>"]
    assert found["untouched"] == ["icc_profile"]
    assert found["raw"] == "a title"
    assert found["none"] == ["lossless", "model", "quality"]
    assert found["copies"] == [["given", True]] * 2
    assert all(value for name, value in found.items() if name.startswith("from "))
    assert found["turned"] == [[5, 9], 1]
    assert found["open"]
    assert len(read_file(pictures / "options.wisp").units) == 4


def test_learned_files(pictures: Path, wisp: Codec) -> None:
    program = """
import codec
image = Image.open("photo.png")
for quality in (20, 60, 80):
    image.save(f"{quality}.wisp", quality=quality)
image.save("default.wisp")
out["qualities"] = [Image.open(f"{q}.wisp").info["quality"] for q in (20, 60, 80, "default")]
for name in ("60.wisp", "fade.wisp", "grey.wisp"):
    with Image.open(name) as found:
        data = Path(name).read_bytes()
        out[name] = [found.tobytes() == codec.decode(data).tobytes(), found.mode, found.info["lossless"]]
"""
    (pictures / "fade.wisp").write_bytes(golden_bytes("rgba"))
    (pictures / "grey.wisp").write_bytes(golden_bytes("grey_alpha"))
    found = run_program(program, pictures)
    assert found["qualities"] == [20, 60, 80, 75]
    assert [found[f"{name}.wisp"] for name in ("60", "fade", "grey")] == [
        [True, "RGB", False],
        [True, "RGBA", False],
        [True, "LA", False],
    ]
    sizes = [(pictures / f"{name}.wisp").stat().st_size for name in (20, 60, 80)]
    assert sizes == sorted(sizes)
    assert wisp.decode(pictures / "60.wisp").size == (90, 70)


def test_what_cannot_be_saved_leaves_no_file(tmp_path: Path) -> None:
    program = """
import os
cases = {
    "F": (Image.new("F", (4, 4)), {}),
    "quality": (Image.new("RGB", (4, 4)), {"quality": 101}),
    "tile": (Image.new("RGB", (4, 4)), {"tile": 65}),
    "empty": (Image.new("RGB", (0, 4)), {}),
    "wide": (Image.new("L", (65536, 1)), {}),
}
for name, (image, options) in cases.items():
    try:
        image.save(f"{name}.wisp", lossless=True, **options)
    except Exception as error:
        out[name] = [isinstance(error, OSError), isinstance(error, ValueError), os.path.exists(f"{name}.wisp")]
"""
    found = run_program(program, tmp_path, torch_trap(tmp_path))
    assert found == {
        "F": [True, False, False],
        "quality": [False, True, False],
        "tile": [False, True, False],
        "empty": [True, False, False],
        "wide": [True, False, False],
    }
