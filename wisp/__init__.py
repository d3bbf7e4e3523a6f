"""Wisp: a learned image and video codec.

    import wisp
    data = wisp.encode("photo.png", quality=75)
    image = wisp.decode(data)
    for frame in wisp.open_video("clip.wisp"):
        show(frame.pixels)

`import wisp.pillow` registers the Pillow plugin. This package holds nothing but the public names; they are loaded when
they are first used, so that importing it does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codec as _codec
from codec import __version__

if TYPE_CHECKING:
    from codec import *  # noqa: F403

__all__ = [*_codec.__all__, "__version__"]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(_codec, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
