"""`wisp bench speed`: the arithmetic of its tables, and small runs for real."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.codecs.jpeg import Jpeg
from benchmarks.measures import psnr
from benchmarks.mosaic import Size, mosaic, parse_size
from benchmarks.processes import run_process
from benchmarks.speed.codec_process import CodecProcess, CodecProcessError
from benchmarks.speed.codec_server import CodecServer
from benchmarks.speed.records import (
    COMMAND,
    Direction,
    Fault,
    Missing,
    Participant,
    Row,
    SpeedReport,
    SpeedSettings,
    StartUp,
    fitted_exponent,
    geometric_mean,
)
from benchmarks.speed.sheets import number, sheets, to_markdown
from tests.support.cli_runner import invoke, succeed

SMALL, LARGE = Size(100, 100), Size(1000, 1000)


def row(codec: str, size: Size, direction: Direction, warm: float | None) -> Row:
    return Row(codec, size.width, size.height, 1, direction, 100, warm, 3, 0.5, 1, 40.0)


def participant(codec: str) -> Participant:
    return Participant(codec, codec.upper(), "1.0", "command", 50, 0.5, 32.1)


def report() -> SpeedReport:
    rows = (
        row("one", SMALL, "encode", 0.02),
        row("two", SMALL, "encode", 0.04),
        row("one", LARGE, "encode", 2.0),
        row("two", LARGE, "encode", 16.0),
        row("one", LARGE, "decode", 0.5),
        row("two", LARGE, "decode", None),
        row(COMMAND, LARGE, "encode", None),
    )
    return SpeedReport(
        SpeedSettings(codecs=("one", "two"), sizes=(SMALL, LARGE), threads=(1,)),
        {"cores": "2"},
        {},
        0.0,
        (participant("one"), participant("two")),
        rows,
        (StartUp("python", 0.02, 12.0),),
        (Missing("gone", "Gone", "not here", "get it"),),
        (Fault("two", "1000x1000", 1, "decode", "broken"),),
    )


def test_the_exponent_is_the_slope_in_logarithms() -> None:
    sizes = [4096, 65536, 393216, 12582912]
    exact = [(pixels, 3e-8 * pixels**1.25) for pixels in sizes]
    assert fitted_exponent(exact, least=0) == pytest.approx(1.25)
    noise = [(pixels, seconds * factor) for (pixels, seconds), factor in zip(exact, (1.1, 0.9, 1, 1.05), strict=True)]
    assert fitted_exponent(noise, least=0) == pytest.approx(1.25, abs=0.05)
    # What is too short for the timer does not count, and one size makes no line.
    assert fitted_exponent([(64, 9e-4), *((p, 1e-6 * p) for p in sizes)]) == pytest.approx(1)
    assert fitted_exponent([(4096, 0.5)]) is None
    assert fitted_exponent([(4096, 0.5), (4096, 0.6)]) is None
    assert fitted_exponent([]) is None


def test_ratios_by_hand() -> None:
    found = report()
    assert [found.ratio(r, "one") for r in found.of("two", 1, "encode")] == [2.0, 8.0]
    assert found.mean_ratio("two", 1, "encode", "one") == pytest.approx(4.0)
    assert found.mean_ratio("one", 1, "encode", "two") == pytest.approx(0.25)
    assert found.mean_ratio("two", 1, "decode", "one") is None
    assert found.mean_ratio("two", 1, "encode", "gone") is None
    assert found.growth("one", 1, "encode") == pytest.approx(1.0)
    assert found.growth("two", 1, "encode") == pytest.approx(np.log(400) / np.log(100))
    assert found.rows[2].warm_seconds_per_megapixel == 2.0
    assert geometric_mean([None, 4.0, 9.0]) == pytest.approx(6.0)
    document = found.as_dict("one")
    assert document["rows"][3]["ratio_to_anchor"] == 8.0
    assert document["summary"][2]["mean_ratio_to_anchor"] == pytest.approx(4.0)


def test_the_tables_hold_what_was_found() -> None:
    codecs, measured, summary, start_up = sheets(report(), "one")
    assert codecs.rows[0] == ("one", "ONE", "50", "0.500", "32.10")
    assert measured.headings[2:5] == ("enc s", "enc s/MP", "enc / one")
    assert measured.rows[3] == ("1000x1000", "two", "16", "16", "8", "-", "-", "-", "0.5", "0.5", "40", "40")
    assert measured.rows[4][:5] == ("1000x1000", COMMAND, "-", "-", "-")
    assert summary.rows[1] == ("two", "1", "4", "1.30", "16", "-", "-", "-")
    assert start_up.rows == (("python", "0.02", "12"),)
    lines = to_markdown(summary).splitlines()
    assert lines[3].count("---:") == 7 and lines[5] == "| two | 1 | 4 | 1.30 | 16 | - | - | - |"


def test_numbers_have_three_digits_and_no_exponent() -> None:
    shown = [number(value) for value in (None, 0.0123456, 0.00001234, 1.5, 12.34, 123.4, 2345.6)]
    assert shown == ["-", "0.0123", "0.000012", "1.5", "12.3", "123", "2,346"]


def test_sizes_and_their_pictures() -> None:
    assert parse_size(" 768x512") == Size(768, 512)
    for wrong in ("768", "0x5", "768x", "-1x5", "1e3x5"):
        with pytest.raises(ValueError, match="is not a size"):
            parse_size(wrong)
    picture = mosaic(Size(900, 430))
    assert picture.shape == (430, 900, 3) and picture.dtype == np.uint8
    assert not np.array_equal(picture[:, :400], picture[:, -400:])
    assert mosaic(Size(5, 7)).shape == (7, 5, 3)


def test_the_quality_nearest_a_psnr_is_found(tmp_path: Path) -> None:
    picture = mosaic(Size(96, 80))
    path = tmp_path / "picture.ppm"
    Image.fromarray(picture).save(path)
    jpeg = Jpeg("4:2:0")
    found = CodecServer(jpeg).answer({"do": "search", "picture": str(path), "psnr": 31.0})
    data = jpeg.encode(picture, found["quality"])
    assert found["psnr"] == pytest.approx(psnr(jpeg.decode(data), picture))
    assert found["bpp"] == 8 * len(data) / (96 * 80)
    best = min(abs(psnr(jpeg.decode(jpeg.encode(picture, q)), picture) - 31.0) for q in range(5, 91))
    assert abs(found["psnr"] - 31.0) <= max(0.2, best)


def test_a_process_is_measured_without_the_memory_of_the_one_that_starts_it() -> None:
    held = np.ones(40 << 20)  # 320 MiB
    assert run_process([sys.executable, "-c", "pass"]).peak_mib < 100
    assert held.all()


def test_a_servant_tells_faults_and_goes_on(tmp_path: Path) -> None:
    process = CodecProcess("jpeg420", 1)
    try:
        with pytest.raises(CodecProcessError, match="FileNotFoundError"):
            process.ask("encode", picture=str(tmp_path / "none.ppm"), coded=None, quality=50)
        Image.fromarray(mosaic(Size(16, 16))).save(tmp_path / "a.ppm")
        told = process.ask("encode", picture=str(tmp_path / "a.ppm"), coded=str(tmp_path / "a.jpg"), quality=50)
        assert told["bytes"] == (tmp_path / "a.jpg").stat().st_size and told["seconds"] > 0
    finally:
        process.close()
    with pytest.raises(CodecProcessError, match="ended"):
        process.ask("decode", coded=str(tmp_path / "a.jpg"), shown=None)


@pytest.mark.slow
def test_a_run_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wisp, a peer, one that is absent, and one that cannot code the longer picture."""
    monkeypatch.setattr("benchmarks.speed.run.SEARCHED", Size(64, 64))
    monkeypatch.setenv("PATH", str(tmp_path))  # no programs
    (tmp_path / "codec.py").write_text("raise ImportError")  # nothing is imported from where the user is
    monkeypatch.chdir(tmp_path)
    json_file = tmp_path / "speed.json"
    codecs = ("--codecs", "wisp-e4,jpeg420,vtm-intra", "--anchor", "jpeg420")
    result = invoke("bench", "speed", "--quick", *codecs, "--sizes", "64x48", "--json", json_file)
    assert result.exit_code == 0, result.stderr
    assert "absent: vtm-intra: no program EncoderAppStatic or EncoderApp on the PATH (build VTM" in result.stderr
    found = json.loads(json_file.read_text())
    assert [missing["id"] for missing in found["absent"]] == ["vtm-intra"] and not found["faults"]
    rows = {(r["codec"], r["width"], r["direction"]): r for r in found["rows"]}
    assert len(rows) == len(found["rows"]) == 6
    for (codec, _, direction), r in rows.items():
        assert r["bytes"] > 0 and r["cold_runs"] == 1
        assert r["cold_seconds"] > (r["warm_seconds"] or 0)
        assert r["peak_mib"] > (100 if codec in ("wisp-e4", COMMAND) else 15)
        assert (r["warm_seconds"] is None) == (codec == COMMAND)
        if codec != COMMAND:
            other = rows["jpeg420", r["width"], direction]
            assert r["ratio_to_anchor"] == pytest.approx(r["warm_seconds"] / other["warm_seconds"])
    start_up = {part["what"]: part for part in found["start_up"]}
    assert list(start_up) == ["python", "worker without a codec", "import torch", "wisp --version"]
    assert start_up["python"]["peak_mib"] < start_up["import torch"]["peak_mib"]
    assert found["settings"]["psnr"] == 32 and found["machine"]["cores"]
    for text in ("wisp command", "64x48", "enc / jpeg420", "import torch"):
        assert text in result.stdout


