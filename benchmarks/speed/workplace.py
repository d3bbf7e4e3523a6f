"""The folder of a run: pictures, coded files, and the command lines that make one of the other."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.codecs.catalog import catalog
from benchmarks.mosaic import Size, mosaic
from benchmarks.processes import WISP
from benchmarks.speed.codec_process import server_command
from benchmarks.speed.codec_server import EFFORTS
from benchmarks.speed.records import COMMAND, Direction, Participant

WISP_PREFIX = "wisp-e"


class Workplace:
    """A temporary folder; `close` removes it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wisp-speed-")
        self.known = catalog(efforts=EFFORTS)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        self._folder.cleanup()

    def picture(self, size: Size) -> Path:
        """The mosaic of this size, written when it is first asked for."""
        path = Path(self._folder.name, f"{size}.ppm")
        if not path.exists():
            Image.fromarray(mosaic(size)).save(path)
        return path

    def coded(self, codec: str, size: Size) -> Path:
        """Where the codec's file of that picture belongs."""
        ending = "wisp" if codec == COMMAND else self.known[codec].ending
        return Path(self._folder.name, f"{codec.replace(' ', '-')}-{size}.{ending}")

    @property
    def shown(self) -> Path:
        """Where decoded pictures go, one over the other."""
        return Path(self._folder.name, "shown.ppm")

    def copy_command(self, size: Size) -> list[str]:
        """Of a process that reads a picture and writes it again."""
        return server_command(None, 1, {"do": "copy", "picture": str(self.picture(size)), "shown": str(self.shown)})

    def command(self, codec: str, quality: float, size: Size, threads: int, direction: Direction) -> list[str]:
        """Of a process that codes or decodes the picture of this size once."""
        files = {"picture": str(self.picture(size)), "coded": str(self.coded(codec, size)), "quality": quality}
        if direction == "decode":
            files = {"coded": str(self.coded(codec, size)), "shown": str(self.shown)}
        return server_command(codec, threads, {"do": direction, **files})

    def wisp_command(self, wisp: Participant, size: Size, threads: int, direction: Direction) -> list[str]:
        """`wisp encode` or `wisp decode` at the effort and quality of `wisp`."""
        common = [*WISP, direction, "--overwrite", "--quiet", "--threads", str(threads)]
        coded = str(self.coded(COMMAND, size))
        if direction == "decode":
            return [*common, coded, "-o", str(self.shown)]
        effort = wisp.id.removeprefix(WISP_PREFIX)
        return [*common, str(self.picture(size)), "-o", coded, "-q", f"{wisp.quality:g}", "--effort", effort]
