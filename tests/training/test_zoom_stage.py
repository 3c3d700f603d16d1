"""The zoom stage sees the same heads twice as large, and trains through them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from raz.losses import LossWeights, raznet_losses, target_maps
from raz.models import get_model
from raz.models.raznet import RAZNet
from raz.network import OperatingPoint
from raz.training.zoom_stage import CONTEXT, Windows, cut_windows, zoom_losses

SIZE = 96


def crowd(seed: int = 0, count: int = 30) -> torch.Tensor:
    """Heads about 6 pixels apart around the middle: crowded for the attention target."""
    generator = torch.Generator().manual_seed(seed)
    return 48 + torch.randn(count, 2, generator=generator) * 10


def images(*points: torch.Tensor) -> torch.Tensor:
    """A white pixel on every head, on black."""
    images = torch.zeros(len(points), 3, SIZE, SIZE)
    for image, heads in zip(images, points, strict=True):
        x, y = heads.floor().long().clamp(0, SIZE - 1).T
        image[:, y, x] = 1
    return images


def cells(size: int = SIZE, value: float = 0.5) -> torch.Tensor:
    return torch.full((1, size // 8, size // 8), value)


def cut(points: torch.Tensor, attention: torch.Tensor, **options: object) -> Windows:
    settings = {"stride": 8, "threshold": 0.01, "max_regions": 4, "seed": 0} | options
    windows = cut_windows(images(points), [points], attention, **settings)  # type: ignore[arg-type]
    assert windows is not None
    return windows


@pytest.fixture
def model() -> RAZNet:
    torch.manual_seed(0)
    return get_model("raznet_lite", weights=None).train()


def losses_of(
    model: RAZNet, *points: torch.Tensor, max_regions: int = 2, seed: int = 0
) -> dict[str, torch.Tensor]:
    return zoom_losses(
        model,
        images(*points),
        [{"points": p} for p in points],
        LossWeights(),
        max_regions=max_regions,
        seed=seed,
    )


def test_heads_sit_on_the_same_pixels() -> None:
    # Far enough apart that no two white pixels touch.
    grid = torch.stack(torch.meshgrid([torch.arange(3, 96, 6)] * 2, indexing="xy"), -1)
    points = grid.reshape(-1, 2) + torch.rand(256, 2, generator=torch.Generator().manual_seed(0))
    windows = cut(points, cells())
    assert windows.images.shape == (len(windows.points), 3, SIZE, SIZE)
    for image, moved in zip(windows.images, windows.points, strict=True):
        assert len(moved) == len(points)
        seen = moved[((moved >= 2) & (moved < SIZE - 2)).all(1)]
        assert len(seen) > 20
        for x, y in seen.tolist():
            # A pixel of the crop became 2 x 2, brightest of all around, and holds its head.
            left, top = int(x) // 2 * 2, int(y) // 2 * 2
            block = image[0, top : top + 2, left : left + 2]
            assert (block == image[0, top - 1 : top + 3, left - 1 : left + 3].max()).all()
        # And the white is nowhere else: 2 x 2 pixels of weight (3/4)^2 each, seven more around.
        inner = image[0, 2:-2, 2:-2].sum() / len(seen)
        assert 3 < inner < 5


def test_windows_are_enlarged_exactly_twice() -> None:
    points = crowd()
    for moved in cut(points, cells()).points:
        torch.testing.assert_close(moved - moved[0], 2 * (points - points[0]).double())


def test_cells_count_inside_the_region_and_off_the_windows_edge() -> None:
    # Attention in one cell: every region holds it, and some of them are larger than a window.
    attention = torch.zeros(1, SIZE // 8, SIZE // 8)
    attention[0, 6, 6] = 1
    windows = cut(crowd(), attention, max_regions=8, threshold=1e-6)
    margin = CONTEXT * 2 // 8
    for inside in windows.inside:
        assert inside.any()
        # A window in the middle of the crop has context on every side.
        rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        assert inside[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert not inside.all()
        assert len(rows) <= 12 - margin
        assert len(columns) <= 12 - margin


def test_the_crops_own_edges_need_no_context() -> None:
    attention = torch.zeros(1, SIZE // 8, SIZE // 8)
    attention[0, 0, 0] = 1
    windows = cut(crowd(), attention, max_regions=1)
    assert windows.inside[0, 0, 0]
    assert not windows.inside[0, -1].any()


def test_gradients_reach_the_backbone_from_the_zoom_alone(model: RAZNet) -> None:
    losses = losses_of(model, crowd())
    for name in ("zoom_localization", "zoom_attention"):
        assert losses[name] > 0
        gradients = torch.autograd.grad(
            losses[name], list(model.backbone.parameters()), retain_graph=True, allow_unused=True
        )
        assert all(g is not None and g.isfinite().all() for g in gradients)
        assert any(g.abs().max() > 0 for g in gradients if g is not None)


class Maps(nn.Module):
    """Stands for a net: maps that can be set, one for the crops and one for the windows."""

    stride = 8
    operating_point = OperatingPoint()

    def __init__(self, *logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = list(logits)
        self.calls = 0

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.logits[min(self.calls, len(self.logits) - 1)]
        self.calls += 1
        count = len(images)
        attention = logits[::8, ::8].sigmoid().expand(count, -1, -1)
        return {
            "localization": logits.expand(count, -1, -1),
            "attention": attention,
            "density": torch.zeros_like(attention),
        }


def test_only_pixels_inside_the_region_count() -> None:
    points = crowd()
    plain = torch.full((SIZE, SIZE), -9.0)
    zoomed = torch.zeros(SIZE, SIZE, requires_grad=True)
    losses = losses_of(Maps(plain, zoomed), points, max_regions=1)  # type: ignore[arg-type]
    (losses["zoom_localization"] + losses["zoom_attention"]).backward()
    attention = (
        target_maps([points], (SIZE, SIZE))["attention"][0] + plain[::8, ::8].sigmoid()
    ) / 2
    inside = cut(points, attention[None], max_regions=1).inside[0]
    pixels = inside.repeat_interleave(8, 0).repeat_interleave(8, 1)
    assert zoomed.grad is not None
    assert ((zoomed.grad != 0) == pixels).all()
    # By hand: log 2 for each of those pixels, gamma times that on the marked ones.
    total = losses["zoom_localization"].item() * (5 * 100) / math.log(2)
    marked = (total - pixels.sum().item()) / 99
    assert marked > 5
    assert marked == pytest.approx(round(marked), abs=0.01)


def test_without_a_region_the_plain_terms_are_all(model: RAZNet) -> None:
    points = crowd()
    for options in ({"max_regions": 0}, {}):
        heads = points if options else torch.zeros(0, 2)
        quiet = Maps(torch.full((SIZE, SIZE), -20.0, requires_grad=True))
        net = quiet if not options else model
        losses = losses_of(net, heads, **options)  # type: ignore[arg-type]
        assert losses["zoom_localization"] == 0
        assert losses["zoom_attention"] == 0
        total = torch.stack(list(losses.values())).sum()
        assert total.isfinite()
        total.backward()
    assert quiet.calls == 1


def test_the_plain_terms_are_those_of_the_plain_pass(model: RAZNet) -> None:
    points = crowd()
    model.eval()
    with torch.no_grad():
        losses = losses_of(model, points)
        plain = raznet_losses(
            model(images(points)), [{"points": points}], (SIZE, SIZE), LossWeights()
        )
    assert {name: losses[name] for name in plain} == plain
    assert set(losses) - set(plain) == {"zoom_localization", "zoom_attention"}


def test_the_same_seed_gives_the_same_losses(model: RAZNet) -> None:
    model.eval()
    with torch.no_grad():
        first, again, other = (losses_of(model, crowd(), crowd(1), seed=s) for s in (3, 3, 4))
    assert first == again
    assert first["zoom_localization"] != other["zoom_localization"]


def test_images_are_averaged(model: RAZNet) -> None:
    # The same crop twice is the same loss: sums over an image's regions, mean over images.
    model.eval()
    with torch.no_grad():
        once, twice = losses_of(model, crowd()), losses_of(model, crowd(), crowd())
    for name, value in once.items():
        torch.testing.assert_close(value, twice[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [(33, 70), (1, 40)])
def test_any_size_of_crops(model: RAZNet, size: tuple[int, int]) -> None:
    points = torch.rand(40, 2) * torch.tensor([size[1], size[0]])
    losses = zoom_losses(
        model.eval(),
        torch.rand(1, 3, *size),
        [{"points": points}],
        LossWeights(),
        max_regions=2,
        seed=0,
    )
    assert all(value.isfinite() for value in losses.values())


def test_bad_arguments_are_refused(model: RAZNet) -> None:
    with pytest.raises(ValueError, match="max_regions is -1"):
        losses_of(model, crowd(), max_regions=-1)
    with pytest.raises(ValueError, match="targets has 0 entries; it must have 1"):
        zoom_losses(model, images(crowd()), [], LossWeights(), max_regions=1, seed=0)
