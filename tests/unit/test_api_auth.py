"""Who is served: signatures, Host, Origin, sizes. Each refusal has AWS's own name, status and words."""

from __future__ import annotations

import datetime as dt
import json
import re
import time

import pytest

from chaos_ecs.api.auth import LARGEST_BODY_BYTES, Request
from chaos_ecs.api.exchange import Response
from chaos_ecs.sigv4 import Credentials, Scope, _signature, sign
from tests.unit.api_harness import HOST, KEYS, PORT, TARGETS, Harness

LIST_CLUSTERS = {"X-Amz-Target": f"{TARGETS['ecs']}.ListClusters"}


def told(response: Response) -> tuple[int, str, str]:
    body = json.loads(response.body)
    return response.status, body["__type"], body["message"]


def unsigned(api: Harness, **headers: str) -> Response:
    return api.handle(Request("POST", "/", "", {"host": HOST, **headers}, b"{}"))


def test_a_signed_request_is_served(api: Harness) -> None:
    assert api.send(b"{}", headers=LIST_CLUSTERS).status == 200


def test_boto3_is_served_in_any_region(api: Harness) -> None:
    assert api.client("ap-southeast-2").list_clusters()["clusterArns"] == [
        "arn:aws:ecs:ap-southeast-2:123456789012:cluster/my-cluster"
    ]


def test_a_request_without_a_signature_is_refused(api: Harness) -> None:
    said = (400, "MissingAuthenticationTokenException", "Missing Authentication Token")
    assert told(unsigned(api)) == said


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        ("Bearer abc", "must begin with 'AWS4-HMAC-SHA256'"),
        (
            "AWS4-HMAC-SHA256 Credential=a",
            "requires 'Signature' parameter. Authorization header requires 'SignedHeaders'",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0",
            "Credential must have exactly 5 slash-delimited elements",
        ),
    ],
)
def test_an_incomplete_signature_is_refused(api: Harness, authorization: str, said: str) -> None:
    status, code, message = told(unsigned(api, authorization=authorization, **{"x-amz-date": "20260101T000000Z"}))
    assert (status, code) == (400, "IncompleteSignatureException")
    assert said in message


def test_a_signature_without_a_date_is_incomplete(api: Harness) -> None:
    whole = "AWS4-HMAC-SHA256 Credential=K/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
    status, code, message = told(unsigned(api, authorization=whole))
    assert (status, code) == (400, "IncompleteSignatureException")
    assert "'X-Amz-Date'" in message


def test_an_unknown_access_key_is_refused(api: Harness) -> None:
    response = api.send(b"{}", headers=LIST_CLUSTERS, keys=Credentials("AKIASOMEBODY", KEYS.secret_access_key))
    said = (400, "UnrecognizedClientException", "The security token included in the request is invalid.")
    assert told(response) == said


def test_a_wrong_secret_is_refused(api: Harness) -> None:
    response = api.send(b"{}", headers=LIST_CLUSTERS, keys=Credentials(KEYS.access_key_id, "guessed"))
    status, code, message = told(response)
    assert (status, code) == (400, "InvalidSignatureException")
    assert message.startswith("The request signature we calculated does not match the signature you provided.")


