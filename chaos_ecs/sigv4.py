"""AWS Signature Version 4, both ways: the CLI signs with it, the server checks with it. Standard library only.

Ours and not botocore's because importing that takes longer than a whole `chaos-ecs ps`; the tests hold it against
botocore as the other end. Source: IAM User Guide, "Create a signed AWS API request".
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
CLOCK_SKEW_SECONDS = 300
"""Requests older or newer than this are refused; ECS's own refusals say "- 5 min." and "+ 5 min."."""
TERMINATOR = "aws4_request"


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class Scope:
    """What an Authorization header says: whose key, which day, region and service, over which headers."""

    access_key_id: str
    date: str  # YYYYMMDD
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """The headers to send: those given (Host among them), with X-Amz-Date and Authorization."""
    amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    all_headers = {**headers, "X-Amz-Date": amz_date}
    lowered = {name.lower(): value for name, value in all_headers.items()}
    signed = tuple(sorted(lowered))
    scope = Scope(credentials.access_key_id, amz_date[:8], region, service, signed, "")
    signature = _signature(method, path, query, lowered, body, scope=scope, secret=credentials.secret_access_key)
    credential = f"{credentials.access_key_id}/{scope.date}/{region}/{service}/{TERMINATOR}"
    all_headers["Authorization"] = (
        f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(signed)}, Signature={signature}"
    )
    return all_headers


def parse(authorization: str) -> Scope | None:
    """The parts of an Authorization header, or None when it is none of this algorithm's."""
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        return None
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    credential = parts.get("Credential", "").split("/")
    if len(credential) != 5 or credential[4] != TERMINATOR or not parts.get("Signature"):
        return None
    key, date, region, service, _ = credential
    return Scope(key, date, region, service, tuple(parts.get("SignedHeaders", "").split(";")), parts["Signature"])


def is_valid(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, scope: Scope, secret: str
) -> bool:
    """Whether the signature is the secret's own. `headers` has lower-case names, values as received; a signature
    that leaves out Host, the date or the operation's name is not valid: it could be sent again with another."""
    if left_out(headers, scope) is not None:
        return False
    if any(name not in headers for name in scope.signed_headers):
        return False
    if headers["x-amz-date"][:8] != scope.date:
        return False
    expected = _signature(method, path, query, headers, body, scope=scope, secret=secret)
    return hmac.compare_digest(expected.encode(), scope.signature.encode())


def left_out(headers: Mapping[str, str], scope: Scope) -> str | None:
    """The header that the signature has to cover and does not."""
    needed = ("host", "x-amz-date", *(("x-amz-target",) if "x-amz-target" in headers else ()))
    return next((name for name in needed if name not in scope.signed_headers), None)


def is_recent(amz_date: str, now: float) -> bool:
    """Whether X-Amz-Date is within the allowed clock skew."""
    try:
        parsed = time.strptime(amz_date, "%Y%m%dT%H%M%SZ")
    except ValueError:
        return False
    return abs(calendar.timegm(parsed) - now) <= CLOCK_SKEW_SECONDS


def _signature(
    method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, *, scope: Scope, secret: str
) -> str:
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parse_qsl(query, keep_blank_values=True))
    canonical = "\n".join(
        [
            method,
            _canonical_path(path),
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(headers[name].split())}" for name in scope.signed_headers),
            "",
            ";".join(scope.signed_headers),
            hashlib.sha256(body).hexdigest(),
        ]
    )
    credential_scope = f"{scope.date}/{scope.region}/{scope.service}/{TERMINATOR}"
    to_sign = "\n".join(
        [ALGORITHM, headers["x-amz-date"], credential_scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def _canonical_path(path: str) -> str:
    """Without empty and dotted parts, and percent-encoded once more than it is sent: so for every service but S3."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    last = "/" if parts and path.endswith("/") else ""
    return quote(f"/{'/'.join(parts)}{last}")
