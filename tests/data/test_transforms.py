"""Points stay on their pixels through every transform."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from raz.data import Sample
from raz.data import transforms as T
from raz.data.crop_plan import CropPlan, draw_changes, draw_window

HEIGHT, WIDTH = 150, 220


def ramp(points: object = (), height: int = HEIGHT, width: int = WIDTH) -> Sample:
    """Red says x, green says y: the pixel whose centre is (x + 0.5, y + 0.5) is (x, y, 128)."""
    image = np.full((height, width, 3), 128, dtype=np.uint8)
    image[:, :, 0] = np.arange(width)
    image[:, :, 1] = np.arange(height)[:, None]
    return Sample(image, np.array(points, dtype=np.float32).reshape(-1, 2), "ramp")


def colours_at(sample: Sample) -> np.ndarray:
    """Bilinear colours at the points: where the ramp says they lie in the first image."""
    height, width = sample.size
    x, y = sample.points.astype(np.float64).T - 0.5
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = (x - left)[:, None], (y - top)[:, None]
    columns = [np.clip(left + d, 0, width - 1) for d in (0, 1)]
    rows = [np.clip(top + d, 0, height - 1) for d in (0, 1)]
    a, b, c, d = (sample.image[r, col].astype(float) for r in rows for col in columns)
    return (a * (1 - right) + b * right) * (1 - bottom) + (c * (1 - right) + d * right) * bottom


def random_points(seed: int, count: int = 60, margin: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(margin, (WIDTH - margin, HEIGHT - margin), (count, 2)).astype(np.float32)


def away_from_border(sample: Sample, margin: float) -> Sample:
    height, width = sample.size
    x, y = sample.points.T
    kept = (x > margin) & (y > margin) & (x < width - margin) & (y < height - margin)
    return Sample(sample.image, sample.points[kept], sample.name)


@st.composite
def windows(draw: st.DrawFn, reach: float = 0.0) -> T.Window:
    x = sorted(draw(st.tuples(*[st.floats(-reach, WIDTH + reach)] * 2)))
    y = sorted(draw(st.tuples(*[st.floats(-reach, HEIGHT + reach)] * 2)))
    assume(x[1] - x[0] > 8 and y[1] - y[0] > 8)
    return x[0], y[0], x[1], y[1]


sizes = st.tuples(st.integers(16, 200), st.integers(16, 200))


def filter_reach(window: T.Window, size: tuple[int, int]) -> float:
    """How far from a point the image still has a say, in pixels of the image.

    Interpolation in the crop reads pixel centres up to one crop pixel away, and the triangle that
    made each of them reaches one crop pixel (when shrinking) or one pixel further. Nearer to the
    border of the image than this, the filter is cut and a ramp does not stay a ramp.
    """
    step = max((window[2] - window[0]) / size[1], (window[3] - window[1]) / size[0])
    return step + max(step, 1) + 0.5


@given(windows(), sizes, st.integers(0, 99))
def test_points_stay_on_their_pixels(window: T.Window, size: tuple[int, int], seed: int) -> None:
    points = random_points(seed, margin=filter_reach(window, size))
    x, y = points.T
    x1, y1, x2, y2 = window
    inside = (x1 <= x) & (x < x2) & (y1 <= y) & (y < y2)
    crop = T.crop_window(ramp(points), window, size)
    assert crop.size == size
    assert len(crop.points) == inside.sum()
    # Within half a pixel of the crop's border, interpolation has no pixel on the other side.
    step = np.array([(x2 - x1) / size[1], (y2 - y1) / size[0]])
    inner = away_from_border(crop, 0.5)
    found = colours_at(inner)[:, :2] + 0.5
    expected = inner.points * step + (x1, y1)
    # Both passes of the resize round to whole grey levels: half a level each.
    assert np.abs(found - expected).max(initial=0) < 1.01
    np.testing.assert_allclose(crop.points * step + (x1, y1), points[inside], atol=2e-3)


@given(windows(reach=60), sizes, st.integers(0, 99))
def test_windows_beyond_the_image(window: T.Window, size: tuple[int, int], seed: int) -> None:
    sample = ramp(random_points(seed, margin=filter_reach(window, size)))
    for pad in ("black", "edge"):
        crop = T.crop_window(sample, window, size, pad=pad)
        step = np.array([(window[2] - window[0]) / size[1], (window[3] - window[1]) / size[0]])
        inner = away_from_border(crop, 0.5)
        expected = inner.points * step + window[:2]
        assert np.abs(colours_at(inner)[:, :2] + 0.5 - expected).max(initial=0) < 1.01


def test_what_lies_beyond_the_image_is_black_or_its_edge() -> None:
    window = (-50.0, -10.0, 50.0, 90.0)
    black = T.crop_window(ramp(), window, 100).image
    edge = T.crop_window(ramp(), window, 100, pad="edge").image
    assert not black[:, :50].any()
    assert not black[:10].any()
    np.testing.assert_array_equal(black[10:, 50:], ramp().image[:90, :50])
    np.testing.assert_array_equal(edge[10:, 50:], black[10:, 50:])
    assert (edge[:, :50, 0] == 0).all()
    assert (edge[10:, :50, 1] == np.arange(90)[:, None]).all()
    assert not T.crop_window(ramp(), (500, 500, 520, 520), 10).image.any()


@given(
    st.lists(st.floats(1, WIDTH - 1), max_size=4, unique=True),
    st.integers(0, 99),
    st.integers(8, 64),
)
def test_abutting_windows_share_no_point(cuts: list[float], seed: int, size: int) -> None:
    edges = [0.0, *sorted(cuts), float(WIDTH)]
    on_edges = [(x, y) for x in edges for y in (0, 40.5, HEIGHT)]
    sample = ramp(np.concatenate([random_points(seed), on_edges]))
    crops = [
        T.crop_window(sample, (x1, y1, x2, y2), size)
        for x1, x2 in itertools.pairwise(edges)
        for y1, y2 in ((0, 33.25), (33.25, HEIGHT))
    ]
    assert sum(len(crop.points) for crop in crops) == len(sample.points)
    for crop in crops:
        assert (crop.points >= 0).all()
        assert (crop.points < size).all()


def test_the_whole_window_is_the_identity() -> None:
    sample = ramp(random_points(0))
    crop = T.crop_window(sample, (0, 0, WIDTH, HEIGHT), (HEIGHT, WIDTH))
    np.testing.assert_array_equal(crop.image, sample.image)
    np.testing.assert_array_equal(crop.points, sample.points)


def test_a_dot_keeps_its_centroid() -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    image[60:64, 100:104] = (0, 200, 0)
    sample = Sample(image, np.float32([[102, 62]]), "dot")
    rng = np.random.default_rng(5)
    crops = [T.crop_window(sample, (80.3, 41.7, 140.3, 101.7), n) for n in (30, 60, 117)]
    crops += [T.zoom_crop(sample, rng, 90), T.horizontal_flip(sample)]
    crops += [T.random_crop(sample, rng, 80, center_on_head=1) for _ in range(5)]
    for crop in crops:
        if (crop.points < 12).any() or (crop.points > np.array(crop.size[::-1]) - 12).any():
            continue  # the dot may be cut
        weight = crop.image[:, :, 1].astype(float)
        rows, columns = np.indices(crop.size) + 0.5
        centroid = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
        np.testing.assert_allclose(centroid, crop.points[0], atol=0.1)


@given(st.integers(0, 10_000), st.integers(16, HEIGHT), st.floats(0.2, 3), st.floats(1, 3))
def test_random_crops_keep_pixels_and_shape(
    seed: int, size: int, least: float, ratio: float
) -> None:
    rng = np.random.default_rng(seed)
    crop = T.random_crop(ramp(random_points(seed)), rng, size, (least, least * ratio))
    assert crop.size == (size, size)
    assert (crop.points >= 0).all()
    assert (crop.points < size).all()
    # Both sides are scaled alike: the ramps rise at one slope.
    middle = size // 2
    across = float(crop.image[middle, -1, 0]) - float(crop.image[middle, 0, 0])
    down = float(crop.image[-1, middle, 1]) - float(crop.image[0, middle, 1])
    assert abs(across - down) <= 3 + 2 * min(least * ratio, min(HEIGHT, WIDTH) / size)
    # Every crop lies inside the image: blue is the same everywhere, padding would be black.
    assert (crop.image[:, :, 2] == 128).all()


@given(st.integers(0, 10_000))
def test_a_crop_around_a_head_holds_one(seed: int) -> None:
    sample = ramp(random_points(seed, count=1))
    crop = T.random_crop(sample, np.random.default_rng(seed), 48, (0.5, 1.5), center_on_head=1)
    assert len(crop.points) == 1


def test_half_of_the_crops_are_laid_around_a_head() -> None:
    sample = ramp([[3.0, 3.0]])
    rng = np.random.default_rng(0)
    held = [len(T.random_crop(sample, rng, 32, (1, 1)).points) for _ in range(400)]
    assert 150 < sum(held) < 250


def test_the_scale_is_log_uniform_and_above_one_shrinks() -> None:
    rng = np.random.default_rng(0)
    sides = []
    for _ in range(300):
        image = T.random_crop(ramp(), rng, 40, (0.5, 2)).image[20, :, 0].astype(float)
        sides.append((image[35] - image[5]) / 30)
    assert 0.45 < min(sides) < 0.6
    assert 1.8 < max(sides) < 2.1
    assert 0.85 < np.median(sides) < 1.15


@given(st.integers(0, 10_000), st.integers(HEIGHT + 1, 300), st.floats(0.2, 3), st.floats(1, 3))
def test_small_images_are_padded_and_not_enlarged_beyond_the_draw(
    seed: int, size: int, least: float, ratio: float
) -> None:
    sample = ramp(random_points(seed))
    window = draw_window(
        sample.annotation, np.random.default_rng(seed), size, (least, least * ratio)
    )
    x1, y1, x2, y2 = window
    assert x2 - x1 == y2 - y1
    # As drawn, but at most as long as the crop: then the crop's pixels are the image's own.
    assert min(round(size * least), size) <= x2 - x1 <= min(round(size * least * ratio), size)
    for start, end, extent in ((x1, x2, WIDTH), (y1, y2, HEIGHT)):
        inside, around = 0 <= start < end <= extent, start <= 0 < extent <= end
        assert around if end - start > extent else inside
    crop = T.crop_window(sample, window, size)
    assert (crop.points >= 0).all()
    assert (crop.points < size).all()


def test_an_image_smaller_than_the_crop_keeps_its_pixels_on_black() -> None:
    sample = ramp([[10.0, 25.0]], height=50, width=80)
    plan = CropPlan(draw_window(sample.annotation, np.random.default_rng(0), 100, (1, 2)), 100)
    crop = T.apply_plan(sample, plan)
    left, top = -int(plan.window[0]), -int(plan.window[1])
    assert 0 <= left <= 20
    assert 0 <= top <= 50
    np.testing.assert_array_equal(crop.image[top : top + 50, left : left + 80], sample.image)
    assert crop.image.astype(int).sum() == sample.image.astype(int).sum()
    np.testing.assert_array_equal(crop.points, [[10 + left, 25 + top]])


def test_small_images_lie_anywhere_in_the_crop() -> None:
    annotation = ramp([[10.0, 25.0]], height=50, width=80).annotation
    windows = [draw_window(annotation, np.random.default_rng(n), 100, (1, 2)) for n in range(300)]
    assert {-x1 for x1, *_ in windows} == set(range(21))
    assert len({y1 for _, y1, *_ in windows}) > 40


@given(st.integers(0, 10_000), st.sampled_from([40, 64, 97, 400]))
def test_zoom_enlarges_by_exactly_two(seed: int, size: int) -> None:
    sample = ramp(random_points(seed, count=12))
    crop = T.zoom_crop(sample, np.random.default_rng(seed), size)
    assert crop.size == (size, size)
    for point in crop.points:
        # Every point of the crop is a point of the image, its neighbours twice as far away.
        found = np.linalg.norm(crop.points - point, axis=1)
        source = np.linalg.norm(sample.points[:, None] - sample.points, axis=2)
        assert (np.abs(source * 2 - found[:, None, None]) < 1e-3).any(axis=(1, 2)).all()
    assert len(crop.points) >= 1


def test_zoom_prefers_crowded_heads() -> None:
    crowd = [[160.0 + 2 * i, 100.0] for i in range(5)]
    lonely = [[20.0 + 15 * i, 20.0] for i in range(8)]
    for seed in range(20):
        crop = T.zoom_crop(ramp(crowd + lonely), np.random.default_rng(seed), 60)
        assert len(crop.points) == 5


def test_zoom_of_a_small_image_is_centred_on_black() -> None:
    crop = T.zoom_crop(ramp([[10.0, 10.0]], 20, 20), np.random.default_rng(0), 100)
    assert crop.points.tolist() == [[50, 50]]
    assert (crop.image[32:68, 32:68, 2] == 128).all()
    assert not crop.image[:28].any()
    assert not crop.image[:, 72:].any()


def test_crops_of_an_image_without_heads() -> None:
    rng = np.random.default_rng(0)
    assert T.random_crop(ramp(), rng, 32, center_on_head=1).points.shape == (0, 2)
    assert T.zoom_crop(ramp(), rng, 32).points.shape == (0, 2)


def test_flip_is_an_involution_and_keeps_pixels() -> None:
    sample = ramp([[0.0, 0.0], [0.5, 3.5], [101.25, 77.0], [WIDTH, 4.0]])
    flipped = T.horizontal_flip(sample)
    assert flipped.points[:, 0].tolist() == [WIDTH, WIDTH - 0.5, WIDTH - 101.25, 0]
    np.testing.assert_array_equal(flipped.image[3, WIDTH - 1], sample.image[3, 0])
    np.testing.assert_allclose(colours_at(flipped)[1:3, 0] + 0.5, [0.5, 101.25], atol=1e-3)
    again = T.horizontal_flip(flipped)
    np.testing.assert_array_equal(again.image, sample.image)
    np.testing.assert_array_equal(again.points, sample.points)


@pytest.mark.parametrize("name", ["grey", "gamma", "jitter", "blur", "jpeg", "noise"])
def test_photometric_changes_leave_points_and_the_given_sample_alone(name: str) -> None:
    rng = np.random.default_rng(0)
    speckled = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    sample = Sample(speckled, random_points(1), "speckled")
    before = sample.image.copy()
    changed = {
        "grey": lambda: T.grey(sample),
        "gamma": lambda: T.gamma(sample, 1.3),
        "jitter": lambda: T.color_jitter(sample, 1.1, 0.9, 1.2),
        "blur": lambda: T.blur(sample, 1.0),
        "jpeg": lambda: T.jpeg(sample, 40),
        "noise": lambda: T.noise(sample, rng, 5.0),
    }[name]()
    assert changed.points is sample.points
    assert changed.size == sample.size
    assert (changed.image != before).any()
    np.testing.assert_array_equal(sample.image, before)


def test_grey_is_grey_and_gamma_keeps_black_and_white() -> None:
    image = T.grey(ramp()).image
    assert (image == image[:, :, :1]).all()
    pair = Sample(np.repeat(np.uint8([[[0], [128], [255]]]), 3, axis=2), ramp().points, "pair")
    assert T.gamma(pair, 2.0).image[0, :, 0].tolist() == [0, 64, 255]
    np.testing.assert_array_equal(T.gamma(pair, 1.0).image, pair.image)


def test_neutral_changes_change_nothing() -> None:
    sample, rng = ramp(), np.random.default_rng(0)
    np.testing.assert_array_equal(T.color_jitter(sample).image, sample.image)
    np.testing.assert_array_equal(T.noise(sample, rng, 0).image, sample.image)


def test_noise_is_centred_and_as_strong_as_said() -> None:
    flat = Sample(np.full((200, 200, 3), 128, dtype=np.uint8), ramp().points, "flat")
    change = T.noise(flat, np.random.default_rng(0), 5.0).image.astype(float) - 128
    assert abs(change.mean()) < 0.1
    assert abs(change.std() - 5) < 0.1


def test_augment_depends_on_the_generator_alone() -> None:
    sample = ramp(random_points(2))
    seen = set()
    for seed in range(12):
        first, second = (T.augment(sample, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.points, second.points)
        seen.add(first.image.tobytes())
    assert len(seen) > 6


def one_by_one(sample: Sample, plan: CropPlan) -> Sample:
    """What a plan says, by the functions that a caller can call alone."""
    changes = plan.changes
    crop = T.crop_window(sample, plan.window, plan.size)
    if changes.flip:
        crop = T.horizontal_flip(crop)
    if changes.blur:
        crop = T.blur(crop, changes.blur)
    crop = T.color_jitter(crop, changes.brightness, changes.contrast, changes.saturation)
    crop = T.gamma(crop, changes.gamma)
    if changes.grey:
        crop = T.grey(crop)
    if changes.noise:
        crop = T.noise(crop, np.random.default_rng(changes.noise_seed), changes.noise)
    return crop if changes.jpeg is None else T.jpeg(crop, changes.jpeg)


def test_a_plan_is_its_steps_one_by_one() -> None:
    image = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    sample = Sample(image, random_points(3), "speckled")
    often = T.Augmentation(jitter=0.7, grey=0.4, gamma=0.6, blur=0.5, noise=0.5, jpeg=0.5)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x1, y1, x2, y2 = draw_window(sample.annotation, rng, 64, (0.4, 2.0))
        # Windows of whole pixels are resized in another way.
        plan = CropPlan((x1 + 0.25, y1, x2 + 0.25, y2), 64, draw_changes(rng, often))
        crop, expected = T.apply_plan(sample, plan), one_by_one(sample, plan)
        np.testing.assert_array_equal(crop.image, expected.image)
        np.testing.assert_array_equal(crop.points, expected.points)


def test_a_window_of_whole_pixels_is_pillows_of_that_window_alone() -> None:
    image = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    sample = Sample(image, random_points(4), "speckled")
    image.flags.writeable = False  # as images of a cache may be
    for seed in range(40):
        window = draw_window(sample.annotation, np.random.default_rng(seed), 64, (0.3, 2.3))
        x1, y1, x2, y2 = map(int, window)
        assert (x1, y1, x2, y2) == window
        alone = Sample(image[y1:y2, x1:x2], sample.points, "alone")
        expected = T.crop_window(alone, (0, 0, x2 - x1, y2 - y1), 64)
        crop = T.apply_plan(sample, CropPlan(window, 64))
        assert np.abs(crop.image.astype(int) - expected.image).max() <= 2
        np.testing.assert_array_equal(crop.points, T.crop_window(sample, window, 64).points)


def test_blur_is_pillows_to_its_rounding() -> None:
    image = np.random.default_rng(5).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for sigma in (0.3, 0.6, 1.0):
        blurred = T.blur(Sample(image, ramp().points, "speckled"), sigma).image.astype(int)
        pillows = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(sigma)))
        # Pillow rounds after each of its six passes; speckles are the worst case.
        assert np.abs(blurred - pillows).mean() < 1
        assert np.abs(blurred - pillows).max() <= 12


def test_augment_of_nothing_is_nothing() -> None:
    sample = ramp(random_points(2))
    off = T.Augmentation(flip=0, jitter=0, grey=0, gamma=0, blur=0, noise=0, jpeg=0)
    assert T.augment(sample, np.random.default_rng(0), off) is sample


@pytest.mark.parametrize(
    "window", [(5, 5, 5, 9), (9, 5, 5, 9), (0, 0, float("nan"), 5), (0, 0, float("inf"), 5)]
)
def test_bad_windows_are_refused(window: T.Window) -> None:
    with pytest.raises(ValueError, match="window is"):
        T.crop_window(ramp(), window, 8)


def test_bad_arguments_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="size is 0"):
        T.crop_window(ramp(), (0, 0, 5, 5), 0)
    with pytest.raises(ValueError, match="pad is 'white'"):
        T.crop_window(ramp(), (0, 0, 5, 5), 5, pad="white")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"scale is \(2, 1\); it must be \(least, "):
        T.random_crop(ramp(), rng, 8, (2, 1))
    with pytest.raises(ValueError, match="exponent is 0"):
        T.gamma(ramp(), 0)


@pytest.mark.parametrize(
    ("image", "points", "error", "message"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((0, 2), np.float32), ValueError, "image has shape"),
        (np.zeros((4, 4, 3)), np.zeros((0, 2), np.float32), TypeError, "image has dtype float64"),
        ([[0]], np.zeros((0, 2), np.float32), TypeError, "image is a list"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros((0, 2)), TypeError, "points has dtype float64"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros(2, np.float32), ValueError, "points has shape"),
        (np.zeros((4, 4, 3), np.uint8), np.float32([[np.nan, 0]]), ValueError, "NaN"),
    ],
)
def test_bad_samples_are_refused(
    image: object, points: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Sample(image, points, "bad")  # type: ignore[arg-type]
