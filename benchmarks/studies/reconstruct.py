"""The study of reconstruction: what autoencoders keep of a picture, over epochs, and at which rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.page import Part, Section, table
from benchmarks.studies.networks import RECONSTRUCT
from benchmarks.studies.parts import curves, measured
from benchmarks.studies.rate import MEASURED, CodeCoder, Coded, wisp_at
from benchmarks.studies.request import Request, Row, chosen, row_of
from benchmarks.studies.runs import Trained
from benchmarks.studies.sheets import sheet
from benchmarks.studies.study import Findings
from codec.api import default_codec
from codec.training.data.picture_set import PictureSet
from codec.training.data.small_sets import Pictures

_LARGE = 64  # pixels a side, from which the dense network is left out unless it is named
_INPUTS = 10  # pictures above what becomes of them
_BESIDE = 4  # pictures that are shown by epoch
_QUICK_MEASURED = 2


@dataclass(frozen=True)
class Reconstruct:
    """See Study."""

    title: str = "Autoencoders: reconstruction"

    def rows(self, request: Request, pictures: PictureSet) -> list[Row]:
        """See Study."""
        large = max(pictures.training.shape[1:3]) > _LARGE
        usual = [name for name in RECONSTRUCT if not (large and name == "dense")]
        rows = []
        for width in request.widths:
            for network in chosen(request, RECONSTRUCT, usual):
                name = network if len(request.widths) == 1 else f"{network}-{width}"
                rows.append(_row(request, pictures, network, width, name, large=large))
        return rows

    def findings(self, request: Request, pictures: PictureSet, trained: Sequence[Trained]) -> Findings:
        """See Study."""
        found = Findings()
        found.sections.append(_rates(request, pictures, trained, found))
        found.sections.append(_by_epoch(request, trained, found))
        found.sections.append(Section("Ten inputs above what becomes of them", _tens(trained, pictures, found)))
        names = ["loss", "psnr", "ssim"]
        found.sections.append(Section("Over epochs", [
            "Held-out pictures, what the network gives before its code is quantised.",
            curves(trained, "loss", "loss", training=True),
            curves(trained, "psnr", "PSNR in dB"),
            curves(trained, "ssim", "SSIM"),
            measured(trained, request.shown_epochs, names),
        ]))  # fmt: skip
        return found


def _row(request: Request, pictures: PictureSet, network: str, width: int, name: str, *, large: bool) -> Row:
    range_, head = "unit", request.head
    if network == "convolutional":
        layers = [2 * width, width, width // 2]
        words = "three of 3x3 convolution, ReLU, max-pooling; back by convolution, ReLU, up-sampling"
    elif network == "unpadded":
        layers = [max(1, width // 4)] * 2
        words = "two 3x3 convolutions without padding, back by transposed ones; its code is no smaller than the picture"
    elif network == "dense":
        layers, words = [8 * width], "one fully connected layer to the code, one back"
    else:
        layers = [width] * 3 + [(16 if large else 4) * width]
        words = "three of 3x3 convolution, ReLU, max-pooling, one fully connected layer to the code; and back"
        range_, head = request.range, ""
    return row_of(
        request, pictures, "reconstruct", network, network, layers, name=name, words=words, range=range_, head=head
    )


def _rates(request: Request, pictures: PictureSet, trained: Sequence[Trained], found: Findings) -> Section:
    """Every row's rate, with Wisp beside it."""
    shown = pictures.held_out[: _QUICK_MEASURED if request.quick else MEASURED]
    codec = default_codec()
    table_rows, results = [], []
    looks: list[Part] = []
    for each in trained:
        coded = CodeCoder(each.with_best().network, pictures.training).code(shown)
        quality, wisp = wisp_at(coded.bpp, shown, codec)
        table_rows.append([each.row.title, *_cells(coded)])
        table_rows.append([f"Wisp at quality {quality:.4g}", *_cells(wisp)])
        results.append({"row": each.row.name, **_plain(coded), "wisp": {"quality": quality, **_plain(wisp)}})
        lines = sheet([list(shown[:_INPUTS]), list(coded.decoded[:_INPUTS]), list(wisp.decoded[:_INPUTS])])
        caption = f"{each.row.title} at {coded.bpp:.3f} bits a pixel, and below it Wisp at {wisp.bpp:.3f}"
        looks.append(found.show(f"coded-{each.row.name}", lines, caption))
    found.results["rates"] = results
    words = (
        f"Means of {len(shown)} pictures. The code is quantised to 8 bits a value and range-coded; bounds and "
        "frequencies are those of the training pictures, and belong to the decoder as the weights do, so that a "
        "picture's bytes are its stream alone. Below each row is Wisp's own network at the highest quality that takes "
        "no more bits a pixel, its whole files counted, with their headers; at quality 0 it may take more."
    )
    alone = "Each network was trained on the very picture that it is measured on: its weights are not counted."
    content: list[Part] = [words, *([alone] if pictures.training is pictures.held_out else [])]
    rates = table(["Row", "Bits per pixel", "PSNR, dB", "SSIM"], table_rows)
    return Section("At equal rate", [*content, rates, *looks])


def _cells(coded: Coded) -> list[str]:
    return [f"{coded.bpp:.3f}", f"{coded.psnr:.2f}", f"{coded.ssim:.4f}"]


def _plain(coded: Coded) -> Mapping[str, Any]:
    return {"bpp": round(coded.bpp, 4), "psnr": round(coded.psnr, 3), "ssim": round(coded.ssim, 5)}


def _by_epoch(request: Request, trained: Sequence[Trained], found: Findings) -> Section:
    """Of each row, some pictures and what the network made of them after each of the epochs."""
    parts: list[Part] = [
        "On the left the picture itself; then, from one run, what the network gives after more epochs."
    ]
    for each in trained:
        lines: list[Pictures] = []
        passed = []
        for epoch in request.shown_epochs:
            task = each.after(epoch)
            if task is not None:
                _, made = task.looks()
                lines.append(made[:_BESIDE])
                values = each.curves[epoch]
                passed.append(f"{epoch} ({values['psnr']:.2f} dB, {values['ssim']:.4f})")
        if lines:
            original = each.task.pictures.held_out[:_BESIDE]
            beside = sheet(list(zip(original, *lines, strict=True)))
            caption = f"{each.row.title}: the picture, then after epochs {', '.join(passed)}, means of those held out"
            parts.append(found.show(f"epochs-{each.row.name}", beside, caption))
    return Section("Epoch by epoch", parts)


def _tens(trained: Sequence[Trained], pictures: PictureSet, found: Findings) -> list[Part]:
    parts: list[Part] = []
    for each in trained:
        _, made = each.with_best().looks()
        lines = sheet([list(pictures.held_out[:_INPUTS]), list(made[:_INPUTS])])
        parts.append(found.show(f"inputs-{each.row.name}", lines, each.row.title))
    return parts
