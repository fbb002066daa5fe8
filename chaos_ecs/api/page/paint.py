"""The cluster page as it is before its script runs: texts in the reader's language, the cluster as it stands. Pure.

Everything that is put in is escaped, but for the few fragments that are made here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from chaos_ecs.api.errors import Refused
from chaos_ecs.page import FILES, LANGUAGES, texts

_PLACE = re.compile(r"\{\{([a-z]+):([\w.-]+)\}\}")


@cache
def _skeleton(name: str) -> str:
    return (FILES / name).read_text(encoding="utf-8")


def language(asked: str, accepted: str) -> str:
    """The one that was asked for, or the first of those the browser takes; English where none is known."""
    wished = [asked, *(part.partition(";")[0].strip()[:2].lower() for part in accepted.split(","))]
    return next((item for item in wished if item in LANGUAGES), LANGUAGES[0])


def page(
    state: Mapping[str, Any], about: Mapping[str, Any], language_: str, *, may_act: bool, act_key: str = ""
) -> bytes:
    """The whole page. `about` has region, cluster, endpoint and version; `act_key` is told on the first visit."""
    said = texts(language_)
    boot = {"state": state, "about": about, "language": language_, "texts": said, "mayAct": may_act, "actKey": act_key}
    values = {"language": language_, "may": "act" if may_act else "look", **about}
    fragments = {
        "boot": _json(boot),
        "service-tiles": "".join(_tile(task, said) for task in _tasks(state, about, of_a_service=True)),
        "standalone-tiles": "".join(_tile(task, said) for task in _tasks(state, about, of_a_service=False)),
    }
    return _filled(_skeleton("cluster.html"), said, values, fragments).encode()


def refusal(refused: Refused, request_id: str) -> tuple[Refused, bytes]:
    """For people who come without a session."""
    values = {"language": LANGUAGES[0], "why": refused.message}
    return refused, _filled(_skeleton("refusal.html"), texts(LANGUAGES[0]), values, {}).encode()


def _filled(skeleton: str, said: Mapping[str, str], values: Mapping[str, Any], fragments: Mapping[str, str]) -> str:
    def put(place: re.Match[str]) -> str:
        kind, name = place.groups()
        if kind == "html":
            return fragments[name]
        return escape(str((said if kind == "t" else values)[name]))

    return _PLACE.sub(put, skeleton)


def _json(value: object) -> str:
    """As the content of a script element, which nothing in it can end."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def _tasks(state: Mapping[str, Any], about: Mapping[str, Any], *, of_a_service: bool) -> Sequence[Mapping[str, Any]]:
    return [
        task
        for task in state["tasks"]
        if task["clusterArn"] == about["clusterArn"]
        and bool(task["serviceArn"]) is of_a_service
        and not (of_a_service and task["lastStatus"] == "STOPPED")
    ]


def _tile(task: Mapping[str, Any], said: Mapping[str, str]) -> str:
    """As the script makes them; it takes over when it runs."""
    identity = f"{task['id'][:6]} {task['taskDefinition']}"
    status = said.get(f"status.{task['lastStatus']}", task["lastStatus"])
    return f'<li><button class="tile" type="button" disabled>{escape(status)} {escape(identity)}</button></li>'
