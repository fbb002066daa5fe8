"""The codec of REST-JSON: botocore writes what it reads, and reads what it writes, for every operation of FIS and of
EventBridge Scheduler."""

from __future__ import annotations

import json
import re
from concurrent.futures import Future
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.model import Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from botocore.utils import percent_encode_sequence
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos_ecs.api import rest
from chaos_ecs.api.auth import Request
from chaos_ecs.api.call import Call, done
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.operations import Perform
from chaos_ecs.api.operations.fis import FIS_OPERATIONS
from chaos_ecs.api.operations.scheduler import SCHEDULER_OPERATIONS
from chaos_ecs.api.shapes import OutputError
from chaos_ecs.core.errors import (
    ClusterNotFoundException,
    ConflictException,
    EcsError,
    ResourceNotFoundException,
    ValidationException,
)
from chaos_ecs.core.state import State
from chaos_ecs.sigv4 import Credentials
from tests.unit.api_harness import HOST, KEYS, Harness

API = rest.fis()
SCHEDULER = rest.scheduler()
OPERATIONS = [(api, name) for api in (API, SCHEDULER) for name in sorted(api.operation_names)]
TEXT = st.characters(codec="utf-8")
ARN = "arn:aws:fis:us-east-1:123456789012:experiment/EXP 1+2~é%2F"
ROLE = "arn:aws:iam::123456789012:role/chaos"


