"""Recipes: the files of the package, what is refused, what is changed, and that they survive being written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bitstream.errors import FileAccessError, RequestError
from codec.training.recipe import Recipe, parse_assignment, parse_recipe, read_recipe, recipe_names


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.length[1] > 0
    assert parse_recipe(recipe.toml()) == recipe


def test_what_is_written_reads_back() -> None:
    recipe = Recipe(
        network={"c": 8, "context": "clamp"}, train=("synthesis", "prior"), steps=7, start='a "b"\\c', adam=1e-5
    )
    assert parse_recipe(recipe.toml()) == recipe


@pytest.mark.parametrize(
    "text, message",
    [
        ("speed = 1", "there is no key 'speed'"),
        ("batch = 2.5", "batch = 2.5 is not a whole number"),
        ("batch = true", "batch = True is not a whole number"),
        ("batch = 0", "batch = 0 is not at least 1"),
        ("adam = 'fast'", "adam = 'fast' is not a number"),
        ("dropout = 1.5", "dropout = 1.5 is not at least 0 and at most 1"),
        ("crop = 100", "crop = 100 is not a multiple of 64"),
        ("decay = 'steep'", "decay = 'steep' is none of linear, cosine, constant"),
        ("train = 'prior'", "train = 'prior' is not a list of names"),
        ("network = 3", "network = 3 is not a table"),
        ("lowest = 40\nhighest = 30", "lowest = 40 is above highest = 30"),
        ("mse = 0", "one of mse, l1 and ms_ssim must be above 0"),
        ("steps = ", "recipe is not TOML"),
        ("adam = inf", "adam = inf is not at least 0 and at most"),
        ("minutes = nan", "minutes = nan is not at least 0 and at most"),
        ("balance = nan", "balance = nan is not"),
        ("rates = { prior = nan }", "rates: prior = nan is not a number"),
        ("memory = -1", "memory = -1.0 is not at least 0"),
        ("validation = 0", "validation = 0 is not at least 1"),
        ("seed = 4294967296", "seed = 4294967296 is not at least 0 and at most 4294967295"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_recipe(text)
    assert message in str(caught.value)


@pytest.mark.parametrize("length", [{}, {"steps": 3, "minutes": 2.0}])
def test_a_run_has_one_length(length: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match="one of steps, minutes and epochs"):
        Recipe(**length).length


def test_lengths_replace_each_other() -> None:
    assert Recipe(steps=5).lasting(minutes=2.0).length == ("minutes", 2.0)
    assert Recipe(minutes=5).lasting(steps=2).length == ("steps", 2.0)


def test_changes_are_checked_and_reach_the_network() -> None:
    recipe = Recipe(network={"c": 8}, steps=1)
    changed = recipe.changed({"adam": 1, "network.cy": 12, "train": ("prior",)})
    assert changed == replace(recipe, adam=1.0, network={"c": 8, "cy": 12}, train=("prior",))
    with pytest.raises(RequestError, match="no key 'speed'"):
        recipe.changed({"speed": 1})


@pytest.mark.parametrize(
    "text, value",
    [("a=1", 1), ("a = 1e-3", 1e-3), ("a=true", True), ("a=dct", "dct"), ("a='x y'", "x y"), ('a=["b"]', ["b"])],
)
def test_assignments(text: str, value: object) -> None:
    assert parse_assignment(text) == ("a", value)


def test_an_assignment_needs_its_sign() -> None:
    with pytest.raises(RequestError, match="'a' is not KEY=VALUE"):
        parse_assignment("a")


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no recipe fast: take a \.toml file or one of .*tiny"):
        read_recipe("fast")
    with pytest.raises(FileAccessError):
        read_recipe(str(tmp_path / "none.toml"))
    (tmp_path / "latin.toml").write_bytes(b"start = '\xe9'")
    with pytest.raises(RequestError):
        read_recipe(str(tmp_path / "latin.toml"))
