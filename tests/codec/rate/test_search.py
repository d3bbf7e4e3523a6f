"""The search for a quality on curves without any network, what a target may be, and the usual curves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bitstream.limits import MAX_QUALITY
from codec.rate.search import Curve, solve
from codec.rate.target import Bounds, Target, TargetKind, decibels
from codec.rate.typical import Typical

Table = NDArray[np.float64]  # the value of each quality
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, database=None)
KINDS: tuple[TargetKind, ...] = ("size", "bpp", "psnr", "ms-ssim")
PIXELS = 200_000
MOST_MEASUREMENTS = 40  # of any curve
FEW_MEASUREMENTS = 8  # of a smooth one
_HINTS = {"size": 0.3, "bpp": 0.3, "psnr": 34.0, "ms-ssim": 17.0}  # of an ordinary photograph
_SHARES = np.arange(MAX_QUALITY + 1) / MAX_QUALITY


@dataclass
class Measured:
    """Looks values up in a table, and keeps account of it."""

    table: Table
    asked: list[int] = field(default_factory=list)

    def __call__(self, quality: int) -> float:
        self.asked.append(quality)
        return float(self.table[quality])


def search(
    table: Table, bounds: Bounds, guess: int | None = None, kind: TargetKind = "psnr"
) -> tuple[int | None, Measured]:
    """-> what is found, what was measured for it; begun at the usual curve's guess unless there is another."""
    usual, measured = Typical(kind, _HINTS[kind]), Measured(table)
    begin = usual.inverse(bounds.aim) if guess is None else guess
    return solve(Curve(measured, usual), bounds, begin), measured


# Curves. All begin and end within what PSNRs and logarithms of sizes are.


def _linear(low: float, high: float, _: float) -> Table:
    return low + (high - low) * _SHARES


def _saturating(low: float, high: float, place: float) -> Table:
    return low + (high - low) * (1 - np.exp(-_SHARES * 20 * (0.05 + place)))


def _steep(low: float, high: float, place: float) -> Table:
    return low + (high - low) / (1 + np.exp(-(_SHARES - place) * 300))


def _steps(low: float, high: float, place: float) -> Table:
    return low + (high - low) * np.floor(_SHARES * (2 + 60 * place)) / 63


SHAPES: list[Callable[[float, float, float], Table]] = [_linear, _saturating, _steep, _steps]


@st.composite
def smooth_and_less_so(draw: st.DrawFn) -> Table:
    """One of the shapes, never falling."""
    low, span, place = draw(st.floats(4, 40)), draw(st.floats(0.5, 40)), draw(st.floats(0, 1))
    return draw(st.sampled_from(SHAPES))(low, low + span, place)


@st.composite
def kinked(draw: st.DrawFn) -> Table:
    """Straight between a few points, never falling; stretches may be flat, or jump."""
    count = draw(st.integers(2, 10))
    qualities = sorted(draw(st.lists(st.integers(0, MAX_QUALITY), min_size=count, max_size=count, unique=True)))
    values = sorted(draw(st.lists(st.floats(4, 60), min_size=count, max_size=count)))
    return np.interp(np.arange(MAX_QUALITY + 1), qualities, values)


@st.composite
def rising(draw: st.DrawFn) -> Table:
    """Any of these; some are infinite from a quality on, as where every tile becomes lossless."""
    table = draw(st.one_of(smooth_and_less_so(), kinked()))
    exact_from = draw(st.one_of(st.none(), st.integers(0, MAX_QUALITY)))
    if exact_from is not None:
        table[exact_from:] = math.inf
    return table


@st.composite
def noisy(draw: st.DrawFn) -> Table:
    """A rising curve with an error on every value."""
    table, spread = draw(rising()), draw(st.sampled_from([0.001, 0.02, 0.3, 5.0]))
    errors = np.random.default_rng(draw(st.integers(0, 99))).uniform(-spread, spread, len(table))
    return np.maximum(table + errors, 0)


@st.composite
def wanted(draw: st.DrawFn) -> Bounds:
    """Of either kind, within what the curves reach and beyond."""
    value = draw(st.floats(3, 62))
    if draw(st.booleans()):
        return Bounds.of(Target("psnr", value), PIXELS)
    return Bounds.of(Target("size", math.exp(value)), PIXELS)


guesses = st.one_of(st.sampled_from([0, MAX_QUALITY]), st.integers(0, MAX_QUALITY))


# The search


@SETTINGS
@given(table=rising(), bounds=wanted(), guess=guesses)
def test_on_a_rising_curve_what_is_found_is_the_best_there_is(table: Table, bounds: Bounds, guess: int) -> None:
    found, _ = search(table, bounds, guess)
    if found is None:
        assert table[-1] < bounds.low or table[0] > bounds.high
    elif ((bounds.low <= table) & (table <= bounds.high)).any():
        assert bounds.hold(table[found])
    else:
        allowed = table[table <= bounds.high] if bounds.beyond_is_bad else table[table >= bounds.low]
        assert table[found] == (allowed.max() if bounds.beyond_is_bad else allowed.min())