def values(shape: Shape, *, patterns: bool = False) -> st.SearchStrategy[Any]:
    """Anything that the model allows there; nothing empty where the protocol has no way to say it."""
    told = shape.metadata
    match shape.type_name:
        case "structure":
            members = {name: values(member, patterns=patterns) for name, member in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            return st.lists(values(shape.member, patterns=patterns), min_size=1, max_size=2)
        case "map":
            keys, items = values(shape.key, patterns=patterns), values(shape.value, patterns=patterns)
            return st.dictionaries(keys, items, max_size=2)
        case "string" if patterns and "pattern" in told:
            fitting = st.from_regex(re.compile(told["pattern"], re.ASCII), fullmatch=True)
            return fitting.filter(lambda text: len(text) <= told["max"])
        case "string":
            shortest = max(told.get("min", 0), "location" in shape.serialization)
            longest = min(told.get("max", 99), shortest + 10)
            return (
                st.sampled_from(told["enum"]) if "enum" in told else st.text(TEXT, min_size=shortest, max_size=longest)
            )
        case "integer" | "long":
            return st.integers(told.get("min", -(2**31)), told.get("max", 2**31 - 1))
        case "timestamp":
            return st.integers(0, 4_000_000_000_000).map(lambda milliseconds: milliseconds / 1000)
        case "boolean":
            return st.booleans()
    raise AssertionError(shape.type_name)


def as_read(shape: Shape, value: Any) -> Any:
    """The same with times as botocore's parser has them."""
    match shape.type_name:
        case "structure":
            return {name: as_read(shape.members[name], item) for name, item in value.items()}
        case "list":
            return [as_read(shape.member, item) for item in value]
        case "map":
            return {name: as_read(shape.value, item) for name, item in value.items()}
        case "timestamp":
            return datetime.fromtimestamp(value, UTC)
    return value


@pytest.mark.parametrize(("api", "name"), OPERATIONS, ids=lambda value: getattr(value, "signing_name", value))
def test_botocore_reads_every_answer_as_it_was_given(api: rest.Api, name: str) -> None:
    shape = api._model.operation_model(name).output_shape

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(values(shape))
    def check(output: dict[str, Any]) -> None:
        body = api.operation(name).serialise(output)
        answer = create_parser("rest-json").parse({"body": body, "headers": {}, "status_code": 200}, shape)
        del answer["ResponseMetadata"]
        assert answer == as_read(shape, output)

    check()


@pytest.mark.parametrize(("api", "name"), OPERATIONS, ids=lambda value: getattr(value, "signing_name", value))
def test_what_botocore_writes_is_read_as_it_was_meant(api: rest.Api, name: str) -> None:
    model = api._model.operation_model(name)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(values(model.input_shape, patterns=api is SCHEDULER))
    def check(params: dict[str, Any]) -> None:
        sent = create_serializer("rest-json", include_validation=False).serialize_to_request(params, model)
        query = percent_encode_sequence(sent["query_string"])
        request = Request(sent["method"], sent["url_path"], query, sent["headers"], sent["body"])
        assert api.named_in(request) == name
        assert api.operation(name).parse(request) == params

    check()


def test_the_model_of_this_botocore_speaks_rest_json_and_every_registered_operation_is_in_it() -> None:
    assert (API.signing_name, SCHEDULER.signing_name) == ("fis", "scheduler")
    assert set(FIS_OPERATIONS) <= API.operation_names
    assert set(SCHEDULER_OPERATIONS) == SCHEDULER.operation_names


SMALL: dict[str, Any] = {
    "metadata": {"protocol": "rest-json", "serviceId": "Small", "signingName": "small"},
    "operations": {
        "GetThing": {
            "name": "GetThing",
            "http": {"method": "GET", "requestUri": "/things/{name}"},
            "input": {"shape": "Thing"},
            "output": {"shape": "Nothing"},
        },
        "ListNames": {
            "name": "ListNames",
            "http": {"method": "GET", "requestUri": "/things/names"},
            "input": {"shape": "Nothing"},
            "output": {"shape": "Nothing"},
        },
    },
    "shapes": {
        "Thing": {
            "type": "structure",
            "members": {
                "name": {"shape": "Name", "location": "uri", "locationName": "name"},
                "note": {"shape": "Name"},
            },
        },
        "Nothing": {"type": "structure", "members": {}},
        "Name": {"type": "string"},
        "Share": {"type": "double"},
    },
}


def small(*path: str, **change: Any) -> rest.Api:
    description = deepcopy(SMALL)
    place = description
    for part in path:
        place = place[part]
    place.update(change)
    return rest.Api(description)


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("operations", "GetThing", "http"), {"responseCode": 202}),
        (("operations", "GetThing", "http"), {"requestUri": "/things/{name+}"}),
        (("operations", "GetThing", "http"), {"requestUri": "/things/{name}?x=1"}),
        (("shapes", "Thing"), {"payload": "note"}),
        (("shapes", "Thing", "members", "note"), {"location": "header", "locationName": "x-note"}),
        (("shapes", "Thing", "members", "note"), {"location": "statusCode"}),
        (("shapes", "Thing", "members", "note"), {"locationName": "Note"}),
        (("shapes", "Thing", "members", "note"), {"location": "querystring", "locationName": "n", "shape": "Share"}),
    ],
)
def test_a_model_that_wants_more_than_this_codec_has_is_refused_at_once(
    path: tuple[str, ...], change: dict[str, Any]
) -> None:
    small()
    with pytest.raises(AssertionError, match=r"Small: (Get)?Thing has a .* not read here"):
        small(*path, **change)


def test_a_model_of_another_protocol_is_refused_at_once() -> None:
    with pytest.raises(AssertionError, match="Small does not speak REST-JSON"):
        small("metadata", protocol="json")


def test_a_fixed_path_wins_over_a_label() -> None:
    assert small().named_in(Request("GET", "/things/names", "", {}, b"")) == "ListNames"
    assert small().named_in(Request("GET", "/things/name", "", {}, b"")) == "GetThing"


def test_an_answer_that_the_model_does_not_have_is_our_bug() -> None:
    with pytest.raises(OutputError, match="has no member colour"):
        API.operation("GetExperiment").serialise({"colour": "red"})


# --- reading ---


def parse(request: str, body: bytes = b"") -> dict[str, Any]:
    """What a request line such as `GET /actions?maxResults=1` is read as."""
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    asked = Request(method, path, query, {}, body)
    return API.operation(API.named_in(asked)).parse(asked)


