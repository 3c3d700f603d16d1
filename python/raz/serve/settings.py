"""Which settings of zooming a request may choose: a table of :class:`raz.ZoomSettings`' fields."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from raz.zoom.settings import ZoomSettings

_OF_THE_REQUEST = (
    *("quality", "depth", "regions", "max_regions", "max_zoom_pixels", "max_seconds"),
    *("seed", "min_score"),
)
"""The others (tiles, margins) decide how much memory an image takes, so they are the server's."""

_LARGEST = 2**63 - 1
_DEEPEST = 8  # 128x; the memory check of a depth without bound would be the only limit


class Choices(BaseModel):
    """What a request may choose; what it does not is as the service was started."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(
        None,
        max_length=1024,
        description="of the image, for `path` in the result (default: the form's file name)",
    )
    points: bool = Field(True, description="whether the heads' `points` are in the answer")


def _field(name: str) -> tuple[Any, Any]:
    """The parameter of a setting. Ranges are described here, and checked by ZoomSettings."""
    [setting] = [each for each in fields(ZoomSettings) if each.name == name]
    bounds: dict[str, Any] = {}
    if setting.metadata["kind"] is not str:
        bounds["minimum"] = setting.metadata["least"]
        if setting.metadata["most"] is not None:
            bounds["maximum"] = setting.metadata["most"]
    numbers: dict[str, Any] = {}
    if setting.metadata["kind"] is int:
        numbers = {"le": _DEEPEST if name == "depth" else _LARGEST}
    elif setting.metadata["kind"] is float:
        numbers = {"allow_inf_nan": False}
    return (
        get_type_hints(ZoomSettings)[name] | None,
        Field(
            None,
            description=setting.metadata["help"],
            json_schema_extra=lambda schema: _bound(schema, bounds),
            **numbers,
        ),
    )


def _bound(schema: dict[str, Any], bounds: dict[str, Any]) -> None:
    for kind in schema.get("anyOf", [schema]):
        if kind.get("type") in ("integer", "number"):
            kind.update(bounds)


_FIELDS: dict[str, Any] = {name: _field(name) for name in _OF_THE_REQUEST}

ZoomChoices: type[Choices] = create_model("ZoomChoices", __base__=Choices, **_FIELDS)
"""`Choices` with a field for each setting of zooming that a request may choose."""


def chosen_settings(choices: Choices, usual: ZoomSettings) -> ZoomSettings:
    """Return the service's settings with what a request chose in their place.

    Raises:
        ValueError, TypeError: a choice is out of range.

    Example:
        >>> chosen_settings(ZoomChoices(depth=3), ZoomSettings(tile=1024)).depth
        3
    """
    chosen = {name: getattr(choices, name) for name in _OF_THE_REQUEST}
    return replace(usual, **{name: value for name, value in chosen.items() if value is not None})
