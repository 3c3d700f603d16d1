"""Settings as frozen dataclasses, as plain mappings and as TOML, converted into each other."""

from __future__ import annotations

import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar

from raz.errors import shown

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Numbers that a setting may be: from ``least`` to ``most``, NaN never.

    Args:
        least: the smallest.
        most: the greatest. Infinity stands for any finite number.
        above: whether ``least`` itself is left out.
        below: whether ``most`` itself is left out.
        endless: whether infinity is allowed, too.
    """

    least: float = 0
    most: float = math.inf
    above: bool = False
    below: bool = False
    endless: bool = False

    def __contains__(self, value: float) -> bool:
        after = value > self.least if self.above else value >= self.least
        before = value < self.most if self.below else value <= self.most
        return after and before and (self.endless or value < math.inf)

    def __str__(self) -> str:
        if self.most < math.inf:
            first, last = "(" if self.above else "[", ")" if self.below else "]"
            return f"in {first}{self.least:g}, {self.most:g}{last}"
        if self.above:
            return "positive" if self.least == 0 else f"above {self.least:g}"
        return f"at least {self.least:g}"


POSITIVE = Range(above=True)
NOT_NEGATIVE = Range()
SHARE = Range(0, 1)
AT_LEAST_ONE = Range(1)


def within(default: T, allowed: Range, **metadata: Any) -> T:
    """Declare a number with the range that `check_ranges` holds it to."""
    return field(default=default, metadata={"range": allowed, **metadata})


def place(default: T, allowed: Range | None = None) -> T:
    """Declare a setting that tells where or how fast a run takes place, and not what it computes.

    It may change when a run is continued.
    """
    return field(default=default, metadata={"role": "place", "range": allowed})


def length(default: T, allowed: Range | None = None) -> T:
    """Declare a setting that tells how long a run is. It may change when a run is extended."""
    return field(default=default, metadata={"role": "length", "range": allowed})


def check_ranges(settings: Any, table: str = "") -> None:
    """Hold every number of a dataclass to the range that its field declares; None is left out.

    Args:
        settings: a dataclass.
        table: prefix of the names in messages, such as ``"optimizer."``.

    Raises:
        TypeError: one is no number.
        ValueError: one is NaN, infinite or out of its range.
    """
    for each in fields(settings):
        allowed, value = each.metadata.get("range"), getattr(settings, each.name)
        if allowed is None or value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise TypeError(f"{table}{each.name} is {value!r}; it must be a number")
        if value not in allowed:
            raise ValueError(f"{table}{each.name} is {value}; it must be {allowed}")


def metadata_of(settings: type, name: str) -> Mapping[str, Any]:
    """Return the metadata of the field that a dotted name leads to, empty for an unknown name.

    Args:
        settings: a dataclass; its fields may hold dataclasses and tuples of them.
        name: as `flattened` gives it, for example ``stages[0].steps``.
    """
    first, _, rest = name.partition(".")
    first = first.partition("[")[0]
    found = {each.name: each for each in fields(settings)}.get(first)
    if found is None:
        return {}
    if not rest:
        return found.metadata
    hint = _hints(settings)[first]
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
    return metadata_of(typing.cast(type, inner), rest) if is_dataclass(inner) else {}


def from_mapping(base: T, values: Mapping[str, Any], path: str = "") -> T:
    """Replace fields of a dataclass by the values of a mapping, as ``tomllib`` reads them.

    A table changes only the fields that it names, of the dataclass that ``base`` holds there. An
    array replaces the whole tuple. Integers are accepted for floats, arrays for tuples.

    Args:
        base: a dataclass whose fields all have defaults.
        values: by the name of the field, nested as the dataclasses are.
        path: prefix of the names in messages.

    Raises:
        ValueError: a name is unknown (the message lists the known ones), a value has another type,
            or the dataclass refuses it.
    """
    known = [field.name for field in fields(base)]  # type: ignore[arg-type]
    hints = _hints(type(base))  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            told = path + (shown(name, 100) if name else "''")
            raise ValueError(f"{told} is not a setting; the known ones are {', '.join(known)}")
    changes = {
        name: _convert(hints[name], value, getattr(base, name), f"{path}{name}")
        for name, value in values.items()
    }
    try:
        return replace(base, **changes)  # type: ignore[type-var]
    except ValueError as error:
        # Classes of other rooms do not know the table that they are.
        own = str(error).partition(" ")[0].partition("[")[0] in known
        raise ValueError(f"{path}{error}") if own and path else error from None


def to_mapping(settings: Any) -> dict[str, Any]:
    """Return all fields as plain values, tuples as lists. Fields that are None are left out."""
    values = {field.name: _plain(getattr(settings, field.name)) for field in fields(settings)}
    return {name: value for name, value in values.items() if value is not None}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one nested mapping over another. Tables are joined; everything else is replaced."""
    result = dict(below)
    for name, value in above.items():
        under = result.get(name)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        result[name] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result


