"""Python reads this when it starts, where `tests/conftest.py` has put the folder on its path."""

import offline

offline.block()
