"""Render the conda recipe, and compare it with pyproject.toml. `make lint` runs this.

Nothing is built: that would need conda's packages.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import rattler_build

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"torch": "pytorch"}  # where conda-forge has another


def conda_form(requirement: str) -> str:
    """Return a requirement of pyproject.toml as conda writes it."""
    name, bounds = re.fullmatch(r"([\w-]+)(.*)", requirement).groups()  # type: ignore[union-attr]
    return f"{NAMES.get(name, name)} {bounds}"


def main() -> None:
    """Fail if the recipe cannot be rendered, or says something else than pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    variants = {"python": ["3.11.*"], "c_stdlib": ["sysroot"]}
    recipe = rattler_build.Stage0Recipe.from_file(ROOT / "conda" / "recipe.yaml")
    [rendered] = recipe.render(rattler_build.VariantConfig(variants))
    found = rendered.recipe.to_dict()
    assert found["package"]["version"] == project["project"]["version"], found["package"]
    needs = {conda_form(line) for line in project["project"]["dependencies"]}
    needs.add(f"python {project['project']['requires-python']}")
    run = set(found["requirements"]["run"])
    assert run == needs, f"conda/recipe.yaml differs from pyproject.toml in {sorted(run ^ needs)}"
    builds = {conda_form(line) for line in project["build-system"]["requires"]}
    missing = builds - set(found["requirements"]["host"])
    assert not missing, f"conda/recipe.yaml lacks {sorted(missing)} in host"


if __name__ == "__main__":
    main()
