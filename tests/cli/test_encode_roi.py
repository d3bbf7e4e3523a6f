"""`wisp encode --roi`: rectangles and maps, and what is neither."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.files.source import read_file
from tests.support.rate_runner import done, encode, error_of, facts, lay_out


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with pictures."""
    monkeypatch.chdir(tmp_path)
    lay_out()
    return tmp_path


def deltas(name: str = "a.wisp") -> list[int]:
    """How each tile's quality is moved, in steps of the model's."""
    return [unit.quality_delta for unit in read_file(name).units]


def test_a_rectangle_raises_or_lowers_the_quality_there() -> None:
    found = {}
    for words in ("64,0,64,64", "64,0,64,64,+40", "64,0,64,64,40", "64,0,64,64,-30", "64,0,64,64,-1.5"):
        done("a.png", "--roi", words, "--tile", 64, "-q", 25)
        found[words.removeprefix("64,0,64,64")] = deltas()
    for raised in (found[""], found[",+40"]):
        assert max(raised) == raised[1] > 0
    assert found[",+40"] == found[",40"] and found[",+40"][1] == pytest.approx(2 * found[""][1], abs=1)
    assert min(found[",-30"]) == found[",-30"][1] < found[",-1.5"][1] < 0


@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_a_map_of_any_size_raises_the_white_and_lowers_the_black(mode: str) -> None:
    grey = np.repeat(np.array([[0, 255]], np.uint8), 5, axis=1)  # the left half black, the right one white
    Image.fromarray(grey).convert(mode).save("map.png")
    found = {}
    for words in ("map.png", "map.png,+4", "map.png,-4"):
        done("a.png", "--roi", words, "--tile", 64, "-q", 25)
        found[words] = deltas()
    assert found["map.png,+4"] == [-step for step in found["map.png,-4"]]
    for left, right, larger in zip(
        found["map.png,+4"][::2], found["map.png,+4"][1::2], found["map.png"][1::2], strict=True
    ):
        assert left < 0 < right < larger


def test_regions_add_up_and_have_smaller_tiles() -> None:
    told = done("a.png", "--roi", "0,0,128,96,+10", "--roi", "0,0,128,96,-4", "--roi", "0,0,128,96,+1")
    assert told["tile"] == facts("a.wisp")["tile"] == 128
    together = deltas()
    done("a.png", "--roi", "0,0,128,96,+7")
    assert together == deltas() and together[0] > 0
    assert done("a.png")["tile"] == 1024 and deltas() == [0]


def test_a_region_and_a_target() -> None:
    told = done("a.png", "--roi", "0,0,64,64", "--tile", 64, "--target-size", 1200)
    assert 0.98 * 1200 <= told["bytes"] <= 1200 and deltas()[0] > 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("0,0,0,5", "no pixels"),
        ("0,0,5,0,+5", "no pixels"),
        ("0,0,5,5,+200", "200 is not within -100..100"),
        ("map.png,-101", "-101 is not within -100..100"),
        ("", "neither x,y,w,h nor the name of a picture"),
        ("9" * 5000 + ",0,5,5", ""),
    ],
)
def test_regions_that_make_no_sense_are_refused(words: str, told: str) -> None:
    line = error_of(encode("a.png", "--roi", words), 2)
    assert line.startswith("Error: Invalid value for '--roi': ") and told in line
    assert not Path("a.wisp").exists()


def test_a_region_outside_a_picture_fails_that_picture() -> None:
    line = error_of(encode("a.png", "--roi", "128,0,5,5"), 2)
    assert line == "wisp: a.png: region 128,0,5,5 is not within the picture of 128x96 pixels"
    assert not Path("a.wisp").exists()
    assert encode("b.png", "a.png", "-o", "out", "--roi", "90,0,5,5").exit_code == 2
    assert [path.name for path in Path("out").iterdir()] == ["a.wisp"]


@pytest.mark.parametrize(
    ("name", "why"), [("none.png", "No such file"), ("text.png", "is not a picture"), ("1,2,3", "No such file")]
)
def test_a_map_that_cannot_be_read_is_named(name: str, why: str) -> None:
    Path("text.png").write_text("no picture")
    for words in (name, f"{name},+5"):
        line = error_of(encode("a.png", "--roi", words), 8)
        assert name in line and why in line
        assert not Path("a.wisp").exists()
