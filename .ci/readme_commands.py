"""Run every command and example of the README, in order, one process per block.

`make demo` and `make test` come first in it and create the environment of the others.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / ".venv" / "bin"
SHELLS = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [str(SCRIPTS / "python"), "-W", "error", "-c"],
}
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert blocks, "README.md has no command"
    environment = os.environ | {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        # README shows real settings; the smoke test uses smaller ones.
        "MINUTES": "0.5",
        "LIMIT": "4",
    }
    for language, text in blocks:
        print(f"--- {language}\n{text}", flush=True)
        subprocess.run([*SHELLS[language], text], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
