"""Strange requests, made from the service's own description: every answer is one that it describes."""

import json
import re

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 12
"""Of each operation and role, that fit the description, and as many that don't."""
THERE = {"campaign": 1, "item": 1, "person": 9999, "expression": "happy"}
ROLES = ("nobody", "annotator", "reviewer", "admin")


@pytest.fixture
def described(serve, filled, begin_campaign):
    """The running service, and its description."""
    begin_campaign(filled)
    served = serve(filled)
    schema = httpx.get(f"{served.url}/api/v1/openapi.json").json()
    return served, schema


def every(schema):
    """Method and path, and operation; what ends a session or a person's rights comes last."""
    found = [
        ((method.upper(), path), operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(found, key=lambda one: (one[0][0] == "DELETE", one[0][0] == "PATCH", one[0]))


@pytest.mark.parametrize("role", ROLES)
def test_whatever_is_asked_is_answered_as_described(described, role):
    served, raw = described
    session = requests.Session()
    if role != "nobody":
        token = served.link(role, role).partition("#")[2]
        session.post(f"{served.url}/api/v1/session", json={"token": token}).raise_for_status()
        for _, operation in every(raw):
            operation.pop("security", None)  # or their cookie would be made up too
    schema = schemathesis.openapi.from_dict(raw)
    schema.config.update(base_url=served.url)
    for (method, path), _ in every(raw):
        operation = schema[path][method]
        known = {name: value for name, value in THERE.items() if f"{{{name}}}" in path}
        fitting = operation.as_strategy(path_parameters=known) if known else operation.as_strategy()
        modes = [fitting, operation.as_strategy(GenerationMode.NEGATIVE)]

        @settings(
            max_examples=2 * EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(modes))
        def ask(case):
            case.call_and_validate(session=session, checks=CHECKS)

        ask()
    assert "Traceback" not in served.output
    assert httpx.get(f"{served.url}/api/v1/health").status_code == 200


def test_every_refusal_of_every_operation_is_described(described):
    _, schema = described
    for (_, path), operation in every(schema):
        answers = operation["responses"]
        assert operation["operationId"]
        assert operation["tags"]
        assert operation.get("summary")
        assert operation.get("description")
        assert {"421", "422", "503"} <= answers.keys(), path
        if "/session" not in path and "/health" not in path:
            assert operation["security"] == [{"session": []}], path
            assert "401" in answers, path
        if "requestBody" in operation:
            assert {"400", "403", "408", "413", "415"} <= answers.keys(), path
        if "/admin/" in path or "review" in path or "decisions" in path:
            assert "403" in answers, path
        if "{" in path and "expression" not in path:
            assert "404" in answers, path
        for status, answer in answers.items():
            if int(status) >= 400:
                reference = answer["content"]["application/json"]["schema"]["$ref"]
                assert reference == "#/components/schemas/Failure", (path, status)
    assert "HTTPValidationError" not in json.dumps(schema)
    names = [operation["operationId"] for _, operation in every(schema)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names)
    assert schema["components"]["securitySchemes"]["session"]["in"] == "cookie"
