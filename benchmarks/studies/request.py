"""What a study is asked for, and the rows that it trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

from codec.training.data.picture_set import PictureSet, Wanted
from codec.training.recipe import Decay, Recipe
from codec.training.tasks.autoencoder import Aim

MOST_HELD_OUT = 1000  # pictures
_QUICK_PICTURES, _QUICK_EPOCHS, _QUICK_LAYERS = 60, (1, 2), 8  # of a quick run; layers are divided by the last


@dataclass(frozen=True, kw_only=True)
class Request:
    """The choices of all rows of a study; what is None each row chooses for itself.

    Attributes:
        images: files of sets, folders, tar files or pictures, see codec/training/data/picture_set.py.
        size, whole: pixels a side, and whether pictures are resized to it rather than cropped.
        count: pictures at most, 0: as many as there are, of folders one crop a picture.
        epochs: where the networks are shown and measured; the last one is the length of the run.
        widths: of the networks; 32 is that of the studies.
        networks: which of the study's, by name; none: its usual ones.
        patience: validations, one an epoch, without a better loss before a row stops; 0: never.
        loss: mse or l1.
        ablation: vary loss, dropout, augmentation and width of each network, one at a time.
        quick: a few pictures, epochs and channels.
    """

    images: Sequence[Path]
    size: int = 32
    whole: bool = False
    count: int = 2000
    epochs: tuple[int, ...] = (20,)
    widths: tuple[int, ...] = (32,)
    networks: tuple[str, ...] = ()
    batch: int | None = None
    rate: float | None = None
    decay: Decay | None = None
    patience: int = 0
    seed: int = 1
    loss: str = "mse"
    dropout: float = 0.0
    flip: bool = False
    rotate: float = 0.0
    sigma: float = 0.1
    range: str = "signed"
    head: str = "sigmoid"
    ablation: bool = False
    quick: bool = False

    @property
    def wanted(self) -> Wanted:
        """Which pictures to take."""
        count = min(self.count or _QUICK_PICTURES, _QUICK_PICTURES) if self.quick else self.count
        return Wanted(self.size, self.whole, count, MOST_HELD_OUT, self.seed)

    @property
    def shown_epochs(self) -> tuple[int, ...]:
        """In order, the last one that of the end."""
        return _QUICK_EPOCHS if self.quick else tuple(sorted(set(self.epochs)))


@dataclass(frozen=True)
class Row:
    """One network of a study: its folder's name, its title, what is special about it, and how it is trained."""

    name: str
    title: str
    recipe: Recipe
    network: str
    words: str = ""
    changed: str = field(default="")  # in an ablation, what differs from the network's first row


def row_of(
    request: Request,
    pictures: PictureSet,
    aim: Aim,
    network: str,
    kind: str,
    layers: Sequence[int],
    *,
    name: str = "",
    words: str = "",
    changed: str = "",
    batch: int = 64,
    rate: float = 1e-3,
    decay: Decay = "constant",
    augmented: bool = False,
    **sizes: Any,
) -> Row:
    """A row of `network`; `batch`, `rate` and `decay` are its own where the request leaves them open.

    An `augmented` one mirrors pictures and exchanges rows and columns whatever is asked for.

    A network of one picture is validated where it is shown, any other one after each epoch.
    """
    layers = [max(2, layer // _QUICK_LAYERS) for layer in layers] if request.quick else layers
    wanted = request.wanted
    one = len(pictures.training) == 1
    recipe = Recipe(
        task="autoencoder",
        network={"aim": aim, "kind": kind, "layers": "-".join(map(str, layers)), "sigma": request.sigma,
                 "rotate": request.rotate, "pictures": wanted.most, "whole": wanted.whole, **sizes},
        seed=request.seed, crop=wanted.size, validation=wanted.held_out, transpose=augmented,
        flip=request.flip or augmented,
        batch=request.batch or batch, adam=request.rate or rate, decay=request.decay or decay, beta=0.999, clip=0.0,
        mse=float(request.loss == "mse"), l1=float(request.loss == "l1"), dropout=request.dropout,
        epochs=float(request.shown_epochs[-1]), validate_every=step_between(request.shown_epochs) if one else 0,
        patience=request.patience, warmup=0,
    )  # fmt: skip
    return Row(name or network, f"{network}, {recipe.network['layers']}", recipe, network, words, changed)


def step_between(epochs: Sequence[int]) -> int:
    """The largest number of epochs after which all of them are met."""
    return gcd(*epochs)


def chosen(request: Request, known: Sequence[str], usual: Sequence[str]) -> Sequence[str]:
    """The networks of the request, or the usual ones."""
    return [name for name in known if name in (request.networks or usual)]
