"""`wisp bench rd` in this process, into the folder out/ of the current one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.rd.results import FILE_NAME, Results, read_results
from tests.support.cli_runner import invoke

BRIEF = ("--measures", "psnr", "--no-viewer", "--progress", "none")


def results() -> Results:
    return read_results(Path("out", FILE_NAME))


def rd(*arguments: str, codecs: str = "jpeg420", images: str = "set=pictures") -> tuple[int, str, list[str]]:
    """`wisp bench rd` into out/ -> exit status, standard output, lines of standard error."""
    sources = [] if "--live-root" in arguments else ["--images", images]
    done = invoke("bench", "rd", *sources, "-o", "out", "--codecs", codecs, *BRIEF, *arguments)
    return done.exit_code, done.stdout, done.stderr.splitlines()


def tables(text: str) -> str:
    return text[: text.index("Percent of bytes")]
