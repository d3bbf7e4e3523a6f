"""What the codecs have in common that a Python package brings: it is imported when it is opened, or absent."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from benchmarks.codecs.interface import AbsentError, ImageCodec


class LibraryCodec(ImageCodec):
    """A codec of the importable `module`, which pip installs as `package`."""

    module: str
    package: str
    _library: ModuleType | None = None

    def _imported(self) -> ModuleType:
        """Import the library and keep it. Raises AbsentError."""
        try:
            self._library = import_module(self.module)
        except ImportError as error:
            raise AbsentError(f"{self.module} does not import: {error}", f"pip install {self.package}") from error
        return self._library

    @property
    def _opened(self) -> ModuleType:
        if self._library is None:
            raise RuntimeError("not opened")
        return self._library
