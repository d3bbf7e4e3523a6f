"""Files out: written whole under another name, then given their own; or nothing is changed.

The other name is a hidden one beside the target, or `TARGET.part` for what may be read while it grows.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TypeAlias

from bitstream.errors import FileAccessError, OutputExistsError
from codec.files.paths import is_special, reason_of, same_file

Buffer: TypeAlias = "bytes | memoryview"
STDOUT = "-"
PART = ".part"
_SHOWN = 50  # characters of the target's name in a hidden one
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Writing:
    """How outputs are written: over what exists, with the times of the input, into folders that are missing."""

    overwrite: bool = False
    keep_times: bool = False
    make_folders: bool = False

    def check(self, target: str, source: Path | None = None) -> None:
        """Refuse early what an `Output` would refuse late.

        Raises OutputExistsError (exists, no `overwrite`) or FileAccessError (a directory, no such folder where none
        is to be made, or the same file as `source`).
        """
        if target == STDOUT:
            if sys.stdout is None:
                raise FileAccessError("standard output is closed")
            if sys.stdout.isatty():
                raise FileAccessError("standard output is a terminal: redirect it or name a file")
            return
        path = Path(target)
        try:
            if path.is_dir():
                raise FileAccessError(f"output {target} is a directory")
            if is_special(path):
                return
            folder = path.resolve().parent
            while self.make_folders and not folder.exists():
                folder = folder.parent
            if not folder.is_dir():
                why = f"{folder} is no folder" if self.make_folders else f"the folder {path.parent} does not exist"
                raise FileAccessError(f"output {target}: {why}")
            if source is not None and same_file(path, source):
                raise FileAccessError(f"output {target} is the input itself")
            if path.exists() and not self.overwrite:
                raise OutputExistsError(f"output {target} exists already")
        except FileAccessError:
            raise
        except (OSError, ValueError, RuntimeError) as error:  # a null byte in the name; a loop of symbolic links
            raise FileAccessError(f"output {target}: {reason_of(error)}") from error

    def write(
        self, target: str, data: Buffer, source: Path | None = None, *, read_back: bool = False, sync: bool = True
    ) -> None:
        """Write `data` as an `Output`, made from the file `source`; `read_back` compares before it gets its name."""
        output = Output(target, self, sources=[source], sync=sync)
        try:
            try:
                output.open()
                output.write(data)
                output.commit(data if read_back else None)
            finally:
                output.discard()
        except BaseException:  # once more where the removing itself was interrupted
            output.discard()
            raise


class Output:
    """A file that gets its name when it is whole, stdout ("-"), a device or pipe that is there, or a file object.

    `open` begins it, `commit` or `discard` end it; as a context manager it does so by itself. Nothing is there before
    `open`, so that at no moment an interrupt leaves anything behind.

    Args:
        target: where it goes; a file object is the caller's and stays open.
        writing: see there; the times kept are those of the first of `sources`.
        sources: the files that are read, none of which is written over.
        part: write under the name TARGET.part, which may be read meanwhile, is locked against other writers and stays
            where TARGET has appeared in the end; else under a hidden name.
        sync: wait until the disk has it, at the end.

    Raises:
        OutputExistsError, FileAccessError, also from every method; BrokenPipeError from those that write. What existed
        before is then as it was.
    """

    def __init__(
        self,
        target: str | PathLike[str] | BinaryIO,
        writing: Writing | None = None,
        *,
        sources: Sequence[Path | None] = (),
        part: bool = False,
        sync: bool = True,
    ) -> None:
        self.closed = False
        self._target, self._writing, self._sources = target, writing or Writing(), tuple(filter(None, sources))
        self._part, self._sync, self._mode = part, sync, 0o600
        self._temporary: Path | None = None  # where it is written until it is whole
        self._file: BinaryIO | None = None
        if isinstance(target, (str, PathLike)):
            self.name = os.fspath(target)
            for source in self._sources or (None,):
                self._writing.check(self.name, source)
            place = Path(f"{self.name}{PART}")
            if part and any(same_file(place, source) for source in self._sources):  # what a killed encoder left is read
                raise FileAccessError(f"output {self.name}: its {place.name} is the input itself; name another output")
        elif hasattr(target, "write"):
            self.name = "file object"
        else:
            raise TypeError(f"{type(target).__name__} is no path or binary file object")

    def open(self) -> Output:
        """Begin it."""
        why = "another encoder is writing it, or one was killed and left what it had coded"
        try:
            with self._faults(f"{self.name}{PART} exists: {why}"):
                self._file = self._opened()
        except BaseException:
            self.discard()
            raise
        return self

    def write(self, data: Buffer) -> int:
        """Take all of `data` -> how many bytes."""
        rest = data
        with self._faults():
            while len(rest):  # a file that is not buffered may take a part only
                taken = self._begun.write(rest)
                rest = memoryview(rest)[len(rest) if taken is None else taken :]
        return len(data)

    def flush(self) -> None:
        """Let a reader have what was written."""
        with self._faults():
            getattr(self._begun, "flush", bool)()

    def seekable(self) -> bool:
        """Whether what was written can be gone back to."""
        return self._temporary is not None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """-> the new position. Only where `seekable`."""
        with self._faults():
            return self._begun.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        with self._faults():
            return self._begun.tell()

    def commit(self, expected: Buffer | None = None) -> None:
        """Give the whole file, if it reads back as `expected`, its permissions, times and name. Once only.

        Where that fails a `part` stays.
        """
        if self.closed:
            return
        exists = f"exists by now: what was coded is in {self.name}{PART}" if self._part else "exists already"
        try:
            times = _times_of(self._sources[0]) if self._writing.keep_times and self._sources else None
            self.flush()
            with self._faults(f"output {self.name} {exists}"):
                if self._temporary is not None:
                    if self._sync:
                        os.fsync(self._begun.fileno())
                    if expected is not None and self._temporary.read_bytes() != expected:
                        raise FileAccessError(f"output {self.name}: what was written does not read back as it was")
                    if not self._is_ours():
                        raise FileAccessError(f"output {self.name}: {self._temporary.name} is not what was written")
                    self._begun.close()
                    self._rename(self._path, times, replace=self._writing.overwrite)
            self._close()
        finally:
            if not self._part:
                self.discard()

    def keep(self) -> str | None:
        """Give what is there a name with `.part` before its ending -> that name, None where it is no file."""
        self.flush()
        self._close()
        if self._temporary is None:
            return None
        path = Path(self.name)
        names = (f"{path.stem}{PART}{f'-{n}' if n else ''}{path.suffix}" for n in count())
        kept = next(place for name in names if not os.path.lexists(place := path.with_name(name)))
        try:
            self._rename(kept.resolve(), None, replace=False)
        except OSError as error:
            raise FileAccessError(f"output {kept}: {reason_of(error)}") from error
        return str(kept)

    def discard(self) -> None:
        """Close, and remove what has no name yet."""
        ours = self._temporary is not None and (not self._part or self._is_ours())
        self._close()
        if ours and self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Output:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()

    @property
    def _begun(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the output is not open")
        return self._file

    @contextmanager
    def _faults(self, exists: str = "") -> Iterator[None]:
        """Errors of the system as ours; `exists` is what to say where a file is in the way."""
        try:
            yield
        except (FileAccessError, BrokenPipeError):
            raise
        except FileExistsError as error:
            raise OutputExistsError(exists) from error
        except OSError as error:
            raise FileAccessError(f"output {self.name}: {reason_of(error)}") from error

    def _opened(self) -> BinaryIO:
        if not isinstance(self._target, (str, PathLike)):
            return self._target
        if self._target == STDOUT:
            return sys.stdout.buffer
        if is_special(Path(self._target)):
            return Path(self._target).open("wb", buffering=0)
        self._path = Path(self._target).resolve()
        if self._writing.make_folders:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._part:
            self._temporary = self._path.with_name(f".{self._path.name[:_SHOWN]}.{secrets.token_hex(8)}{PART}")
            return self._new(self._temporary)
        part = self._path.with_name(self._path.name + PART)
        if self._writing.overwrite and part.exists():
            with part.open("r+b") as left:  # by an encoder that was killed, or is it still at it?
                _lock(left)
                part.unlink(missing_ok=True)
        file = self._new(part)
        _lock(file)
        self._temporary = part
        return file

    def _new(self, path: Path) -> BinaryIO:
        """A new file to write and seek in, for this user only until it is whole.

        Then it gets the permissions of what it replaces, or those that the system gives to a new file: by the umask,
        which cannot be read without changing it for all threads, and by what the folder says.
        """
        replaces = self._path.exists()
        file = os.fdopen(os.open(path, _NEW, 0o600 if replaces else 0o666), "wb")
        self._mode = (self._path if replaces else path).stat().st_mode & 0o777
        if not replaces:
            path.chmod(0o600)
        return file

    def _rename(self, path: Path, times: tuple[int, int] | None, *, replace: bool) -> None:
        assert self._temporary is not None
        self._temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else self._mode)
        if times is not None:
            os.utime(self._temporary, ns=times)
        if replace:
            self._temporary.replace(path)
            return
        try:  # a link fails where the target has appeared meanwhile, a rename would not
            path.hardlink_to(self._temporary)
        except OSError:  # that, or a file system without hard links
            if path.exists():
                raise FileExistsError(str(path)) from None
            self._temporary.rename(path)
        self._temporary.unlink(missing_ok=True)

    def _is_ours(self) -> bool:
        """Whether what has the temporary name is the file that was written."""
        if self._temporary is None or self._file is None or self._file.closed:
            return False
        with suppress(OSError):
            return os.path.samestat(os.fstat(self._file.fileno()), self._temporary.stat())
        return False

    def _close(self) -> None:
        self.closed = True
        if self._file is not None and isinstance(self._target, (str, PathLike)) and self._target != STDOUT:
            with suppress(OSError):  # what could not be written has been told
                self._file.close()


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder, once for all the files that were written with `sync` off."""
    with suppress(OSError):  # where a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _times_of(path: Path) -> tuple[int, int]:
    """Of the last access and change, in ns. Raises FileAccessError."""
    try:
        found = path.stat()
    except OSError as error:
        raise FileAccessError(reason_of(error)) from error
    return found.st_atime_ns, found.st_mtime_ns


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
