"""Many inputs at once: where their outputs go, what a failure costs, several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image

from cli import batch
from codec.work.processes import in_processes
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.fragile import fragile
from tests.support.goldens import golden_bytes

SPAWN = multiprocessing.get_context("spawn")  # what users get
each_jobs = pytest.mark.parametrize("jobs", [1, 2])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm_processes: None) -> Path:
    """The folder to be in, with pictures in `in`; four cores, wherever the tests run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "cores", lambda: 4)
    picture(*(f"in/{name}.png" for name in "abc"))
    return tmp_path


def picture(*names: str) -> None:
    """Small ones, each another."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        seed = int.from_bytes(name.encode(), "big") % 2**32
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(name)


def encode(*arguments: str | int) -> Result:
    """Losslessly, which needs no network."""
    return invoke("encode", "--lossless", *map(str, arguments))


def pixels(name: str | Path) -> NDArray[np.uint8]:
    with Image.open(name) as image:
        return np.asarray(image)


def lines(result: Result) -> list[str]:
    assert result.stdout == ""
    return result.stderr.splitlines()


def test_several_inputs_lie_beside() -> None:
    result = encode("in/a.png", "in/b.png")
    assert (result.exit_code, result.output) == (0, "")
    assert {path.name for path in Path("in").iterdir()} == {"a.png", "b.png", "c.png", "a.wisp", "b.wisp"}


@pytest.mark.parametrize(("output", "jobs"), [("out", 1), ("out/", 1), ("out/below/it", 1), ("out/below/it", 2)])
def test_several_inputs_go_into_a_folder_that_is_made(output: str, jobs: int) -> None:
    assert encode("in/a.png", "in/b.png", "-o", output, "--jobs", jobs).exit_code == 0
    assert {path.name for path in Path(output).iterdir()} == {"a.wisp", "b.wisp"}
    assert set(folder_content(Path("in"))) == {"a.png", "b.png", "c.png"}


def test_one_input_goes_into_a_folder_too() -> None:
    """Where it is there, or is written as one."""
    Path("there").mkdir()
    for output in ("there", "new/"):
        assert encode("in/a.png", "-o", output).exit_code == 0
        assert [path.name for path in Path(output).iterdir()] == ["a.wisp"]


@pytest.mark.parametrize("output", ["taken", "-"])
@pytest.mark.parametrize("inputs", [["in/a.png", "in/b.png"], ["in", "-r"]])
def test_several_inputs_need_a_folder(place: Path, output: str, inputs: list[str]) -> None:
    Path("taken").write_bytes(b"another file")
    before = folder_content(place)
    result = encode(*inputs, "-o", output)
    assert result.exit_code == 2 and "folder" in result.stderr
    assert folder_content(place) == before


@each_jobs
def test_folders_keep_their_structure_there_and_back(jobs: int) -> None:
    picture("in/x/a.png", "in/x/y/d.png", "e.png")
    assert encode("-r", "in", "e.png", "-o", "coded", "--jobs", jobs).exit_code == 0
    expected = {"a", "b", "c", "x/a", "x/y/d", "e"}
    coded = {str(p.relative_to("coded")) for p in Path("coded").rglob("*") if p.is_file()}
    assert coded == {f"{name}.wisp" for name in expected}
    succeed("decode", "-r", "coded", "-o", "back", "--format", "tiff", "--jobs", str(jobs))
    for name in expected:
        source = "e.png" if name == "e" else f"in/{name}.png"
        assert np.array_equal(pixels(f"back/{name}.tif"), pixels(source))


def test_a_folder_is_taken_where_it_is_asked_for() -> None:
    result = encode("in/a.png", "in", "in/b.png", "-o", "out")
    assert result.exit_code == 8
    assert lines(result) == ["wisp: in: is a folder (--recursive takes what is in it)"]
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp"}


def test_what_is_no_picture_is_not_taken_from_a_folder() -> None:
    for name in (
        "in/text.txt",
        "in/sound.flac",
        "in/paper.pdf",
        "in/.a.wisp.1f2e.part",
        "in/a.png.part",
        "in/old.wisp",
    ):
        Path(name).write_bytes(b"no picture")
    picture("in/.hidden.png", "in/.thumbnails/a.png", "in/D.PNG")
    assert lines(encode("-r", "in", "-o", "out")) == []
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp", "c.wisp", "D.wisp"}
    Path("out/.e.wisp").write_bytes(b"hidden")
    Path("out/note.png").write_bytes(b"no .wisp")
    succeed("decode", "-r", "out", "-o", "back")
    assert {path.name for path in Path("back").iterdir()} == {"a.png", "b.png", "c.png", "D.png"}


def test_a_picture_in_a_folder_that_is_none_is_named() -> None:
    Path("in/broken.png").write_bytes(b"no picture")
    result = encode("-r", "in", "-o", "out")
    assert result.exit_code == 8
    assert lines(result) == ["wisp: in/broken.png: is not a picture that Pillow can read"]
    assert len(list(Path("out").iterdir())) == 3


@pytest.mark.parametrize(("jobs", "option"), [(1, []), (1, ["--skip-existing"]), (1, ["--overwrite"]), (2, [])])
def test_two_inputs_of_one_output(jobs: int, option: list[str]) -> None:
    picture("in/a.webp", "other/a.png")
    result = encode("in/a.png", "in/a.webp", "other/a.png", "in/b.png", "-o", "out", "--jobs", jobs, *option)
    assert result.exit_code == 8
    expected = [f"wisp: {n}: its output out/a.wisp is that of in/a.png, too" for n in ("in/a.webp", "other/a.png")]
    assert sorted(lines(result)) == expected
    succeed("decode", "out/a.wisp", "-o", "a.png")
    assert np.array_equal(pixels("a.png"), pixels("in/a.png"))
    assert Path("out/b.wisp").exists()


@each_jobs
def test_a_failed_input_does_not_stop_the_others(place: Path, jobs: int) -> None:
    """And the exit status is that of the first."""
    good = golden_bytes("rgba_lossless")
    files = {"a": good, "b": good[:100], "c": good, "d": b"text", "e": good}
    for name, data in files.items():
        Path(f"{name}.wisp").write_bytes(data)
    Path("out").mkdir()
    Path("out/c.png").write_bytes(b"another file")
    result = invoke("decode", *(f"{name}.wisp" for name in files), "-o", "out", "--jobs", str(jobs))
    assert result.exit_code == 4
    by_name = {line.split(": ")[1]: line for line in lines(result)}
    assert set(by_name) == {"b.wisp", "c.wisp", "d.wisp"} and len(lines(result)) == 3
    assert "ends at byte 100" in by_name["b.wisp"] and "not a Wisp file" in by_name["d.wisp"]
    assert {path.name for path in Path("out").iterdir()} == {"a.png", "c.png", "e.png"}
    assert Path("out/c.png").read_bytes() == b"another file"
    back = invoke("decode", "d.wisp", "b.wisp", "-o", "out", "--jobs", str(jobs))
    assert back.exit_code == 3


@each_jobs
def test_where_all_fail_nothing_has_changed(place: Path, jobs: int) -> None:
    Path("text.png").write_bytes(b"no picture")
    Path("out").mkdir()
    Path("out/a.wisp").write_bytes(b"another file")
    before = folder_content(place)
    result = encode("in/a.png", "none.png", "text.png", "-o", "out", "--jobs", jobs)
    assert result.exit_code == 8 and len(lines(result)) == 3
    assert folder_content(place) == before
    assert encode("none.png", "text.png", "-o", "new/folder", "--jobs", jobs).exit_code == 8
    assert folder_content(place) == before


def test_a_file_in_the_way_of_a_folder() -> None:
    picture("in/x/d.png")
    Path("out").mkdir()
    Path("out/x").write_bytes(b"another file")
    result = encode("-r", "in", "-o", "out")
    (line,) = lines(result)
    assert result.exit_code == 8 and line.startswith("wisp: in/x/d.png: output out/x/d.wisp: ")
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp", "c.wisp", "x"}


@each_jobs
def test_outputs_that_exist(place: Path, jobs: int) -> None:
    arguments = ("in/a.png", "in/b.png", "in/c.png", "-o", "out", "--jobs", jobs)
    Path("out").mkdir()
    Path("out/b.wisp").write_bytes(b"another file")
    result = encode(*arguments)
    assert result.exit_code == 8
    assert lines(result) == ["wisp: in/b.png: output out/b.wisp exists already (--overwrite replaces it)"]
    assert Path("out/b.wisp").read_bytes() == b"another file"
    assert Path("out/a.wisp").exists() and Path("out/c.wisp").exists()

    Path("out/a.wisp").unlink()
    result = encode(*arguments, "--skip-existing")
    assert (result.exit_code, lines(result)) == (0, [])
    assert Path("out/b.wisp").read_bytes() == b"another file" and Path("out/a.wisp").exists()
    told = sorted(lines(encode(*arguments, "--skip-existing", "--verbose")))
    assert told == [f"wisp: in/{name}.png: skipped: out/{name}.wisp exists" for name in "abc"]

    assert encode(*arguments, "--overwrite").exit_code == 0
    succeed("verify", "out/b.wisp")
    before = folder_content(place)
    assert encode(*arguments, "--overwrite", "--skip-existing").exit_code == 2
    assert folder_content(place) == before


@each_jobs
def test_what_is_told(jobs: int) -> None:
    Image.open("in/b.png").quantize(4).save("in/b.png")
    arguments = ("in/a.png", "in/b.png", "none.png", "-o", "out", "--overwrite", "--jobs", jobs)
    note = "wisp: in/b.png: note: palette converted to RGB"
    error = "wisp: none.png: No such file or directory"
    assert sorted(lines(encode(*arguments))) == [note, error]
    assert lines(encode(*arguments, "--quiet")) == [error]
    told = sorted(lines(encode(*arguments, "--verbose")))
    size = Path("out/a.wisp").stat().st_size
    assert told[0].startswith(f"wisp: in/a.png: 16x12 RGB -> out/a.wisp: {size} bytes, ")
    assert "1 tile, 1 lossless" in told[0] and told[0].endswith(" s")
    assert told[1].startswith("wisp: in/b.png: 16x12 RGB -> out/b.wisp: ") and told[2:] == [note, error]


def test_jobs_change_no_byte(place: Path, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of learned tiles, too, where each job has as many threads."""
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: SPAWN)
    for i in range(3):
        Image.fromarray(photograph[100 * i : 100 * i + 90, :130]).save(f"in/{'xyz'[i]}.png")
    arguments = ("encode", "-r", "in", "-q", "50", "--precision", "fp32", "--threads", "1")
    succeed(*arguments, "-o", "one", "--jobs", "1")
    succeed(*arguments, "-o", "two", "--jobs", "2")
    assert len(folder_content(place / "one")) == 6
    assert folder_content(place / "two") == folder_content(place / "one")


