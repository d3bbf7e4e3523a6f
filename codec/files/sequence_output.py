"""Where a sequence is written: `TARGET.part` until it is whole, or a file object that is there already.

What lies under the name `TARGET.part` is a valid sequence at any time, so that a killed encoder loses nothing but
the frame that it was at.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from bitstream.errors import FileAccessError, OutputExistsError
from codec.files.output import STDOUT, Times, check_output, is_special, open_new, reason_of, settle

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
        sources: Sequence[Path] = (),
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
        for source in sources or (None,):
            check_output(self.name, overwrite=overwrite, source=source, make_folders=make_folders)
        self._keep_sources(sources)
        self._owned = True
        try:
            self._file = self._opened(Path(target), make_folders)
        except FileExistsError as error:
            raise OutputExistsError(
                f"{self.name}{PART} exists: another encoder is at it, or one was killed and left what it had coded"
                " (which --overwrite replaces)"
            ) from error
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def _keep_sources(self, sources: Sequence[Path]) -> None:
        """What a killed encoder left is not written over while it is being read."""
        part = Path(self.name + PART)
        if any(source.exists() and part.exists() and part.samefile(source) for source in sources):
            raise FileAccessError(f"output {self.name}: its {part.name} is the input itself; name another output")

    def _opened(self, target: Path, make_folders: bool) -> BinaryIO:
        if is_special(target):
            return target.open("wb", buffering=0)
        self._path = target.resolve()
        if make_folders:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_name(self._path.name + PART)
        if self._overwrite and part.exists():
            with part.open("r+b") as left:  # by an encoder that was killed, or is it still at it?
                _lock(left)
                part.unlink(missing_ok=True)
        file = open_new(part)
        _lock(file)
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
            if not self._is_ours():
                raise FileAccessError(f"output {self.name}: {self.name}{PART} is not what was written")
            self._file.close()
            settle(self._part, self._path, overwrite=self._overwrite, times=times)
            self._part.unlink(missing_ok=True)
        except FileExistsError as error:
            raise OutputExistsError(
                f"output {self.name} exists by now: what was coded is in {self.name}{PART}"
            ) from error
        except FileAccessError:
            raise
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def discard(self) -> None:
        """Close, and remove what has no name yet."""
        ours = self._is_ours()
        self._close()
        if ours and self._part is not None:
            with suppress(OSError):
                self._part.unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        """Whether the part that has the name is the file that was written."""
        if self._part is None or self._file.closed:
            return False
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._file.fileno()), self._part.stat())
        return False

    def _close(self) -> None:
        if self._owned:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()


def _lock(file: BinaryIO) -> None:
    """Raise FileExistsError where another process, or writer of this one, has the file locked."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be removed in the first place
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FileExistsError(file.name) from error
    except OSError:  # a file system without locks
        return
