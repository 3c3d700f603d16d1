"""Ask the advisory service of PyPI about every package that the locks name. `make audit` runs this.

A service that knows nothing of a release whose faults are known is none: PyPI's mirrors often serve
packages alone, and pip-audit takes that for good news. Then this says "skipped: no advisory
service" and the exit code is 0, or 1 where the environment variable RAZ_EXPECT_ADVISORIES is 1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOCKS = [*sorted((ROOT / "locks").glob("*.txt")), ROOT / "constraints.txt"]
KNOWN = "jinja2==2.4.1\n"
"""A release that has had advisories for years."""

SECONDS = 10
"""How long the service may be silent."""


def audited(file: Path | str) -> list[dict[str, Any]]:
    """What pip-audit tells of each package of a requirements file; none without an answer."""
    command = [
        *(Path(sys.executable).with_name("pip-audit"), "--no-deps", "--disable-pip"),
        *("--progress-spinner=off", "--format=json", f"--timeout={SECONDS}"),
        *("--requirement", file),
    ]
    done = subprocess.run(
        command,
        input=KNOWN,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        told: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(done.stderr[-2000:], file=sys.stderr)
        return []
    return told


def main() -> int:
    expected = os.environ.get("RAZ_EXPECT_ADVISORIES") == "1"
    if not any(each.get("vulns") for each in audited("/dev/stdin")):
        print("skipped: no advisory service")
        return int(expected)
    wrong = 0
    for file in LOCKS:
        packages = audited(file)
        unknown = [each["name"] for each in packages if "skip_reason" in each]
        print(f"{file.relative_to(ROOT)}: {len(packages)} packages, not known {unknown or 'none'}")
        wrong += not packages or (expected and bool(unknown))
        for each in packages:
            for fault in each.get("vulns", []):
                wrong += 1
                mended = ", ".join(fault["fix_versions"]) or "nothing yet"
                print(f"  {each['name']} {each['version']}: {fault['id']}, mended by {mended}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
