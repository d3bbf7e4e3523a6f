"""The video benchmark's report: frames at nearly equal size, its page in a browser; and a run of real codecs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.codecs.catalog import video_catalog
from benchmarks.codecs.interface import INTRA, PREDICTED
from benchmarks.rd.results import FILE_NAME, read_results
from benchmarks.sequences import MADE
from codec.work.processes import in_own_processes
from tests.support.bench_video_toys import bench, results, stay_here, toys
from tests.support.chromium import visit
from tests.support.report_pages import table_cells


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stay_here(monkeypatch, tmp_path)


def test_frames_of_the_viewer_are_of_streams_of_nearly_one_size() -> None:
    assert bench("--viewer-bpp", "3", "--sequences", "pan-zoom")[0] == 0
    equal = results().equal
    assert {(e.image, e.codec) for e in equal} == {
        (f"pan-zoom, frame {n}", codec) for n in range(4) for codec in ("original", *toys())
    }
    original = list(MADE["pan-zoom"](48, 32, 4))
    for record in equal:
        shown = np.asarray(Image.open(Path("out", record.shown)))
        number = int(record.image[-1])
        if record.codec == "original":
            assert np.array_equal(shown, original[number])
        else:
            bits = int(record.setting.removeprefix("bits "))
            assert np.array_equal(shown >> np.uint8(8 - bits), original[number] >> np.uint8(8 - bits))
            assert Path("out", record.file).stat().st_size == record.bytes
            assert record.bpp == 8 * record.bytes / (48 * 32 * 4) and "psnr" in record.measures
    before = Path("log").read_text()
    assert bench("--viewer-bpp", "3", "--sequences", "pan-zoom")[0] == 0 and Path("log").read_text() == before
    Path("out", next(e.shown for e in equal if e.codec == "wisp")).unlink()
    assert bench("--viewer-bpp", "3", "--sequences", "pan-zoom")[0] == 0 and Path("log").read_text() != before
    assert all(Path("out", e.shown).is_file() for e in results().equal)


def test_the_report_shows_sequences_and_frames_in_a_browser(browser: Any) -> None:
    assert bench("--viewer-bpp", "3")[0] == 0
    with visit(browser, Path("out/report.html").resolve()) as seen:
        seen.page.wait_for_function("() => view.shown.length && view.shown.every((p) => view.decoded.has(p.picture))")
        assert seen.text("#title") == "3 codecs on 3 sequences" and "Frames at equal file size" in seen.text(
            "#viewer-title"
        )
        heads = seen.eval("() => byId('bd-table').data[0].header.values")
        assert heads[1] == "Prediction" and heads[3] == "Mean of sequences"
        assert sorted(tuple(row[:2]) for row in table_cells(seen)) == [
            ("<b>Toy wisp</b>", INTRA), ("Toy x264-medium", PREDICTED), ("Toy x264-medium-intra", INTRA)
        ]  # fmt: skip
        assert seen.page.locator("#anchor option:checked").text_content() == "Toy x264-medium, predicted"
        slider = seen.page.locator("#view-frame")
        slider.focus()
        for number in ("1", "2", "3"):
            seen.page.keyboard.press("ArrowRight")
            assert seen.text("#view-frame-value") == number
        seen.page.locator("#view-image").select_option("noise")
        assert seen.eval("() => [view.image, view.entry.frame]") == ["noise, frame 3", 3]
        seen.eval("() => showImage('scroll')")
        assert seen.eval("() => view.image") == "scroll, frame 3"
        assert "frames per second" in seen.text("#speed-plot")


@pytest.mark.slow
def test_everything_with_real_codecs_in_their_own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("run", "probe"):
        monkeypatch.setattr(f"benchmarks.rd.{module}.in_own_processes", in_own_processes)
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", video_catalog)
    arguments = (
        "--codecs",
        "x264-medium,wisp",
        "--sequences",
        "scroll",
        "--quick",
        "--viewer-bpp",
        "0.5",
        "--measures",
        "psnr",
    )
    status, out, err = bench(*arguments, "-o", "real")
    assert (status, err) == (0, []) and "Wisp" in out
    found = read_results(Path("real", FILE_NAME))
    assert len(found.points) == 8 and {e.codec for e in found.equal} == {"original", "x264-medium", "wisp"}