@pytest.mark.parametrize(
    ("request_line", "body", "parsed"),
    [
        ("GET /actions/aws%3Aecs%3Astop-task", b"", {"id": "aws:ecs:stop-task"}),
        ("GET /actions/a+b%2B%2F%25%20%C3%A9", b"", {"id": "a+b+/% é"}),
        ("GET /actions", b"", {}),
        ("GET /actions?maxResults=7&nextToken=a%2Bb%20c", b"", {"maxResults": 7, "nextToken": "a+b c"}),
        ("GET /actions?maxResults=7&maxResults=8&brandNew=1", b"", {"maxResults": 7}),
        ("GET /actions?nextToken=a&nextToken=b", b"", {"nextToken": "a"}),
        ("GET /actions?maxResults=7", b'{"nextToken": "x"}', {"maxResults": 7}),
        ("GET /actions", b"no JSON, which nobody reads", {}),
        (f"DELETE /tags/{'x' * 20}?tagKeys=a&tagKeys=b%26", b"", {"resourceArn": "x" * 20, "tagKeys": ["a", "b&"]}),
        ("PATCH /experimentTemplates/x", b'{"id": "y", "description": "d"}', {"id": "x", "description": "d"}),
        ("PATCH /experimentTemplates/x", b"", {"id": "x"}),
        ("PATCH /experimentTemplates/x", b'{"description": null, "brandNew": 1}', {"id": "x"}),
    ],
)
def test_members_are_read_from_the_path_the_query_and_the_body(
    request_line: str, body: bytes, parsed: dict[str, Any]
) -> None:
    assert parse(request_line, body) == parsed