def test_boto3_names_the_refusal(api: Harness) -> None:
    client = api.client(keys=Credentials(KEYS.access_key_id, "guessed"))
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.list_clusters()
    assert caught.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (-6, "Signature expired: SENT is now earlier than AT (AT - 5 min.)"),
        (6, "Signature not yet current: SENT is still later than AT (AT + 5 min.)"),
    ],
)
def test_a_request_from_another_time_is_refused_in_the_words_of_ecs(api: Harness, minutes: int, said: str) -> None:
    sent_at = time.time() + minutes * 60
    status, code, message = told(api.send(b"{}", headers=LIST_CLUSTERS, now=sent_at))
    assert (status, code) == (400, "InvalidSignatureException")
    date = dt.datetime.fromtimestamp(sent_at, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    assert re.sub(r"\d{8}T\d{6}Z", "AT", message.replace(date, "SENT")) == said


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_clock_that_is_some_minutes_off_is_served(api: Harness, minutes: int) -> None:
    assert api.send(b"{}", headers=LIST_CLUSTERS, now=time.time() + minutes * 60).status == 200


def signed(**changed: str) -> dict[str, str]:
    """The headers of a signed ListClusters, lower-case, some of them not as they were signed."""
    headers = sign(
        "POST",
        "/",
        "",
        {"Host": HOST, **LIST_CLUSTERS},
        b"{}",
        credentials=KEYS,
        region="us-east-1",
        service="ecs",
        now=time.time(),
    )
    return {name.lower(): value for name, value in headers.items()} | changed


def test_a_scope_with_another_end_is_refused_in_the_words_of_aws(api: Harness) -> None:
    headers = signed()
    headers["authorization"] = headers["authorization"].replace("/aws4_request", "/aws3_request")
    said = "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'."
    assert told(api.handle(Request("POST", "/", "", headers, b"{}"))) == (400, "InvalidSignatureException", said)


@pytest.mark.parametrize(
    ("left_out", "said"),
    [("host", "'Host' or ':authority'"), ("x-amz-date", "'X-Amz-Date'"), ("x-amz-target", "'X-Amz-Target'")],
)
def test_a_header_that_the_signature_must_cover_is_named(api: Harness, left_out: str, said: str) -> None:
    """Without it a request that was overheard could be sent again as another operation."""
    headers = {"host": HOST, "x-amz-date": dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")}
    covered = {"x-amz-target": LIST_CLUSTERS["X-Amz-Target"], **headers}
    names = tuple(sorted(name for name in covered if name != left_out))
    scope = Scope(KEYS.access_key_id, headers["x-amz-date"][:8], "us-east-1", "ecs", names, "")
    signature = _signature("POST", "/", "", covered, b"{}", scope=scope, secret=KEYS.secret_access_key)
    credential = f"{KEYS.access_key_id}/{scope.date}/us-east-1/ecs/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    answer = api.handle(Request("POST", "/", "", {**covered, "authorization": authorization}, b"{}"))
    assert told(answer) == (
        400,
        "InvalidSignatureException",
        f"{said} must be a 'SignedHeader' in the AWS Authorization.",
    )


def test_a_signed_header_that_is_not_sent_is_refused(api: Harness) -> None:
    headers = signed()
    headers["authorization"] = headers["authorization"].replace("SignedHeaders=", "SignedHeaders=content-type;")
    status, code, message = told(api.handle(Request("POST", "/", "", headers, b"{}")))
    assert (status, code) == (400, "InvalidSignatureException")
    assert message.startswith("The request signature we calculated does not match")


def test_two_authorizations_are_worth_none(api: Harness) -> None:
    """As the server joins headers of one name."""
    forged = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0"
    for pair in ([forged, signed()["authorization"]], [signed()["authorization"], forged]):
        answer = api.handle(Request("POST", "/", "", signed(authorization=",".join(pair)), b"{}"))
        assert answer.status == 400, pair


def test_a_body_that_was_not_signed_is_refused(api: Harness) -> None:
    """UNSIGNED-PAYLOAD is S3's; ECS signs what it is sent."""
    headers = signed(**{"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert told(api.handle(Request("POST", "/", "", headers, b'{"maxResults": 1}')))[1] == "InvalidSignatureException"


def test_a_presigned_address_is_no_signature_here(api: Harness) -> None:
    """Nobody signs ECS's operations into an address: they are POSTs (decision 011)."""
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=0"
    answer = api.handle(Request("POST", "/", query, {"host": HOST, "x-amz-target": "x"}, b"{}"))
    assert told(answer)[1] == "MissingAuthenticationTokenException"


def test_a_session_token_left_in_the_shell_does_no_harm(api: Harness) -> None:
    assert api.send(b"{}", headers={**LIST_CLUSTERS, "X-Amz-Security-Token": "of an account"}).status == 200


def test_a_date_that_is_not_the_scopes_is_refused(api: Harness) -> None:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={KEYS.access_key_id}/20260101/us-east-1/ecs/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0"
    )
    status, code, message = told(unsigned(api, authorization=authorization, **{"x-amz-date": "20260102T000000Z"}))
    assert (status, code) == (400, "InvalidSignatureException")
    assert "'20260101' != '20260102', from '20260102T000000Z'" in message


@pytest.mark.parametrize("region", ["", "here", "us-east-1/x", "US-EAST-1", "us-east-1000", "..", "a" * 300])
def test_a_region_that_is_none_is_refused(api: Harness, region: str) -> None:
    assert told(api.send(b"{}", headers=LIST_CLUSTERS, region=region))[0] == 400
    assert not api.simulation.state.clusters


@pytest.mark.parametrize(("service", "target"), [("s3", "ecs"), ("chaos-ecs", "ecs"), ("ecs", "chaos-ecs")])
def test_a_signature_for_another_service_is_refused(api: Harness, service: str, target: str) -> None:
    response = api.send(b"{}", headers={"X-Amz-Target": f"{TARGETS[target]}.ListClusters"}, service=service)
    said = f"Credential should be scoped to correct service: '{target}'."
    assert told(response) == (400, "InvalidSignatureException", said)


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("codedeploy", "list_applications"),
        ("events", "list_rules"),
        ("sts", "get_caller_identity"),
        ("lambda", "list_functions"),
    ],
)
def test_a_service_that_is_not_here_is_named_whatever_its_protocol(api: Harness, service: str, operation: str) -> None:
    client = api.client(service=service)
    with pytest.raises(client.exceptions.ClientError) as caught:
        getattr(client, operation)()
    told = caught.value.response
    assert told["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert told["Error"]["Code"] == "NotImplementedException"
    assert told["Error"]["Message"].startswith(f"chaos-ecs does not have the service {service}. It has: app")


def test_a_body_hash_that_is_not_the_bodys_is_refused(api: Harness) -> None:
    headers = {**LIST_CLUSTERS, "X-Amz-Content-Sha256": "0" * 64}
    assert told(api.send(b"{}", headers=headers))[1] == "InvalidSignatureException"


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", ""])
@pytest.mark.parametrize("path", ["/", "/health", "/state", "/events"])
def test_a_foreign_host_is_refused_everywhere(api: Harness, host: str, path: str) -> None:
    status, code, _ = told(api.handle(Request("GET", path, "", {"host": host}, b"")))
    assert (status, code) == (403, "AccessDeniedException")


@pytest.mark.parametrize("host", [HOST, f"localhost:{PORT}", f"LOCALHOST:{PORT}", f"[::1]:{PORT}"])
def test_our_own_names_are_served(api: Harness, host: str) -> None:
    assert api.handle(Request("GET", "/health", "", {"host": host}, b"")).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"http://localhost:{PORT + 1}", "file://"])
