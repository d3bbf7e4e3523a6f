"""What was found by attacking: inputs that are outputs, names too long, pipes in folders, a host program's limits."""

from __future__ import annotations

import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import LimitError, NotWispError
from bitstream.limits import MAX_METADATA_BYTES
from bitstream.metadata import Metadata
from codec.api import Codec
from codec.formats.pictures.load import load_picture
from codec.jobs.describe_still import probe
from codec.notes import WispNote
from tests.support.cli_runner import invoke
from tests.support.damage import Part, inserted
from tests.support.goldens import golden_bytes

FLAT: NDArray[np.uint8] = np.full((20, 30, 3), 77, np.uint8)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def flat(*names: str) -> None:
    for name in names:
        Image.fromarray(FLAT).save(name, "PNG")


def test_salvage_steps_over_a_chunk_that_it_does_not_know(wisp: Codec) -> None:
    """What is in it is not searched, not even for units; the file is whole."""
    data = golden_bytes("small")
    unit = data[data.index(b"UNIT") - 4 :]
    part = Part(b"pRIV", unit, zlib.crc32(b"pRIV" + unit))
    saved = wisp.salvage_picture(inserted(data, 1, part))
    assert saved.report.whole and not saved.report.damaged
    assert np.abs(saved.picture.pixels.astype(int) - wisp.decode_array(data)).max() <= 1


def test_an_input_is_never_an_output() -> None:
    flat("first.png", "second.png")
    Path("first.wisp").symlink_to("second.png")
    before = Path("second.png").read_bytes()
    result = invoke("encode", "first.png", "second.png", "--overwrite", "--lossless")
    assert result.exit_code == 8 and "is an input, too" in result.stderr
    assert Path("second.png").read_bytes() == before and Path("second.wisp").is_file()


def test_a_name_that_cannot_be_does_not_stop_the_others() -> None:
    flat("a.png", "b.png")
    result = invoke("encode", "a.png", "x" * 300 + ".png", "b.png", "-o", "out", "--lossless")
    assert result.exit_code == 8 and result.stderr.count("\n") == 1 and "too long" in result.stderr
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_folder_is_no_input() -> None:
    Path("folder").mkdir()
    flat("folder/a.png")
    os.mkfifo("folder/b.png")
    assert invoke("encode", "-r", "folder", "-o", "out", "--lossless").exit_code == 0
    assert [path.name for path in Path("out").iterdir()] == ["a.wisp"]


def test_what_is_no_output_does_not_count_as_existing() -> None:
    flat("a.png", "b.wisp")
    Path("a.wisp").mkdir()
    for name in ("a.png", "b.wisp"):
        result = invoke("encode", "--skip-existing", name)
        assert result.exit_code == 8 and result.stderr.count("\n") == 1


def test_too_much_metadata_is_refused_before_the_work(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.still.pixel_path.analyse", lambda *_: pytest.fail("the network ran"))
    with pytest.raises(LimitError, match="XMP"):
        wisp.encode(FLAT, metadata=Metadata(xmp=bytes(MAX_METADATA_BYTES + 1)))


def test_salvage_reads_no_more_than_the_head_of_what_is_not_ours(wisp: Codec) -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            self.taken += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(NotWispError):
        wisp.salvage_picture(endless)  # type: ignore[arg-type]
    assert endless.taken <= 64


def test_the_host_programs_limit_on_pixels_is_not_for_our_tiles(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wisp.encode(np.zeros((100, 100, 3), np.uint8), lossless=True)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not wisp.decode_array(data).any()
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(LimitError, match="MAX_IMAGE_PIXELS"):  # and not "damaged"
        wisp.decode_array(data)


@pytest.mark.parametrize("value", [10**7, True, [1, 2], (1, 256), 1.5])
def test_metadata_of_a_wrong_type_is_left_out(value: object) -> None:
    image = Image.fromarray(FLAT)
    image.info["icc_profile"] = value
    with pytest.warns(WispNote, match="wrong type"):
        picture = load_picture(image)
    assert picture.metadata == Metadata() and np.array_equal(picture.pixels, FLAT)


def test_an_icc_profile_that_is_a_number_is_not_invented() -> None:
    """A TIFF whose profile's tag is one LONG: as many zeros would be 60 megabytes."""
    file = io.BytesIO()
    Image.fromarray(FLAT).save(file, "TIFF", icc_profile=b"abcd")
    data = file.getvalue()
    entry = data.index(struct.pack("<HHI", 34675, 7, 4))
    changed = data[:entry] + struct.pack("<HHII", 34675, 4, 1, 60_000_000) + data[entry + 12 :]
    with pytest.warns(WispNote, match="wrong type"):
        assert load_picture(io.BytesIO(changed)).metadata.icc == b""


def test_a_search_path_that_cannot_be_costs_no_file_that_does_not_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WISP_MODEL_PATH", "a" * 5000)
    assert probe(golden_bytes("small")).quality is not None


@pytest.mark.parametrize("metadata", [{"icc_profile": b"x"}, {"exif": b"x"}, b"exif", 5])
def test_metadata_must_be_metadata(wisp: Codec, metadata: object) -> None:
    with pytest.raises(TypeError, match=r"wisp\.Metadata is expected"):
        wisp.encode(FLAT, metadata=metadata)  # type: ignore[arg-type]


@pytest.mark.parametrize("crop", [(0, 0, 64), (0.5, 0, 4, 4), (0, 0, 4, 4, 4), ("0", 0, 4, 4)])
def test_a_crop_must_be_four_whole_numbers(wisp: Codec, crop: object) -> None:
    with pytest.raises(TypeError, match="in whole pixels"):
        wisp.decode_array(golden_bytes("small"), crop=crop)  # type: ignore[arg-type]


def test_salvage_says_what_metadata_is_gone(wisp: Codec) -> None:
    data = bytearray(golden_bytes("metadata"))
    data[data.index(b"eXIF") + 10] ^= 1
    with pytest.warns(WispNote, match="EXIF damaged and left out"):
        saved = wisp.salvage_picture(bytes(data))
    assert not saved.report.whole and not saved.report.damaged
    assert saved.picture.metadata.icc and not saved.picture.metadata.exif


def test_a_picture_of_one_lost_tile_is_not_called_saved() -> None:
    data = bytearray(golden_bytes("small"))
    data[data.index(b"UNIT") + 30] ^= 1
    Path("hurt.wisp").write_bytes(data)
    result = invoke("decode", "--salvage", "hurt.wisp")
    assert result.exit_code == 5 and result.stderr.splitlines()[-1] == "wisp: hurt.wisp: no tile is left"
