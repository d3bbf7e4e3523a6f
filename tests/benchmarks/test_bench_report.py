"""The report's data, its pictures, and what keeps it in one harmless file."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.rd.bd import averaged_curves, bd_table, rate_curve
from benchmarks.rd.records import Absence, EqualSize
from benchmarks.rd.results import Results
from benchmarks.report.build import build_report, write_report
from benchmarks.report.content import Content, absences, content_of, failures
from benchmarks.report.page import Plot, Section, build_page, picture, table, write_page
from benchmarks.report.pictures import Pictures, browser_type
from benchmarks.report.plots import figure
from benchmarks.report.tables import bd_tables, mean_points
from bitstream.errors import FileAccessError
from tests.support import report_results as samples


class Page(HTMLParser):
    """The page as a browser takes it apart: elements with their attributes, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""  # what a reader sees before any script has run
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)
        elif self.lasttag != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.lasttag = ""

    def json(self, name: str) -> Any:
        return json.loads(next(text for attributes, text in self.scripts if attributes.get("id") == name))

    @property
    def data(self) -> Any:
        return self.json("data")

    def state(self, layer: str, *choices: object) -> Any:
        """What a layer of the figures has for these choices."""
        return self.json("figures")["layers"][layer]["states"]["/".join(map(str, choices))]

    def picture(self, name: str) -> tuple[str | None, bytes]:
        """Media type and bytes of an embedded picture."""
        attributes, text = next(script for script in self.scripts if script[0].get("id") == name)
        return attributes["data-type"], base64.b64decode(text, validate=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def results(folder: Path) -> Results:
    return samples.whole(folder)


@pytest.fixture(scope="module")
def html(results: Results, folder: Path) -> str:
    return build_report(results, folder, samples.INFOS)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.mark.parametrize(("measure", "higher"), [("psnr", True), ("distance", False)])
def test_all_anchors_at_once_agree_with_one_at_a_time(measure: str, higher: bool) -> None:
    """Also where a picture lacks a codec, a point is exact, and with a published curve."""
    points = [p for p in samples.points() if p.dataset == "second" and not (p.image == "leaf" and p.codec == "other")]
    points.append(samples.point("second", "wing", "jpeg420", 100, 20.0, {measure: math.inf}))
    tables = bd_tables(points, measure, higher_is_better=higher, curves=[samples.PUBLISHED])
    assert set(tables) == {*samples.CODECS} | ({samples.PUBLISHED.id} if measure == "psnr" else set())
    compared = 0
    for anchor, rows in tables.items():
        expected = bd_table(points, anchor, measure, higher_is_better=higher, curves=[samples.PUBLISHED])
        assert [row.codec for row in rows] == [row.codec for row in expected]
        for row, one in zip(rows, expected, strict=True):
            assert (row.averaged is None) == (one.averaged is None)
            assert row.per_image.keys() == one.per_image.keys()
            pairs = [(row.averaged, one.averaged), *((row.per_image[n], one.per_image[n]) for n in one.per_image)]
            for found, wanted in pairs:
                if found is not None and wanted is not None:
                    assert found.percent == pytest.approx(wanted.percent, abs=1e-6)
                    assert (found.overlap, found.low, found.high) == pytest.approx(
                        (wanted.overlap, wanted.low, wanted.high)
                    )
                    compared += 1
    assert compared > 20


def test_mean_points_are_those_of_the_averaged_curves() -> None:
    points = [p for p in samples.points() if p.dataset == "second"][:-1]  # one quality lacks a picture
    points.append(samples.point("second", "wing", "other", 100, 20.0, {"psnr": math.inf}))
    means = mean_points(points, "psnr")
    curves = averaged_curves(points, "psnr")
    assert {codec: rate_curve(point[1:] for point in found) for codec, found in means.items()} == curves
    assert [point[0] for point in means["wisp-e4"]] == [0, 20, 40, 60]
    assert [point[0] for point in means["other"]] == [0, 20, 40, 60, 80]


@pytest.fixture(scope="module")
def content(results: Results) -> Content:
    return content_of(results, samples.INFOS)


def test_datasets_are_never_averaged_together(content: Content, page: Page, results: Results) -> None:
    assert [dataset.name for dataset in content.datasets] == list(samples.DATASETS)
    place = [codec.id for codec in content.drawn].index("wisp-e4")
    averaged = []
    for number, dataset in enumerate(content.datasets):
        own = [p for p in results.points if p.dataset == dataset.name]
        assert dataset.points == own
        for anchor in samples.CODECS:
            for row in bd_table(own, anchor, "psnr"):
                found = dataset.rows("psnr", anchor)[row.codec]
                assert found.averaged is not None and row.averaged is not None
                assert found.averaged.percent == pytest.approx(row.averaged.percent, rel=1e-4, abs=1e-3)
                assert found.mean_per_image == pytest.approx(row.mean_per_image, rel=1e-4, abs=1e-3)
                assert len(found.per_image) == len(samples.DATASETS[dataset.name])
        rates = dataset.rows("psnr", "jpeg420")["wisp-e4"].per_image
        drawn = page.state("rates", number, 0, "jpeg420")["data"][place]
        assert drawn["x"] == pytest.approx(
            [1 + rates[f"{dataset.name}/{i}"].percent / 100 for i in dataset.images], rel=1e-3
        )
        averaged.append(page.state("table", number, 0, "jpeg420")["data"][0]["cells"]["values"][1][0])
    assert averaged[0] != averaged[1]


def test_dots_of_the_strip_stand_in_the_row_of_their_codec(content: Content, page: Page) -> None:
    """Its rows are in the order of the numbers, the codecs of the figure in that of drawing."""
    dataset = content.datasets[1]
    for anchor in samples.CODECS:
        state = page.state("bd rows", 1, 0, anchor)
        rows = dataset.compared("psnr", anchor)
        axis = state["layout"]["yaxis"]
        named = dict(zip(axis["tickvals"], rows, strict=True))
        titles = zip(axis["ticktext"], rows, strict=True)
        assert all(label.startswith(content.codecs[codec].title[:5]) for label, codec in titles)
        *dots, bars = state["data"]
        for codec, trace in zip(content.drawn, dots, strict=True):
            assert {named[y] for y in trace["y"] if y is not None} == ({codec.id} if codec.id in rows else set())
        for x, y in zip(bars["x"], bars["y"], strict=True):
            averaged = rows[named[y]].averaged
            assert averaged is not None
            assert x == pytest.approx(1 + averaged.percent / 100, rel=1e-3)


def test_a_measure_whose_lower_values_are_better_keeps_its_sign(content: Content, page: Page) -> None:
    assert content.measures[1].id == "distance"
    trace = page.state("curve values", 0, 1, "mean")["data"][0]
    assert trace["x"] == sorted(trace["x"])
    assert trace["y"] == sorted(trace["y"], reverse=True)
    assert min(trace["y"]) > 0
    assert "lower is better" in page.state("curve measures", 1)["layout"]["yaxis"]["title"]["text"]
    assert "down and to the left" in page.state("curve texts", 0, 1, "mean")["curves-intro"]


def test_what_the_page_knows_of_codecs_and_measures(content: Content) -> None:
    codecs = list(content.codecs.values())
    assert [codec.title for codec in codecs] == [*samples.CODECS.values(), samples.PUBLISHED.name]
    assert [codec.wisp for codec in codecs] == [False, False, True, False]
    assert [codec.published for codec in codecs] == [False, False, False, True]
    assert [info.id for info in content.measures] == ["psnr", "distance"]  # not the one that nobody has
    megapixels = 96 * 64 / 1e6
    assert content.datasets[0].seconds["wisp-e4"] == pytest.approx((0.02 / megapixels, 0.002 / megapixels), rel=1e-5)


def test_missing_and_infinite_values_are_told_apart(folder: Path) -> None:
    results = Results(points=[samples.point("d", "i", "c", 1, 1.0, {"psnr": math.inf, "strange": 2.0})])
    results.points.append(samples.point("d", "i", "c", 2, 1.0, {"distance": 0.5, "psnr": math.nan}))
    page = Page(build_report(results, folder, samples.INFOS))
    assert [page.state("curve values", 0, m, 0)["data"][0]["y"] for m in (0, 1)] == [[None, None], [None, 0.5]]
    notes = [page.state("curve texts", 0, m, 0)["curves-note"] for m in (0, 1)]
    assert notes == ["No curve here: c. 1 exact point cannot be drawn on this scale.", ""]
    assert "Measures that this version does not know are left out: strange." in page.text


def test_only_what_is_still_absent_or_failed_is_listed(page: Page, results: Results) -> None:
    assert [(each.id, each.what) for each in absences(results)] == [("far", "codec"), ("lost", "measure")]
    assert [each.quality for each in failures(results)] == [100]
    assert (
        "2 absent, 1 failed" in page.text and "no program far" in page.text and "made by a later run" not in page.text
    )
    later = replace(samples.run(), absent=(Absence("lost", "Lost measure", "measure", "broken", "mend it"),))
    results = Results(runs=[samples.run(), later], points=[samples.point("d", "i", "far", 1, 1.0, {"psnr": 30.0})])
    assert [(each.id, each.reason) for each in absences(results)] == [("lost", "broken")]


def test_pictures_are_the_files_themselves_or_lossless(page: Page, results: Results, folder: Path) -> None:
    records = {(e.image, e.target_bpp, e.codec): e for e in results.equal if e.dataset == "first"}
    entries = [entry for entry in page.data["viewer"] if entry["dataset"] == "first"]
    seen = set()
    for entry in entries:
        assert [group["target"] for group in entry["groups"]] == [0.5, 1.5]
        pairs = [(None, entry["original"])]
        pairs += [(group["target"], shown) for group in entry["groups"] for shown in group["pictures"]]
        for target, shown in pairs:
            record = records[entry["image"], target or 0.5, shown["codec"]]
            media_type, data = page.picture(shown["picture"])
            if shown["codec"] == "jpeg420":
                assert (media_type, data) == ("image/jpeg", (folder / record.file).read_bytes())
            else:
                assert media_type == "image/webp"
                assert np.array_equal(
                    np.asarray(Image.open(io.BytesIO(data))), np.asarray(Image.open(folder / record.shown))
                )
            assert target is None or shown["bytes"] == record.bytes
            seen.add((entry["image"], shown["codec"]))
    assert len(entries) == 2
    assert seen == {
        (image, codec) for image in samples.DATASETS["first"] for codec in ("original", "jpeg420", "wisp-e4")
    }


def test_equal_contents_are_embedded_once(page: Page) -> None:
    names = [attributes["id"] for attributes, _ in page.scripts if attributes.get("type") == "text/plain"]
    assert len(names) == len(set(names)) == 3 * (1 + 2 * 2)  # the original serves both rates


@pytest.mark.parametrize(
    ("picture_format", "media_type"), [("jpeg", "image/jpeg"), ("webp", "image/webp"), ("avif", "image/avif")]
)
def test_browsers_decode(picture_format: str, media_type: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, picture_format)
    assert browser_type(buffer.getvalue()) == media_type


@pytest.mark.parametrize("data", [b"", b"RIFF____WAVE", b"\x00\x00\x00\x1cftypheic", b"\x89PNG\r\n\x1a\n", b"\xff\x0a"])
def test_browsers_need_a_decoded_picture_of_anything_else(data: bytes) -> None:
    assert browser_type(data) is None


def test_no_file_outside_the_folder_gets_into_the_page(tmp_path: Path) -> None:
    inside = tmp_path / "results"
    inside.mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.jpg")
    pictures = Pictures(inside)
    for name in ("../secret.jpg", str(tmp_path / "secret.jpg")):
        assert pictures.add_coded(name, name) is None
    assert list(pictures) == []
    Image.new("RGB", (8, 8)).save(inside / "open.jpg")
    assert pictures.add_coded("open.jpg", "") is not None


def test_pictures_that_cannot_be_read_are_counted(folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"no picture")
    lost = [
        EqualSize("d", "i", "0", 1.0, codec, "1", "q", 1, 1.0, {}, f"{codec}.bin", f"{codec}.png")
        for codec in ("original", "broken")
    ]
    page = Page(build_report(Results(equal=lost), folder, samples.INFOS))
    assert page.data["viewer"] == []
    assert "2 of the viewer's pictures are missing in the results' folder." in page.text


def test_names_cannot_leave_their_place(page: Page) -> None:
    kinds = [attributes.get("type") for attributes, _ in page.scripts]
    assert sorted(kinds, key=str) == [None, None, "application/json", "application/json"] + ["text/plain"] * 15
    assert not {"img", "b"} & {tag for tag, _ in page.elements}
    assert samples.HOSTILE in page.data["datasets"][0]["images"]
    assert page.text.count(samples.HOSTILE) >= 4  # codecs, a command, a remedy, a message
    assert samples.HOSTILE in [name for _, name in page.state("image options", 0)]


def test_a_command_line_that_is_no_text_can_be_written(tmp_path: Path) -> None:
    results = Results(runs=[replace(samples.run(), command="wisp bench rd --out a\udce9")])
    write_report(tmp_path / "report.html", results, tmp_path, samples.INFOS)
    assert "wisp bench rd --out a?" in Page((tmp_path / "report.html").read_text("utf-8")).text


def test_nothing_is_fetched_and_only_the_pages_own_scripts_run(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"iframe", "object", "embed", "base", "form"}
        for name in ("src", "href", "srcset", "action", "data"):
            value = attributes.get(name) or "#"
            assert value.startswith("#") or value == "data:,", (tag, name, value)
        assert not any(name.startswith("on") for name in attributes)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a) or ""
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    own = [text for attributes, text in page.scripts if not attributes]
    assert len(own) == 2
    for text in own:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, Results(), tmp_path, samples.INFOS)
    assert path.read_text("utf-8") == build_report(Results(), tmp_path, samples.INFOS)
    whole = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileAccessError, match="No space left"):
        write_report(path, Results(runs=[samples.run()]), tmp_path, samples.INFOS)
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_of_other_things(tmp_path: Path) -> None:
    """As training makes it: plain strings are escaped, a figure is drawn into its place."""
    loss = figure([{"x": [1, 2], "y": [0.5, 0.25], "name": "loss"}], xaxis={"title": {"text": "step"}})
    sections = [
        Section("Loss <b>", ["Of <all> pictures.", Plot(loss), table(["a"], [["<i>"]])]),
        Section("Pictures", [picture(b"RIFF", 'after "1000" steps')], "pictures"),
    ]
    write_page(tmp_path / "page.html", build_page("Training & more", sections, lede="So far <good>"))
    page = Page((tmp_path / "page.html").read_text("utf-8"))
    assert not {"b", "i", "all", "good"} & {tag for tag, _ in page.elements}
    for text in ("Training & more", "So far <good>", "Loss <b>", "Of <all> pictures.", "<i>", 'after "1000" steps'):
        assert text in page.text
    (plot,) = (attributes["id"] for _, attributes in page.elements if attributes.get("class") == "plot")
    found = page.json("figures")
    (layer,) = found["figures"][plot]
    assert found["layers"][layer]["states"][""]["data"][0]["y"] == [0.5, 0.25]
    (image,) = (attributes for tag, attributes in page.elements if tag == "img")
    assert image["src"] == f"data:image/webp;base64,{base64.b64encode(b'RIFF').decode()}"