@pytest.mark.parametrize(
    ("request_line", "body", "said"),
    [
        ("GET /actions/%ff", b"", "The path is not percent-encoded UTF-8."),
        ("GET /actions?nextToken=%ff", b"", "The query is not percent-encoded UTF-8."),
        ("GET /actions?maxResults=many", b"", "maxResults: STRING_VALUE can not be converted to an Integer"),
        ("GET /actions?maxResults=1.5", b"", "maxResults"),
        ("GET /actions?maxResults=" + "9" * 5000, b"", "maxResults"),
        ("PATCH /experimentTemplates/x", b"{", "The request body is not valid JSON"),
        ("PATCH /experimentTemplates/x", b"[]", "START_ARRAY can not be converted to a structure"),
        ("PATCH /experimentTemplates/x", b'{"actions": []}', "actions: START_ARRAY can not be converted to a map"),
    ],
)
def test_what_cannot_be_read_is_a_serialization_error(request_line: str, body: bytes, said: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(request_line, body)
    assert (caught.value.status, caught.value.code) == (400, "SerializationException")
    assert caught.value.message.startswith(said)


@pytest.mark.parametrize(
    ("request_line", "body", "told"),
    [
        ("GET /actions?maxResults=0", {}, "'0' at 'maxResults' {0}have value greater than or equal to 1"),
        ("GET /actions?nextToken=", {}, "'' at 'nextToken' {0}have length greater than or equal to 1"),
        ("GET /tags/short", {}, "'short' at 'resourceArn' {0}have length greater than or equal to 20"),
        ("POST /experiments", {"clientToken": "t"}, "null at 'experimentTemplateId' {0}not be null"),
        (
            "POST /experiments",
            {"clientToken": "t", "experimentTemplateId": "x", "experimentOptions": {"actionsMode": "some"}},
            "'some' at 'experimentOptions.actionsMode' {0}satisfy enum value set: [skip-all, run-all]",
        ),
        (
            "PATCH /experimentTemplates/x",
            {"targets": {"all": {"resourceType": "aws:ecs:task"}}},
            "null at 'targets[all].selectionMode' {0}not be null",
        ),
        (
            "PATCH /experimentTemplates/x",
            {"stopConditions": [{"source": "none"}, {}]},
            "null at 'stopConditions[1].source' {0}not be null",
        ),
    ],
)
def test_what_the_model_does_not_allow_is_a_validation_exception(
    request_line: str, body: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refused) as caught:
        parse(request_line, json.dumps(body).encode())
    assert (caught.value.status, caught.value.code) == (400, "ValidationException")
    assert caught.value.message == f"1 validation error detected: Value {told}".format(
        "failed to satisfy constraint: Member must "
    )


def test_more_tags_than_the_model_allows_are_refused() -> None:
    tags = {f"key{number}": "value" for number in range(51)}
    with pytest.raises(Refused, match="at 'tags' failed to satisfy constraint: Member must have length less than or"):
        parse(f"POST /tags/{'x' * 20}", json.dumps({"tags": tags}).encode())


# --- at the border, with operations made up here ---


class Kept:
    """An operation that keeps what it was called with and answers the same each time."""

    def __init__(self, output: dict[str, Any] | None = None) -> None:
        self.calls: list[Call] = []
        self._output = output or {}

    def __call__(self, call: Call) -> Future[dict[str, Any]]:
        self.calls.append(call)
        return done(self._output)

    @property
    def params(self) -> dict[str, Any]:
        (call,) = self.calls
        return dict(call.params)


def refusing(error: Exception) -> Perform:
    """An operation that is refused by the controller."""

    def fail(state: State, now: float) -> dict[str, Any]:
        raise error

    return lambda call: call.ask(fail)


def fis_with(**operations: Perform) -> Any:
    return Harness(fis=operations).client(service="fis")


@pytest.mark.parametrize(
    "identifier", ["EXP1", "a/b", "%2F", "é ü", "a+b", "..", ".", "a//b", "?x=1", "#", "~'()*!;:@"]
)
def test_the_path_is_what_boto3_was_given(identifier: str) -> None:
    operation = Kept()
    fis_with(GetExperiment=operation).get_experiment(id=identifier)
    assert operation.params == {"id": identifier}


def test_boto3_tags_what_has_an_arn() -> None:
    tag, untag, tags_of = Kept(), Kept(), Kept({"tags": {"team": "a/b"}})
    fis = fis_with(TagResource=tag, UntagResource=untag, ListTagsForResource=tags_of)
    fis.tag_resource(resourceArn=ARN, tags={"team": "a/b"})
    fis.untag_resource(resourceArn=ARN, tagKeys=["a b", "c&d=e", "é+", ""])
    assert fis.list_tags_for_resource(resourceArn=ARN)["tags"] == {"team": "a/b"}
    assert tag.params == {"resourceArn": ARN, "tags": {"team": "a/b"}}
    assert untag.params == {"resourceArn": ARN, "tagKeys": ["a b", "c&d=e", "é+", ""]}
    assert tags_of.params == {"resourceArn": ARN}


def test_boto3_lists_with_what_the_query_says() -> None:
    operation = Kept({"experiments": [], "nextToken": "2"})
    wanted = {"maxResults": 5, "nextToken": "1=/+ é", "experimentTemplateId": "EXT1"}
    answer = fis_with(ListExperiments=operation).list_experiments(**wanted)
    assert operation.params == wanted
    assert (answer["experiments"], answer["nextToken"]) == ([], "2")


def test_boto3_creates_what_the_body_says() -> None:
    operation = Kept()
    template: dict[str, Any] = {
        "description": "stops a task",
        "roleArn": ROLE,
        "stopConditions": [{"source": "none"}],
        "targets": {
            "some": {
                "resourceType": "aws:ecs:task",
                "resourceTags": {"team": "é"},
                "filters": [{"path": "lastStatus", "values": ["RUNNING"]}],
                "selectionMode": "COUNT(1)",
                "parameters": {"cluster": "my-cluster", "service": "web"},
            }
        },
        "actions": {"stop": {"actionId": "aws:ecs:stop-task", "targets": {"Tasks": "some"}, "startAfter": []}},
        "tags": {},
        "experimentOptions": {"emptyTargetResolutionMode": "skip"},
    }
    fis_with(CreateExperimentTemplate=operation).create_experiment_template(clientToken="once", **template)
    assert operation.params == {"clientToken": "once", **template}


def test_an_operation_is_told_the_region_of_the_signature() -> None:
    operation = Kept()
    Harness(fis={"ListActions": operation}).client("eu-west-1", service="fis").list_actions()
    (call,) = operation.calls
    assert call.region == "eu-west-1"


def test_an_experiment_is_answered_whole() -> None:
    experiment: dict[str, Any] = {
        "id": "EXP1",
        "arn": ARN,
        "experimentTemplateId": "EXT1",
        "roleArn": ROLE,
        "state": {"status": "failed", "reason": "because", "error": {"code": "Lost", "location": "stop"}},
        "targets": {"some": {"resourceType": "aws:ecs:task", "resourceArns": ["a", "b"], "selectionMode": "ALL"}},
        "actions": {
            "stop": {
                "actionId": "aws:ecs:stop-task",
                "parameters": {"duration": "PT1M"},
                "targets": {"Tasks": "some"},
                "startAfter": ["wait"],
                "state": {"status": "running", "reason": None},
                "startTime": 1_790_000_000.12345,
            }
        },
        "stopConditions": [{"source": "none"}],
        "creationTime": 1_790_000_000,
        "startTime": 1_790_000_000.5,
        "endTime": None,
        "tags": {"team": "é"},
        "experimentOptions": {"accountTargeting": "single-account", "actionsMode": "run-all"},
        "targetAccountConfigurationsCount": 0,
    }
    answer = fis_with(GetExperiment=Kept({"experiment": experiment})).get_experiment(id="EXP1")
    told = answer["experiment"]
    assert told.pop("creationTime") == datetime.fromtimestamp(1_790_000_000, UTC)
    assert told.pop("startTime") == datetime.fromtimestamp(1_790_000_000.5, UTC)
    assert told["actions"]["stop"].pop("startTime") == datetime.fromtimestamp(1_790_000_000.123, UTC)
    del experiment["creationTime"], experiment["startTime"], experiment["endTime"]
    del experiment["actions"]["stop"]["startTime"], experiment["actions"]["stop"]["state"]["reason"]
    assert told == experiment
    assert answer["ResponseMetadata"]["RequestId"]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"


class ServiceQuotaExceededException(EcsError):  # noqa: N818 (named as in the model)
    """In the model of FIS, and not raised by anything yet."""


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationException("Not like this."), 400),
        (ResourceNotFoundException("Experiment EXP1 not found."), 404),
        (ConflictException("Twice."), 409),
        (ServiceQuotaExceededException("Too many."), 402),
    ],
)
def test_a_refusal_has_the_models_status_and_boto3_catches_it_by_name(error: EcsError, status: int) -> None:
    fis = fis_with(GetExperiment=refusing(error))
    with pytest.raises(getattr(fis.exceptions, error.code)) as caught:
        fis.get_experiment(id="EXP1")
    told = caught.value.response
    assert told["Error"] == {"Code": error.code, "Message": error.message}
    assert told["ResponseMetadata"]["HTTPStatusCode"] == status
    assert told["ResponseMetadata"]["RequestId"]


