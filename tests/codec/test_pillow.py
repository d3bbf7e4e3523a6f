"""Pillow with the plugin, opening: `.wisp` is a format like any other, to programs that know nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bitstream.metadata import Metadata
from codec.api import Codec
from codec.files.source import read_file
from codec.formats.pictures.attached import EXIF_PREFIX
from tests.support import damage
from tests.support.cli_runner import environment, torch_trap
from tests.support.goldens import packaged
from tests.support.pillow_runner import run_program
from tests.support.scenes import MODES, encode_choosing, logo, photo

EXIF = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0"
KEPT = Metadata(icc=b"profile", exif=EXIF, xmp=b"<x/>")


@pytest.fixture(scope="module")
def files(wisp: Codec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures."""
    folder = tmp_path_factory.mktemp("pillow")
    for mode in MODES:
        data = wisp.encode(logo(40, 60, mode), lossless=True, exact=True, metadata=KEPT)
        (folder / f"{mode}.wisp").write_bytes(data)
        Image.fromarray(logo(40, 60, mode).squeeze()).save(folder / f"{mode}.png")
    (folder / "learned.wisp").write_bytes(wisp.encode(photo(70, 90), 60))
    return folder


def test_open_is_lazy_and_tells_what_it_is(files: Path, tmp_path: Path) -> None:
    """Nothing is decoded, and torch not imported, before the pixels are wanted."""
    program = """
with Image.open("learned.wisp") as image:
    out["facts"] = [image.format, image.format_description, image.mode, image.size, image.get_format_mimetype()]
    out["info"] = image.info
for mode in ("L", "LA", "RGB", "RGBA"):
    with Image.open(f"{mode}.wisp") as image:
        out[mode] = [image.mode, image.size, image.info["quality"], image.info["lossless"]]
        out[f"{mode} kept"] = [image.info[name].hex() for name in ("icc_profile", "exif", "xmp")]
out["torch"] = "torch" in sys.modules
out["registered"] = [Image.registered_extensions()[".wisp"], Image.MIME["WISP"]]
"""
    found = run_program(program, files, torch_trap(tmp_path))
    assert found["facts"] == ["WISP", "Wisp learned image codec", "RGB", [90, 70], "image/x-wisp"]
    assert found["info"] == {"quality": 60, "lossless": False, "model": packaged().info.id}
    for mode in MODES:
        assert found[mode] == [mode, [60, 40], None, True]
        assert found[f"{mode} kept"] == [b"profile".hex(), (EXIF_PREFIX + EXIF).hex(), b"<x/>".hex()]
    assert not found["torch"]
    assert found["registered"] == ["WISP", "image/x-wisp"]


def test_everything_that_pillow_does_with_an_image(files: Path, tmp_path: Path) -> None:
    """Each is done with the `.wisp` file and with a PNG of the same pixels."""
    program = """
import copy, os, pickle, shutil
from PIL import ImageChops, ImageOps
def thumbnail(image):
    image.thumbnail((30, 30))
    return image
def put(image):
    image.putpixel((3, 4), image.getpixel((20, 20)))
    return image
def seek(image):
    image.seek(0)
    return image
steps = {
    "load": lambda image: (image.load(), image.load(), image)[-1],
    "thumbnail": thumbnail,
    "convert": lambda image: image.convert("CMYK" if image.mode == "RGB" else "RGB"),
    "resize": lambda image: image.resize((31, 17)),
    "crop": lambda image: image.crop((5, 6, 30, 20)),
    "rotate": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "copy": lambda image: image.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda image: pickle.loads(pickle.dumps(image)),
    "put": put,
    "seek": seek,
    "split": lambda image: image.split()[-1],
    "reduce": lambda image: image.reduce(3),
    "transpose": lambda image: ImageOps.exif_transpose(image),
    "invert": lambda image: ImageChops.invert(image),
}
for mode in ("L", "LA", "RGB", "RGBA"):
    for name, step in steps.items():
        if name == "invert" and mode == "LA":
            continue
        with Image.open(f"{mode}.png") as image:
            wanted = step(image)
            wanted.load()
        with Image.open(f"{mode}.wisp") as image:
            found = step(image)
            found.load()
            out[f"{mode} {name}"] = [found.mode == wanted.mode, found.size == wanted.size,
                                     found.tobytes() == wanted.tobytes(), image.fp is None or name in ("seek",)]
"""
    found = run_program(program, files, torch_trap(tmp_path), tidy=True)
    assert len(found) == 4 * 15 - 1
    assert {name: facts for name, facts in found.items() if not all(facts)} == {}


