"""The codec of the Query protocol: botocore writes what it reads, and reads what it writes, for every operation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.model import Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos_ecs.api import query
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.operations.balancing import ELBV2_OPERATIONS
from chaos_ecs.api.shapes import OutputError
from tests.unit.api_harness import Harness

API = query.elbv2()
OPERATIONS = sorted(API.operation_names)
VERSION = "Version=2015-12-01"
TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff", include_characters="\t\n\r")
)


def values(shape: Shape, *, sent: bool) -> st.SearchStrategy[Any]:
    """Anything that the model allows there. What is sent has no empty structures: the protocol cannot say them."""
    if shape.type_name == "structure":
        members = {name: values(member, sent=sent) for name, member in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        found = st.fixed_dictionaries(required, optional=members)
        return found.filter(bool) if sent and shape.members else found
    if shape.type_name == "list":
        return st.lists(values(shape.member, sent=sent), min_size=shape.metadata.get("min", 0), max_size=3)
    if shape.type_name == "map":
        return st.dictionaries(TEXT, values(shape.value, sent=sent), min_size=1, max_size=2)
    return leaves(shape)


def leaves(shape: Shape) -> st.SearchStrategy[Any]:
    told = shape.metadata
    low, high = told.get("min", -(2**31)), told.get("max", 2**31 - 1)
    text = st.sampled_from(told["enum"]) if "enum" in told else TEXT.filter(lambda said: low <= len(said) <= high)
    milliseconds = st.integers(0, 4_000_000_000_000)
    by_type: dict[str, st.SearchStrategy[Any]] = {
        "string": text,
        "integer": st.integers(low, high),
        "long": st.integers(low, high),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "timestamp": milliseconds.map(lambda at: at / 1000),
        "boolean": st.booleans(),
    }
    return by_type[shape.type_name]


def as_read(shape: Shape, value: Any) -> Any:
    """The same with times as botocore's parser has them."""
    match shape.type_name:
        case "structure":
            return {name: as_read(shape.members[name], item) for name, item in value.items()}
        case "list":
            return [as_read(shape.member, item) for item in value]
        case "timestamp":
            return datetime.fromtimestamp(value, UTC)
    return value


@pytest.mark.parametrize("name", OPERATIONS)
def test_botocore_reads_every_answer_as_it_was_given(name: str) -> None:
    shape = API._model.operation_model(name).output_shape

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(values(shape, sent=False))
    def check(output: dict[str, Any]) -> None:
        body = API.operation(name).serialise(output, "1-2-3")
        answer = create_parser("query").parse({"body": body, "headers": {}, "status_code": 200}, shape)
        assert answer.pop("ResponseMetadata")["RequestId"] == "1-2-3"
        assert answer == as_read(shape, output)

    check()


@pytest.mark.parametrize("name", OPERATIONS)
def test_what_botocore_writes_is_read_as_it_was_meant(name: str) -> None:
    model = API._model.operation_model(name)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(values(model.input_shape, sent=True) if model.input_shape.members else st.just({}))
    def check(params: dict[str, Any]) -> None:
        form = create_serializer("query", include_validation=False).serialize_to_request(params, model)["body"]
        tree = query.decode(urlencode(form).encode())
        assert API.named_in(tree) == name
        assert API.operation(name).parse(tree) == params

    check()


def test_the_model_of_this_botocore_speaks_query_and_every_registered_operation_is_in_it() -> None:
    assert (API.signing_name, API.version) == ("elasticloadbalancing", "2015-12-01")
    assert set(ELBV2_OPERATIONS) <= API.operation_names


def test_a_model_of_another_protocol_is_refused_at_once() -> None:
    with pytest.raises(AssertionError, match="Other does not speak AWS Query"):
        query.Api({"metadata": {"protocol": "json", "serviceId": "Other"}, "operations": {}, "shapes": {}})


def test_an_answer_that_the_model_does_not_have_is_our_bug() -> None:
    with pytest.raises(OutputError, match="has no member Colour"):
        API.operation("DescribeTags").serialise({"Colour": "red"}, "1")


def parse(name: str, form: str) -> dict[str, Any]:
    return API.operation(name).parse(query.decode(form.encode()))


@pytest.mark.parametrize(
    ("form", "parsed"),
    [
        ("Names.member.2=b&Names.member.1=a&Names.member.10=c", {"Names": ["a", "b", "c"]}),
        ("Names=", {"Names": []}),
        ("Brand.New.member.1=x&PageSize=7", {"PageSize": 7}),
        ("Marker=a%20b+c%26%C3%A9", {"Marker": "a b c&é"}),
        ("", {}),
    ],
)
def test_fields_are_read(form: str, parsed: dict[str, Any]) -> None:
    assert parse("DescribeTargetGroups", form) == parsed