@SETTINGS
@given(table=rising(), bounds=wanted(), guess=guesses)
def test_nothing_is_found_just_where_the_bounds_lie_beyond_an_end(table: Table, bounds: Bounds, guess: int) -> None:
    found, measured = search(table, bounds, guess)
    assert (found is None) == bool(table[-1] < bounds.low or table[0] > bounds.high)
    if found is None:
        end = MAX_QUALITY if table[-1] < bounds.low else 0
        assert end in measured.asked  # so that the range can be told


@SETTINGS
@given(table=noisy(), bounds=wanted(), guess=guesses)
def test_on_a_noisy_curve_what_is_found_was_measured_and_is_allowed(table: Table, bounds: Bounds, guess: int) -> None:
    found, measured = search(table, bounds, guess)
    values = table[measured.asked]
    if found is None:
        assert (0 in measured.asked and table[0] > bounds.high) or (
            MAX_QUALITY in measured.asked and table[-1] < bounds.low
        )
    elif any(map(bounds.hold, values)):
        assert bounds.hold(table[found])
    else:
        assert found in measured.asked and bounds.allow(table[found])
        nearest = min(abs(min(value, 1e3) - bounds.aim) for value in values if bounds.allow(value))
        assert abs(min(table[found], 1e3) - bounds.aim) == nearest


@SETTINGS
@given(table=st.one_of(rising(), noisy()), bounds=wanted(), guess=guesses)
def test_each_quality_is_measured_once_and_the_guess_first(table: Table, bounds: Bounds, guess: int) -> None:
    _, measured = search(table, bounds, guess)
    assert measured.asked[0] == guess
    assert len(measured.asked) == len(set(measured.asked))
    assert all(0 <= quality <= MAX_QUALITY for quality in measured.asked)


@SETTINGS
@given(table=st.one_of(rising(), noisy()), bounds=wanted(), guess=guesses)
def test_measurements_are_bounded(table: Table, bounds: Bounds, guess: int) -> None:
    _, measured = search(table, bounds, guess)
    assert len(measured.asked) <= MOST_MEASUREMENTS


@pytest.mark.parametrize("exact_from", [1, 1000, 5000, 8000, 12000, MAX_QUALITY])
def test_measurements_are_bounded_where_a_picture_becomes_lossless(exact_from: int) -> None:
    table = np.where(np.arange(MAX_QUALITY + 1) >= exact_from, math.inf, 25 + 2 * _SHARES)
    for guess in (None, 0, MAX_QUALITY):
        found, measured = search(table, Bounds.of(Target("psnr", 34), PIXELS), guess)
        assert found is not None and math.isinf(table[found])
        assert len(measured.asked) <= MOST_MEASUREMENTS, guess


@SETTINGS
@given(
    kind=st.sampled_from(KINDS),
    stretch=st.floats(0.75, 1.35),
    shift=st.floats(-1, 1),
    bend=st.floats(-0.05, 0.05),
    quality=st.integers(0, MAX_QUALITY),
)
def test_few_measurements_where_the_curve_is_near_the_usual_one(
    kind: TargetKind, stretch: float, shift: float, bend: float, quality: int
) -> None:
    usual = Typical(kind, _HINTS[kind])
    nodes = range(0, MAX_QUALITY + 1, 63)
    table = np.interp(np.arange(MAX_QUALITY + 1), nodes, [usual.at(node) for node in nodes])
    span = table[-1] - table[0]
    table = table[0] + (table - table[0]) * stretch + span * (0.1 * shift + bend * np.sin(math.pi * _SHARES))
    value = float(table[quality])
    room = 0.02 if kind in ("size", "bpp") else 0.05
    found, measured = search(table, Bounds(value - room / 2, value + room / 2, kind in ("size", "bpp")), kind=kind)
    assert found is not None and abs(table[found] - value) <= room / 2
    assert len(measured.asked) <= FEW_MEASUREMENTS


def test_a_neighbour_within_the_bounds_is_found_where_the_curve_jumps_over_them() -> None:
    bounds = Bounds.of(Target("psnr", 34), PIXELS)
    for distance in (-4, -1, 2, 5):
        table = np.where(np.arange(MAX_QUALITY + 1) >= 9000, 34.5, 33.5) + _SHARES / 100
        table[9000 + distance] = 34.02
        found, _ = search(table, bounds, 9500)
        assert found == 9000 + distance


@pytest.mark.parametrize(("kind", "side"), [("size", 8999), ("psnr", 9000)])
def test_a_jump_over_the_bounds_ends_on_the_allowed_side(kind: TargetKind, side: int) -> None:
    table = np.where(np.arange(MAX_QUALITY + 1) >= 9000, 8.5, 7.5) + _SHARES / 100
    bounds = Bounds.of(Target(kind, math.exp(8) if kind == "size" else 8.0), PIXELS)
    for guess in (0, 8999, 9000, MAX_QUALITY):
        assert search(table, bounds, guess)[0] == side