def flattened(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the value of everything in nested mappings and lists of them."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from flattened(value, f"{path}.{name}" if path else str(name))
    elif isinstance(values, list) and any(isinstance(value, Mapping) for value in values):
        for index, value in enumerate(values):
            yield from flattened(value, f"{path}[{index}]")
    else:
        yield path, values


def to_toml(values: Mapping[str, Any]) -> str:
    """Write nested plain values as TOML.

    Raises:
        ImportError: tomli-w is not installed.
    """
    try:
        import tomli_w
    except ImportError as error:
        raise ImportError(
            "tomli-w is not installed; settings are written with it: pip install 'tomli-w>=1,<2'"
        ) from error
    return tomli_w.dumps(values)


@functools.cache
def _hints(settings: type) -> dict[str, Any]:
    return typing.get_type_hints(settings)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_mapping(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _convert(hint: Any, value: Any, base: Any, path: str) -> Any:
    """Return the value as the type that a field declares."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if is_dataclass(hint) and isinstance(value, Mapping):
        start = base if isinstance(base, typing.cast(type, hint)) else typing.cast(type, hint)()
        return from_mapping(start, value, path + ".")
    if origin is Literal and value in arguments:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_to_any(arguments, value, base, path)
    if origin is tuple and isinstance(value, (list, tuple)):
        return _convert_items(arguments, value, path)
    if type(value) is int and not -(2**63) <= value < 2**63:
        raise ValueError(f"{path} is {_told(value)}; it must be in [-2^63, 2^63)")
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint in (bool, int, str) and type(value) is hint:
        return value
    raise ValueError(f"{path} is {_told(value)}; it must be {_described(hint)}")


def _convert_to_any(options: Sequence[Any], value: Any, base: Any, path: str) -> Any:
    refusals = []
    for option in options:
        if option is types.NoneType:
            continue
        try:
            return _convert(option, value, base, path)
        except ValueError as error:
            refusals.append(error)
    if len(refusals) == 1:
        raise refusals[0]
    wanted = " or ".join(_described(option) for option in options)
    raise ValueError(f"{path} is {_told(value)}; it must be {wanted}")


def _told(value: Any) -> str:
    try:
        return shown(repr(value), 100)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        return "a number of thousands of digits"


def _convert_items(arguments: Sequence[Any], values: Sequence[Any], path: str) -> tuple[Any, ...]:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        arguments = (arguments[0],) * len(values)
    if len(arguments) != len(values):
        raise ValueError(f"{path} has {len(values)} values; it must have {len(arguments)}")
    return tuple(
        _convert(hint, value, None, f"{path}[{index}]")
        for index, (hint, value) in enumerate(zip(arguments, values, strict=True))
    )


def _described(hint: Any) -> str:
    """Describe a type in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "one of " + ", ".join(repr(each) for each in arguments)
    if origin is tuple:
        return "an array"
    if is_dataclass(hint):
        return "a table"
    words = {float: "a number", int: "an integer", str: "a string", bool: "true or false"}
    return words.get(hint, str(hint))
