from __future__ import annotations

import subprocess
import sys

import pytest

import raz


@pytest.mark.parametrize("name", raz.__all__)
def test_every_promised_name_is_there(name):
    assert getattr(raz, name) is not None
    assert name in dir(raz)


def test_predict_stays_a_function():
    import raz.prediction

    assert callable(raz.predict)
    assert raz.predict is raz.prediction.predict


def test_unknown_name():
    with pytest.raises(AttributeError, match="'raz' has no attribute 'nothing'"):
        _ = raz.nothing


def test_import_does_nothing():
    code = (
        "import sys, raz\n"
        "heavy = {'torch', 'numpy', 'PIL', 'raz._C', 'raz.ops'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
