"""CompressAI (Begaint et al., arXiv 2011.03029), imported only where one of its networks is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitstream.errors import UnsupportedError

QUALITIES = {"bmshj2018-hyperprior": 8, "mbt2018-mean": 8, "mbt2018": 8, "cheng2020-anchor": 6}  # name: qualities


class CompressAiAbsentError(UnsupportedError):
    """CompressAI is not here, or does not import: `reason` and `remedy` say why and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}; {remedy}")
        self.reason, self.remedy = reason, remedy


def import_compressai() -> Any:
    """The package. Raises CompressAiAbsentError."""
    try:
        import compressai
        import compressai.zoo
        import compressai.zoo.image
    except (ImportError, RuntimeError, OSError) as error:
        raise CompressAiAbsentError(f"CompressAI does not import: {first_line(error)}", _remedy(error)) from error
    return compressai


def untrained(name: str, quality: int) -> Any:
    """A network of CompressAI with random weights, of the sizes that its zoo has at this quality.

    Raises CompressAiAbsentError, or ValueError for a name or quality that is not known here.
    """
    if name not in QUALITIES:
        raise ValueError(f"{name!r} is none of CompressAI's {', '.join(QUALITIES)}")
    if not 1 <= quality <= QUALITIES[name]:
        raise ValueError(f"the qualities of {name} are 1..{QUALITIES[name]}, not {quality}")
    return import_compressai().zoo.image_models[name](quality=quality, metric="mse", pretrained=False)


def from_state(name: str, state: Mapping[str, Any]) -> Any:
    """The network that a checkpoint's tensors belong to, in CompressAI's layout, ready to code.

    Raises CompressAiAbsentError, or ValueError where they are not of this architecture.
    """
    zoo = import_compressai().zoo
    try:
        model = zoo.image.model_architectures[name].from_state_dict(zoo.load_state_dict(state.get("state_dict", state)))
    except Exception as error:  # missing and misshapen entries: each fails with an error of its own
        raise ValueError(first_line(error)) from error
    model.update(force=True)
    return model.eval()


def first_line(error: BaseException) -> str:
    """What an exception says, without the rest of a long message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _remedy(error: BaseException) -> str:
    if "torchvision" in str(error):
        return "install the torchvision that was built for this torch, from where torch came from"
    return "pip install 'wisp-codec[compressai]', in Python 3.12 or older"
