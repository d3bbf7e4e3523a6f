"""Where a sequence is written: `TARGET.part` until it is whole, or a file object that is there already.

What lies under the name `TARGET.part` is a valid sequence at any time, so that a killed encoder loses nothing but
the frame that it was at.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from bitstream.errors import FileAccessError, OutputExistsError
from codec.outputs import STDOUT, Times, check_output, is_special, open_new, reason_of, settle

PART = ".part"


class SequenceOutput:
    """Takes bytes, forward only; `commit` gives the file its name, `discard` removes it.

    Raises OutputExistsError where target or part exist and may not be replaced, FileAccessError.
    """

    def __init__(
        self,
        target: str | PathLike[str] | BinaryIO,
        *,
        overwrite: bool = False,
        source: Path | None = None,
        make_folders: bool = False,
    ) -> None:
        self._part: Path | None = None
        self._overwrite, self._owned = overwrite, False
        self.name = STDOUT if target is getattr(sys.stdout, "buffer", None) else "file object"
        if not isinstance(target, (str, PathLike)):
            if not hasattr(target, "write"):
                raise TypeError(f"{type(target).__name__} is no path or binary file object")
            self._file: BinaryIO = target
            return
        self.name = os.fspath(target)
        check_output(self.name, overwrite=overwrite, source=source, make_folders=make_folders)
        self._owned = True
        try:
            self._file = self._opened(Path(target), make_folders)
        except FileExistsError as error:
            raise OutputExistsError(
                f"{self.name}{PART} exists: another encoder is at it, or one was killed and left what it had coded"
                " (--overwrite replaces it)"
            ) from error
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def _opened(self, target: Path, make_folders: bool) -> BinaryIO:
        if is_special(target):
            return target.open("wb", buffering=0)
        self._path = target.resolve()
        if make_folders:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(self._path.name + PART)
        if self._overwrite:
            part.unlink(missing_ok=True)
        file = open_new(part)
        self._part = part
        return file

    def write(self, data: bytes | memoryview) -> int:
        """Take a part of `data`, at least, -> how many bytes. Raises FileAccessError, BrokenPipeError."""
        try:
            taken = self._file.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error
        return len(data) if taken is None else taken

    def flush(self) -> None:
        """Let a reader have it. Raises as `write`."""
        try:
            if hasattr(self._file, "flush"):
                self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def commit(self, times: Times | None = None) -> None:
        """Give the whole file its name, and `times`. Raises OutputExistsError, FileAccessError; the part stays then."""
        self.flush()
        if self._part is None:
            self._close()
            return
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            settle(self._part, self._path, overwrite=self._overwrite, times=times)
            self._part.unlink(missing_ok=True)
        except FileExistsError as error:
            raise OutputExistsError(
                f"output {self.name} exists by now: what was coded is in {self.name}{PART}"
            ) from error
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def discard(self) -> None:
        """Close, and remove what has no name yet."""
        self._close()
        if self._part is not None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._owned:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()
