from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from raz.models import raznet_vgg16
from raz.network import OperatingPoint
from raz.zoom import ZoomSettings, collect_trace, fixed_step, resolve
from raz.zoom.coordinates import window_of_size
from raz.zoom.fixed import windows_of_size

from .painting import DotModel, GreyModel, noise, painted, proposing

seeds = st.integers(0, 10_000)


def step(model: Any, images: Tensor, **options: Any) -> dict[str, Tensor]:
    with torch.inference_mode():
        return fixed_step(model, images, **options)


@settings(max_examples=40)
@given(st.integers(3, 90), st.integers(3, 90), seeds)
def test_windows_that_hold_every_region_give_what_eager_zooming_gives(
    height: int, width: int, seed: int
) -> None:
    model = DotModel(OperatingPoint((0.4, 0.4), 2.0, 0.5, density_threshold=33.0))
    heads = [(x, y) for x in range(2, width, 4) for y in range(2, height, 4) if (x * y + seed) % 3]
    image = painted((height, width), heads)
    image[1:] = noise((height, width), seed)[1:]
    trace = collect_trace(
        model, image, ZoomSettings(context=90, regions="anchors", seed=seed), floor=0.4
    )
    expected = resolve(trace, model.operating_point, seam=0)
    found = step(model, image[None], window=(height, width), seed=seed)
    count = int(found["counts"])
    assert torch.equal(found["points"][0, :count], expected.points)
    torch.testing.assert_close(found["scores"][0, :count], expected.scores)
    assert bool((found["points"][0, count:] == -1).all())
    assert bool((found["scores"][0, count:] == 0).all())
    assert float(found["count"]) == pytest.approx(expected.count, abs=1e-3)
    torch.testing.assert_close(found["density"][0], expected.density)
    boxes = [region.box for region in expected.regions]
    assert found["regions"][0, : len(boxes)].tolist() == [list(box) for box in boxes]
    assert int(found["overflow"]) == 0


@given(seeds, st.integers(1, 40), st.integers(1, 40))
def test_windows_are_those_of_crops(seed: int, height: int, width: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ends = torch.rand(2, 7, 2, generator=generator) * torch.tensor([53.0, 47.0])
    boxes = torch.cat((ends.amin(0), ends.amax(0)), dim=1)
    found = windows_of_size(boxes, (height, width), (53, 47)).tolist()
    for box, window in zip(boxes.tolist(), found, strict=True):
        assert list(window_of_size(tuple(box), (width, height), (53, 47), 2).box) == window


def test_a_region_larger_than_the_window_is_replaced_in_its_middle_only() -> None:
    # Heads 2 px apart: one point at depth 1, two where it was looked at again.
    image = painted((64, 64), [(10, 32), (12, 32), (32, 32), (34, 32)])
    with proposing([((0.0, 0.0, 8.0, 8.0), 0.5)]):
        found = step(DotModel(), image[None], window=(32, 32), max_points=8, max_regions=1)
    assert found["regions"][0, 0].tolist() == [16, 16, 48, 48]
    assert found["points"][0, :3].tolist() == [[32.25, 32.25], [34.25, 32.25], [11.5, 32.5]]
    assert int(found["counts"]) == 3


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_net_sees_its_own_floating_type(dtype: torch.dtype) -> None:
    class Typed(nn.Module):
        stride, operating_point = DotModel.stride, DotModel().operating_point

        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1, dtype=dtype))

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            assert images.dtype == dtype
            return DotModel()(images.float())

    image = painted((40, 40), [(10, 10), (30, 20)])[None]
    for pixels in (image, image.float() / 255):
        found = step(Typed(), pixels, window=(40, 40))
        assert int(found["counts"]) == 2


def test_images_of_a_batch_do_not_mix() -> None:
    model = DotModel(OperatingPoint((0.4, 0.4), 2.0, 0.4))
    images = torch.stack([painted((40, 56), [(9, 6 * k), (30, 20)], 180) for k in range(3)])
    images[1, 1, :, :28] = 0
    options: Any = {"window": (24, 24), "max_regions": 4, "max_points": 50}
    together = step(model, images, **options)
    for index, image in enumerate(images):
        alone = step(model, image[None], **options)
        for name, value in alone.items():
            torch.testing.assert_close(together[name][index], value[0], msg=name)


