"""Every cell of the table in docs/operators.md: what the operators do under torch's transforms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.experimental.symbolic_shapes import ShapeEnv

from raz import _native, _registration, ops, reference

from .test_gradients import ways

DOCUMENT = Path(__file__).parents[2] / "docs" / "operators.md"
if not DOCUMENT.is_file():
    pytest.skip("docs are not in the source distribution", allow_module_level=True)


def random(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, generator=torch.Generator().manual_seed(seed))


def table() -> dict[str, dict[str, str]]:
    """Return the cells of the document's first table, by operator and column."""
    document = DOCUMENT.read_text()
    lines = document[document.index("|") :].partition("\n\n")[0].splitlines()
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].strip("`"): dict(zip(header, row, strict=True)) for row in rows}


TABLE = table()
POINTS, BOXES = random(9, 2) * 30, random(5, 4) * 20
RADII = random(9, seed=4) * 16 - 2
HEADS = {"batch": torch.arange(9) % 2, "batch_size": 2}
IMAGE_OF = torch.tensor([0, 1, 1, 0, 1])

# A call and the tensors that it transforms.
CALLS: dict[str, tuple[Callable[..., Any], tuple[torch.Tensor, ...]]] = {
    "attention_map": (lambda p: ops.attention_map(p, (30, 32), limit=30.0, **HEADS), (POINTS,)),
    "congestion": (lambda p: ops.congestion(p, **HEADS), (POINTS,)),
    "crop_and_resize": (
        lambda images, boxes: ops.crop_and_resize(images, boxes, IMAGE_OF, (6, 7)),
        (random(2, 3, 20, 21), BOXES),
    ),
    "density_map": (lambda p: ops.density_map(p, (30, 32), **HEADS), (POINTS,)),
    "find_peaks": (lambda x: ops.find_peaks(x, threshold=0.5, max_points=6), (random(2, 12, 13),)),
    "integral_image": (ops.integral_image, (random(2, 9, 11),)),
    "point_map": (lambda p: ops.point_map(p, (30, 32), **HEADS), (POINTS,)),
    "point_nms": (
        lambda p, s, r: (ops.point_nms(p, s, 6.0), ops.point_nms(p, s, 12.0, radii=r)),
        (POINTS, random(9, seed=1), RADII),
    ),
    "point_nms_mask": (
        lambda p, s, r: (ops.point_nms_mask(p, s, 6.0), ops.point_nms_mask(p, s, 12.0, radii=r)),
        (POINTS, random(9, seed=1), RADII),
    ),
    "propose_regions": (lambda a: ops.propose_regions(a, num_points=9), (random(2, 12, 13),)),
    "score_anchors": (ops.score_anchors, (random(2, 22, 22), BOXES.expand(2, 5, 4).clone())),
}
every_operator = pytest.mark.parametrize("op", TABLE)


def tensors(result: Any) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else list(result)


def assert_same(result: Any, expected: Any) -> None:
    for one, other in zip(tensors(result), tensors(expected), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def differentiable(result: Any) -> torch.Tensor:
    """Return the one tensor of a result that has a gradient."""
    (found,) = [value for value in tensors(result) if value.requires_grad]
    return found


def test_the_table_has_every_operator():
    gradients = {kernel for kernel in _registration._fakes if "_backward" in kernel}
    assert TABLE.keys() == CALLS.keys() == _registration._fakes.keys() - gradients


@every_operator
def test_autograd(op):
    call, inputs = CALLS[op]
    result = call(*(value.clone().requires_grad_() for value in inputs))
    cell = TABLE[op]["autograd"]
    if cell == "none":
        assert not any(value.requires_grad for value in tensors(result))
        return
    natively = f"GeneratedBackwardFor_raz_{op}_defaultBackward" in ways(differentiable(result))
    assert natively == {"native": True, "reference": False}[cell]


@every_operator
def test_double_backward(op):
    cell = TABLE[op]["double backward"]
    if cell == "-":
        assert TABLE[op]["autograd"] == "none"
        return
    call, inputs = CALLS[op]
    leaves = [value.clone().requires_grad_() for value in inputs]
    result = differentiable(call(*leaves))
    weights = random(*result.shape).to(result.dtype).requires_grad_()
    first = torch.autograd.grad((weights * result).sum(), leaves, create_graph=True)
    if cell == "error":
        with pytest.raises(RuntimeError, match=rf"raz\.ops\.{op} has no second derivative"):
            torch.autograd.grad(first[0].square().sum(), weights)
    else:  # gradgradcheck: test_gradients.py
        assert cell in ("yes", "reference")
        assert torch.autograd.grad(first[0].square().sum(), weights)[0].any()


# torch's own: its first use of forward mode scripts some decompositions.
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # since torch 2.14
@every_operator
def test_forward_mode(op):
    call, inputs = CALLS[op]
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(value, random(*value.shape, seed=2)) for value in inputs]
        tangents = [forward_ad.unpack_dual(value).tangent for value in tensors(call(*duals))]
    moved = any(tangent is not None and tangent.any() for tangent in tangents)
    assert moved == {"none": False, "reference": True}[TABLE[op]["forward mode"]]


