"""Which inputs become which outputs, and how the cores are shared out: without a picture or a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from bitstream.errors import FileAccessError
from cli import batch
from cli.batch import threads_each
from cli.batch_options import ending_in
from cli.plan import Job, names_folder, plan

PNG = ending_in(frozenset({".png", ".jpg"}))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, so that names stay short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def planned(*inputs: str, output: str | None = None, recursive: bool = False) -> list[tuple[str, str]]:
    """(input, output) of every job, none of which may have a fault."""
    jobs = plan(inputs, output, ".wisp", recursive=recursive, wanted=PNG)
    assert not [job for job in jobs if job.fault]
    return [(job.source, job.target) for job in jobs]


def faults(*inputs: str, output: str | None = None, recursive: bool = False) -> dict[str, str]:
    """What is said of the inputs that cannot be done."""
    jobs = plan(inputs, output, ".wisp", recursive=recursive, wanted=PNG)
    assert all(isinstance(job.fault, FileAccessError) for job in jobs if job.fault)
    return {job.source: str(job.fault) for job in jobs if job.fault}


@pytest.mark.parametrize(
    ("source", "output", "target"),
    [
        ("a.png", None, "a.wisp"),
        ("below/a.b.png", None, "below/a.b.wisp"),
        ("name", None, "name.wisp"),
        ("a.png", "b", "b"),
        ("a.png", "none/b.png", "none/b.png"),
        ("a.png", "-", "-"),
        ("-", None, "-"),
        ("-", "b", "b"),
        ("a.png", "folder", "folder/a.wisp"),
        ("below/a.png", "folder/", "folder/a.wisp"),
        ("a.png", "new/", "new/a.wisp"),
        ("a.png", "folder/.", "folder/a.wisp"),
    ],
)
def test_one_input(source: str, output: str | None, target: str) -> None:
    Path("folder").mkdir()
    assert planned(source, output=output) == [(source, target)]
    assert not Path("new").exists()  # making it is not the plan's work


@pytest.mark.parametrize("output", ["folder", "folder/", "new/"])
def test_standard_input_needs_a_name(output: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(click.UsageError, match="name the file"):
        planned("-", output=output)


def test_several_inputs_lie_beside_or_in_a_folder() -> None:
    assert planned("a.png", "below/b.jpg") == [("a.png", "a.wisp"), ("below/b.jpg", "below/b.wisp")]
    into = [("a.png", "out/a.wisp"), ("below/b.jpg", "out/b.wisp")]
    assert planned("a.png", "below/b.jpg", output="out") == into
    Path("out").mkdir()
    assert planned("a.png", "below/b.jpg", output="out") == into


@pytest.mark.parametrize(
    ("inputs", "output", "words"),
    [
        (("a.png", "b.png"), "-", "need a folder"),
        (("a.png", "b.png"), "taken", "taken is a file"),
        (("folder",), "taken", "taken is a file"),
        (("folder",), "-", "need a folder"),
        (("-", "a.png"), None, "goes alone"),
        (("a.png", "-"), "out", "goes alone"),
        (("-", "-"), None, "goes alone"),
    ],
)
def test_several_inputs_have_one_place_to_go_to(inputs: tuple[str, ...], output: str | None, words: str) -> None:
    files("a.png", "b.png", "taken", "folder/c.png")
    with pytest.raises(click.UsageError, match=words):
        planned(*inputs, output=output, recursive=True)


def test_folders_keep_their_structure() -> None:
    files("top/b.png", "top/a.jpg", "top/x/y/c.png", "top/x/text.txt", "d.png")
    expected = [
        ("top/a.jpg", "out/a.wisp"),
        ("top/b.png", "out/b.wisp"),
        ("top/x/y/c.png", "out/x/y/c.wisp"),
    ]
    assert planned("top", output="out", recursive=True) == expected
    assert planned("top/", output="out", recursive=True) == expected
    assert planned("top", "d.png", output="out", recursive=True) == [*expected, ("d.png", "out/d.wisp")]
    beside = [(source, str(Path(source).with_suffix(".wisp"))) for source, _ in expected]
    assert planned("top", recursive=True) == beside
    assert ("top/a.jpg", "out/top/a.wisp") in planned(".", output="out", recursive=True)


def test_what_a_folder_holds_is_chosen_and_what_is_named_is_not() -> None:
    files("top/.hidden.png", "top/.cache/a.png", "top/.a.wisp.0123.part", "top/a.part", "top/A.PNG", "top/a.wisp")
    assert planned("top", output="out", recursive=True) == [("top/A.PNG", "out/A.wisp")]
    named = ["top/.hidden.png", "top/a.part", "top/.cache/a.png.wisp"]
    assert [source for source, _ in planned(*named, output="out")] == named


def test_a_folder_is_not_followed_out_of() -> None:
    files("elsewhere/a.png", "top/b.png")
    Path("top/link").symlink_to(Path("elsewhere").absolute())
    assert planned("top", output="out", recursive=True) == [("top/b.png", "out/b.wisp")]


def test_folders_that_cannot_be_taken_are_named() -> None:
    files("top/a.png", "b.png", "empty/text.txt")
    assert faults("top") == {"top": "is a folder (--recursive takes what is in it)"}
    assert set(faults("top", "b.png", "empty", output="out")) == {"top", "empty"}
    assert faults("top", "empty", output="out", recursive=True) == {"empty": "holds no file to take"}
    assert faults(".") == {".": "is a folder (--recursive takes what is in it)"}


def test_a_folder_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by permissions: root may read everything."""
    files("top/a.png", "top/closed/b.png")
    scan: Callable[[str], object] = os.scandir

    def refusing(path: str) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    assert faults("top", output="out", recursive=True) == {
        str(Path("top/closed")): "the folder cannot be read: Permission denied"
    }


