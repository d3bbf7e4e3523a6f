"""Files out: written whole under a temporary name beside the target, then renamed; or nothing is changed."""

from __future__ import annotations

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from bitstream.errors import FileAccessError, OutputExistsError

Buffer: TypeAlias = "bytes | memoryview"
STDOUT = "-"
_SHOWN = 50  # characters of the target's name in the temporary's
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def check_output(target: str, *, overwrite: bool, source: Path | None = None, make_folders: bool = False) -> None:
    """Refuse early what `write_output` would refuse late.

    Raises OutputExistsError (exists, no `overwrite`) or FileAccessError (a directory, no such folder where none
    is to be made, or the same file as `source`).
    """
    if target == STDOUT:
        if sys.stdout is None:
            raise FileAccessError("standard output is closed")
        if sys.stdout.isatty():
            raise FileAccessError("not written to a terminal: redirect it or name a file with -o")
        return
    path = Path(target)
    try:
        if path.is_dir():
            raise FileAccessError(f"output {target} is a directory")
        if is_special(path):
            return
        _check_folder(path, target, make_folders)
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise FileAccessError(f"output {target} is the input itself")
        if path.exists() and not overwrite:
            raise OutputExistsError(f"output {target} exists already (--overwrite replaces it)")
    except FileAccessError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # a null byte in the name; a loop of symbolic links
        raise FileAccessError(f"output {target}: {reason_of(error)}") from error


def _check_folder(path: Path, target: str, make_folders: bool) -> None:
    folder = path.resolve().parent
    if make_folders:
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not there.is_dir():
            raise FileAccessError(f"output {target}: {there} is no folder")
    elif not folder.is_dir():
        raise FileAccessError(f"output {target}: the folder {path.parent} does not exist")


Times = tuple[int, int]  # of the last access and change, in ns


def times_of(path: Path) -> Times:
    """A file's times. Raises FileAccessError."""
    try:
        found = path.stat()
    except OSError as error:
        raise FileAccessError(reason_of(error)) from error
    return found.st_atime_ns, found.st_mtime_ns


def write_output(
    target: str,
    data: Buffer,
    *,
    overwrite: bool,
    times: Times | None = None,
    read_back: bool = False,
    make_folders: bool = False,
) -> None:
    """Write `data` to the file `target`, to stdout ("-"), or into a device or pipe that is there already.

    A file gets `times` where they are given, and is compared with `data` before it is renamed with `read_back`;
    folders that it lacks are made with `make_folders`.
    Raises OutputExistsError or FileAccessError; what existed before is then as it was.
    """
    try:
        if target == STDOUT:
            _write_to_stdout(memoryview(data))
        elif is_special(Path(target)):
            Path(target).write_bytes(data)
        else:
            path = Path(target).resolve()
            if make_folders:
                path.parent.mkdir(parents=True, exist_ok=True)
            _write_and_rename(path, data, overwrite, times, read_back)
    except FileExistsError as error:
        raise OutputExistsError(f"output {target} exists already (--overwrite replaces it)") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileAccessError(f"output {target}: {reason_of(error)}") from error


def _write_to_stdout(data: memoryview) -> None:
    while data:  # with PYTHONUNBUFFERED a write may take a part only, as it does when the reader goes
        data = data[sys.stdout.buffer.write(data) :]
    sys.stdout.buffer.flush()


def is_special(path: Path) -> bool:
    """A device or named pipe, which is written into as it is."""
    return path.exists() and not path.is_file() and not path.is_dir()


def reason_of(error: BaseException) -> str:
    """An error of the system in its own words."""
    return getattr(error, "strerror", None) or str(error)


def _write_and_rename(path: Path, data: Buffer, overwrite: bool, times: Times | None, read_back: bool) -> None:
    # Named before it is there, and removed once more where the removing itself is interrupted: at no moment
    # can an interrupt leave it behind.
    temporary = temporary_beside(path)
    try:
        try:
            _write(temporary, data)
            if read_back and temporary.read_bytes() != data:
                raise FileAccessError(f"output {path}: what was written does not read back as it was")
            settle(temporary, path, overwrite=overwrite, times=times)
        finally:
            temporary.unlink(missing_ok=True)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def temporary_beside(path: Path) -> Path:
    """A name that no file has, in the folder of `path`."""
    return path.with_name(f".{path.name[:_SHOWN]}.{secrets.token_hex(8)}.part")


def settle(temporary: Path, path: Path, *, overwrite: bool, times: Times | None = None) -> None:
    """Give a whole file its permissions, `times` and name. Raises OSError, FileExistsError where it may not replace."""
    temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
    if times is not None:
        os.utime(temporary, ns=times)
    if overwrite:
        temporary.replace(path)
    else:
        _rename_to_new(temporary, path)


def open_new(path: Path) -> BinaryIO:
    """A new file to write and seek in, for this user only until it is whole."""
    return os.fdopen(os.open(path, _NEW, mode=0o600), "wb")


def _write(path: Path, data: Buffer) -> None:
    with open_new(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Rename without replacing: a link fails where the target has appeared meanwhile, a rename would not."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(str(path)) from None
        temporary.rename(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@dataclass(frozen=True)
class Writing:
    """How outputs are written: over what exists, with the times of the input, into folders that are missing."""

    overwrite: bool = False
    keep_times: bool = False
    make_folders: bool = False

    def check(self, target: str, source: Path | None) -> None:
        """See the function of this module."""
        check_output(target, overwrite=self.overwrite, source=source, make_folders=self.make_folders)

    def write(self, target: str, data: Buffer, source: Path | None, *, read_back: bool = False) -> None:
        """See the function of this module."""
        times = times_of(source) if self.keep_times and source is not None else None
        write_output(
            target,
            data,
            overwrite=self.overwrite,
            times=times,
            read_back=read_back,
            make_folders=self.make_folders,
        )