@pytest.mark.parametrize("native", [True, False], ids=["native", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@every_operator
def test_autocast(op, dtype, native, monkeypatch):
    assert TABLE[op]["autocast"] == "ignored"
    if not native:
        monkeypatch.setattr(_native, "serves", lambda *_: False)
    call, inputs = CALLS[op]
    if op == "score_anchors":  # its table has no half precision
        inputs = (inputs[0], inputs[1].to(dtype))
    else:
        inputs = tuple(value.to(dtype) for value in inputs)
    expected = call(*inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(call(*inputs), expected)
    halves = [value for value in tensors(expected) if value.dtype == torch.bfloat16]
    assert not halves or (op == "crop_and_resize" and dtype == torch.bfloat16)


@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["autograd"] == "native"])
def test_gradients_under_autocast(op):
    call, inputs = CALLS[op]

    def gradients() -> tuple[torch.Tensor, ...]:
        leaves = [value.clone().requires_grad_() for value in inputs]
        return torch.autograd.grad(call(*leaves).square().sum(), leaves)

    expected = gradients()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert_same(gradients(), expected)


@every_operator
def test_compile(op):
    assert TABLE[op]["compile"] == "yes"
    call, inputs = CALLS[op]
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    assert_same(compiled(*inputs), call(*inputs))


@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["autograd"] == "native"])
def test_compile_with_gradients(op):
    call, inputs = CALLS[op]

    def gradients(function: Callable[..., torch.Tensor]) -> tuple[torch.Tensor, ...]:
        leaves = [value.clone().requires_grad_() for value in inputs]
        result = function(*leaves)
        return torch.autograd.grad((result * random(*result.shape, seed=3)).sum(), leaves)

    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    assert_same(gradients(compiled), gradients(call))


def test_compile_with_gradients_of_any_size_once():
    counter = CompileCounterWithBackend("aot_eager")
    boxes = BOXES.clone().requires_grad_()

    def crops(images: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return ops.crop_and_resize(images, boxes, IMAGE_OF, (6, 7))

    compiled = torch.compile(crops, fullgraph=True, dynamic=True, backend=counter)
    for side in (9, 11, 14):
        images = random(2, 3, side, side + 1).requires_grad_()
        ours = torch.autograd.grad(compiled(images, boxes).square().sum(), (images, boxes))
        expected = torch.autograd.grad(crops(images, boxes).square().sum(), (images, boxes))
        assert_same(ours, expected)
    assert counter.frame_count == 1


@pytest.fixture
def forgetful_compiler() -> None:
    """All gradients of torch.func are one function to torch.compile, which recompiles few times."""
    torch._dynamo.reset()


# Which of the results has a gradient.
DIFFERENTIABLE = {op: int(op == "find_peaks") for op in TABLE if TABLE[op]["autograd"] != "none"}


def summed(op: str) -> Callable[..., torch.Tensor]:
    """Return the operator's call, its result weighted and summed."""
    call = CALLS[op][0]

    def loss(*values: torch.Tensor) -> torch.Tensor:
        result = tensors(call(*values))[DIFFERENTIABLE[op]].double()
        return (result * torch.arange(result.numel()).reshape(result.shape)).sum()

    return loss


@pytest.mark.usefixtures("forgetful_compiler")
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_compile_of_torch_func_grad(op, backend):
    loss, (_, inputs) = summed(op), CALLS[op]
    arguments = tuple(range(len(inputs)))
    gradient = torch.func.grad(loss, arguments)
    expected = gradient(*inputs)
    assert all(value.any() for value in expected)
    ours = torch.compile(gradient, fullgraph=True, backend=backend)(*inputs)
    torch.testing.assert_close(ours, expected)


@pytest.mark.usefixtures("forgetful_compiler")
@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["autograd"] == "none"])
def test_compile_of_torch_func_grad_through_a_constant(op):
    call, (first, *others) = CALLS[op]

    def loss(value: torch.Tensor) -> torch.Tensor:
        return value.square().sum() + sum(one.sum() for one in tensors(call(value, *others)))

    compiled = torch.compile(torch.func.grad(loss), fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(first), 2 * first)


