"""BD-rates against the package called by hand, and where there is none to give."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import mean
from typing import get_args

import numpy as np
import pytest
from bjontegaard import bd_rate as by_package

from benchmarks.rd.bd import Method, averaged_curves, bd_rate, bd_table, image_curves, rate_curve
from benchmarks.rd.records import Curve, Point

RATES = (0.1, 0.2, 0.4, 0.8, 1.6)
QUALITIES = (10, 30, 50, 70, 90)


def point(codec: str, image: str, quality: float, bpp: float, *, dataset: str = "set", **measures: float) -> Point:
    """A point of which nothing matters but what is given."""
    named = {name.replace("_", "-"): value for name, value in measures.items()}
    return Point(
        dataset, image, "0" * 16, 64, 64, codec, "1", {}, quality, round(bpp * 512), bpp, named, 1.0, 1.0, 1, 1, ""
    )


def curve_points(codec: str, image: str, rate: float = 1, shift: float = 0, dataset: str = "set") -> list[Point]:
    """Five points on a logarithmic curve; `rate` multiplies the bits, `shift` is added to the distortion."""
    return [
        point(codec, image, quality, rate * bpp, dataset=dataset, psnr=shift + 40 + 4 * math.log2(bpp) + bpp)
        for quality, bpp in zip(QUALITIES, RATES, strict=True)
    ]


def two_codecs() -> list[Point]:
    """On two pictures of unlike difficulty; "test" needs 80 % and 60 % of the bits of "anchor"."""
    points = curve_points("anchor", "easy", 0.5) + curve_points("anchor", "hard", 2, -6)
    return points + curve_points("test", "easy", 0.4) + curve_points("test", "hard", 1.2, -6)


def test_a_codec_against_itself_is_zero() -> None:
    own = image_curves(two_codecs(), "psnr")["anchor"]["set/easy"]
    for method in get_args(Method):
        found = bd_rate(own, own, method)
        assert found is not None and found.percent == pytest.approx(0, abs=1e-9) and found.overlap == 1
        assert (found.low, found.high) == (own[1][0], own[1][-1])
    for row in bd_table(two_codecs(), "anchor", "psnr"):
        if row.codec == "anchor":
            assert row.averaged is not None and row.averaged.percent == pytest.approx(0, abs=1e-9)
            assert row.mean_per_image == pytest.approx(0, abs=1e-9) and len(row.per_image) == 2


def test_a_known_saving_comes_out() -> None:
    """Curves that differ by a factor of the rate alone: BD-rate is that factor, in any method."""
    for method in get_args(Method):
        row = next(row for row in bd_table(two_codecs(), "anchor", "psnr", method=method) if row.codec == "test")
        assert {name: rate.percent for name, rate in row.per_image.items()} == pytest.approx(
            {"set/easy": -20, "set/hard": -40}
        )
        assert row.mean_per_image == pytest.approx(-30)


@pytest.mark.parametrize("method", get_args(Method))
def test_as_the_package_called_by_hand(method: Method) -> None:
    noise = random.Random(4)
    points = [
        point(p.codec, p.image, p.quality, p.bpp * noise.uniform(0.9, 1.1), psnr=p.measures["psnr"])
        for p in two_codecs()
    ]
    row = next(row for row in bd_table(points, "anchor", "psnr", method=method) if row.codec == "test")

    def columns(codec: str, image: str) -> tuple[list[float], list[float]]:
        found = [p for p in points if p.codec == codec and p.image == image]
        return [p.bpp for p in found], [p.measures["psnr"] for p in found]

    def hand(anchor: Sequence[Sequence[float]], test: Sequence[Sequence[float]]) -> float:
        return float(
            by_package(*map(np.array, (*anchor, *test)), method=method, require_matching_points=False, min_overlap=0)
        )

    for image in ("easy", "hard"):
        expected = hand(columns("anchor", image), columns("test", image))
        assert row.per_image[f"set/{image}"].percent == pytest.approx(expected, abs=1e-9)
    assert row.mean_per_image == pytest.approx(mean(rate.percent for rate in row.per_image.values()))
    means = {
        codec: [np.mean([columns(codec, image)[i] for image in ("easy", "hard")], axis=0) for i in (0, 1)]
        for codec in ("anchor", "test")
    }
    assert row.averaged is not None
    assert row.averaged.percent == pytest.approx(hand(means["anchor"], means["test"]), abs=1e-9)


def test_an_averaged_curve_by_hand() -> None:
    points = [
        point("a", "x", 1, 0.1, psnr=20), point("a", "y", 1, 0.3, psnr=30),
        point("a", "x", 2, 0.4, psnr=26), point("a", "y", 2, 1.2, psnr=37),
    ]  # fmt: skip
    bpp, value = averaged_curves(points, "psnr")["a"]
    assert bpp == pytest.approx((0.2, 0.8)) and value == pytest.approx((25, 31.5))
    assert image_curves(points, "psnr") == {"a": {"set/x": ((0.1, 0.4), (20, 26)), "set/y": ((0.3, 1.2), (30, 37))}}


def test_the_order_of_points_changes_nothing() -> None:
    points = [*two_codecs(), *curve_points("third", "easy", 0.7), *curve_points("third", "hard", 1.7, -6)]
    tables = []
    for seed in range(4):
        random.Random(seed).shuffle(points)
        tables.append(bd_table(points, "anchor", "psnr"))
    assert all(table == tables[0] for table in tables)
    assert [row.codec for row in tables[0]] == ["test", "third", "anchor"]


def test_a_picture_of_the_same_name_in_two_sets_is_two() -> None:
    points = curve_points("a", "x") + curve_points("a", "x", 3, dataset="other")
    assert set(image_curves(points, "psnr")["a"]) == {"set/x", "other/x"}
    assert averaged_curves(points, "psnr")["a"][0] == pytest.approx([2 * bpp for bpp in RATES])


def test_a_measure_whose_lower_numbers_are_better() -> None:
    """Negated, it is a curve like others; taken as it is it would be none."""
    points = [point(p.codec, p.image, p.quality, p.bpp, psnr=p.measures["psnr"], lpips=(60 - p.measures["psnr"]) / 60)
              for p in two_codecs()]  # fmt: skip
    higher = {row.codec: row for row in bd_table(points, "anchor", "psnr")}
    lower = {row.codec: row for row in bd_table(points, "anchor", "lpips", higher_is_better=False)}
    assert lower["test"].mean_per_image == pytest.approx(-30)
    rate, same = lower["test"].averaged, higher["test"].averaged
    assert rate is not None and same is not None and rate.percent == pytest.approx(same.percent)
    assert rate.low < rate.high < 0


def test_nothing_to_compare() -> None:
    curve = ((0.1, 0.2, 0.4), (30.0, 32.0, 34.0))
    for other in (((), ()), ((0.1,), (31.0,)), ((0.1, 0.2), (34.0, 36.0)), ((0.1, 0.2), (20.0, 30.0))):
        assert bd_rate(curve, other) is None and bd_rate(other, curve) is None
    row = next(row for row in bd_table([*two_codecs(), point("one", "easy", 1, 1, psnr=40)], "anchor", "psnr")
               if row.codec == "one")  # fmt: skip
    assert row.averaged is None and row.per_image == {} and row.mean_per_image is None
    assert all(row.averaged is None and not row.per_image for row in bd_table(two_codecs(), "missing", "psnr"))
    assert bd_table(two_codecs(), "anchor", "ssim") == []


def test_little_overlap_is_stated_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    a, b = ((0.1, 0.2, 0.4), (30.0, 32.0, 34.0)), ((0.1, 0.2, 0.4), (33.0, 37.0, 40.0))
    found = bd_rate(a, b)
    assert found is not None and math.isfinite(found.percent)
    assert (found.low, found.high) == (33, 34) and found.overlap == pytest.approx(1 / 10)
    assert not recwarn.list


def test_points_that_cannot_be_on_a_curve_are_left_out() -> None:
    pairs = [(0.4, 34.0), (0.1, 30.0), (0.5, 34.0), (0.3, 30.0), (0.2, 32.0), (9.0, math.inf)]
    assert rate_curve(pairs) == ((0.1, 0.2, 0.4), (30.0, 32.0, 34.0))
    assert rate_curve([]) == ((), ())


def test_more_bits_for_less_quality_is_interpolated_in_order_of_quality() -> None:
    """Encoders are not always monotone: such points stay, for they were measured."""
    curve = rate_curve([(0.1, 30.0), (0.3, 32.0), (0.25, 33.0), (0.5, 36.0)])
    assert curve == ((0.1, 0.3, 0.25, 0.5), (30.0, 32.0, 33.0, 36.0))
    found = bd_rate(curve, ((0.1, 0.2, 0.4), (30.0, 33.0, 36.0)))
    assert found is not None and found.percent < 0


def test_an_exact_picture_does_not_make_the_mean_infinite() -> None:
    points = [
        *two_codecs(),
        *(point(codec, "flat", q, 0.01, psnr=math.inf) for codec in ("anchor", "test") for q in (10, 30)),
    ]
    with_exact, without = bd_table(points, "anchor", "psnr"), bd_table(two_codecs(), "anchor", "psnr")
    assert [(row.codec, row.averaged, row.per_image) for row in with_exact] == [
        (row.codec, row.averaged, row.per_image) for row in without
    ]


def test_qualities_that_lack_a_picture_are_no_part_of_the_averaged_curve() -> None:
    missing = ("test", "hard", 50)
    points = [p for p in two_codecs() if (p.codec, p.image, p.quality) != missing]
    assert len(averaged_curves(points, "psnr")["anchor"][0]) == 5
    assert averaged_curves(points, "psnr")["test"][0] == pytest.approx([0.8 * bpp for bpp in RATES if bpp != 0.4])


def test_a_codec_that_lacks_a_picture_has_no_averaged_number() -> None:
    """The mean over fewer pictures is another curve; those that it has are still compared."""
    points = [p for p in two_codecs() if (p.codec, p.image) != ("test", "hard")]
    row = next(row for row in bd_table(points, "anchor", "psnr") if row.codec == "test")
    assert row.averaged is None and set(row.per_image) == {"set/easy"}
    assert row.mean_per_image == pytest.approx(-20)


def test_a_published_curve_has_an_averaged_number_only() -> None:
    bpp, psnr = averaged_curves(two_codecs(), "psnr")["anchor"]
    curve = Curve("ELIC", "elic.json", tuple(0.5 * rate for rate in bpp), {"psnr": psnr, "lpips": psnr})
    rows = {row.codec: row for row in bd_table(two_codecs(), "anchor", "psnr", curves=[curve])}
    published = rows["published ELIC"]
    assert published.averaged is not None and published.averaged.percent == pytest.approx(-50)
    assert published.per_image == {} and published.mean_per_image is None
    assert set(rows) == {"published ELIC", "anchor", "test"}
    assert "published ELIC" not in {row.codec for row in bd_table(two_codecs(), "anchor", "ssim", curves=[curve])}


def test_a_published_curve_does_not_replace_a_codec_of_its_name() -> None:
    curve = Curve("test", "test.json", (0.1, 1.0), {"psnr": (20.0, 30.0)})
    plain, beside = bd_table(two_codecs(), "anchor", "psnr"), bd_table(two_codecs(), "anchor", "psnr", curves=[curve])
    assert [row for row in beside if row in plain] == plain and len(beside) == len(plain) + 1