def test_debug_shows_where_in_other_processes(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "get_context", lambda _: SPAWN)
    result = encode("in/a.png", "none.png", "-o", "out", "--jobs", 2, "--debug")
    assert lines(result) == ["wisp: none.png: No such file or directory"]
    assert "Traceback" in capfd.readouterr().err


# Times


@each_jobs
def test_keep_times_both_ways(jobs: int) -> None:
    times = {"a": 1_000_000_000_123_456_700, "b": 1_300_000_000_000_000_000}
    for name, changed in times.items():
        os.utime(f"in/{name}.png", ns=(changed + 10**9, changed))
    assert encode("in/a.png", "in/b.png", "-o", "coded", "--keep-times", "--jobs", jobs).exit_code == 0
    succeed("decode", "coded", "-r", "-o", "decoded", "--keep-times", "--jobs", str(jobs))
    for name, changed in times.items():
        for path in (Path(f"coded/{name}.wisp"), Path(f"decoded/{name}.png")):
            assert abs(path.stat().st_mtime_ns - changed) < 1000  # some file systems keep 100 ns


def test_times_are_those_of_writing_otherwise() -> None:
    """What lay there before does not matter, and standard input has no time to keep."""
    start = time.time() - 5
    for name in ("in/a.png", "a.wisp", "b.png"):
        Path(name).touch()
        os.utime(name, (10**9, 10**9))
    assert encode("in/a.png", "-o", "a.wisp", "--overwrite").exit_code == 0
    succeed("decode", "a.wisp", "-o", "b.png", "--overwrite")
    piped = Path("in/a.png").read_bytes()
    succeed("encode", "-", "-o", "c.wisp", "--lossless", "--keep-times", stdin=piped)
    assert all(Path(name).stat().st_mtime > start for name in ("a.wisp", "b.png", "c.wisp"))


# Processes that end where they should not


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_is_killed_costs_one_item(workers: int) -> None:
    begun: list[int] = []
    results = dict(in_processes(fragile, [1, 3, 5, 3, 6, 7], workers, begun.append))
    assert results == {0: 2, 1: None, 2: 10, 3: None, 4: 12, 5: 14}
    assert begun == list(range(6))


def test_an_error_in_a_process_is_raised_here() -> None:
    with pytest.raises(click.UsageError, match="4 is refused"):
        list(in_processes(fragile, [1, 4, 5], 2, lambda _: None))


def test_more_processes_than_items() -> None:
    assert dict(in_processes(fragile, [5], 3, lambda _: None)) == {0: 10}
    assert list(in_processes(fragile, [], 3, lambda _: None)) == []
