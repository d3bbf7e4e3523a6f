"""VMAF (Li et al., "Toward a practical perceptual video quality metric", Netflix 2016) by libvmaf, as FFmpeg's filter
where PyAV has it, else by the program `vmaf` on the PATH.

Its usual model sees luma alone, in limited range; that of BT.709 is made from the frames, with empty chroma.
"""

from __future__ import annotations

import gc
import json
import math
import os
import shutil
from abc import abstractmethod
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.codecs.interface import AbsentError
from benchmarks.codecs.programs import run_program, version_of
from benchmarks.measures.interface import Measure, MeasureInfo
from benchmarks.raw import Pixels

REMEDY = "put a release of github.com/Netflix/vmaf (the program vmaf) on the PATH, or build PyAV with libvmaf"
FILTER, PROGRAM = "libvmaf", "vmaf"
NAMES = ("reference.y4m", "shown.y4m")
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32) * np.float32(219 / 255)


def luma(pixels: Pixels) -> NDArray[np.uint8]:
    """(H, W) uint8, 16..235: BT.709 of (H, W, 3) uint8."""
    return np.rint(pixels.astype(np.float32) @ _LUMA + np.float32(16)).astype(np.uint8)


def open_vmaf(info: MeasureInfo, threads: int) -> Measure:
    """Raises AbsentError."""
    try:
        from av.filter import filters_available

        if FILTER in filters_available:
            return FilterVmaf(info, threads)
    except ImportError:  # the program may be there
        pass
    program = shutil.which(PROGRAM)
    if program is None:
        raise AbsentError(f"PyAV has no filter {FILTER}, and no program {PROGRAM} is on the PATH", REMEDY)
    return ProgramVmaf(info, program, threads)


class _Vmaf(Measure):
    """Both ways take the two clips as files of YUV4MPEG2."""

    def begin(self, folder: Path) -> None:
        """See Measure."""
        self._paths = [folder / name for name in NAMES]
        self._log = folder / "vmaf.json"
        for path in (*self._paths, self._log):
            path.unlink(missing_ok=True)

    def add(self, reference: Pixels, shown: Pixels) -> None:
        """See Measure."""
        for path, pixels in zip(self._paths, (reference, shown), strict=True):
            height, width = pixels.shape[:2]
            with path.open("ab") as file:
                if not file.tell():
                    file.write(f"YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n".encode())
                chroma = bytes([128]) * (2 * ((height + 1) // 2) * ((width + 1) // 2))
                file.write(b"FRAME\n" + luma(pixels).tobytes() + chroma)

    def value(self) -> float:
        """See Measure. Raises RuntimeError."""
        self._compare()
        try:
            found = float(json.loads(self._log.read_text())["pooled_metrics"]["vmaf"]["mean"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RuntimeError("libvmaf gave no VMAF") from error
        if not math.isfinite(found):
            raise RuntimeError("libvmaf gave a VMAF that is no number")
        return found

    @abstractmethod
    def _compare(self) -> None:
        """Write libvmaf's JSON to `_log`."""


class ProgramVmaf(_Vmaf):
    """By the program."""

    def __init__(self, info: MeasureInfo, program: str, threads: int) -> None:
        super().__init__(info, version_of(program, "--version", ".") or PROGRAM)
        self._program, self._threads = program, threads

    def _compare(self) -> None:
        reference, shown = map(os.fspath, self._paths)
        files = ["--reference", reference, "--distorted", shown, "--output", os.fspath(self._log)]
        run_program([self._program, *files, "--json", "--quiet", "--threads", str(self._threads)])


class FilterVmaf(_Vmaf):
    """By FFmpeg's filter."""

    def __init__(self, info: MeasureInfo, threads: int) -> None:
        import av

        super().__init__(info, f"{FILTER} of libavfilter {'.'.join(map(str, av.library_versions['libavfilter']))}")
        self._threads = threads

    def _compare(self) -> None:
        arguments = f"log_fmt=json:log_path={_escaped(self._log)}:n_threads={self._threads}"
        filter_two(FILTER, arguments, self._paths[1], self._paths[0])


def _escaped(path: Path) -> str:
    r"""A path as the value of a filter's option: what has a meaning there gets a backslash."""
    return "".join(f"\\{c}" if c in "\\':,;[]=" else c for c in os.fspath(path))


def filter_two(name: str, arguments: str, first: Path, second: Path) -> None:
    """Run FFmpeg's filter `name` over two videos frame by frame; its log is whole when this returns."""
    import av
    from av.filter import Graph

    with av.open(os.fspath(first)) as one, av.open(os.fspath(second)) as two:
        graph = Graph()
        inputs: list[Any] = []
        for source in (one, two):
            stream = source.streams.video[0]
            inputs.append(
                graph.add_buffer(
                    width=stream.width, height=stream.height, format=stream.format, time_base=Fraction(1, 25)
                )
            )
        node, sink = graph.add(name, arguments), graph.add("buffersink")
        for place, source in enumerate(inputs):
            source.link_to(node, 0, place)
        node.link_to(sink)
        graph.configure()
        for number, frames in enumerate(zip(one.decode(video=0), two.decode(video=0), strict=True)):
            for source, frame in zip(inputs, frames, strict=True):
                frame.pts, frame.time_base = number, Fraction(1, 25)
                source.push(frame)
            sink.pull()
    del node, sink, inputs, source, graph  # the log is written when the filter goes
    gc.collect()
