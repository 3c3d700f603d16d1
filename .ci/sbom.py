"""Write the bill of materials of raz as installed (CycloneDX 1.6): raz and what it needs to run.

    python .ci/sbom.py PYTHON OUTPUT

PYTHON is the interpreter of an environment that has raz; extras and tools in it are left out. The
result holds no path of the machine, and is checked against the schema of CycloneDX.
"""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PLACE = "import sysconfig; print(sysconfig.get_path('purelib'))"


def needed(folder: str) -> set[str]:
    """The names of everything in a site-packages folder that raz needs to run, raz left out."""
    installed = {
        canonicalize_name(each.metadata["Name"]): each
        for each in importlib.metadata.distributions(path=[folder])
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [(Requirement(text), "") for text in project["dependencies"]]
    names: set[str] = set()
    seen = set()
    while asked:
        requirement, extra = asked.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        assert name in installed, f"{requirement} is not installed in {folder}"
        names.add(name)
        for wanted in {"", *requirement.extras}:
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                asked += [(Requirement(text), wanted) for text in installed[name].requires or ()]
    return names


def bill(python: str) -> str:
    """The bill of materials of an environment, without what raz does not need to run."""
    folder = subprocess.run([python, "-c", PLACE], capture_output=True, text=True, check=True)
    names = needed(folder.stdout.strip())
    made = subprocess.run(
        [
            *(Path(sys.executable).with_name("cyclonedx-py"), "environment", python),
            *("--pyproject", ROOT / "pyproject.toml", "--mc-type", "library"),
            *("--output-reproducible", "--output-format", "JSON", "--spec-version", "1.6"),
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    whole = json.loads(made.stdout)
    parts = [each for each in whole["components"] if canonicalize_name(each["name"]) in names]
    assert {canonicalize_name(each["name"]) for each in parts} == names
    references = {each["bom-ref"] for each in parts} | {whole["metadata"]["component"]["bom-ref"]}
    whole["components"] = parts
    whole["dependencies"] = [
        {**each, "dependsOn": [one for one in each.get("dependsOn", []) if one in references]}
        for each in whole["dependencies"]
        if each["ref"] in references
    ]
    return json.dumps(whole, indent=1) + "\n"


def main() -> None:
    python, output = sys.argv[1], Path(sys.argv[2])
    text = bill(python)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert wrong is None, wrong
    assert "file:" not in text, "the bill of materials names a path"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    parts = json.loads(text)["components"]
    print(f"{output}: raz and {len(parts)} packages, valid")


if __name__ == "__main__":
    main()