def test_a_foreign_page_is_refused_even_with_a_good_signature(api: Harness, origin: str) -> None:
    assert told(api.send(b"{}", headers={**LIST_CLUSTERS, "Origin": origin}))[:2] == (403, "AccessDeniedException")


def test_a_page_of_our_own_is_served(api: Harness) -> None:
    assert api.send(b"{}", headers={**LIST_CLUSTERS, "Origin": f"http://localhost:{PORT}"}).status == 200


def test_a_body_over_a_mebibyte_is_refused(api: Harness) -> None:
    assert told(api.send(b" " * (LARGEST_BODY_BYTES + 1), headers=LIST_CLUSTERS))[0] == 413
    assert api.send(b"{}" + b" " * (LARGEST_BODY_BYTES - 2), headers=LIST_CLUSTERS).status == 200


@pytest.mark.parametrize("target", ["", "ListClusters", f"{TARGETS['ecs']}.Nothing", "Other.ListClusters", "...."])
def test_an_unknown_operation_is_named(api: Harness, target: str) -> None:
    status, code, message = told(api.send(b"{}", headers={"X-Amz-Target": target}))
    assert (status, code) == (400, "UnknownOperationException")
    assert target in message


def test_an_operation_that_is_not_here_yet_is_named(api: Harness) -> None:
    status, code, message = told(api.send(b"{}", headers={"X-Amz-Target": f"{TARGETS['ecs']}.CreateDaemon"}))
    assert (status, code) == (501, "NotImplementedException")
    assert message == "chaos-ecs does not have the operation CreateDaemon yet."