@pytest.mark.parametrize(
    ("inputs", "losers"),
    [
        (("a.png", "a.jpg"), {"a.jpg"}),
        (("a.png", "a.png"), {"a.png"}),
        (("a.png", "x/a.png", "x/../a.jpg", "b.png"), {"x/a.png", "x/../a.jpg"}),
        (("x", "y"), {"y/a.png"}),
    ],
)
def test_two_inputs_of_one_output(inputs: tuple[str, ...], losers: set[str]) -> None:
    """The first keeps it."""
    files("a.png", "a.jpg", "b.png", "x/a.png", "y/a.png")
    found = faults(*inputs, output="out", recursive=True)
    assert set(found) == losers
    assert all("its output out/a.wisp is that of" in words for words in found.values())
    jobs = plan(inputs, "out", ".wisp", recursive=True, wanted=PNG)
    targets = [job.target for job in jobs if not job.fault]
    assert len(set(targets)) == len(targets)


def test_one_output_under_two_names() -> None:
    """Beside their inputs, by a detour and by a link."""
    files("a.png", "a.jpg", "x/b.png")
    Path("link").symlink_to("x")
    assert set(faults("a.png", "x/../a.jpg")) == {"x/../a.jpg"}
    assert set(faults("x/b.png", "link/b.png")) == {"link/b.png"}


def test_faults_do_not_collide() -> None:
    jobs = plan(("none", "top", "other"), None, ".wisp", recursive=False, wanted=PNG)
    assert [job.fault for job in jobs] == [None] * 3  # whether a file is there shows when it is read
    files("top/a.png", "other/a.png")
    assert len(faults("top", "other")) == 2


def test_jobs_are_plain_values() -> None:
    assert Job("a", "b") == Job("a", "b")
    assert names_folder("x/") and not names_folder("x") and not names_folder("-") and not names_folder(None)


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 8, 16, 63, 64, 200])
def test_jobs_times_threads_never_exceed_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    monkeypatch.setattr(batch, "cores", lambda: cores)
    for jobs in (1, 2, 3, 4, 5, 7, 8, 16, 100, 256):
        for threads in (None, 1, 2, 3, 4, 7, 8, 64, 256):
            found, each = threads_each(jobs, threads)
            assert 1 <= found <= jobs
            assert found * (each or cores) <= cores
            assert each is None or threads is None or each <= threads
            if each is None:  # the libraries take every core, which one process may
                assert found == 1


@pytest.mark.parametrize(
    ("asked", "got"),
    [((1, None), (1, None)), ((2, None), (2, 4)), ((3, None), (3, 2)), ((2, 1), (2, 1)), ((1, 99), (1, 8))],
)
def test_the_cores_are_used(
    monkeypatch: pytest.MonkeyPatch, asked: tuple[int, int | None], got: tuple[int, int | None]
) -> None:
    monkeypatch.setattr(batch, "cores", lambda: 8)
    assert threads_each(*asked) == got
