"""The benchmark's measures: their numbers by hand and by their libraries, small pictures, and what is absent."""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_msssim import ms_ssim as library_ms_ssim
from pytorch_msssim import ssim as library_ssim

from benchmarks.measures.catalog import EXTRA, INFOS, STANDARD, open_measures
from benchmarks.measures.learned import WEIGHTS
from benchmarks.raw import Pixels
from bitstream.errors import RequestError
from tests.support.measured import SHAPES, opened, pair, tensor

PACKAGED = (*STANDARD, "ssimulacra2", "psnr-hvs-m")  # what runs wherever the tests run
each_packaged = pytest.mark.parametrize("name", PACKAGED)


@pytest.fixture
def no_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH of one empty folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def flat(colour: tuple[int, int, int], height: int = 16, width: int = 24) -> Pixels:
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def test_the_catalog_holds_them_all_and_is_light_and_quiet() -> None:
    assert tuple(INFOS) == (*STANDARD, *EXTRA, "vmaf")
    assert all(name == info.id and info.title and info.source for name, info in INFOS.items())
    code = (
        "import sys; from benchmarks.measures.catalog import open_measures;"
        "print([name for name in ('torch', 'scipy') if name in sys.modules]); open_measures(['psnr-hvs-m'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"[]\n", b"")


def test_ids_keep_their_order_and_unknown_ones_are_refused() -> None:
    measures, absent = open_measures(["ssim", "psnr", "ssim"])
    assert [measure.info.id for measure in measures] == ["ssim", "psnr"]
    assert not absent
    with pytest.raises(RequestError, match="no measure is called niqe; there are psnr, "):
        open_measures(["psnr", "niqe"])


@pytest.mark.usefixtures("no_programs")
@each_packaged
def test_every_shape_gives_a_float_and_equality_the_best(name: str) -> None:
    measure = opened(name)
    best = {"ssim": 1.0, "ssimulacra2": 100.0}.get(name, math.inf)
    assert measure.version
    for shape in SHAPES:
        reference, shown = pair(*shape)
        value = measure.compute(reference, shown)
        assert type(value) is float
        assert value < best
        assert measure.compute(reference, reference.copy()) == best
        assert measure.compute(np.asfortranarray(reference), shown[::-1][::-1]) == value


@pytest.mark.usefixtures("no_programs")
@each_packaged
def test_worse_pictures_score_worse(name: str) -> None:
    measure = opened(name)
    values = [measure.compute(*pair(96, 120, strength)) for strength in (2, 8, 30)]
    assert values == sorted(values, reverse=measure.info.higher_is_better)
    assert len(set(values)) == 3


@pytest.mark.usefixtures("no_programs")
@each_packaged
def test_numbers_do_not_depend_on_the_threads(name: str) -> None:
    measure, pictures = opened(name), pair(200, 330)
    alone = measure.compute(*pictures)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert measure.compute(*pictures) == pytest.approx(alone, rel=1e-6)
    finally:
        torch.set_num_threads(before)


def test_unlike_pictures_and_nan_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    grey = np.zeros((4, 5, 1), np.uint8)
    for other in (grey, np.zeros((4, 5, 3), np.float32), np.zeros((1, 5, 3), np.uint8)):
        with pytest.raises(ValueError, match="psnr of unlike pictures"):
            opened("psnr").compute(flat((0, 0, 0), 4, 5), other)  # type: ignore[arg-type]
    monkeypatch.setattr("benchmarks.measures.catalog.psnr", lambda *_: math.nan)
    with pytest.raises(RuntimeError, match="psnr is not a number"):
        opened("psnr").compute(grey, grey)


def test_psnr_of_flat_differences() -> None:
    """Steps of R, G and B by hand, beyond the rows that are taken at once."""
    psnr, yuv = opened("psnr"), opened("psnr-yuv611")
    base = flat((100, 100, 100), 600)
    for step in ((10, 0, 0), (0, 10, 0), (0, -7, 9)):
        red, green, blue = step
        shown = (base + np.array(step)).astype(np.uint8)
        assert psnr.compute(base, shown) == pytest.approx(10 * math.log10(3 * 255**2 / (red**2 + green**2 + blue**2)))
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        planes = (luma, (blue - luma) / 1.772, (red - luma) / 1.402)
        by_hand = np.dot((6, 1, 1), [20 * math.log10(255 / abs(plane)) for plane in planes]) / 8
        assert yuv.compute(base, shown) == pytest.approx(by_hand)


def test_an_exact_plane_counts_with_100_db() -> None:
    measure = opened("psnr-yuv611")
    shown = flat((105, 105, 105))
    assert measure.compute(flat((100, 100, 100)), shown) == pytest.approx((6 * 20 * math.log10(255 / 5) + 200) / 8)
    one = flat((7, 7, 7), 900, 900)
    one[0, 0] += 1  # 107 dB
    assert measure.compute(flat((7, 7, 7), 900, 900), one) == 100


@pytest.mark.parametrize("shape", [(40, 60), (14, 2300), (1100, 17)])
def test_ssim_is_the_librarys_also_in_blocks(shape: tuple[int, int]) -> None:
    reference, shown = pair(*shape)
    shown[:, : shape[1] // 3] = reference[:, : shape[1] // 3]  # so that a block's weight matters
    whole = float(library_ssim(tensor(reference), tensor(shown), data_range=255.0))
    assert opened("ssim").compute(reference, shown) == pytest.approx(whole, rel=1e-6)


def test_ms_ssim_is_the_librarys_in_decibels() -> None:
    reference, shown = pair(170, 200)
    whole = float(library_ms_ssim(tensor(reference), tensor(shown), data_range=255.0))
    measure = opened("ms-ssim")
    assert measure.compute(reference, shown) == pytest.approx(-10 * math.log10(1 - whole), rel=1e-9)
    wide = pair(8, 2411)[0]  # three blocks, whose shares do not add up to 1 in binary
    assert measure.compute(wide, wide.copy()) == math.inf


def test_psnr_hvs_m_is_the_packages_also_in_strips() -> None:
    from psnr_hvsm import bt601ycbcr, psnr_hvs_hvsm

    measure = opened("psnr-hvs-m")
    for shape in ((40, 24), (1040, 16)):
        reference, shown = pair(*shape)
        hvs, masked = psnr_hvs_hvsm(bt601ycbcr(reference)[0], bt601ycbcr(shown)[0])
        assert measure.compute(reference, shown) == pytest.approx(float(masked), rel=1e-9)
        assert float(hvs) < float(masked) - 0.1  # the unmasked one is another number
    odd = pair(11, 21)
    padded = [np.pad(pixels, ((0, 5), (0, 3), (0, 0)), mode="edge") for pixels in odd]
    assert measure.compute(*odd) == measure.compute(*padded)


@pytest.mark.usefixtures("no_programs")
def test_ssimulacra2_by_the_package_is_what_its_files_give(tmp_path: Path) -> None:
    from ssimulacra2 import compute_ssimulacra2

    reference, shown = pair(61, 90)
    paths = [tmp_path / "reference.png", tmp_path / "shown.png"]
    for path, pixels in zip(paths, (reference, shown), strict=True):
        Image.fromarray(pixels).save(path)
    measure = opened("ssimulacra2")
    assert measure.compute(reference, shown) == compute_ssimulacra2(*map(str, paths))
    assert measure.compute(shown, reference) != measure.compute(reference, shown)
    assert "package ssimulacra2" in measure.version


LOOK = """import sys
from PIL import Image
first, second = (Image.open(path).convert("RGB") for path in sys.argv[1:])
print("a line without a number")
print(first.getpixel((0, 0))[0] - second.getpixel((0, 0))[0] + first.size[0] / 1000, sys.argv[2])
"""


def put(folder: Path, name: str, lines: str, interpreter: str = "/bin/sh") -> None:
    path = folder / name
    path.write_text(f"#!{interpreter}\n{lines}")
    path.chmod(0o755)


@pytest.mark.parametrize("program", ["ssimulacra2", "butteraugli_main", "dssim"])
def test_programs_get_the_reference_first_and_leave_nothing(
    program: str, no_programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(no_programs, program, LOOK, sys.executable)
    measure = opened(program.removesuffix("_main"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert measure.compute(flat((90, 1, 2)), flat((50, 1, 2))) == pytest.approx(40.024)
    assert measure.compute(flat((90, 1, 2), 1, 1), flat((50, 1, 2), 1, 1)) == pytest.approx(40.008)
    assert not list(scratch.iterdir())
    put(no_programs, program, LOOK + "\n", sys.executable)
    assert opened(program.removesuffix("_main")).version != measure.version


@pytest.mark.parametrize(
    ("program", "printed", "value"),
    [
        ("butteraugli_main", "4.1673140526\n3-norm: 1.480550", 4.1673140526),
        ("ssimulacra2", "-19.80379721", -19.80379721),
        ("dssim", "0.00234100\t/tmp/3/shown.png", 0.002341),
    ],
)
def test_what_the_programs_print_is_read(program: str, printed: str, value: float, no_programs: Path) -> None:
    put(no_programs, program, f"echo 'warning: 1' >&2\nprintf '%s\\n' '{printed}'\n")
    assert opened(program.removesuffix("_main")).compute(*pair(8, 8)) == value


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("echo 0.5; echo first >&2; printf 'it is broken\\n\\n' >&2; exit 3", "dssim: it is broken"),
        ("exit 4", "dssim: exit status 4"),
        ("kill -9 $$", "dssim: exit status -9"),
        ("echo 3-norm: 1; echo nan", "dssim: printed no number"),
        (None, "dssim: No such file or directory"),
    ],
)
def test_a_program_that_fails_says_so_in_a_line(lines: str | None, message: str, no_programs: Path) -> None:
    put(no_programs, "dssim", lines or "", "/bin/sh" if lines else "/nowhere/interpreter")
    with pytest.raises(RuntimeError) as caught:
        opened("dssim").compute(*pair(8, 8))
    assert str(caught.value) == message


@pytest.mark.usefixtures("no_programs")
def test_what_is_missing_is_listed_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("psnr_hvsm", "psnr_hvsm.numpy", "ssimulacra2"):
        monkeypatch.setitem(sys.modules, name, None)
    measures, absent = open_measures([*STANDARD, *EXTRA])
    assert [measure.info.id for measure in measures] == list(STANDARD)
    words = (
        ("on the PATH, the package ssimulacra2 not installed", "pip install ssimulacra2"),
        ("the program butteraugli_main is not on the PATH", "apt install libjxl-devtools"),
        ("the program dssim is not on the PATH", "cargo install dssim"),
        ("the package psnr_hvsm", "pip install psnr_hvsm"),
        ("weights are not at hand", WEIGHTS),
    )
    for name, absence, (reason, remedy) in zip(EXTRA, absent, words, strict=True):
        assert (absence.id, absence.what, absence.title) == (name, "measure", INFOS[name].title)
        assert reason in absence.reason and remedy in absence.remedy
