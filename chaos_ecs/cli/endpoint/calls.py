"""Calls through botocore and its ordinary credential chain. The only module of the CLI that knows botocore.

Never here: what is asked (see `api.py`), and what an error means (see `troubles.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from chaos_ecs import __version__
from chaos_ecs.cli import refusals
from chaos_ecs.cli.endpoint import troubles
from chaos_ecs.cli.endpoint.place import Place
from chaos_ecs.errors import ChaosEcsError

Answer = dict[str, Any]
Call = Callable[[str, dict[str, Any]], Answer]
"""An operation of the ECS API and its members; refusals are ChaosEcsErrors."""
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 60


class Calls:
    """The ECS API of one place, for any thread. Raises ChaosEcsError for no keys, no region, a wrong profile, and for
    an endpoint that the environment has put in AWS's place."""

    def __init__(self, place: Place, environment: Mapping[str, str]) -> None:
        self._place = place
        self._environment = environment
        self._session = self._ready("The look for credentials", self._opened)
        self.region: str = self._ready("The look for a region", self._region)
        self._ecs = self._ready("The ECS API", lambda: self._client("ecs"))
        self.url: str = self._ecs.meta.endpoint_url
        if place.is_aws:
            self._must_be_aws()
        keys = self._ready("The look for credentials", self._session.get_credentials)
        if keys is None:
            what = f"There are no credentials for {place.name}"
            why = "neither the environment nor a profile nor this machine's role has any"
            raise ChaosEcsError("E-NO-CREDENTIALS", what, why, "aws configure, or name who you are with --profile")

        profile = place.profile or self._session.profile
        self.whose = f"profile {profile}" if profile else f"keys from {keys.method}"

    def ecs(self, operation: str, members: dict[str, Any]) -> Answer:
        """The answer, with times in seconds since the epoch as our own API has them."""
        named = f"{operation} {refusals.about(members)}".strip()
        method = getattr(self._ecs, _snake(operation))
        given = {name: value for name, value in members.items() if value is not None}
        answer: Answer = _on_the_wire(self._ready(named, lambda: method(**given)))
        if not answer and operation.startswith(("Describe", "List")):
            raise troubles.no_api(named, self._place, "there is nothing in its answer that was asked for")
        return answer

    def account(self) -> str:
        """The account's number; "" where the place has no STS to ask, which only AWS must have."""
        try:
            told = self._ready("GetCallerIdentity", lambda: self._client("sts").get_caller_identity())
        except ChaosEcsError:
            if self._place.is_aws:
                raise
            return ""
        return str(told.get("Account") or "")

    def _opened(self) -> Any:
        from botocore.session import Session

        return Session(profile=self._place.profile or None)

    def _region(self) -> str:
        from botocore.exceptions import NoRegionError

        said = self._place.region or self._environment.get(
            "AWS_REGION"
        )  # which the aws CLI reads, and botocore does not
        found = said or self._session.get_config_variable("region")
        if not found:
            raise NoRegionError
        return str(found)

    def _client(self, service: str, *, plain: bool = False) -> Any:
        """With `plain`, whatever the environment and the config file say of endpoints is ignored."""
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard"},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_ANSWER_SECONDS,
            user_agent_extra=f"chaos-ecs/{__version__}",
            ignore_configured_endpoint_urls=True if plain else None,
        )
        url = None if self._place.is_aws else self._place.endpoint
        return self._session.create_client(service, region_name=self.region, endpoint_url=url, config=config)

    def _must_be_aws(self) -> None:
        """Raises E-NOT-AWS where a variable or a profile leads these calls to somewhere else."""
        for service in ("ecs", "sts"):
            led, meant = (self._client(service, plain=plain).meta.endpoint_url for plain in (False, True))
            if led != meant:
                what = f"--endpoint aws would not ask AWS, but {led}"
                why = (
                    "a variable AWS_ENDPOINT_URL... or endpoint_url in the config says so (chaos-ecs aws-env sets some)"
                )
                hint = f"A new terminal, or unset what begins with AWS_; or say it: --endpoint {led}"
                raise ChaosEcsError("E-NOT-AWS", what, why, hint, 5)

    def _ready(self, operation: str, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except ChaosEcsError:
            raise
        except Exception as error:
            meant = troubles.told(error, operation, self._place)
            if meant is None:
                raise
            raise meant from error


def _snake(operation: str) -> str:
    """DescribeServices -> describe_services, as botocore names its methods."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()


def _on_the_wire(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _on_the_wire(item) for name, item in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [_on_the_wire(item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value
