"""``python -m raz.cli``: the same as the command ``raz``."""

from __future__ import annotations

import sys

from raz.cli.start import start

if __name__ == "__main__":
    sys.exit(start())
