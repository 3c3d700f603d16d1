"""Run every command and example of the README, in order, in one shell each."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHELLS = {
    "bash": ["bash", "-euo", "pipefail", "-c"],
    "python": [sys.executable, "-W", "error", "-c"],
}
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main() -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    assert blocks, "README.md holds no command"
    scripts = Path(sys.executable).parent
    environment = os.environ | {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        # README shows real settings; a smoke test takes less.
        "MINUTES": "0.5",
        "PICTURES": "4",
    }
    for language, text in blocks:
        print(f"--- {language}\n{text}", flush=True)
        subprocess.run([*SHELLS[language], text], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