def test_a_picture_that_a_codec_cannot_code_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """WebP ends at 16,383 pixels a side. The ratios go to the first codec where AVIF is not asked for."""
    monkeypatch.setattr("benchmarks.speed.run.SEARCHED", Size(32, 32))
    sizes = ("--sizes", "16400x2", "--quiet", "--markdown")
    result = invoke("bench", "speed", "--quick", "--codecs", "jpeg420,webp", *sizes)
    assert result.exit_code == 1
    assert "failed: webp, encode 16400x2, 1 thread:" in result.stderr
    assert "ratios are to jpeg420: avif does not take part" in result.stderr
    assert "| 16400x2 | jpeg420 |" in result.stdout and "| 16400x2 | webp |" not in result.stdout


def test_no_codec_at_all_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.speed.run.SEARCHED", Size(32, 32))
    monkeypatch.setenv("PATH", str(tmp_path))
    result = invoke("bench", "speed", "--codecs", "vtm-intra", "--sizes", "16x16", "--quiet")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("wisp: bench speed: no codec can take part: vtm-intra: no program")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--codecs", "jpeg420,gif"), "no codec is called 'gif'"),
        (("--codecs", "jpeg420", "--anchor", "avif"), "not among the codecs"),
        (("--sizes", "12"), "is not a size"),
        (("--threads", "0"), "is not a number of threads"),
    ],
)
def test_usage(arguments: tuple[str, ...], message: str) -> None:
    result = invoke("bench", "speed", *arguments)
    assert result.exit_code == 2 and message in result.stderr


def test_help_names_the_options() -> None:
    assert "--anchor" in succeed("bench", "speed", "--help").stdout
