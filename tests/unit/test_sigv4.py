"""Our signatures against botocore's: each signs, the other agrees."""

from __future__ import annotations

import datetime as dt

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from chaos_ecs.sigv4 import CLOCK_SKEW_SECONDS, Credentials, Scope, is_recent, is_valid, parse, sign

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
AT = 1_790_000_000.0


def by_botocore(method: str, path: str, query: str, body: bytes) -> dict[str, str]:
    """Headers, lower-case, as botocore signs them, with Host as it will be sent."""
    url = f"http://127.0.0.1:8481{path}" + (f"?{query}" if query else "")
    request = AWSRequest(method, url, headers={"Content-Type": "application/x-amz-json-1.1"}, data=body)
    auth = SigV4Auth(BotoCredentials(KEYS.access_key_id, KEYS.secret_access_key), "ecs", "eu-west-1")
    auth.add_auth(request)
    return {"host": "127.0.0.1:8481", **{name.lower(): value for name, value in request.headers.items()}}


def ours(method: str, path: str, query: str, body: bytes, keys: Credentials = KEYS) -> dict[str, str]:
    headers = {"Host": "127.0.0.1:8481", "X-Amz-Target": "Some.Target"}
    signed = sign(method, path, query, headers, body, credentials=keys, region="eu-west-1", service="ecs", now=AT)
    return {name.lower(): value for name, value in signed.items()}


def scope_of(headers: dict[str, str]) -> Scope:
    scope = parse(headers["authorization"])
    assert scope is not None
    return scope


def agrees(method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> bool:
    secret = KEYS.secret_access_key
    return is_valid(method, path, query, headers, body, scope=scope_of(headers), secret=secret)


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("POST", "/", "", b'{"cluster": "my-cluster"}'),
        ("POST", "/", "", b""),
        ("GET", "/events", "after=12&follow=1", b""),
        ("GET", "/events", "b=2&a=1&a=0&empty=", b""),
        ("GET", "/events", "name=a%20b%2Fc%C3%A9", b""),
        ("GET", "/tags/arn%3Aaws%3Afis%3Aus-east-1%3A123456789012%3Aexperiment%2FEXP1", "", b""),
        ("DELETE", "/tags/a%20b%25~%C3%A9+()*", "tagKeys=a%20b&tagKeys=", b""),
        ("GET", "/a//b/./c/../d/", "", b""),
        ("GET", "/a/../../", "", b""),
        ("GET", "/experiments/..", "", b""),
    ],
)
def test_what_botocore_signs_is_valid(method: str, path: str, query: str, body: bytes) -> None:
    headers = by_botocore(method, path, query, body)
    assert agrees(method, path, query, body, headers)


@given(path=st.text("/.~%2Fa é", max_size=12))
def test_botocore_and_we_agree_on_any_path(path: str) -> None:
    assert agrees("GET", f"/x/{path}", "", b"", by_botocore("GET", f"/x/{path}", "", b""))


@given(body=st.binary(max_size=200), query=st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers()))
def test_what_is_signed_here_is_valid_here(body: bytes, query: dict[str, int]) -> None:
    text = "&".join(f"{name}={value}" for name, value in query.items())
    assert agrees("POST", "/", text, body, ours("POST", "/", text, body))


def test_our_signature_is_the_one_botocore_calculates() -> None:
    headers = ours("POST", "/", "", b"{}")
    request = AWSRequest("POST", "http://127.0.0.1:8481/", headers={"X-Amz-Target": "Some.Target"}, data=b"{}")
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    auth = SigV4Auth(BotoCredentials(KEYS.access_key_id, KEYS.secret_access_key), "ecs", "eu-west-1")
    request.context["timestamp"] = headers["x-amz-date"]
    canonical = auth.canonical_request(request)
    assert auth.signature(auth.string_to_sign(request, canonical), request) == scope_of(headers).signature


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "PUT"},
        {"path": "/other"},
        {"path": "/tags/a/b"},
        {"query": "after=2"},
        {"body": b"[]"},
    ],
)
def test_a_request_changed_on_its_way_is_not_valid(changed: dict[str, object]) -> None:
    sent: dict[str, object] = {"method": "POST", "path": "/tags/a%2Fb", "query": "", "body": b"{}"}
    headers = ours("POST", "/tags/a%2Fb", "", b"{}")
    received = {**sent, **changed}
    assert agrees(**sent, headers=headers)  # type: ignore[arg-type]
    assert not agrees(**received, headers=headers)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["host", "x-amz-target", "x-amz-date"])
def test_a_signed_header_changed_on_its_way_is_not_valid(name: str) -> None:
    headers = ours("POST", "/", "", b"{}")
    headers[name] = "20260921T141321Z" if name == "x-amz-date" else "evil"
    assert not agrees("POST", "/", "", b"{}", headers)


def test_a_signature_that_leaves_the_host_out_is_not_valid() -> None:
    signed = sign("POST", "/", "", {}, b"", credentials=KEYS, region="eu-west-1", service="ecs", now=AT)
    headers = {"host": "127.0.0.1:8481", **{name.lower(): value for name, value in signed.items()}}
    assert not agrees("POST", "/", "", b"", headers)


def test_another_secret_is_not_valid() -> None:
    headers = ours("POST", "/", "", b"{}", Credentials(KEYS.access_key_id, "another"))
    assert not agrees("POST", "/", "", b"{}", headers)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic dXNlcjpwYXNz",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA512 Credential=a/20260101/us-east-1/ecs/aws4_request, SignedHeaders=host, Signature=0",
    ],
)
def test_an_authorization_of_another_form_is_not_read(authorization: str) -> None:
    assert parse(authorization) is None


@pytest.mark.parametrize(
    ("seconds", "recent"),
    [
        (0, True),
        (CLOCK_SKEW_SECONDS, True),
        (-CLOCK_SKEW_SECONDS, True),
        (CLOCK_SKEW_SECONDS + 1, False),
        (-CLOCK_SKEW_SECONDS - 1, False),
    ],
)
def test_five_minutes_of_clock_skew_is_allowed(seconds: int, recent: bool) -> None:
    date = dt.datetime.fromtimestamp(AT + seconds, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    assert is_recent(date, AT) is recent


def test_a_date_of_another_form_is_not_recent() -> None:
    assert not is_recent("yesterday", AT)
