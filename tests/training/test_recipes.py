from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from raz.training.config import make_config

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


def test_there_are_recipes():
    assert RECIPES


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_a_configuration(recipe):
    config = make_config(tomllib.loads(recipe.read_text()))
    assert recipe.stem.startswith(config.model)
    assert config.output == config.data_root == ""
    assert f"--config recipes/{recipe.name}" in recipe.read_text()