def test_the_highest_peaks_are_kept_and_the_rest_counted() -> None:
    model = GreyModel(OperatingPoint((0.55, 0.6), 2.0, 1.0))
    image = noise((40, 56), 1)[None]
    everything = step(model, image, window=(24, 24), max_regions=0)
    found = step(model, image, window=(24, 24), max_regions=0, max_points=5)
    assert int(found["overflow"]) == int(everything["counts"]) - 5
    best = everything["scores"].topk(5).values.sort().values
    assert torch.equal(found["scores"].sort().values, best)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": (65, 8)}, "window has h = 65"),
        ({"window": (8, 0)}, "window has w = 0"),
        ({"max_points": -1}, "max_points is -1"),
        ({"max_regions": -1}, "max_regions is -1"),
        ({"images": torch.zeros(3, 64, 64)}, "images has shape"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, Any], message: str) -> None:
    arguments = {"images": torch.zeros(1, 3, 64, 64), "window": (8, 8), **change}
    with pytest.raises(ValueError, match=message):
        step(DotModel(), **arguments)
    with pytest.raises(TypeError, match="uint8 or floating point"):
        step(DotModel(), torch.zeros(1, 3, 64, 64, dtype=torch.int32), window=(8, 8))


class _Tiny(nn.Module):
    """Three maps by one convolution: a network that is compiled in a moment."""

    stride = 8
    operating_point = OperatingPoint(
        (0.3, 0.3),
        0.5,
        0.4,
        density_factors=(1.1, 1.2),
        density_declines=(0.2, 0.3),
        nms_spacings=(0.5, 0.7),
        nms_radii=(5.0, 8.0),
    )

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.heat = nn.Conv2d(3, 1, 3, padding=1)
        self.cells = nn.Conv2d(3, 2, 8, stride=8)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        density, attention = torch.sigmoid(self.cells(images)).unbind(1)
        return {"localization": self.heat(images)[:, 0], "density": density, "attention": attention}


def compiled_and_eager(
    model: nn.Module, size: tuple[int, int], backend: str
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    torch._dynamo.reset()
    images = torch.stack([noise(size, seed) for seed in range(2)])
    options: Any = {"window": (32, 32), "max_points": 64, "max_regions": 2}
    compiled: Any = torch.compile(fixed_step, fullgraph=True, backend=backend)
    with torch.inference_mode():
        return compiled(model, images, **options), fixed_step(model, images, **options)


def test_the_step_is_one_graph() -> None:
    found, expected = compiled_and_eager(_Tiny().eval(), (48, 64), "aot_eager")
    assert int(expected["counts"].min()) > 5
    assert bool((expected["regions"][:, 0, 2] > 0).all())
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


@pytest.mark.slow
def test_the_step_of_a_real_net_is_one_graph() -> None:
    torch.manual_seed(0)
    model = raznet_vgg16(
        counting_widths=(8, 4),
        localization_width=8,
        localization_widths=(8, 4, 4),
        deconvolution_width=2,
        proposal_widths=(4, 4),
    ).eval()
    model.operating_point = OperatingPoint((0.001, 0.001), 0.5, 0.01)
    found, expected = compiled_and_eager(model, (64, 64), "aot_eager")
    assert int(expected["counts"].min()) > 5
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own, in its compiler
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")  # since torch 2.14
def test_the_step_compiles_natively() -> None:
    found, expected = compiled_and_eager(_Tiny().eval(), (48, 64), "inductor")
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


class _Pooled(nn.Module):
    """Three maps by pooling alone, whose kernels give the same bits in a graph and out of it."""

    stride = 8
    operating_point = OperatingPoint((0.55, 0.55), 0.5, 0.4)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        red, green, blue = images.unbind(1)
        cells = nn.functional.avg_pool2d(torch.stack((green, blue), 1), 8)
        density, attention = cells.unbind(1)
        return {"localization": 4 * red - 2, "density": density, "attention": attention}


@pytest.mark.cuda
def test_cuda_graph_of_the_step_replays_on_new_images() -> None:
    """Attention, regions, windows enlarged twice and the fused count in one captured graph."""
    model = _Pooled().eval()
    batches = [torch.stack([noise((64, 96), 2 * n + k) for k in range(2)]) for n in range(3)]
    options: Any = {"window": (32, 32), "max_points": 256, "max_regions": 3}
    images = batches[0].cuda()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(2):
            step(model, images, **options)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = step(model, images, **options)
    for batch in batches[1:]:
        images.copy_(batch)
        graph.replay()
        expected = step(model, batch.cuda(), **options)
        assert int(expected["counts"].min()) > 5
        assert bool((expected["regions"][:, 0, 2] > 0).all())
        for name, value in expected.items():
            assert torch.equal(found[name], value), name
