"""Options that the training commands share: where pictures come from, the recipe and what is changed in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitstream.errors import RequestError
from cli.gathered import Option, gathered

if TYPE_CHECKING:
    from codec.training.recipe import Recipe

LOSSES = ("mse", "l1", "ms_ssim")

data = click.option(
    "--data",
    metavar="DIR",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Folder, tar file or picture to train on; may be repeated.",
)
out = click.option(
    "-o", "--out", metavar="RUN", required=True, type=click.Path(path_type=Path), help="Folder of the run, made anew."
)


@dataclass(frozen=True)
class Changes:
    """What the options change in a recipe."""

    recipe: str | None
    assignments: tuple[str, ...]
    values: dict[str, Any]

    def apply(self, usual: str, resumed: Path | None, **fixed: Any) -> Recipe:
        """The recipe named by the options, or that of the run that is `resumed`, or the usual one, with their changes.

        Raises UsageError.
        """
        from codec.training.recipe import RECIPE, parse_assignment, read_recipe

        if resumed is not None and (resumed / RECIPE).exists():
            usual = str(resumed / RECIPE)

        values = dict(self.values)
        length = {key: value for key in ("steps", "minutes", "epochs") if (value := values.pop(key)) is not None}
        changed = {key: value for key, value in values.items() if value is not None}
        loss = changed.pop("loss", None)
        if loss is not None:
            changed.update(_losses(loss))
        try:
            recipe = read_recipe(self.recipe or usual)
            recipe = recipe.lasting(**length) if length else recipe
            recipe = recipe.changed({**fixed, **changed, **dict(map(parse_assignment, self.assignments))})
            recipe.length  # noqa: B018 - refused here, where the options can be named
        except RequestError as error:
            raise click.UsageError(str(error)) from error
        return recipe


def _losses(text: str) -> dict[str, float]:
    """`mse`, `l1`, `ms-ssim`, or a mixture such as `mse=1,ms-ssim=0.5` -> the recipe's weights."""
    weights = dict.fromkeys(LOSSES, 0.0)
    for part in text.split(","):
        name, _, weight = part.partition("=")
        key = name.strip().replace("-", "_")
        try:
            weights[key if key in weights else ""] = float(weight or 1)
        except ValueError:
            raise click.UsageError(f"--loss {text}: {weight!r} is not a number") from None
    if "" in weights:
        raise click.UsageError(f"--loss {text}: a loss is one of mse, l1, ms-ssim, or a mixture such as mse=1,l1=0.5")
    return weights


_OPTIONS: dict[str, Option] = {
    "recipe": click.option("--recipe", metavar="NAME", help="A recipe of the package, or a .toml file."),
    "steps": click.option(
        "--steps", type=click.IntRange(1), metavar="N", help="Train for so many steps, repeatable exactly."
    ),
    "minutes": click.option(
        "--minutes", type=click.FloatRange(0, min_open=True), metavar="N", help="Train for so long."
    ),
    "epochs": click.option(
        "--epochs", type=click.FloatRange(0, min_open=True), metavar="N", help="Go so often through the data."
    ),
    "batch": click.option("--batch", type=click.IntRange(1), metavar="N", help="Pictures a step."),
    "crop": click.option(
        "--crop", type=click.IntRange(64), metavar="N", help="Pixels a side of a training crop, a multiple of 64."
    ),
    "loss": click.option(
        "--loss", metavar="LOSS", help="Distortion: mse, l1, ms-ssim, or a mixture: mse=1,ms-ssim=0.5."
    ),
    "adam": click.option("--lr", "adam", type=click.FloatRange(0), metavar="RATE", help="Learning rate of Adam."),
    "muon": click.option(
        "--muon", type=click.FloatRange(0), metavar="RATE", help="Learning rate of Muon; 0 for Adam alone."
    ),
    "decay": click.option(
        "--decay", type=click.Choice(["linear", "cosine", "constant"]), help="How the learning rate falls."
    ),
    "dropout": click.option(
        "--dropout", type=click.FloatRange(0, 1), metavar="SHARE", help="Share of features left out at random."
    ),
    "patience": click.option(
        "--patience", type=click.IntRange(0), metavar="N", help="Stop after so many validations without gain."
    ),
    "validate_every": click.option(
        "--validate-every", type=click.IntRange(0), metavar="STEPS", help="0 is once an epoch."
    ),
    "seed": click.option("--seed", type=click.IntRange(0), metavar="N", help="Seed of all that is random."),
    "start": click.option(
        "--start", metavar="WEIGHTS", help="random, dct, a model, a file of weights, or a run's folder."
    ),
    "train": click.option(
        "--train", metavar="PART", multiple=True, help="Train only this part of the network; may be repeated."
    ),
    "assignments": click.option(
        "--set", "assignments", metavar="KEY=VALUE", multiple=True, help="Change any other key of the recipe."
    ),
}


def changes(without: Sequence[str] = (), start: str | None = None) -> Option:
    """What is changed in a recipe, handed over as one parameter `changes`.

    `without` are options that a command does not have, by their parameters; `start` says what its --start takes.
    """
    shown = dict(_OPTIONS)
    if start is not None:
        shown["start"] = click.option("--start", metavar="WEIGHTS", help=start)
    return gathered([option for name, option in shown.items() if name not in without], _changes)


def _changes(values: dict[str, Any]) -> dict[str, Any]:
    recipe, assignments = values.pop("recipe"), values.pop("assignments")
    return {"changes": Changes(recipe, assignments, {**values, "train": values["train"] or None})}
