"""The study of colouring: chroma from luma, by convolutional networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.report.page import Part, Section, table
from benchmarks.studies.networks import COLORIZE
from benchmarks.studies.parts import ACCURACY, curves, looks, measured
from benchmarks.studies.request import Request, Row, chosen, row_of
from benchmarks.studies.runs import Trained
from benchmarks.studies.study import Findings
from codec.training.data.picture_set import PictureSet

PUBLISHED: Mapping[str, str] = {"what": "CIFAR-100", "loss": "0.0114", "accuracy": "0.5458"}
_NAMES = ("loss", "accuracy", "chroma", "psnr", "ssim")
_LOOKS = "In each sheet from above: grey, predicted with the best weights, true."
_SHOWN = 10  # pictures


@dataclass(frozen=True)
class Colorize:
    """See Study."""

    title: str = "Autoencoders: colouring"

    def rows(self, request: Request, pictures: PictureSet) -> list[Row]:
        """See Study."""
        several = len(request.widths) > 1
        return [
            _row(request, pictures, network, width, f"{network}-{width}" if several else network)
            for network in chosen(request, COLORIZE, COLORIZE)
            for width in request.widths
        ]

    def findings(self, request: Request, pictures: PictureSet, trained: Sequence[Trained]) -> Findings:
        """See Study."""
        before = trained[0].task.untouched()
        found = Findings(results={"grey": before, "published": PUBLISHED})
        words = (
            "A network gets the luma of a picture and says its chroma (YCbCr of BT.601, full range, centred at 0.5); "
            "the luma stays as it is. The first line is what grey pictures have. The loss is of chroma; the chroma "
            "error is its mean absolute error in levels of 255; PSNR and SSIM are of RGB. "
            f"{ACCURACY} Here accuracy is of chroma."
        )
        table_ = measured(trained, request.shown_epochs, _NAMES, before)
        found.sections.append(Section("Grey and coloured", [words, table_, *_published()]))
        found.sections.append(
            Section("Grey, predicted, true", looks(trained, pictures, found, "coloured", _LOOKS, _SHOWN))
        )
        found.sections.append(Section("Over epochs", [
            curves(trained, "loss", "loss", training=True),
            curves(trained, "accuracy", "accuracy", training=True),
            curves(trained, "chroma", "chroma error"),
        ]))  # fmt: skip
        return found


def _row(request: Request, pictures: PictureSet, network: str, width: int, name: str) -> Row:
    words = "two of 3x3 convolution, ReLU, max-pooling; back by two of transposed convolution, ReLU, up-sampling"
    kind = "transposed"
    if network == "skip":
        kind, words = "skip", f"{words}; what each pooling took is added again"
    return row_of(request, pictures, "colorize", network, kind, [width, 2 * width], name=name, words=words)


def _published() -> list[Part]:
    words = "Published before, of another set, whose colour space and meaning of accuracy may differ:"
    return [words, table(["Figures", "Loss", "Accuracy"], [list(PUBLISHED.values())])]
