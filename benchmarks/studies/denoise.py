"""The study of denoising: dense and convolutional autoencoders against Gaussian noise, and what helps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.report.page import Html, Part, Section, table
from benchmarks.studies.networks import DENOISE
from benchmarks.studies.parts import ACCURACY, MEASURES, curves, looks, measured
from benchmarks.studies.request import Request, Row, chosen, row_of
from benchmarks.studies.runs import Trained
from benchmarks.studies.study import Findings
from codec.training.data.picture_set import PictureSet

PUBLISHED: Sequence[Mapping[str, str]] = (
    {"what": "MNIST, dense", "loss": "0.0270"},
    {"what": "MNIST, convolutional", "loss": "0.0047"},
    {"what": "the study that came before, noise not stated", "psnr": "24.86", "ssim": "0.9045"},
)
_NAMES = ("loss", "accuracy", "exact", "psnr", "ssim")
_LOOKS = "In each sheet from above: noisy, restored with the best weights, clean."
_SHOWN = 8  # pictures
_FEW = 1000  # training pictures, up to which it is half as wide again: with more of them a run would take too long
_STEPS = 200  # of an epoch of the residual network: that of a few hundred pictures needs small batches
_DROPOUT, _DEGREES = 0.2, 10.0  # of an ablation


@dataclass(frozen=True)
class Denoise:
    """See Study."""

    title: str = "Autoencoders: denoising"

    def rows(self, request: Request, pictures: PictureSet) -> list[Row]:
        """See Study."""
        usual = ("convolutional",) if request.ablation else ("dense", "convolutional", "residual")
        networks = chosen(request, DENOISE, usual)
        if request.ablation:
            return [row for network in networks for row in _ablation(request, pictures, network)]
        several = len(request.widths) > 1
        return [
            _row(request, pictures, network, width, f"{network}-{width}" if several else network)
            for network in networks
            for width in request.widths
        ]

    def findings(self, request: Request, pictures: PictureSet, trained: Sequence[Trained]) -> Findings:
        """See Study."""
        before = trained[0].task.untouched()
        found = Findings(results={"sigma": request.sigma, "noisy": before, "published": PUBLISHED})
        words = (
            f"Gaussian noise of deviation {request.sigma:g} for values in 0 to 1 ({255 * request.sigma:.3g} of 255), "
            "cut to that range; held-out pictures get the same noise every time. Losses are of values in 0 to 1. "
        )
        table_ = measured(trained, request.shown_epochs, _NAMES, before)
        found.sections.append(Section("Before and after", [words + ACCURACY, table_, *_published()]))
        if request.ablation:
            found.sections.append(Section("Ablation", [_compared(trained, request.shown_epochs)]))
        found.sections.append(
            Section("Noisy, restored, clean", looks(trained, pictures, found, "restored", _LOOKS, _SHOWN))
        )
        found.sections.append(Section("Over epochs", [
            curves(trained, "loss", "loss", training=True),
            curves(trained, "accuracy", "accuracy", training=True),
            curves(trained, "psnr", "PSNR in dB"),
            curves(trained, "ssim", "SSIM"),
        ]))  # fmt: skip
        return found


def _row(request: Request, pictures: PictureSet, network: str, width: int, name: str, changed: str = "") -> Row:
    if network == "dense":
        words = "one fully connected layer to the code, one back"
        return row_of(
            request, pictures, "denoise", "dense", "dense", [4 * width], name=name, words=words, changed=changed
        )
    if network == "residual":
        wide = 3 * width // 2 if len(pictures.training) <= _FEW else width
        words = "not an autoencoder: 3x3 convolutions at full size say what is to be taken out of the picture"
        return row_of(
            request, pictures, "denoise", network, network, [wide] * 5, name=name, words=words,
            changed=changed, rate=1.5e-3, decay="linear", augmented=True,
            batch=max(2, len(pictures.training) // _STEPS),
        )  # fmt: skip
    words = "two of 3x3 convolution, ReLU, max-pooling; back by two of transposed convolution, ReLU, up-sampling"
    kind = "transposed"
    if network == "skip":
        kind, words = "skip", f"{words}; what each pooling took is added again"
    layers = [width, width]
    return row_of(request, pictures, "denoise", network, kind, layers, name=name, words=words, changed=changed)


def _ablation(request: Request, pictures: PictureSet, network: str) -> list[Row]:
    """The network as it is asked for, and with one thing changed at a time."""
    width = request.widths[0]
    turned = bool(request.flip or request.rotate)
    changes: list[tuple[str, str, Request, int]] = [
        ("base", "", request, width),
        ("loss", "L1" if request.loss == "mse" else "MSE",
         replace(request, loss="l1" if request.loss == "mse" else "mse"), width),
        ("dropout", "no dropout" if request.dropout else f"dropout {_DROPOUT:g}",
         replace(request, dropout=0.0 if request.dropout else _DROPOUT), width),
        ("augmentation", "not mirrored or turned" if turned else f"mirrored, turned by {_DEGREES:g} degrees",
         replace(request, flip=not turned, rotate=0.0 if turned else _DEGREES), width),
        ("half", "half the width", request, max(1, width // 2)),
        ("double", "twice the width", request, 2 * width),
    ]  # fmt: skip
    return [
        replace(
            _row(each, pictures, network, wide, f"{network}-{name}", changed), title=f"{network}, {changed or 'base'}"
        )
        for name, changed, each, wide in changes
    ]


def _compared(trained: Sequence[Trained], epochs: Sequence[int]) -> Html:
    """Each row beside the first one of its network, after the last of these epochs that it reached."""
    bases: dict[str, float] = {}
    rows = []
    for each in trained:
        epoch = max((number for number in epochs if number in each.curves), default=each.best[0])
        values = each.curves[epoch]
        base = bases.setdefault(each.row.network, values["psnr"])
        cells = [MEASURES[name][1](values[name]) for name in _NAMES]
        rows.append([each.row.network, each.row.changed or "base", f"{epoch:g}", f"{each.weights:,}", *cells,
                     f"{values['psnr'] - base:+.2f}"])  # fmt: skip
    headings = ["Network", "Changed", "Epoch", "Weights", *(MEASURES[name][0] for name in _NAMES), "PSNR to the base"]
    return table(headings, rows)


def _published() -> list[Part]:
    rows = [[row["what"], row.get("loss", ""), row.get("psnr", ""), row.get("ssim", "")] for row in PUBLISHED]
    words = "Published before, of other splits, and with noise that is not stated:"
    return [words, table(["Figures", "Validation loss", "PSNR, dB", "SSIM"], rows)]
