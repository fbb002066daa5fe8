"""Who asks, and from where: SigV4 signatures, Host and Origin. Nobody is served before these agree.

Statuses and texts are AWS's (IAM User Guide, "Troubleshoot signed requests"; JSON services answer 400). The Host and
Origin rules are ours: they keep web pages, and names that somebody points at 127.0.0.1, from reaching the controller.
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chaos_ecs.api.errors import Refused, too_large
from chaos_ecs.sigv4 import (
    ALGORITHM,
    CLOCK_SKEW_SECONDS,
    TERMINATOR,
    Credentials,
    Scope,
    is_recent,
    is_valid,
    left_out,
    parse,
)

LARGEST_BODY_BYTES = 1024 * 1024

_REGION = re.compile(r"[a-z]{2,5}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AMZ_DATE = "%Y%m%dT%H%M%SZ"
_AS_AWS_SAYS = {"host": "Host' or ':authority", "x-amz-date": "X-Amz-Date", "x-amz-target": "X-Amz-Target"}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as received. `headers` has lower-case names; path and query are raw. `guest_port` is the port it
    came in by, if that is the one for guests: it is open to the whole network, and only to look. `from_afar`: it came
    in by the address that `controller start --listen` opened, where nothing is served without a signature."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    guest_port: int | None = None
    from_afar: bool = False


def check_source(request: Request, port: int) -> None:
    """Raises Refused (403) unless the request is addressed to this very port on this machine, and no foreign page
    sent it."""
    if request.from_afar:  # by whatever name: its signature covers it, and no page can make one
        if "origin" in request.headers:
            raise Refused(403, "AccessDeniedException", "Requests of pages are not served here.")
        return
    host = request.headers.get("host", "").lower()
    if request.guest_port is None:
        hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    else:
        hosts = [host] if _is_address(host, request.guest_port) else []
    if host not in hosts:
        known = ", ".join(hosts) or "an address of this machine"
        raise Refused(403, "AccessDeniedException", f"The Host header must be one of {known}, not '{host}'.")
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() not in [f"http://{name}" for name in hosts]:
        raise Refused(403, "AccessDeniedException", f"Requests of pages from '{origin}' are not served.")


def _is_address(host: str, port: int) -> bool:
    """A guest comes by an address, not by a name that somebody may point anywhere."""
    address, _, told = host.rpartition(":")
    return told == str(port) and re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}", address) is not None


def check_size(request: Request) -> None:
    """Raises Refused (413) for a body that nobody sends by mistake."""
    if len(request.body) > LARGEST_BODY_BYTES:
        raise too_large(LARGEST_BODY_BYTES)


def check_signed(request: Request) -> None:
    """Raises Refused unless the request brings a signature, whatever that is worth."""
    if "authorization" not in request.headers:
        raise Refused(400, "MissingAuthenticationTokenException", "Missing Authentication Token")


def check_service(request: Request, ours: Collection[str]) -> None:
    """Raises Refused (501) for a request that is signed for a service of AWS which is not here."""
    scope = parse(request.headers.get("authorization", ""))
    if scope is not None and scope.service not in ours:
        known = ", ".join(sorted(ours))
        told = f"chaos-ecs does not have the service {scope.service[:100]}. It has: {known}."
        raise Refused(501, "NotImplementedException", told)


def authenticate(request: Request, service: str, credentials: Credentials, now: float) -> Scope:
    """The scope of a request that is signed with our key, now, for this service. Raises Refused otherwise."""
    check_signed(request)
    authorization = request.headers["authorization"]
    scope = parse(authorization)
    if scope is None or "x-amz-date" not in request.headers:
        raise _unreadable(request, authorization)
    if not hmac.compare_digest(scope.access_key_id.encode(), credentials.access_key_id.encode()):
        raise Refused(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
    _check_date(request.headers["x-amz-date"], scope, now)
    if scope.service != service:
        raise _bad_signature(f"Credential should be scoped to correct service: '{service}'.")
    if not is_region(scope.region):
        raise _bad_signature(f"Credential should be scoped to a valid region, not '{scope.region}'.")
    if (name := left_out(request.headers, scope)) is not None:
        raise _bad_signature(f"'{_AS_AWS_SAYS.get(name, name)}' must be a 'SignedHeader' in the AWS Authorization.")
    secret = credentials.secret_access_key
    if not is_valid(
        request.method, request.path, request.query, request.headers, request.body, scope=scope, secret=secret
    ):
        raise _bad_signature(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        )
    _check_body_hash(request)
    return scope


def is_region(text: str) -> bool:
    return _REGION.fullmatch(text) is not None


def _unreadable(request: Request, authorization: str) -> Refused:
    found = re.search(r"Credential=[^/,]*(?:/[^/,]*){3}/([^/,]*)", authorization)
    if authorization.startswith(f"{ALGORITHM} ") and found and found[1].strip() != TERMINATOR:
        terminator = found[1].strip()[:40]
        return _bad_signature(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
        )
    return Refused(400, "IncompleteSignatureException", _what_is_missing(request, authorization))


def _what_is_missing(request: Request, authorization: str) -> str:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        return f"The Authorization header must begin with '{ALGORITHM}', not with '{algorithm[:40]}'."
    missing = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if f"{name}=" not in rest
    ]
    if "x-amz-date" not in request.headers:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        return " ".join(missing)
    return "Credential must have exactly 5 slash-delimited elements: keyid/date/region/service/aws4_request."


def _check_date(amz_date: str, scope: Scope, now: float) -> None:
    if amz_date[:8] != scope.date:
        raise _bad_signature(
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{scope.date}' != '{amz_date[:8]}', from '{amz_date}'."
        )
    if is_recent(amz_date, now):
        return
    minutes = CLOCK_SKEW_SECONDS // 60
    try:
        sent = calendar.timegm(time.strptime(amz_date, _AMZ_DATE))
    except ValueError:
        raise Refused(
            400, "IncompleteSignatureException", f"Date must be in ISO-8601 'basic format'. Got '{amz_date}'."
        ) from None
    limit = now - CLOCK_SKEW_SECONDS if sent < now else now + CLOCK_SKEW_SECONDS
    how, sign = ("expired", "-") if sent < now else ("not yet current", "+")
    compared = "earlier" if sent < now else "later"
    raise _bad_signature(
        f"Signature {how}: {amz_date} is {'now' if sent < now else 'still'} {compared} than {_stamp(limit)} "
        f"({_stamp(now)} {sign} {minutes} min.)"
    )


def _check_body_hash(request: Request) -> None:
    """Some clients say the body's hash in a header too; a hash that is not the body's is refused."""
    said = request.headers.get("x-amz-content-sha256", "").lower()
    if _SHA256.fullmatch(said) and said != hashlib.sha256(request.body).hexdigest():
        raise _bad_signature("The provided 'x-amz-content-sha256' header does not match what was computed.")


def _bad_signature(message: str) -> Refused:
    return Refused(400, "InvalidSignatureException", message)


def _stamp(at: float) -> str:
    return time.strftime(_AMZ_DATE, time.gmtime(at))