@pytest.mark.usefixtures("forgetful_compiler")
@pytest.mark.parametrize("op", ["find_peaks", "integral_image"])
def test_compile_once_then_transform(op):
    loss, (_, (first,)) = summed(op), CALLS[op]
    compiled = torch.compile(loss, backend="eager")
    torch.testing.assert_close(compiled(first), loss(first))  # compiled before any transform
    torch.testing.assert_close(torch.func.grad(compiled)(first), torch.func.grad(loss)(first))
    torch.testing.assert_close(torch.vmap(compiled)(first[None]), loss(first)[None])


@pytest.mark.usefixtures("forgetful_compiler")
@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["vmap"] != "error"])
def test_compile_of_vmap_keeps_gradients(op):
    call, (first, *others) = CALLS[op]
    many = torch.stack([first, first.flip(-1)]).requires_grad_()
    mapped_call = torch.vmap(call, (0, *(None for _ in others)))
    result = torch.compile(mapped_call, fullgraph=True, backend="aot_eager")(many, *others)
    assert_same(result, mapped_call(many, *others))
    if op in DIFFERENTIABLE:
        (ours,) = torch.autograd.grad(differentiable(result).sum(), many)
        (expected,) = torch.autograd.grad(differentiable(mapped_call(many, *others)).sum(), many)
        torch.testing.assert_close(ours, expected)
    else:
        assert not any(value.requires_grad for value in tensors(result))


@every_operator
def test_export(op):
    assert TABLE[op]["export"] == "yes"
    call, inputs = CALLS[op]

    class Module(torch.nn.Module):
        def forward(self, *values: torch.Tensor) -> Any:
            return call(*values)

    exported = torch.export.export(Module(), inputs)
    assert f"raz.{op}.default" in str(exported.graph)
    assert_same(exported.module()(*inputs), call(*inputs))


def mapped(op: str, call: Callable[..., Any]) -> None:
    """Hold torch.vmap over the first tensor, its second dimension, to a loop."""
    _, (first, *others) = CALLS[op]
    many = torch.stack([first, first.flip(-1), first * 0.5], 1)
    in_dims = (1, *(None for _ in others))
    result = torch.vmap(call, in_dims)(many, *others)
    each = [tensors(call(one, *others)) for one in many.unbind(1)]
    assert_same(result, [torch.stack(values) for values in zip(*each, strict=True)])


@every_operator
def test_vmap(op):
    call, inputs = CALLS[op]
    cell = TABLE[op]["vmap"]
    if cell != "error":
        assert cell in ("yes", "with `max_points`")
        mapped(op, call)
        return
    with pytest.raises(RuntimeError, match=rf"raz\.ops\.{op} cannot be mapped by torch\.vmap"):
        torch.vmap(call, (0, *(None for _ in inputs[1:])))(inputs[0][None], *inputs[1:])


def test_vmap_of_find_peaks_needs_max_points():
    assert TABLE["find_peaks"]["vmap"] == "with `max_points`"
    with pytest.raises(RuntimeError, match=r"raz\.ops\.find_peaks .* only with max_points"):
        torch.vmap(lambda x: ops.find_peaks(x, threshold=0.5))(random(3, 2, 12, 13))


