"""Every codec of the benchmark that can run here codes real pixels and shows them again."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs.catalog import catalog
from benchmarks.codecs.interface import AbsentError, ImageCodec

EFFORTS = (1, 4)
IDS = [name for name, codec in catalog(efforts=EFFORTS).items() if not codec.slow]
# FFmpeg's HEVC decoder does not notice that a stream ends early; JPEG's adapter reads whatever Pillow knows.
TOLERANT = {("x265-intra", "half")}
LEAST_SIDE = {"x265-intra": 16, "svtav1-intra": 4}
Pixels = NDArray[np.uint8]


def fresh(name: str) -> ImageCodec:
    codec = catalog(efforts=EFFORTS, precision="fp32")[name]
    try:
        codec.open(1)
    except AbsentError as error:
        pytest.skip(str(error))
    return codec


@cache
def opened(name: str) -> ImageCodec:
    return fresh(name)


def psnr(a: Pixels, b: Pixels) -> float:
    error = np.mean((a.astype(float) - b) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


@pytest.fixture(scope="module")
def crop(photograph: Pixels) -> Pixels:
    return photograph[150:246, 200:328]


def test_ids_are_keys_and_well_formed() -> None:
    codecs = catalog(efforts=(1, 4, 7, 4))
    assert next(iter(codecs)) == "jpeg420"
    assert list(codecs)[-3:] == ["wisp-e1", "wisp-e4", "wisp-e7"]
    assert len({codec.title for codec in codecs.values()}) == len(codecs)
    for name, codec in codecs.items():
        assert codec.id == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert codec.title and re.fullmatch("[a-z0-9]+", codec.ending)
        assert len(set(codec.qualities)) == len(codec.qualities) >= 6


def test_the_catalog_imports_nothing_heavy() -> None:
    heavy = {"torch", "av", "imagecodecs", "pillow_heif", "pyjpegli", "compressai", "plotly"}
    loaded = f"{heavy} & set(sys.modules)"
    check = f"import sys; from benchmarks.codecs.catalog import catalog; catalog(); sys.exit(str({loaded}))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize("name", IDS)
def test_options_come_back_from_json_as_they_are(name: str) -> None:
    options = catalog(efforts=EFFORTS)[name].options
    assert json.loads(json.dumps(options)) == options


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize(("width", "height"), [(64, 48), (33, 17), (1, 1)])
def test_the_size_comes_back(name: str, width: int, height: int, photograph: Pixels) -> None:
    codec, picture = opened(name), photograph[200 : 200 + height, 300 : 300 + width]
    if min(width, height) < LEAST_SIDE.get(name, 1):
        with pytest.raises(ValueError, match="codes nothing below"):
            codec.encode(picture, codec.qualities[-1])
        return
    data = codec.encode(picture, codec.qualities[-1])
    shown = codec.decode(data)
    assert isinstance(data, bytes)
    assert shown.shape == picture.shape and shown.dtype == np.uint8
    assert psnr(picture, shown) > 25


@pytest.mark.parametrize("name", IDS)
def test_bytes_and_psnr_rise_over_the_sweep(name: str, crop: Pixels) -> None:
    codec = opened(name)
    ends = (codec.qualities[0], codec.qualities[len(codec.qualities) // 2], codec.qualities[-1])
    files = [codec.encode(crop, quality) for quality in ends]
    values = [psnr(crop, codec.decode(data)) for data in files]
    assert len(files[0]) < len(files[1]) < len(files[2])
    assert values[0] < values[1] < values[2]
    assert 17 < values[0] < 30 and 33 < values[2] < 60


@pytest.mark.parametrize("name", IDS)
def test_nothing_is_kept_between_pictures(name: str, crop: Pixels) -> None:
    used, new = opened(name), fresh(name)
    quality = used.qualities[3]
    used.encode(crop[::-1, :64], used.qualities[-1])
    data = used.encode(crop, quality)
    assert new.encode(crop, quality) == data
    used.decode(used.encode(crop[::-1, :64], quality))
    assert np.array_equal(fresh(name).decode(data), used.decode(data))


@pytest.mark.parametrize("name", [n for n in IDS if not n.startswith("wisp")])
def test_threads_do_not_change_the_bytes(name: str, crop: Pixels) -> None:
    codec = fresh(name)
    one = codec.encode(crop, codec.qualities[4])
    codec.open(2)
    assert codec.encode(crop, codec.qualities[4]) == one
    assert np.array_equal(codec.decode(one), opened(name).decode(one))


def test_threads_do_not_change_avif_of_many_blocks(photograph: Pixels) -> None:
    codec = fresh("avif")
    one = codec.encode(photograph, 30)
    codec.open(2)
    assert codec.encode(photograph, 30) == one


@pytest.mark.parametrize("name", IDS)
def test_version_and_command_tell_something(name: str) -> None:
    codec = opened(name)
    assert re.search(r"\d+\.\d+", codec.version)
    commands = {codec.command(quality) for quality in codec.qualities}
    assert len(commands) == len(codec.qualities)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in IDS for kind in ("noise", "png", "empty", "half") if (name, kind) not in TOLERANT],
)
def test_what_is_not_a_whole_file_is_refused(name: str, kind: str, crop: Pixels) -> None:
    codec = opened(name)
    picture = io.BytesIO()
    Image.fromarray(crop).save(picture, "png")
    good = codec.encode(crop, codec.qualities[-1])
    bad = {
        "noise": np.random.default_rng(1).integers(0, 256, 500, np.uint8).tobytes(),
        "png": picture.getvalue(),
        "empty": b"",
        "half": good[: len(good) // 2],
    }[kind]
    with pytest.raises(Exception, match=r"\w"):
        codec.decode(bad)


@pytest.mark.parametrize(("name", "subsampling"), [("jpeg420", "4:2:0"), ("jpeg444", "4:4:4")])
def test_jpeg_is_pillows(name: str, subsampling: str, crop: Pixels) -> None:
    by_hand = io.BytesIO()
    Image.fromarray(crop).save(by_hand, "jpeg", quality=70, subsampling=subsampling, optimize=True, progressive=True)
    assert opened(name).encode(crop, 70) == by_hand.getvalue()


@pytest.mark.parametrize(("name", "kind", "settings"), [
    ("webp", "webp", {"quality": 40, "method": 6}),
    ("avif", "avif", {"quality": 40, "max_threads": 1}),
    ("jpeg2000", "jpeg2000", {"quality_layers": [40], "quality_mode": "dB", "irreversible": True, "mct": 1}),
])  # fmt: skip
def test_the_file_is_what_pillow_writes_by_default(name: str, kind: str, settings: Any, crop: Pixels) -> None:
    by_hand = io.BytesIO()
    Image.fromarray(crop).save(by_hand, kind, **settings)
    assert opened(name).encode(crop, 40) == by_hand.getvalue()


def test_heic_is_what_pillow_heif_writes_by_default(crop: Pixels) -> None:
    codec = opened("heic")
    import pillow_heif

    by_hand = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(crop)).save(by_hand, quality=40)
    assert codec.encode(crop, 40) == by_hand.getvalue()
