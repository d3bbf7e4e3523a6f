"""Numbered PNG pictures: each appears under its name when it is whole."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from bitstream.sequence.audio import AudioPacket
from codec.files.output import STDOUT, Writing, sync_folder
from codec.files.paths import reason_of
from codec.formats.pictures.save import save_picture
from codec.formats.video.write.sink import NUMBER, Sink, check_frame
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture

_IN_FOLDER = "%05d.png"


class PictureSink(Sink):
    """Counts from 0, whatever the frames' numbers are. `abort` without `keep` removes what it wrote."""

    def __init__(self, target: str, size: tuple[int, int], mode: str, writing: Writing, source: Path | None) -> None:
        if target == STDOUT:
            raise RequestError("numbered pictures need a folder or a pattern such as frame-%05d.png, not a stream")
        self._target, self._size, self._mode = target, size, mode
        self._writing = writing
        self._folder, self._pattern = _split(target)
        self._written: list[Path] = []
        self._count = 0
        self._made = not self._folder.exists()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            taken = None if writing.overwrite else next(filter(self._is_ours, self._folder.iterdir()), None)
        except (OSError, ValueError) as error:
            raise FileAccessError(f"output {target}: {reason_of(error)}") from error
        if taken is not None:
            raise OutputExistsError(f"output {taken} exists already")
        writing.check(str(self._name(0)), source)

    def write(self, frame: Frame) -> None:
        check_frame(frame, self._size, self._mode)
        path = self._name(self._count)
        self._writing.write(str(path), save_picture(Picture(frame.pixels), "png"), sync=False)
        self._written.append(path)
        self._count += 1

    def write_audio(self, packet: AudioPacket) -> None:
        """There is no room for sound."""

    def close(self) -> None:
        if self._count == 0:
            raise RequestError("there is no frame to write")
        sync_folder(self._folder)

    def abort(self, keep: bool) -> str | None:
        if keep and self._written:
            return self._target
        with suppress(OSError):
            for path in self._written:
                path.unlink(missing_ok=True)
            if self._made:
                self._folder.rmdir()
        return None

    def _name(self, number: int) -> Path:
        return self._folder / (self._pattern % number)

    def _is_ours(self, path: Path) -> bool:
        before, after = (re.escape(part % ()) for part in NUMBER.split(self._pattern))
        return re.fullmatch(f"{before}[0-9]+{after}", path.name) is not None


def _split(target: str) -> tuple[Path, str]:
    """Folder, and pattern with one number in it. Raises RequestError."""
    path = Path(target)
    if not NUMBER.search(path.name):
        if path.suffix.lower() == ".png":
            raise RequestError(f"output {target}: many pictures need a pattern such as {path.stem}-%05d.png")
        return path, _IN_FOLDER
    try:
        path.name % 0
    except (TypeError, ValueError):
        raise RequestError(f"output {target}: the pattern needs one number, such as %05d, and %% for a %") from None
    return path.parent, path.name
