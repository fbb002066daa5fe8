"""Account settings: API_PutAccountSetting, API_PutAccountSettingDefault, API_DeleteAccountSetting,
API_ListAccountSettings.

Each region has its own. Of all of them only containerInsights does something here: new clusters begin with it.
"""

from __future__ import annotations

import re
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import CREATED_BY
from chaos_ecs.core import resource_messages as a
from chaos_ecs.core.arns import ACCOUNT_ID
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.state import State

PAGE = 10

INSIGHTS = "containerInsights"
_SWITCH, _ON_OFF = ("enabled", "disabled"), ("on", "off")
VALUES: dict[str, tuple[str, ...]] = {
    "awsvpcTrunking": _SWITCH,
    INSIGHTS: (*_SWITCH, "enhanced"),
    "containerInstanceLongArnFormat": _SWITCH,
    "defaultLogDriverMode": ("blocking", "non-blocking"),
    "fargateEventWindows": _SWITCH,
    "fargateFIPSMode": _SWITCH,
    "fargateTaskRetirementWaitPeriod": ("0", "7", "14"),
    "guardDutyActivate": _ON_OFF,
    "serviceLongArnFormat": _SWITCH,
    "tagResourceAuthorization": _ON_OFF,
    "taskLongArnFormat": _SWITCH,
}
DEFAULTS = {
    "awsvpcTrunking": "disabled",
    INSIGHTS: "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}
MANAGED = ("guardDutyActivate",)
"""Read-only: AWS sets it (API_PutAccountSetting.name)."""

_PRINCIPAL = re.compile(rf"arn:aws:iam::{ACCOUNT_ID}:(root|(user|role)/[\w+=,.@/-]+)")

_Answer = Future[dict[str, Any]]


def put_account_setting(call: Call) -> _Answer:
    """The setting as it is now, of a principal or else of the root user. Raises InvalidParameterException
    (API_PutAccountSetting)."""
    return _put(call, _principal(call))


def put_account_setting_default(call: Call) -> _Answer:
    """The same for everybody of the account who has no setting of their own (API_PutAccountSettingDefault)."""
    return _put(call, CREATED_BY)


def delete_account_setting(call: Call) -> _Answer:
    """The setting with its default. Raises InvalidParameterException (API_DeleteAccountSetting)."""
    name, principal = call.params["name"], _principal(call)
    _check_known(name)
    key = _key(call.region, principal, name)
    return call.request(
        lambda state: a.DeleteAccountSetting(key),
        lambda state, now, events: {"setting": _view(name, DEFAULTS[name], principal)},
    )


def list_account_settings(call: Call) -> _Answer:
    """What a principal has set, or what holds for it with effectiveSettings; ten at a time. Raises
    InvalidParameterException (API_ListAccountSettings)."""
    params, principal = call.params, _principal(call)
    name, value = params.get("name"), params.get("value")
    if value is not None and name is None:
        raise InvalidParameterException("You must specify a setting name when you specify a value.")
    effective = params.get("effectiveSettings", False)

    def answer(state: State, now: float) -> dict[str, Any]:
        found = []
        for known in VALUES:
            own = state.account_settings.get(_key(call.region, principal, known))
            if own or effective:
                value_there = own.value if own else default_value(state, call.region, known)
                found.append((known, _view(known, value_there, principal)))
        kept = [(key, it) for key, it in found if name in (None, key) and value in (None, it["value"])]
        return page(params, "settings", kept, size=PAGE, largest=PAGE)

    return call.ask(answer)


def default_value(state: State, region: str, name: str) -> str:
    """What holds for whoever has no setting of their own: the root user's, or else ECS's."""
    kept = state.account_settings.get(_key(region, CREATED_BY, name))
    return kept.value if kept else DEFAULTS[name]


def _put(call: Call, principal: str) -> _Answer:
    name, value = call.params["name"], call.params["value"]
    if name in MANAGED:
        raise InvalidParameterException(f"The setting {name} is read-only and cannot be changed.")
    _check_known(name)
    if value not in VALUES[name]:
        raise InvalidParameterException(f"Invalid value for {name}: use one of {', '.join(VALUES[name])}.")
    key = _key(call.region, principal, name)
    return call.request(
        lambda state: a.PutAccountSetting(key, value),
        lambda state, now, events: {"setting": _view(name, value, principal)},
    )


def _check_known(name: str) -> None:
    """The model of a newer botocore may have settings that came after this table."""
    if name not in VALUES:
        raise InvalidParameterException(f"The setting {name} is not known to this version of chaos-ecs.")


def _principal(call: Call) -> str:
    principal: str = call.params.get("principalArn", CREATED_BY)
    if not _PRINCIPAL.fullmatch(principal):
        raise InvalidParameterException("Invalid principal ARN: it is no root user, user or role of this account.")
    return principal


def _key(region: str, principal: str, name: str) -> str:
    return f"{region}/{principal}/{name}"


def _view(name: str, value: str, principal: str) -> dict[str, str]:
    return {
        "name": name,
        "value": value,
        "principalArn": principal,
        "type": "aws_managed" if name in MANAGED else "user",
    }