def test_what_is_known_is_not_measured_again() -> None:
    usual, measured = Typical("psnr", 34.0), Measured(_linear(25, 37, 0))
    curve = Curve(measured, usual, values={0: 25.0, MAX_QUALITY: 37.0})
    found = solve(curve, Bounds.of(Target("psnr", 31), PIXELS), 0)
    assert found is not None and 31 <= measured.table[found] <= 31.05
    assert 0 not in measured.asked and MAX_QUALITY not in measured.asked


# Targets


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[(kind, value) for kind in KINDS for value in (0, -1, math.nan, math.inf, -math.inf)],
        ("size", 0.5),
        ("psnr", 100),
        ("ms-ssim", 1),
        ("ms-ssim", 1.5),
    ],
)
def test_what_no_picture_can_reach_is_refused(kind: TargetKind, value: float) -> None:
    with pytest.raises(ValueError, match="cannot be reached by any picture"):
        Target(kind, value)


@pytest.mark.parametrize("kind", ["", "SIZE", "vmaf", "ms_ssim"])
def test_other_words_are_refused(kind: TargetKind) -> None:
    with pytest.raises(ValueError, match="is not one of size, bpp, psnr, ms-ssim"):
        Target(kind, 0.5)


def test_the_ends_of_what_may_be_asked_for() -> None:
    """They must not raise, and their bounds are in order."""
    for kind, values in {
        "size": (1, 1e12),
        "bpp": (1e-6, 1e3),
        "psnr": (0.01, 99.9),
        "ms-ssim": (1e-6, 1 - 1e-9),
    }.items():
        for value in values:
            bounds = Bounds.of(Target(kind, value), PIXELS)  # type: ignore[arg-type]
            assert math.isfinite(bounds.low) and bounds.low <= bounds.aim <= bounds.high


@SETTINGS
@given(most=st.integers(1, 10**8), size=st.integers(1, 10**8), share=st.floats(0.97, 1.01))
def test_a_size_is_an_upper_limit_of_which_98_percent_are_used(most: int, size: int, share: float) -> None:
    target = Target("size", most)
    bounds = Bounds.of(target, PIXELS)
    for found in (size, max(1, round(most * share))):
        assert bounds.hold(target.scaled(found)) == (0.98 * most <= found <= most)
        assert bounds.allow(target.scaled(found)) == (found <= most)


@pytest.mark.parametrize(("bpp", "pixels", "most"), [(1, 8000, 1000), (0.5, 200_000, 12_500), (0.1, 999, 12)])
def test_bits_per_pixel_are_those_of_the_whole_file(bpp: float, pixels: int, most: int) -> None:
    assert Bounds.of(Target("bpp", bpp), pixels) == Bounds.of(Target("size", most), pixels)


@SETTINGS
@given(value=st.floats(1, 99), found=st.floats(0, 120))
def test_a_psnr_is_a_lower_limit_with_little_above(value: float, found: float) -> None:
    bounds = Bounds.of(Target("psnr", value), PIXELS)
    assert bounds.hold(found) == (value <= found <= value + 0.05)
    assert bounds.allow(found) == (found >= value)


def test_ms_ssim_counts_on_its_decibel_scale() -> None:
    target = Target("ms-ssim", 0.99)
    assert target.scaled(0.99) == pytest.approx(20)
    bounds = Bounds.of(target, PIXELS)
    assert (bounds.low, bounds.high) == pytest.approx((20, 20.05))
    assert not bounds.beyond_is_bad
    assert [decibels(value) for value in (0.0, 0.9, 0.999)] == pytest.approx([0, 10, 30])
    assert decibels(1) == math.inf


@pytest.mark.parametrize(
    ("target", "measured", "words"),
    [
        (Target("size", 1000), 12345, "12345 bytes"),
        (Target("bpp", 1), 25_000, "1.0000 bpp"),
        (Target("psnr", 30), 33.456, "33.46 dB"),
        (Target("ms-ssim", 0.5), 0.98765, "0.98765"),
    ],
)
def test_values_are_told_as_they_were_asked_for(target: Target, measured: float, words: str) -> None:
    """`measured` are bytes, dB or MS-SSIM."""
    assert target.in_words(target.scaled(measured), PIXELS) == words


@SETTINGS
@given(size=st.integers(1, 10**9))
def test_sizes_are_told_to_the_byte(size: int) -> None:
    target = Target("size", 1)
    assert target.in_words(target.scaled(size), PIXELS).split()[0] == str(size)


# The usual curves


@SETTINGS
@given(kind=st.sampled_from(KINDS), hint=st.floats(-10, 60))
def test_usual_curves_rise_strictly_and_can_be_inverted(kind: TargetKind, hint: float) -> None:
    usual = Typical(kind, hint)
    qualities = range(0, MAX_QUALITY + 1, 63)
    values = [usual.at(quality) for quality in qualities]
    assert (np.diff(values) > 0).all()
    assert [usual.inverse(value) for value in values] == list(qualities)
    assert usual.inverse(values[0] - 1) == 0 and usual.inverse(values[-1] + 1) == MAX_QUALITY