def test_a_refusal_that_the_model_does_not_have_is_a_bad_request() -> None:
    refused_by(fis_with(GetExperiment=refusing(ClusterNotFoundException("None."))), 400, "ClusterNotFoundException")


def test_a_bug_in_an_operation_answers_500() -> None:
    refused_by(fis_with(GetExperiment=Kept({"colour": "red"})), 500, "ServerException")


def test_an_operation_that_is_not_here_yet_is_named() -> None:
    said = "chaos-ecs does not have the operation GetExperiment yet."
    assert refused_by(fis_with(), 501, "NotImplementedException") == said


def test_bad_input_is_refused_by_name_before_an_operation_sees_it() -> None:
    operation = Kept()
    fis = fis_with(GetExperiment=operation)
    with pytest.raises(fis.exceptions.ValidationException, match="at 'id' failed to satisfy constraint"):
        fis.get_experiment(id="x" * 65)
    assert not operation.calls


def test_a_wrong_secret_is_forbidden() -> None:
    fis = Harness(fis={"GetExperiment": Kept()}).client(keys=Credentials(KEYS.access_key_id, "guessed"), service="fis")
    refused_by(fis, 403, "InvalidSignatureException")


def refused_by(fis: Any, status: int, code: str) -> str:
    """What GetExperiment is refused with."""
    with pytest.raises(ClientError) as caught:
        fis.get_experiment(id="EXP1")
    told = caught.value.response
    assert (told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]) == (status, code)
    return str(told["Error"]["Message"])


