"""What is written out from the protocols: the stub of ``raz.metrics`` and the table of the docs.

Run as a program, this rewrites both: ``python tests/metrics/written_out.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from inspect import Parameter
from pathlib import Path

import raz.metrics
from raz.metrics.derived import function_signature, option_parameters
from raz.metrics.protocol import PointProtocol, Protocol
from raz.metrics.registry import protocol_types

ROOT = Path(__file__).parents[2]
STUB = ROOT / "python/raz/metrics/__init__.pyi"
DOCUMENT = ROOT / "docs/evaluation.md"
MARKS = ("<!-- protocols: written by tests/metrics/written_out.py -->\n", "<!-- end -->\n")

_STUB_HEAD = '''\
"""Written by tests/metrics/written_out.py from the protocols; do not edit."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
from torch import Tensor

'''


def protocols() -> list[type[Protocol]]:
    """Raz's own, those of the command line first."""
    own = (p for p in protocol_types().values() if p.__module__.startswith("raz."))
    return sorted(own, key=lambda protocol: not protocol.offered)


def stub() -> str:
    """Return the text of ``raz/metrics/__init__.pyi``."""
    imports = [(home, f"{name} as {name}") for name, home in raz.metrics._HOMES.items()]
    imports += [("metric", "CountMetric, PointMetric"), ("protocol", "Protocol")]
    lines = [f"from raz.metrics.{home} import {names}" for home, names in sorted(imports)]
    derived = [name for p in protocols() for name in (p.function, p.metric)]
    names = sorted((*raz.metrics._HOMES, "PROTOCOLS", *derived), key=_constants_first)
    listed = "\n".join(f'    "{name}",' for name in names)
    lines += ["", f"__all__ = [\n{listed}\n]", "", "PROTOCOLS: Mapping[str, Protocol]", ""]
    lines += [_function(protocol) for protocol in protocols()]
    lines += [""] + [_metric(protocol) for protocol in protocols()]
    return _STUB_HEAD + "\n".join(lines)


def table() -> str:
    """Return the table of protocols in ``docs/evaluation.md``."""
    rows = ["| protocol | rule | figures | function, class |", "|---|---|---|---|"]
    for protocol in protocols():
        name = f"`{protocol.name}`" if protocol.offered else "part of `count`"
        names = f"`{protocol.function}`, `{protocol.metric}`"
        rows.append(f"| {name} | {protocol.rule} | {protocol.figures} | {names} |")
    return "\n".join(rows) + "\n"


def document() -> str:
    """Return the text of ``docs/evaluation.md`` with the table as it should be."""
    before, _, rest = DOCUMENT.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return before + MARKS[0] + table() + MARKS[1] + after


def _function(protocol: type[Protocol]) -> str:
    parameters = function_signature(protocol).parameters.values()
    return f"def {protocol.function}(\n    {_listed(parameters)},\n) -> MetricTable: ..."


def _metric(protocol: type[Protocol]) -> str:
    base = "PointMetric" if issubclass(protocol, PointProtocol) else "CountMetric"
    options = "".join(f"{_written(p)}, " for p in option_parameters(protocol))
    lines = [f"class {protocol.metric}({base}):"]
    lines.append(f"    def __init__(self, {options}**kwargs: Any) -> None: ...")
    if base == "CountMetric":
        labels = list(inspect.signature(protocol.update).parameters.values())[3:]
        counts = ["preds: npt.ArrayLike", "target: npt.ArrayLike"]
        values = [*counts, *(_written(label) for label in labels)]
        values = [value.replace("npt.ArrayLike", "npt.ArrayLike | Tensor") for value in values]
        written = "".join(f"        {value},\n" for value in values)
        lines.append(f"    def update(\n        self,\n{written}    ) -> None: ...")
    return "\n".join(lines) + "\n"


def _constants_first(name: str) -> tuple[int, str]:
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _listed(parameters: Iterable[Parameter]) -> str:
    written, keywords = [], False
    for parameter in parameters:
        if parameter.kind is Parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            written.append("*")
        written.append(_written(parameter))
    return ",\n    ".join(written)


def _written(parameter: Parameter) -> str:
    default = "" if parameter.default is Parameter.empty else " = ..."
    return f"{parameter.name}: {parameter.annotation}{default}"


if __name__ == "__main__":
    STUB.write_text(stub())
    DOCUMENT.write_text(document())