@pytest.mark.parametrize("op", ["integral_image", "score_anchors"])
def test_vmap_with_gradients(op):
    call, inputs = CALLS[op]
    weights = torch.tensor([1.0, -2.0, 0.5])

    def loss(function: Callable[..., torch.Tensor]) -> tuple[torch.Tensor, ...]:
        leaves = [value.clone().requires_grad_() for value in inputs]
        return torch.autograd.grad(function(*leaves).square().sum(), leaves)

    def in_a_loop(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return torch.stack([call(first * weight, *others) for weight in weights])

    def by_vmap(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        return torch.vmap(lambda weight: call(first * weight, *others))(weights)

    for ours, expected in zip(loss(by_vmap), loss(in_a_loop), strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["vmap"] != "error"])
def test_vmap_follows_what_it_hides(op):
    """The tensors that torch.vmap hands out do not tell that those they hide need a gradient."""
    call, (first, *others) = CALLS[op]
    many = torch.stack([first, first.flip(-1)]).requires_grad_()
    result = torch.vmap(call, (0, *(None for _ in others)))(many, *others)
    if op not in DIFFERENTIABLE:
        assert not any(value.requires_grad for value in tensors(result))
        return
    each = torch.stack([tensors(call(one, *others))[DIFFERENTIABLE[op]] for one in many])
    (expected,) = torch.autograd.grad(each.square().sum(), many)
    (ours,) = torch.autograd.grad(differentiable(result).square().sum(), many)
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("op", sorted(DIFFERENTIABLE.keys() - {"crop_and_resize", "density_map"}))
@pytest.mark.parametrize("outer", [torch.vmap, torch.func.grad])
def test_torch_func_grad_and_vmap_mix(op, outer):
    call, (first, *others) = CALLS[op]
    many = torch.stack([first, first.flip(-1)])

    def loss(one: torch.Tensor) -> torch.Tensor:
        return tensors(call(one, *others))[DIFFERENTIABLE[op]].square().sum()

    if outer is torch.vmap:
        ours = torch.vmap(torch.func.grad(loss))(many)
    else:
        ours = torch.func.grad(lambda many: torch.vmap(loss)(many).sum())(many)
    expected = torch.stack([torch.func.grad(loss)(one) for one in many])
    assert expected.any()
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["vmap"] != "error"])
@pytest.mark.parametrize("dim", [0, 1])
def test_vmap_of_nothing(op, dim):
    call, (first, *others) = CALLS[op]
    nothing = first.unsqueeze(dim).expand(*first.shape[:dim], 0, *first.shape[dim:])
    result = torch.vmap(call, (dim, *(None for _ in others)))(nothing, *others)
    for value, one in zip(tensors(result), tensors(call(first, *others)), strict=True):
        assert value.shape == (0, *one.shape)
        assert value.dtype == one.dtype


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # since torch 2.14
@pytest.mark.parametrize("op", [op for op in TABLE if TABLE[op]["vmap"] != "error"])
def test_vmap_in_forward_mode(op):
    call, (first, *others) = CALLS[op]
    many = torch.stack([first, first.flip(-1)])
    mapped_call = torch.vmap(call, (0, *(None for _ in others)))
    with forward_ad.dual_level():
        assert_same(mapped_call(many, *others), mapped_call(many.clone(), *others))  # none is dual
        dual = forward_ad.make_dual(many, random(*many.shape, seed=2))
        result = tensors(mapped_call(dual, *others))
        tangents = [forward_ad.unpack_dual(value).tangent for value in result]
        if op not in DIFFERENTIABLE:
            assert tangents == [None] * len(result)
            return
        each = [tensors(call(one, *others))[DIFFERENTIABLE[op]] for one in dual]
        expected = torch.stack([forward_ad.unpack_dual(value).tangent for value in each])
    assert expected.any()
    torch.testing.assert_close(tangents[DIFFERENTIABLE[op]], expected)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")  # since torch 2.14
@pytest.mark.parametrize("op", DIFFERENTIABLE)
def test_forward_mode_over_reverse(op, monkeypatch):
    call, inputs = CALLS[op]

    def tangents() -> list[torch.Tensor]:
        leaves = [value.double().requires_grad_() for value in inputs]
        result = tensors(call(*leaves))[DIFFERENTIABLE[op]]
        grad, tangent = (random(*result.shape, seed=seed).to(result.dtype) for seed in (1, 2))
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(grad, tangent)
            gradients = torch.autograd.grad(result, leaves, dual)
            return [forward_ad.unpack_dual(gradient).tangent.clone() for gradient in gradients]

    ours = tangents()
    monkeypatch.setattr(ops, op, getattr(reference, op))
    for one, other in zip(ours, tangents(), strict=True):
        assert other.any()
        torch.testing.assert_close(one, other)


@every_operator
def test_fake_tensors(op):
    call, inputs = CALLS[op]
    with FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()) as mode:
        result = call(*(mode.from_tensor(value) for value in inputs))
        for value, one in zip(tensors(result), tensors(call(*inputs)), strict=True):
            assert value.dtype == one.dtype
            assert value.dim() == one.dim()


@pytest.mark.parametrize("mode", ["real", "fake", "symbolic"])
@pytest.mark.parametrize("op", ["crop_and_resize", "density_map", "point_map"])
def test_make_fx_reads_no_values(op, mode):
    calls = {
        "crop_and_resize": lambda boxes, batch: ops.crop_and_resize(
            torch.ones(2, 1, 9, 9), boxes, batch, (3, 4), std=[2.0]
        ),
        "density_map": lambda boxes, batch: ops.density_map(
            boxes[:, :2], (30, 32), batch=batch, batch_size=2
        ),
        "point_map": lambda boxes, batch: ops.point_map(
            boxes[:, :2], (30, 32), batch=batch, batch_size=2
        ),
    }
    call, arguments = calls[op], (BOXES, IMAGE_OF)
    graph = make_fx(call, tracing_mode=mode)(*arguments)
    assert f"raz.{op}.default" in str(graph.graph)
    assert torch.equal(graph(*arguments), call(*arguments))
    with torch.no_grad():
        assert torch.equal(graph(BOXES.flip(0), IMAGE_OF), call(BOXES.flip(0), IMAGE_OF))