def test_every_answer_has_a_request_id_of_its_own(api: Harness) -> None:
    responses = [api.send(b"{}", headers=LIST_CLUSTERS), api.send(b"{", headers=LIST_CLUSTERS), unsigned(api)]
    ids = [response.headers["x-amzn-RequestId"] for response in responses]
    assert len(set(ids)) == 3
    assert all(len(id_) == 36 for id_ in ids)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/", 405), ("POST", "/state", 405), ("DELETE", "/events", 405), ("GET", "/favicon.ico", 404)],
)
def test_other_methods_and_paths_are_refused(api: Harness, method: str, path: str, status: int) -> None:
    assert told(api.handle(Request(method, path, "", {"host": HOST}, b"")))[0] == status


def test_health_is_told_to_anybody_here(api: Harness) -> None:
    response = api.handle(Request("GET", "/health", "", {"host": HOST}, b""))
    assert sorted(json.loads(response.body)) == ["chaos-ecs", "pid"]


def test_a_controller_whose_loop_has_died_answers_500(api: Harness) -> None:
    api.border.controller.failed = RuntimeError("a bug")
    status, code, message = told(api.send(b"{}", headers=LIST_CLUSTERS))
    assert (status, code) == (500, "ServerException")
    assert "controller.log" in message


def test_a_bug_in_an_operation_answers_500_without_its_traceback(
    api: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    api.send(b"{}", headers=LIST_CLUSTERS)
    del api.simulation.state.clusters  # whoever asks for clusters now meets an AttributeError
    status, code, message = told(api.send(b"{}", headers=LIST_CLUSTERS))
    assert (status, code) == (500, "ServerException")
    assert "AttributeError" not in message
    assert "AttributeError" in caplog.text


# --- by the address of `controller start --listen` ---


def from_afar(method: str = "GET", path: str = "/health", body: bytes = b"", **headers: str) -> Request:
    """As it comes in at an address that others reach too, by whatever name they call it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method, path, "", {"host": "workshop.example:8482", **named}, body, from_afar=True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/state"),
        ("GET", "/page/app.js"),
        ("POST", "/page/do/ecs/StopTask"),
        ("GET", "/experiments"),
        ("GET", "/nothing"),
    ],
)
def test_from_afar_nothing_is_answered_without_a_signature(api: Harness, method: str, path: str) -> None:
    said = (400, "MissingAuthenticationTokenException", "Missing Authentication Token")
    status, code, message = told(api.handle(from_afar(method, path)))
    assert (code, message) == said[1:]
    assert status in (400, 403)  # as FIS and Scheduler have it


def test_from_afar_a_session_of_the_page_is_worth_nothing(api: Harness) -> None:
    session = api.border.sessions.enter(api.border.sessions.invite())
    cookie = f"chaos-ecs-{PORT}={session}"
    assert api.handle(Request("GET", "/state", "", {"host": HOST, "cookie": cookie}, b"")).status == 200
    assert told(api.handle(from_afar(path="/state", cookie=cookie)))[1] == "MissingAuthenticationTokenException"


def test_from_afar_who_signs_is_served_by_whatever_name(api: Harness) -> None:
    headers = sign(
        "POST",
        "/",
        "",
        {"Host": "workshop.example:8482", **LIST_CLUSTERS},
        b"{}",
        credentials=KEYS,
        region="us-east-1",
        service="ecs",
        now=time.time(),
    )
    lowered = {name.lower(): value for name, value in headers.items()}
    request = Request("POST", "/", "", lowered, b"{}", from_afar=True)
    assert api.handle(request).status == 200
    forged = {**lowered, "host": "another.example:8482"}
    assert told(api.handle(Request("POST", "/", "", forged, b"{}", from_afar=True)))[1] == "InvalidSignatureException"
    with_a_page = {**lowered, "origin": "http://workshop.example:8482"}
    assert api.handle(Request("POST", "/", "", with_a_page, b"{}", from_afar=True)).status == 403


def test_from_afar_health_is_for_who_signs(api: Harness) -> None:
    assert told(api.handle(from_afar(authorization="AWS4-HMAC-SHA256 nonsense")))[1] == "IncompleteSignatureException"
