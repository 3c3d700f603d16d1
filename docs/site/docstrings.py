"""How docstrings are read: `Example:` is a section of examples, as `Examples:` is."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^([ \t]*)Example:[ \t]*$", re.MULTILINE)


class ExampleSections(griffe.Extension):
    """Gives the heading the name that the parser of Google's style knows."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rename the headings of any object but the topmost package."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"\1Examples:", obj.docstring.value)

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Rename those of the topmost package."""
        self.on_object(obj=pkg)
