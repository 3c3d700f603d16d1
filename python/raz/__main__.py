"""``python -m raz``: the same as the command ``raz``."""

from __future__ import annotations

import sys

from raz.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
