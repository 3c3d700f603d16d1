"""Arguments of metrics that hold no numbers are named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from raz import metrics
from raz.metrics.arguments import as_floats

NO_NUMBERS = ["1", 1j, {}, len, [[1, 2], [3]], np.zeros(2, complex), np.array(["1"])]


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_holds_no_numbers_is_named(value: object) -> None:
    with pytest.raises(ValueError, match=r"heads is a .*; it must be an array of real numbers"):
        as_floats("heads", value)
    with pytest.raises(ValueError, match="heads is a "):
        metrics.qnrf_localization([[[1, 2]]], [value])
    with pytest.raises(ValueError, match="predicted is a "):
        metrics.crowd_count(value, [1])


@pytest.mark.parametrize("value", [1.0, None, torch.tensor(1.0), np.array(1.0)], ids=repr)
def test_what_is_no_list_of_images_is_named(value: object) -> None:
    with pytest.raises(ValueError, match=r"heads is a .*; it must be a list with one entry per"):
        metrics.qnrf_localization([[[1, 2]]], value)


@pytest.mark.parametrize("length", [0, -5, np.nan, np.inf, 1e200, 1e-200, "5", None, [5]], ids=repr)
def test_an_option_that_is_no_length_is_named(length: object) -> None:
    with pytest.raises(ValueError, match="sigmas is "):
        metrics.coco_points([[[1, 2]]], [[0.5]], [[[1, 2]]], sigmas=(length,))
    with pytest.raises(ValueError, match="sigmas is "):
        metrics.coco_points_macro([[[1, 2]]], [[[1, 2]]], sigmas=(length,))
    with pytest.raises(ValueError, match="limit is "):
        metrics.mean_localization_error([[[1, 2]]], [[[1, 2]]], limit=length)
    if length is not None:
        with pytest.raises(ValueError, match="density_stride is "):
            metrics.game([np.ones((2, 2))], [[[1, 2]]], [(16, 16)], density_stride=length)


@pytest.mark.parametrize("sigmas", [(), 5.0], ids=repr)
def test_sigmas_are_a_list_of_some(sigmas: object) -> None:
    with pytest.raises(ValueError, match=r"sigmas is .*; it must be a list of lengths"):
        metrics.coco_points([[[1, 2]]], [[0.5]], [[[1, 2]]], sigmas=sigmas)


@pytest.mark.parametrize("size", [5, (1, 2, 3), ("a", 2), (0, 4), (np.inf, 4)], ids=repr)
def test_the_size_of_an_image_is_named(size: object) -> None:
    with pytest.raises(ValueError, match="size is "):
        metrics.game([[[1, 2]]], [[[1, 2]]], [size])
