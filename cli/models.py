"""`wisp models`: the model files that are found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import options
from cli.command import WispCommand

if TYPE_CHECKING:
    from codec.model.detail import DetailInfo
    from codec.model.synthesis import SynthesisInfo


@click.command(
    cls=WispCommand,
    short_help="List the models that are found.",
    epilog="\b\nExample:\n  WISP_MODEL_PATH=~/models wisp models\n",
)
@options.as_json
@options.model
@options.debug
def models(as_json: bool, model: Path | None) -> None:
    """List the models: in the package, in the folders of $WISP_MODEL_PATH, and --model.

    Below a model stand the fast synthesis that `wisp decode --fast` takes for its files, and the detail layers that its
    high qualities are coded with, the one that encodes first; where there are any.
    """
    from codec.model.registry import default_model, details_of, list_models, list_syntheses

    found, errors = list_models(model)
    fast = {info.model: info for info in reversed(list_syntheses(model))}  # the first one counts
    default = default_model(model).path
    if as_json:
        rows = [
            {
                "id": m.id,
                "name": m.name,
                "path": str(m.path),
                "default": m.path == default,
                "config": vars(m.config),
                "fast": _facts(fast.get(m.id)),
                "detail": [_facts(layer) for layer in details_of(m, model)],
            }
            for m in found
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for m in found:
            mark = "*" if m.path == default else " "
            click.echo(f"{mark} {m.id}  {m.name:<12} {m.path}")
            if m.id in fast:
                click.echo(f"    fast: {fast[m.id].id}  {fast[m.id].path}")
            for layer in details_of(m, model):
                click.echo(f"    detail: {layer.id}  {layer.path}")
        click.echo("* encodes by default")
    for lonely in fast.keys() - {m.id for m in found}:
        click.echo(f"wisp: models: note: {fast[lonely].path} is for model {lonely}, which is not here", err=True)
    for error in errors:
        click.echo(f"wisp: models: note: {error}", err=True)


def _facts(info: SynthesisInfo | DetailInfo | None) -> dict[str, Any] | None:
    return None if info is None else {"id": info.id, "name": info.name, "path": str(info.path)}
