"""Label Studio's own validation of what raz predicts for it; `make test-tools` has its library."""

from __future__ import annotations

import copy
import json

import pytest

from interchange.scene import SCENE, counted
from raz.io.formats.label_studio import prediction
from raz.serve.label_studio import tags_of

pytestmark = pytest.mark.slow

OURS = """<View><Image name="image" value="$image"/>
<KeyPointLabels name="label" toName="image"><Label value="head"/></KeyPointLabels></View>"""
OTHERS = """<View><Image name="photo" value="$picture"/>
<RectangleLabels name="boxes" toName="photo"><Label value="Car"/></RectangleLabels>
<KeyPointLabels name="dots" toName="photo"><Label value="Dog"/><Label value="Person"/>
</KeyPointLabels></View>"""


@pytest.fixture
def interface():
    module = pytest.importorskip("label_studio_sdk.label_interface")
    return module.LabelInterface


def test_predictions_in_a_file_are_valid(interface):
    [task] = json.loads(counted().to_label_studio())
    assert task["data"]["image"] == str(SCENE)
    for one in task["predictions"]:
        assert interface(OURS).validate_prediction(one, return_errors=True) == []


@pytest.mark.parametrize("configuration", [OURS, OTHERS])
def test_predictions_of_the_service_are_valid(interface, configuration):
    tags, _ = tags_of(configuration)
    one = json.loads(json.dumps(prediction(counted(), tags)))
    assert one["result"]
    assert interface(configuration).validate_prediction(one, return_errors=True) == []


def test_the_validation_finds_what_is_wrong(interface):
    one = copy.deepcopy(prediction(counted()))
    one["result"][0]["value"]["keypointlabels"] = ["car"]
    assert interface(OURS).validate_prediction(one, return_errors=True)
