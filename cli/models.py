"""`wisp models`: the model files that are found."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli import options
from cli.command import WispCommand


@click.command(
    cls=WispCommand,
    short_help="List the models that are found.",
    epilog="\b\nExample:\n  WISP_MODEL_PATH=~/models wisp models\n",
)
@options.as_json
@options.model
@options.debug
def models(as_json: bool, model: Path | None) -> None:
    """List the models: in the package, in the folders of $WISP_MODEL_PATH, and --model."""
    from codec.model.registry import default_model, list_models

    found, errors = list_models(model)
    default = default_model(model).path
    if as_json:
        rows = [
            {"id": m.id, "name": m.name, "path": str(m.path), "default": m.path == default, "config": vars(m.config)}
            for m in found
        ]
        click.echo(json.dumps(rows, indent=2))
    else:
        for m in found:
            mark = "*" if m.path == default else " "
            click.echo(f"{mark} {m.id}  {m.name:<12} {m.path}")
        click.echo("* encodes by default")
    for error in errors:
        click.echo(f"wisp: models: note: {error}", err=True)
