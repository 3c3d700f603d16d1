"""Requests of every kind that the service's description allows, and others, by schemathesis."""

from __future__ import annotations

import io

import hypothesis
import pytest
import schemathesis
from PIL import Image
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

import raz
from images import scene
from raz.serve.app import create_app
from raz.serve.limits import Limits
from serve.serving import running

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client():
    app = create_app(raz.Predictor(max_pixels=10_000), Limits())
    with running(app) as client:
        yield client


@pytest.fixture(scope="module")
def schema(client):
    return schemathesis.openapi.from_url(f"{client.base_url}/openapi.json")


def png():
    file = io.BytesIO()
    Image.fromarray(scene(24, 32)).save(file, "PNG")
    return file.getvalue()


few = hypothesis.settings(
    max_examples=40, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
)


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_is_described(schema, client, mode):
    routes = [operation.ok() for operation in schema.get_all_operations()]
    assert len(routes) == 6
    for route in routes:
        if mode == GenerationMode.NEGATIVE and route.method == "get":
            continue  # has nothing that could be wrong

        @few
        @hypothesis.given(case=route.as_strategy(mode))
        def check(case):
            # Bytes that are no image, and addresses of none, are refused as they should be.
            case.call_and_validate(
                base_url=str(client.base_url), excluded_checks=[positive_data_acceptance]
            )

        check()


def test_parameters_of_every_kind_with_an_image(schema, client):
    routes = {found.path: found for found in (each.ok() for each in schema.get_all_operations())}

    @few
    @hypothesis.given(case=routes["/predict"].as_strategy())
    def check(case):
        answer = client.post("/predict", params=case.query, content=png())
        case.validate_response(answer)
        assert answer.status_code == 200, answer.text

    check()
