"""What botocore raises, in four parts: what happened, why, what to do. Here, and nowhere else.

The code and the reason are the API's own words; the hint is ours. Never here: calls (see `calls.py`).
"""

from __future__ import annotations

import re
from typing import Any

from chaos_ecs.cli import refusals
from chaos_ecs.cli.endpoint.place import Place
from chaos_ecs.errors import ChaosEcsError

_LONGEST = 400

_KEYS = "Check the keys: aws sts get-caller-identity{profile}; if aws-env set them: open a new terminal"
_LOGIN = "aws sso login{profile}, or get new keys the way you got these; then the same again"
_POLICY = "Ask for the action in the policy of who you are: aws sts get-caller-identity{profile}"
_SUBNETS = "aws ecs run-task (or create-service) --network-configuration ...: no option here says subnets"
_WAIT = "The same again in a minute; it was tried several times already"

# By the refusal's code, then by a word of its message: the first that matches is told.
_HINTS: tuple[tuple[str, str, str], ...] = (
    ("ExpiredToken", "", _LOGIN),
    ("ExpiredTokenException", "", _LOGIN),
    ("RequestExpired", "", "Set this machine's clock, or: " + _LOGIN),
    ("InvalidClientTokenId", "", _KEYS),
    ("UnrecognizedClientException", "", _KEYS),
    ("InvalidSignatureException", "", _KEYS),
    ("SignatureDoesNotMatch", "", _KEYS),
    ("IncompleteSignature", "", _KEYS),
    ("MissingAuthenticationToken", "", _KEYS),
    ("AuthFailure", "", _KEYS),
    ("AccessDenied", "", _POLICY),
    ("AccessDeniedException", "", _POLICY),
    ("UnauthorizedOperation", "", _POLICY),
    ("ThrottlingException", "", _WAIT),
    ("Throttling", "", _WAIT),
    ("TooManyRequestsException", "", _WAIT),
    ("RequestLimitExceeded", "", _WAIT),
    ("ServerException", "", _WAIT),
    ("ServiceUnavailable", "", _WAIT),
    ("ClusterNotFoundException", "", "aws ecs list-clusters, then name one with --cluster"),
    (
        "InvalidParameterException",
        "etwork",
        _SUBNETS,
    ),
    ("ClientException", "askDefinition", "aws ecs list-task-definitions, then name one: --task-definition FAMILY"),
    ("ClientException", "ask definition", "aws ecs list-task-definitions, then name one: --task-definition FAMILY"),
    ("ServiceNotFoundException", "", "chaos-ecs service ls"),
    ("ServiceNotActiveException", "", "chaos-ecs service ls"),
)


def hint(code: str, message: str, place: Place) -> str:
    """The next thing to do."""
    found = next((text for known, word, text in _HINTS if known == code and word in message), "")
    profile = f" --profile {place.profile}" if place.profile else ""
    return found.replace("{profile}", profile) if found else refusals.FALLBACK


def told(error: Exception, operation: str, place: Place) -> ChaosEcsError | None:
    """The error that a command raises for this one; None for what is no trouble of botocore's."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    if isinstance(error, exceptions.ClientError):
        return _refused(error, operation, place)
    for kind, make in _LOCAL:
        if isinstance(error, getattr(exceptions, kind)):
            code, what, hint_, exit_code = make
            profile = f" --profile {place.profile}" if place.profile else ""
            named = what.format(operation=operation, place=place.name)
            return ChaosEcsError(code, named, _plain(str(error)), hint_.replace("{profile}", profile), exit_code)
    stumbled = not place.is_aws and isinstance(error, KeyError | ValueError | TypeError)  # over a page, say
    if stumbled or isinstance(error, ResponseParserError):  # which is no BotoCoreError
        return no_api(operation, place, _plain(str(error)))
    if isinstance(error, exceptions.BotoCoreError):
        what = f"{operation} could not be asked of {place.name}"
        return ChaosEcsError("E-ENDPOINT", what, _plain(str(error)), "chaos-ecs ps --debug (shows where it was)")
    return None


def no_api(operation: str, place: Place, why: str) -> ChaosEcsError:
    """Somebody answers, but not as the ECS API does."""
    return ChaosEcsError("E-ENDPOINT", f"{operation}: {place.name} does not answer as AWS does", why, _AWAY)


def _refused(error: Any, operation: str, place: Place) -> ChaosEcsError:
    said = error.response.get("Error") or {}
    code, message = str(said.get("Code") or "HTTP"), _plain(str(said.get("Message") or error))
    status = (error.response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    if code.isdigit():  # no answer of the API, but of something before it
        code, message = f"HTTP-{code}", message or f"it answered {status}"
    return ChaosEcsError(code, f"{operation} was refused", message, hint(code, message, place))


def _plain(text: str) -> str:
    """One line, without the tags of a page that something on the way answered."""
    words = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."


# Of botocore's own: by class, the most special first, (code, what, hint, exit code).
_NO_KEYS = "aws configure, or aws sso login{profile}; or name who you are with --profile"
_AWAY = "Check the network, the address and the region's name, then the same again"
_LOCAL: tuple[tuple[str, tuple[str, str, str, int]], ...] = (
    ("NoCredentialsError", ("E-NO-CREDENTIALS", "There are no credentials for {place}", _NO_KEYS, 1)),
    ("PartialCredentialsError", ("E-NO-CREDENTIALS", "The credentials for {place} are not whole", _NO_KEYS, 1)),
    ("CredentialRetrievalError", ("E-NO-CREDENTIALS", "The credentials could not be fetched", _LOGIN, 1)),
    ("TokenRetrievalError", ("E-EXPIRED", "The login has run out", _LOGIN, 1)),
    ("UnauthorizedSSOTokenError", ("E-EXPIRED", "The login has run out", _LOGIN, 1)),
    ("SSOError", ("E-EXPIRED", "The login cannot be used", _LOGIN, 1)),
    ("ProfileNotFound", ("E-NO-PROFILE", "There is no such profile", "aws configure list-profiles", 2)),
    ("ConfigParseError", ("E-AWS-CONFIG", "The AWS config file cannot be read", "Correct ~/.aws/config", 2)),
    ("InvalidRegionError", ("E-NO-REGION", "That is no region", "Name one: --region eu-central-1", 2)),
    ("NoRegionError", ("E-NO-REGION", "There is no region to ask", "Name one: --region eu-central-1", 2)),
    ("EndpointConnectionError", ("E-ENDPOINT", "{place} cannot be reached", _AWAY, 1)),
    ("ConnectionError", ("E-ENDPOINT", "{place} cannot be reached", _AWAY, 1)),
    ("HTTPClientError", ("E-ENDPOINT", "{place} does not answer", _AWAY, 1)),
    ("ParamValidationError", ("E-USAGE", "{operation} cannot be asked like that", "chaos-ecs help", 2)),
)  # fmt: skip