# --- what goes to FIS, and what does not ---


@pytest.fixture
def api() -> Harness:
    """Without any operation of FIS: what comes as far as its operation answers 501."""
    return Harness(fis={})


def asked(api: Harness, method: str, path: str, service: str | None, **headers: str) -> tuple[int, str, str]:
    """Status, code and message of a refusal; no service: no signature."""
    if service is None:
        response = api.handle(Request(method, path, "", {"host": HOST, **headers}, b""))
    else:
        response = api.send(method=method, path=path, service=service, headers=headers)
    told = json.loads(response.body)
    assert response.headers["x-amzn-ErrorType"] == told["__type"]
    assert response.headers["content-type"] == "application/json"
    return response.status, told["__type"], told["message"]


FIS_PATHS = [
    "/experimentTemplates",
    "/experiments/EXP1",
    "/experiments/EXP1/resolvedTargets",
    "/actions",
    "/safetyLevers/default",
    "/targetResourceTypes",
    "/tags/arn%3Aaws%3Afis%3Aus-east-1%3A123456789012%3Aexperiment%2FEXP1",
]


@pytest.mark.parametrize("path", FIS_PATHS)
def test_a_path_of_fis_takes_a_signature_for_fis_only(api: Harness, path: str) -> None:
    scope = "Credential should be scoped to correct service: 'fis'."
    assert asked(api, "GET", path, "fis")[:2] == (501, "NotImplementedException")
    assert asked(api, "GET", path, "ecs") == (403, "InvalidSignatureException", scope)
    assert asked(api, "GET", path, "chaos-ecs") == (403, "InvalidSignatureException", scope)
    assert asked(api, "GET", path, None) == (403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    assert asked(api, "GET", path, None, authorization="Bearer x")[:2] == (403, "IncompleteSignatureException")


@pytest.mark.parametrize("path", FIS_PATHS)
def test_host_and_origin_come_before_the_signature(api: Harness, path: str) -> None:
    assert asked(api, "GET", path, "fis", Origin="https://evil.example")[:2] == (403, "AccessDeniedException")
    foreign = api.handle(Request("GET", path, "", {"host": "evil.example"}, b""))
    assert (foreign.status, foreign.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize("path", ["/", "/state", "/events"])
def test_the_controllers_own_paths_take_no_signature_for_fis(api: Harness, path: str) -> None:
    method = "POST" if path == "/" else "GET"
    response = api.send(method=method, path=path, service="fis")
    assert response.status == (405 if path == "/events" else 400)  # events are the server's to stream


def test_health_is_told_whatever_the_signature_is_for(api: Harness) -> None:
    assert api.send(method="GET", path="/health", service="fis").status == 200


@pytest.mark.parametrize(
    ("method", "path", "refused"),
    [
        ("PUT", "/experiments", (405, "MethodNotAllowedException", "/experiments does not take PUT.")),
        ("POST", "/experiments/EXP1", (405, "MethodNotAllowedException", "/experiments/EXP1 does not take POST.")),
        ("GET", "/nothing", (404, "UnknownOperationException", "There is no operation at /nothing.")),
        ("GET", "/experiments/", (404, "UnknownOperationException", "There is no operation at /experiments/.")),
        ("GET", "/experiments/a/b", (404, "UnknownOperationException", "There is no operation at /experiments/a/b.")),
        ("GET", "/actions/a/b/c", (404, "UnknownOperationException", "There is no operation at /actions/a/b/c.")),
    ],
)
def test_what_fis_does_not_have_is_refused(api: Harness, method: str, path: str, refused: tuple[int, str, str]) -> None:
    assert asked(api, method, path, "fis") == refused


@pytest.mark.parametrize("service", [None, "ecs"])
def test_a_path_of_nobody_is_not_found(api: Harness, service: str | None) -> None:
    said = (404, "ResourceNotFoundException", "There is nothing at /nothing.")
    assert asked(api, "GET", "/nothing", service) == said
