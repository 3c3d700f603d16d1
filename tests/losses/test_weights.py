from __future__ import annotations

import math

import pytest

from raz.losses import LossWeights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block_mae": -0.5}, r"block_mae is -0\.5; it must be at least 0"),
        ({"dm_ot": math.nan}, "dm_ot is nan; it must be a finite number"),
        ({"bayes": "1"}, "bayes is '1'; it must be a finite number"),
        ({"gamma": 0}, "gamma is 0; it must be positive"),
        ({"sigma": -1.0}, r"sigma is -1\.0; it must be positive"),
        ({"sigma": "wide"}, "sigma is 'wide'"),
        ({"heat_sigma": "adaptive"}, "heat_sigma is 'adaptive'"),
        ({"density_mse_per": "pixel"}, "density_mse_per is 'pixel'; it must be 'image' or 'cell'"),
        ({"point_bce_per": "image"}, "point_bce_per is 'image'; it must be 'head' or 'pixel'"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        LossWeights(**options)


def test_terms_are_those_that_are_on():
    weights = LossWeights(dm_ot=0.1, sigma="adaptive", count_l1=0)
    terms = {"block_mae": 1.0, "dm_ot": 0.1, "point_bce": 1.0, "attention_mse": 0.25}
    assert weights.terms() == terms