def test_files_are_closed_and_those_of_others_left_open(files: Path, tmp_path: Path) -> None:
    program = """
import os, gc
def handles():
    return sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
                  if os.path.exists(f"/proc/self/fd/{n}"))
def opened(ending):
    return sum(name.endswith(ending) for name in handles())
image = Image.open("RGB.wisp")
image.load()
out["after load"] = opened(".wisp")
with Image.open("RGB.wisp") as image:
    pass
out["after with"] = opened(".wisp")
for name in ("cut.wisp", "broken.wisp"):
    try:
        Image.open(name)
    except OSError:
        pass
gc.collect()
out["after errors"] = opened(".wisp")
with open("RGBA.wisp", "rb") as file:
    image = Image.open(file)
    out["size"] = image.size
    image.load()
    out["closed"] = file.closed
    file.seek(0)
    again = Image.open(file, formats=["WISP"])
    out["same"] = again.tobytes() == image.tobytes()
out["still there"] = image.getpixel((30, 20)) == again.getpixel((30, 20))
data = BytesIO(Path("RGB.wisp").read_bytes())
out["memory"] = [Image.open(data).convert("L").size, data.closed]
"""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("RGB.wisp", "RGBA.wisp"):
        (folder / name).write_bytes((files / name).read_bytes())
    (folder / "cut.wisp").write_bytes((files / "RGB.wisp").read_bytes()[:-20])
    (folder / "broken.wisp").write_bytes(damage.with_header((files / "RGB.wisp").read_bytes(), version=9))
    if not Path("/proc/self/fd").exists():
        program = program.replace("/proc/self/fd", "/dev/fd")
    found = run_program(program, folder, torch_trap(tmp_path), tidy=True)
    assert (found["after load"], found["after with"], found["after errors"]) == (0, 0, 0)
    assert (found["size"], found["closed"], found["same"], found["still there"]) == ([60, 40], False, True, True)
    assert found["memory"] == [[60, 40], False]


def test_damaged_files_are_os_errors(files: Path, wisp: Codec, tmp_path: Path) -> None:
    """On opening where reading shows it, on loading where only decoding does."""
    program = """
from PIL import UnidentifiedImageError
import glob
for name in sorted(glob.glob("*.wisp")):
    try:
        image = Image.open(name)
    except Exception as error:
        out[name] = ["open", isinstance(error, OSError), isinstance(error, UnidentifiedImageError), str(error)]
        continue
    for _ in range(2):
        try:
            image.load()
            out[name] = ["fine", True, False, ""]
        except Exception as error:
            out[name] = ["load", isinstance(error, OSError), isinstance(error, UnidentifiedImageError), str(error)]
Image.open(BytesIO(Path("good.png").read_bytes())).load()
"""
    data = (files / "RGB.wisp").read_bytes()
    for end in (9, 20, 60, len(data) // 2, len(data) - 1):
        (tmp_path / f"cut{end}.wisp").write_bytes(data[:end])
    check = read_file(data).units[0].check
    place = damage.place_of(data, b"UNIT")
    flipped = bytearray(data)
    flipped[-30] ^= 1
    cases = {
        "flipped": bytes(flipped),
        "version": damage.with_header(data, version=7),
        "check": damage.with_stream(data, damage.stream_of(data), check ^ 1),
        "vp8l": damage.with_payload(data, place, damage.split(data)[place].payload[:7] + bytes(40)),
        "metadata": damage.with_payload(data, 1, b"\2"),
        "other": b"something else that ends in .wisp",
        "empty": b"",
        "short": data[:5],
    }
    for name, content in cases.items():
        (tmp_path / f"{name}.wisp").write_bytes(content)
    Image.fromarray(logo(9, 9)).save(tmp_path / "good.png")
    found = run_program(program, tmp_path, torch_trap(tmp_path))
    assert len(found) == 13
    for name, (where, is_os_error, is_unidentified, message) in found.items():
        kind = name.removesuffix(".wisp")
        assert is_os_error
        assert where == {"check": "load", "vp8l": "load", "metadata": "fine"}.get(kind, "open")
        assert is_unidentified == (kind in ("other", "empty", "short"))
        assert message or where == "fine"
    assert "fail" in found["check.wisp"][3] and "checksum" in found["flipped.wisp"][3]
    assert "version 7" in found["version.wisp"][3]
    assert "ends at byte 60" in found["cut60.wisp"][3]


def test_a_missing_model_is_an_os_error_on_loading(wisp: Codec, tmp_path: Path) -> None:
    data = encode_choosing(wisp, photo(20, 20), ()).data
    (tmp_path / "foreign.wisp").write_bytes(damage.with_model_ids(data, [bytes(8)]))
    program = """
image = Image.open("foreign.wisp")
out["info"] = image.info
try:
    image.load()
except OSError as error:
    out["error"] = str(error)
"""
    found = run_program(program, tmp_path, torch_trap(tmp_path))
    assert found["info"] == {"quality": None, "lossless": False, "model": "0" * 16}
    assert "needs model 0000000000000000" in found["error"]


def test_registering_twice_changes_nothing(tmp_path: Path) -> None:
    program = """
codec.register_pillow()
codec.register_pillow()
out["ids"] = Image.ID.count("WISP")
buffer = BytesIO()
Image.new("RGB", (3, 3), (1, 2, 3)).save(buffer, "WISP", lossless=True)
out["pixel"] = Image.open(buffer).getpixel((1, 1))
"""
    found = run_program(program, tmp_path, torch_trap(tmp_path))
    assert found == {"ids": 1, "pixel": [1, 2, 3]}


def test_the_plugin_is_not_registered_by_itself() -> None:
    """Only `import codec.pillow` does it, or `codec.register_pillow()`."""
    check = "import codec, codec.api, sys\nfrom PIL import Image\nImage.init()\nsys.exit('WISP' in Image.OPEN)"
    assert subprocess.run([sys.executable, "-c", check], env=environment(), check=False).returncode == 0
