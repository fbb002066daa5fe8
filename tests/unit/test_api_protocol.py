"""The codec: what a model allows in and out, and the errors AWS has for the rest."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from botocore.model import ServiceModel

from chaos_ecs.api import protocol
from chaos_ecs.api.chaos_operations import CHAOS_OPERATIONS
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.operations import ECS_OPERATIONS
from chaos_ecs.api.protocol import Api
from chaos_ecs.api.shapes import OutputError
from tests.unit.api_harness import Harness

EVERYTHING: dict[str, Any] = {
    "metadata": {"protocol": "json", "targetPrefix": "Everything", "serviceId": "Everything", "signingName": "all"},
    "operations": {
        "Take": {"name": "Take", "http": {}, "input": {"shape": "Node"}, "output": {"shape": "Node"}},
    },
    "shapes": {
        "Node": {
            "type": "structure",
            "required": ["name"],
            "members": {
                "name": {"shape": "Name"},
                "child": {"shape": "Node"},
                "children": {"shape": "Nodes"},
                "colour": {"shape": "Colour"},
                "count": {"shape": "Count"},
                "big": {"shape": "Big"},
                "share": {"shape": "Share"},
                "at": {"shape": "At"},
                "on": {"shape": "On"},
                "labels": {"shape": "Labels"},
                "anything": {"shape": "Anything"},
            },
        },
        "Name": {"type": "string", "min": 1, "max": 5},
        "Nodes": {"type": "list", "member": {"shape": "Node"}, "max": 2},
        "Colour": {"type": "string", "enum": ["RED", "BLUE"]},
        "Count": {"type": "integer", "min": 0, "max": 10},
        "Big": {"type": "long"},
        "Share": {"type": "double"},
        "At": {"type": "timestamp"},
        "On": {"type": "boolean"},
        "Labels": {"type": "map", "key": {"shape": "Colour"}, "value": {"shape": "Name"}},
        "Anything": {"type": "structure", "members": {}, "document": True},
    },
}


def take(**members: object) -> object:
    return Api(EVERYTHING).operation("Take").parse(json.dumps({"name": "a", **members}).encode())


def refused(body: bytes, operation: str = "DescribeTasks") -> tuple[int, str, str]:
    with pytest.raises(Refused) as caught:
        protocol.ecs().operation(operation).parse(body)
    return caught.value.status, caught.value.code, caught.value.message


def test_the_ecs_model_of_this_botocore_speaks_json() -> None:
    assert protocol.ecs().target_prefix == "AmazonEC2ContainerServiceV20141113"
    assert protocol.ecs().signing_name == "ecs"


def test_a_model_of_another_protocol_is_refused_at_once() -> None:
    with pytest.raises(AssertionError, match="Everything does not speak AWS JSON"):
        Api({**EVERYTHING, "metadata": {**EVERYTHING["metadata"], "protocol": "smithy-rpc-v2-cbor"}})


def test_every_operation_of_both_models_compiles() -> None:
    for api in (protocol.ecs(), protocol.chaos_ecs()):
        assert [api.operation(name).name for name in sorted(api.operation_names)] == sorted(api.operation_names)


def test_every_registered_operation_is_in_its_model() -> None:
    assert set(ECS_OPERATIONS) <= protocol.ecs().operation_names
    assert set(CHAOS_OPERATIONS) == protocol.chaos_ecs().operation_names


def test_our_own_model_is_one_that_botocore_can_make_clients_of() -> None:
    model: ServiceModel = protocol.chaos_ecs()._model
    for name in model.operation_names:
        operation = model.operation_model(name)
        assert {error.name for error in operation.error_shapes} <= set(model.shape_names)
        assert operation.documentation


@pytest.mark.parametrize(
    ("members", "parsed"),
    [
        ({"child": {"name": "b", "child": {"name": "c"}}}, {"child": {"name": "b", "child": {"name": "c"}}}),
        ({"children": []}, {"children": []}),
        ({"colour": "RED", "count": 3.0, "big": 2**40}, {"colour": "RED", "count": 3, "big": 2**40}),
        ({"share": 1, "at": 1.5, "on": False}, {"share": 1, "at": 1.5, "on": False}),
        ({"labels": {"RED": "x"}}, {"labels": {"RED": "x"}}),
        ({"anything": {"a": [None, 1]}}, {"anything": {"a": [None, 1]}}),
        ({"colour": None, "child": None}, {}),
    ],
)
def test_what_the_model_allows_is_taken(members: dict[str, object], parsed: dict[str, object]) -> None:
    assert take(**members) == {"name": "a", **parsed}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"count": "3"}, "count: STRING_VALUE can not be converted to an Integer"),
        ({"count": True}, "count: TRUE_VALUE can not be converted to an Integer"),
        ({"count": 1.5}, "count: NUMBER_VALUE can not be converted to an Integer"),
        ({"count": 2**31}, "count: NUMBER_VALUE can not be converted to an Integer"),
        ({"big": 2**63}, "big: NUMBER_VALUE can not be converted to a Long"),
        ({"share": "1"}, "share: STRING_VALUE can not be converted to a Double"),
        ({"at": "now"}, "at: STRING_VALUE can not be converted to a Date"),
        ({"on": "true"}, "on: STRING_VALUE can not be converted to a Boolean"),
        ({"name": 1}, "name: NUMBER_VALUE can not be converted to a String"),
        ({"children": {}}, "children: START_OBJECT can not be converted to a list"),
        ({"children": [None]}, "children[0]: NULL_VALUE can not be converted to a structure"),
        ({"child": []}, "child: START_ARRAY can not be converted to a structure"),
        ({"labels": 1}, "labels: NUMBER_VALUE can not be converted to a map"),
        ({"labels": {"RED": False}}, "labels[RED]: FALSE_VALUE can not be converted to a String"),
        (
            {"children": [{"name": "a"}, {"name": "b", "child": {"name": []}}]},
            "children[1].child.name: START_ARRAY can not be converted to a String",
        ),
    ],
)
def test_a_wrong_type_is_a_serialization_error_that_names_the_place(members: dict[str, object], said: str) -> None:
    with pytest.raises(Refused) as caught:
        take(**members)
    assert (caught.value.status, caught.value.code, caught.value.message) == (400, "SerializationException", said)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"colour": "PINK"}, "Value 'PINK' at 'colour' failed to satisfy constraint: {0} enum value set: [RED, BLUE]"),
        ({"count": -1}, "Value '-1' at 'count' failed to satisfy constraint: {1} value greater than or equal to 0"),
        ({"count": 11}, "Value '11' at 'count' failed to satisfy constraint: {1} value less than or equal to 10"),
        ({"name": ""}, "Value '' at 'name' failed to satisfy constraint: {1} length greater than or equal to 1"),
        ({"labels": {"PINK": "x"}}, "at 'labels[PINK]' failed to satisfy constraint: {0} enum value set"),
        ({"children": [{"name": "a"}] * 3}, "{1} length less than or equal to 2"),
    ],
)
def test_a_value_out_of_bounds_is_an_invalid_parameter(members: dict[str, object], said: str) -> None:
    with pytest.raises(Refused) as caught:
        take(**members)
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message.startswith("1 validation error detected: ")
    assert said.format("Member must satisfy", "Member must have") in caught.value.message


def test_a_member_that_must_be_there_is_missed() -> None:
    assert refused(b"{}") == (400, "InvalidParameterException", "Tasks cannot be empty.")
    assert refused(b'{"task": null}', "StopTask") == (400, "InvalidParameterException", "Task can not be blank.")


def test_register_task_definition_says_client_exception() -> None:
    assert refused(b"{}", "RegisterTaskDefinition") == (400, "ClientException", "Family can not be blank.")


def test_a_member_that_the_model_does_not_know_is_dropped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="chaos_ecs.api"):
        assert take(brandNew=1) == {"name": "a"}
    assert "Node has no member brandNew" in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"{", b"nothing", b"[" * 100_000, b'{"tasks": ["\\ud800"]}', b'{"tasks": ["\xff"]}', b'{"tasks": NaN}', b"{} {}"],
    ids=["cut", "word", "deep", "surrogate", "latin-1", "NaN", "two"],
)
def test_a_body_that_is_no_json_is_a_serialization_error(body: bytes) -> None:
    status, code, message = refused(body)
    assert (status, code) == (400, "SerializationException")
    assert message.startswith("The request body is not valid JSON")


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null"])
def test_a_body_that_is_no_object_is_a_serialization_error(body: bytes) -> None:
    assert refused(body)[1] == "SerializationException"


def test_an_empty_body_is_an_empty_object() -> None:
    assert protocol.ecs().operation("ListClusters").parse(b"") == {}


def test_an_answer_leaves_out_what_is_not_known_and_rounds_times_to_milliseconds() -> None:
    body = (
        Api(EVERYTHING)
        .operation("Take")
        .serialise({"name": "a", "colour": None, "at": 1_790_000_000.12345, "children": [{"name": "b", "on": None}]})
    )
    assert json.loads(body) == {"name": "a", "at": 1_790_000_000.123, "children": [{"name": "b"}]}


@pytest.mark.parametrize(
    "output",
    [
        {"surname": "a"},
        {"name": 1},
        {"colour": "PINK"},
        {"count": True},
        {"count": "1"},
        {"at": "now"},
        {"children": [{"surname": "a"}]},
    ],
)
def test_an_answer_that_the_model_does_not_allow_is_our_own_bug(output: dict[str, object]) -> None:
    with pytest.raises(OutputError):
        Api(EVERYTHING).operation("Take").serialise(output)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("CreateService", {"serviceName": "web", "taskDefinition": "web-server", "desiredCount": 1,
                           "tags": [{"key": "a", "value": "\ud800 "}]}),
        ("RunTask", {"taskDefinition": "batch-job", "startedBy": "\udc00"}),
        ("RegisterTaskDefinition", {"family": "a", "containerDefinitions": [
            {"name": "a", "image": "a", "memory": 64, "environment": [{"name": "A", "value": "\ud800x"}]}]}),
    ],
)  # fmt: skip
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(operation: str, params: dict[str, Any]) -> None:
    status, body = Harness().call(operation, params)
    assert (status, body["__type"]) == (400, "SerializationException")