@pytest.mark.parametrize(
    ("form", "code", "said"),
    [
        ("PageSize=many", "MalformedInput", "pageSize: STRING_VALUE can not be converted to an Integer"),
        ("PageSize=1.5", "MalformedInput", "pageSize"),
        ("PageSize=" + "9" * 5000, "MalformedInput", "pageSize"),
        ("PageSize.x=1", "MalformedInput", "pageSize: START_OBJECT can not be converted to an Integer"),
        ("Names=x", "MalformedInput", "names: STRING_VALUE can not be converted to a list"),
        ("Names.member.x=x", "MalformedInput", "names: START_OBJECT can not be converted to a list"),
        ("Names.member.1.x=x", "MalformedInput", "names.1.member: START_OBJECT can not be converted to a String"),
        ("Names=x&Names.member.1=x", "MalformedInput", "a value and a structure"),
        ("Names.member.1=x&Names=x", "MalformedInput", "a value and a structure"),
        ("Marker=%ff", "MalformedInput", "percent-encoded UTF-8"),
        ("Marker=é", "MalformedInput", "percent-encoded UTF-8"),
        ("Marker=a%00b", "MalformedInput", "XML cannot carry"),
        ("Marker=%EF%BF%BE", "MalformedInput", "XML cannot carry"),
        (
            "PageSize=0",
            "ValidationError",
            "Value '0' at 'pageSize' failed to satisfy constraint: Member must have value",
        ),
    ],
)
def test_fields_that_cannot_be_read_are_refused(form: str, code: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        parse("DescribeTargetGroups", form)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert said in caught.value.message


def test_a_name_of_very_many_parts_is_read_and_forgotten() -> None:
    assert parse("DescribeTargetGroups", ".".join("a" * 100_000) + "=1") == {}


def test_a_member_that_must_be_there_is_missed() -> None:
    with pytest.raises(Refused) as caught:
        parse("AddTags", "ResourceArns.member.1=x&Tags.member.1.Value=v")
    assert caught.value.code == "ValidationError"
    assert caught.value.message == (
        "1 validation error detected: Value null at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must not be null"
    )


# --- at the border ---


@pytest.mark.parametrize(
    ("form", "code", "said"),
    [
        ("", "MissingAction", "missing an action"),
        (f"Action=Made%3CUp&{VERSION}", "InvalidAction", "Could not find operation Made&lt;Up for version 2015-12-01"),
        ("Action=DescribeLoadBalancers&Version=2012-06-01", "InvalidAction", "for version 2012-06-01"),
        ("Action=DescribeLoadBalancers", "InvalidAction", "for version NO_VERSION"),
        ("Action.x=1", "MissingAction", "missing an action"),
    ],
)
def test_an_operation_that_is_not_in_the_model_is_refused(api: Harness, form: str, code: str, said: str) -> None:
    status, body = api.query(form)
    assert status == 400
    assert f"<Code>{code}</Code>" in body
    assert said in body
    assert "<Type>Sender</Type>" in body


def test_a_request_signed_for_another_service_is_refused_as_query_apis_do(api: Harness) -> None:
    headers = {"Content-Type": query.FORM}
    response = api.send(f"Action=DescribeLoadBalancers&{VERSION}".encode(), headers=headers, service="ecs")
    assert response.status == 403
    assert response.headers["x-amzn-ErrorType"] == "SignatureDoesNotMatch"
    assert b"correct service: &#39;elasticloadbalancing&#39;" in response.body.replace(b"'", b"&#39;")
    wrong = create_parser("query").parse(
        {"body": response.body, "headers": {}, "status_code": 403},
        API._model.operation_model("DescribeLoadBalancers").output_shape,
    )
    assert wrong["Error"]["Code"] == "SignatureDoesNotMatch"


def test_a_form_with_a_target_header_is_json_business(api: Harness) -> None:
    headers = {"Content-Type": query.FORM, "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters"}
    response = api.send(b"{}", headers=headers, service="ecs")
    assert (response.status, response.headers["content-type"]) == (200, "application/x-amz-json-1.1")


def test_an_answer_is_xml_with_the_number_of_its_request(api: Harness) -> None:
    status, body = api.query(f"Action=DescribeTargetGroups&{VERSION}")
    assert status == 200
    assert body.startswith(
        '<DescribeTargetGroupsResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">'
        "<DescribeTargetGroupsResult><TargetGroups></TargetGroups></DescribeTargetGroupsResult>"
    )
    assert "<RequestId>" in body


def test_what_xml_cannot_carry_is_not_said_in_a_refusal() -> None:
    said, body = query.refuse(Refused(400, "ServerException", "a\x00b&<\"'>"), "1")
    assert said.status == 500
    assert "<Message>a\ufffdb&amp;&lt;&quot;'&gt;</Message>" in body.decode()
    assert "<Type>Receiver</Type><Code>InternalFailure</Code>" in body.decode()
