"""Checkpoints that are damaged or lie: a training goes on from none of them."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from drill import Effort
from weights_files import torch_file
from weights_pickles import sealed

from raz.errors import WeightsError
from raz.training.checkpoint import STATE
from raz.training.config import TrainingConfig, make_config
from raz.training.distributed import World
from raz.training.run import Run, begun_state
from training.tiny import NAME, register

Place = tuple[str | int, ...]
"""Keys on the way to an entry."""

LIES: dict[str, Any] = {
    "None": None,
    "text": "x",
    "-1": -1,
    "2^70": 2**70,
    "0.5": 0.5,
    "nan": math.nan,
    "infinity": math.inf,
    "True": True,
    "a list": [],
    "a dictionary": {},
    "a tensor of nan": torch.full((3,), torch.nan),
    "a tensor of integers": torch.arange(3),
    "a sparse tensor": torch.eye(2).to_sparse(),
    "a meta tensor": torch.ones(3, device="meta"),
    "numbers that repeat": torch.ones(1).expand(10**12),
}

IGNORED = "param_groups"
"""Settings of the optimizer: the recipe's own are taken."""


def is_true(place: Place, lie: str) -> bool:
    """Whether the value may stand there."""
    name = ".".join(map(str, place))
    return (
        (place[0] == "recipe" and len(place) > 1)  # settings are compared, and never taken
        or is_setting(place)
        or (IGNORED in place and len(place) > 4)
        or (lie == "None" and name in ("raz", "stream"))
        or (lie == "text" and name == "raz")
        or (lie in ("0.5", "2^70", "infinity") and name in ("best", "plateau.best"))
        or (lie == "0.5" and name in ("seconds", "plateau.factor"))
        or (lie == "0.5" and name == "plateau.stalled")  # as int() takes it
        or (lie == "a dictionary" and name == "optimizer.state")  # as before the first step
    )


def entries(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of everything in nested dictionaries and lists."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, each in inner:
        yield (*place, key)
        yield from entries(each, (*place, key))


def changed(state: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    """A copy of the state with another value at a place; `KeyError` as a value leaves it out."""
    found = dict(state)
    inner: Any = found
    for key in place[:-1]:
        inner[key] = copy.copy(inner[key])
        inner = inner[key]
    if value is KeyError:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return found


def difference(found: Any, wanted: Any, place: Place = ()) -> Place | None:
    """The first place at which two nested dictionaries and lists of tensors and numbers differ."""
    if isinstance(wanted, torch.Tensor):
        same = isinstance(found, torch.Tensor) and found.dtype == wanted.dtype
        same = same and found.shape == wanted.shape
        return None if same and torch.allclose(found, wanted, 0, 0, equal_nan=True) else place
    if not isinstance(wanted, (dict, list)) or type(found) is not type(wanted):
        return None if found == wanted else place
    keys = [*wanted] if isinstance(wanted, dict) else range(len(wanted))
    if len(found) != len(wanted) or (isinstance(found, dict) and [*found] != keys):
        return place
    places = (difference(found[key], wanted[key], (*place, key)) for key in keys)
    return next((each for each in places if each is not None), None)


class Training:
    """One that was begun, and its checkpoint."""

    def __init__(self, folder: Path) -> None:
        register()
        part = {"layout": "synthetic", "name": "drawn"}
        self.config: TrainingConfig = make_config(
            {"output": str(folder / "run"), "model": NAME, "steps": 9, "data": [part]}
        )
        self.path = folder / "run" / STATE
        self.path.parent.mkdir(parents=True)
        self.world = World(0, 1, torch.device("cpu"))
        run = Run(self.config, self.world)
        for parameter in run.stage.trainable:
            parameter.grad = torch.ones_like(parameter)
        run.stage.set_learning_rate()
        run.stage.optimizer.step()
        run.step = run.stage.step = 1
        self.state = copy.deepcopy(run.state_dict())
        run.close()

    def goes_on(self, content: bytes) -> bool:
        """Whether it goes on from a file; if not, the error is one line that names the file."""
        self.path.write_bytes(content)
        try:
            state = begun_state(self.config, resume=True, extend=False)
            run = Run(self.config, self.world, state)
        except WeightsError as error:
            text = str(error)
            assert text.startswith(str(self.path)), text[:200]
        except ValueError as error:
            text = str(error)
            assert text.startswith("the run was begun with"), text[:200]
        else:
            run.stage.optimizer.step()  # moments of another shape would end the process here
            run.close()
            return True
        assert len(text) < 1000, len(text)
        assert text.isprintable(), ascii(text[:200])
        assert "weights_only" not in text, text
        return False


def damage(effort: Effort) -> None:
    training = Training(effort.folder)
    whole = sealed(torch_file(training.state))
    for content in (whole, torch_file(training.state)):
        with effort.case("a whole checkpoint"):
            assert training.goes_on(content)
    lies = [(place, name) for place in entries(training.state) for name in (*LIES, "missing")]
    for place, name in effort.sampled(lies):
        lie(effort, training, place, name)
        if not effort.whole and effort.left < effort.seconds / 2:
            break
    for kind in ("state", "list", "tensor"):
        with effort.case(f"a file of another {kind}"):
            other: Any = {"state": {"a": 1}, "list": [1], "tensor": torch.ones(1)}[kind]
            assert not training.goes_on(sealed(torch_file(other)))
    for index in effort.goes_on():
        flip(effort, training, whole, index)


def lie(effort: Effort, training: Training, place: Place, name: str) -> None:
    with effort.case(f"{'.'.join(map(str, place))} is {name}"):
        value = KeyError if name == "missing" else LIES[name]
        content = sealed(torch_file(changed(training.state, place, value)))
        goes_on = training.goes_on(content)
        may = is_true(place, name) or (name == "missing" and is_optional(place))
        assert may or not goes_on, "the training went on"
        effort.answered("gone on, rightly" if goes_on else "refused")


def is_optional(place: Place) -> bool:
    """Whether an entry may be missing."""
    moments = len(place) == 3 and place[:2] == ("optimizer", "state")
    others = place in (("raz",), ("stream",)) or (place[0] == "recipe" and len(place) > 1)
    return others or moments or is_setting(place)


def is_setting(place: Place) -> bool:
    """Whether an entry is a setting of the optimizer."""
    return len(place) == 4 and IGNORED in place and place[3] != "params"


def flip(effort: Effort, training: Training, whole: bytes, index: int) -> None:
    """Bytes that change, cuts; in some files the SHA-256 is made to agree."""
    how = effort.random.choice(["bytes", "cut", "agrees"])
    content = bytearray(whole if how != "agrees" else whole[:-76])
    if how == "cut":
        del content[effort.random.randrange(len(content) - 76) :]
    else:
        for _ in range(effort.random.choice([1, 2, 8])):
            content[effort.random.randrange(len(content))] ^= effort.random.randrange(1, 256)
    with effort.case(f"number {index}: {how}"):
        goes_on = training.goes_on(sealed(bytes(content)) if how == "agrees" else bytes(content))
        assert not (goes_on and how == "cut")
        if goes_on:  # what was hit means nothing; also the SHA-256, so that there is none
            found = torch.load(io.BytesIO(bytes(content)), weights_only=True)
            assert difference(found, training.state) is None
        effort.answered("gone on, rightly" if goes_on else "refused")
