"""Who may see the cluster page and act on it: invitations, sessions, origins. What a page of somebody else tries."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chaos_ecs.api import border, snapshot
from chaos_ecs.api.auth import LARGEST_BODY_BYTES, Request
from chaos_ecs.api.exchange import Response
from chaos_ecs.api.page.sessions import INVITED_FOR_SECONDS, SESSION_SECONDS, Right, Sessions
from chaos_ecs.core.arns import cluster_arn
from tests.unit.api_harness import CLUSTER, HOST, REGION, Harness, running, with_tasks

ORIGIN = f"http://{HOST}"
COOKIE = "chaos-ecs-8481"

KEYS: dict[str, str] = {}  # by cookie


def ask(
    api: Harness, path: str, *, method: str = "GET", query: str = "", body: bytes = b"", **headers: Any
) -> Response:
    """A request without any signature, as browsers send them."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.handle(Request(method, path, query, {"host": HOST, **named}, body))


def visit(api: Harness) -> str:
    """The cookie of somebody who was invited; its key is known from here on."""
    token = api.chaos("OpenPage")["token"]
    response = ask(api, "/", query=f"token={token}")
    assert response.status == 200
    cookie = response.headers["set-cookie"].partition(";")[0]
    KEYS[cookie] = act_key(response)
    return cookie


def act_key(response: Response) -> str:
    """What a page that was loaded knows."""
    told = response.body.partition(b'type="application/json">')[2].partition(b"</script>")[0]
    return str(json.loads(told)["actKey"])


def kill(api: Harness, cookie: str, **headers: str) -> Response:
    body = json.dumps({"cluster": CLUSTER, "tasks": running(api)[:1]}).encode()
    own = {"content_type": "application/json", "sec_fetch_site": "same-origin", "x_chaos_ecs_act": KEYS.get(cookie, "")}
    sent = {"origin": ORIGIN, **own, **headers}
    return ask(
        api,
        "/page/do/chaos-ecs/KillTasks",
        method="POST",
        body=body,
        cookie=cookie,
        **{name: value for name, value in sent.items() if value},
    )


# --- coming in ---


def test_an_invitation_opens_the_page_once_and_its_cookie_opens_it_again(api: Harness) -> None:
    token = api.chaos("OpenPage")["token"]
    first = ask(api, "/", query=f"token={token}")
    assert (first.status, first.headers["content-type"]) == (200, "text/html; charset=utf-8")
    cookie, *rules = first.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(rules)
    assert ask(api, "/", query=f"token={token}").status == 401, "used"
    again = ask(api, "/", query=f"token={token}", cookie=cookie)
    assert (again.status, "set-cookie" in again.headers) == (200, False), "but loaded anew by whoever used it"
    assert act_key(again) == act_key(first) != ""
    assert ask(api, "/", cookie=f"other=1; {cookie}").status == 200


@pytest.mark.parametrize("query", ["", "token=", "token=guessed", "token=%00", "tok=1"])
def test_whoever_is_not_invited_is_told_how_to_be(api: Harness, query: str) -> None:
    refused = ask(api, "/", query=query)
    assert refused.status == 401
    assert b"chaos-ecs dashboard" in refused.body
    assert "set-cookie" not in refused.headers


def test_an_invitation_is_old_after_a_minute_and_a_session_after_half_a_day() -> None:
    now = [1000.0]
    sessions = Sessions("secret", lambda: now[0])
    token, session = sessions.invite(), sessions.enter(sessions.invite())
    now[0] += INVITED_FOR_SECONDS + 1
    assert sessions.enter(token) is None
    assert session is not None
    assert sessions.right(session) is Right.ACT
    now[0] += SESSION_SECONDS
    assert sessions.right(session) is None


def test_a_controller_that_was_started_anew_knows_its_sessions_and_another_one_does_not() -> None:
    session = Sessions("secret", time.time).enter((first := Sessions("secret", time.time)).invite())
    assert session is None, "invitations are the controller's that gave them"
    session = first.enter(first.invite())
    assert session is not None
    assert Sessions("secret", time.time).right(session) is Right.ACT
    assert Sessions("another secret", time.time).right(session) is None


@pytest.mark.parametrize(
    "forge", [str.upper, lambda s: s.replace("look", "act"), lambda s: s[:-1], lambda s: "", lambda s: "..."]
)
def test_a_session_that_somebody_has_changed_is_none(forge: Any) -> None:
    sessions = Sessions("secret", time.time)
    guest = sessions.enter(sessions.guest_key())
    assert guest is not None
    assert sessions.right(guest) is Right.LOOK
    assert sessions.right(forge(guest)) is None


# --- looking ---


@pytest.mark.parametrize("path", ["/state", "/"])
def test_nothing_of_the_cluster_is_shown_without_a_session(path: str) -> None:
    api = with_tasks()
    names = [arn.rpartition("/")[2][:6].encode() for arn in running(api)]
    for cookie in ("", f"{COOKIE}=act.9999999999.0.0", "x=1"):
        response = ask(api, path, cookie=cookie)
        assert response.status in (400, 401)
        assert not any(name in response.body for name in names)


def test_with_a_session_the_state_is_read_as_it_is_with_a_signature(api: Harness) -> None:
    cookie = visit(api)
    assert json.loads(ask(api, "/state", cookie=cookie).body)["v"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},  # another port of this machine
        {"host": "evil.example:8481"},
        {"host": "127.0.0.1:9999"},
    ],
)
def test_what_another_site_lets_a_browser_ask_is_refused_though_it_sends_the_cookie(headers: dict[str, Any]) -> None:
    api = with_tasks()
    cookie = visit(api)
    for path in ("/", "/state"):
        assert ask(api, path, cookie=cookie, **headers).status in (400, 401, 403), path
    before = running(api)
    assert kill(api, cookie, **headers).status in (401, 403)
    assert running(api) == before


def test_the_page_is_in_no_frame_and_loads_nothing_from_elsewhere(api: Harness) -> None:
    token = api.chaos("OpenPage")["token"]
    headers = ask(api, "/", query=f"token={token}").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


# --- acting ---


def test_a_button_does_what_a_signed_call_does() -> None:
    api = with_tasks()
    victim = running(api)[0]
    response = kill(api, visit(api))
    assert (response.status, json.loads(response.body)["victims"]) == (200, [victim])
    api.simulation.advance(0.5)
    assert victim not in running(api)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": ""}, 403),  # a form, or a tool: the page always says where it is from
        ({"content_type": "text/plain"}, 415),  # what a form of another page can send without being asked
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": ""}, 415),
        ({"cookie": ""}, 401),
    ],
)
def test_what_the_page_itself_would_not_send_is_refused(headers: dict[str, str], status: int) -> None:
    api = with_tasks()
    before = running(api)
    cookie = headers.pop("cookie", None)
    assert kill(api, visit(api) if cookie is None else cookie, **headers).status == status
    assert running(api) == before


def test_a_guest_looks_and_does_nothing() -> None:
    api = with_tasks()
    response = ask(api, "/", query=f"token={api.border.sessions.guest_key()}")
    cookie = response.headers["set-cookie"].partition(";")[0]
    assert b'data-may="look"' in response.body
    assert ask(api, "/state", cookie=cookie).status == 200
    before = running(api)
    assert kill(api, cookie).status == 403
    assert running(api) == before


@pytest.mark.parametrize("key", ["", "guessed", "ü"])
def test_a_cookie_alone_does_nothing_for_browsers_send_it_to_any_port(key: str) -> None:
    api = with_tasks()
    before, cookie, other = running(api), visit(api), visit(api)
    assert kill(api, cookie, x_chaos_ecs_act=key).status == 401
    assert kill(api, cookie, x_chaos_ecs_act=KEYS[other]).status == 401, "of another session"
    assert act_key(ask(api, "/", cookie=cookie)) == "", "nobody is told it without the invitation"
    assert running(api) == before
    assert kill(api, cookie).status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/page/do/ecs/NoSuchOperation", 400),
        ("/page/do/s3/ListBuckets", 400),
        ("/page/do/ecs/", 404),
        ("/page/do/ecs/../../state", 404),
    ],
)
def test_what_is_no_operation_is_refused(api: Harness, path: str, status: int) -> None:
    cookie = visit(api)
    sent = {"origin": ORIGIN, "content_type": "application/json", "cookie": cookie, "x_chaos_ecs_act": KEYS[cookie]}
    assert ask(api, path, method="POST", body=b"{}", **sent).status == status


def test_operations_of_rest_apis_are_asked_for_with_all_their_members_in_the_body(api: Harness) -> None:
    cookie = visit(api)
    sent = {"origin": ORIGIN, "content_type": "application/json", "cookie": cookie, "x_chaos_ecs_act": KEYS[cookie]}
    target = {
        "Arn": cluster_arn(REGION, CLUSTER),
        "RoleArn": "arn:aws:iam::123456789012:role/page",
        "EcsParameters": {"TaskDefinitionArn": "batch-job"},
    }
    wish = {
        "Name": "n",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    made = ask(api, "/page/do/scheduler/CreateSchedule", method="POST", body=json.dumps(wish).encode(), **sent)
    assert (made.status, json.loads(made.body)["ScheduleArn"].rpartition("/")[2]) == (200, "n")
    again = ask(api, "/page/do/scheduler/CreateSchedule", method="POST", body=json.dumps(wish).encode(), **sent)
    assert json.loads(again.body)["__type"] == "ConflictException"
    bad = ask(api, "/page/do/scheduler/GetSchedule", method="POST", body=b"{}", **sent)
    assert (bad.status, json.loads(bad.body)["__type"]) == (400, "ValidationException")
    for path in ("/page/do/scheduler/NoSuchOperation", "/page/do/fis/CreateSchedule"):
        assert ask(api, path, method="POST", body=b"{}", **sent).status == 400


def test_a_refusal_of_an_operation_has_its_own_name(api: Harness) -> None:
    cookie = visit(api)
    sent = {"origin": ORIGIN, "content_type": "application/json", "cookie": cookie, "x_chaos_ecs_act": KEYS[cookie]}
    body = b'{"cluster": "nowhere", "taskDefinition": "worker"}'
    response = ask(api, "/page/do/ecs/RunTask", method="POST", body=body, **sent)
    assert (response.status, json.loads(response.body)["__type"]) == (400, "ClusterNotFoundException")
    large = ask(api, "/page/do/ecs/RunTask", method="POST", body=b" " * (LARGEST_BODY_BYTES + 1), **sent)
    assert large.status == 413


# --- files ---


@pytest.mark.parametrize(
    "path",
    [
        "/page/",
        "/page/../wiring.py",
        "/page/%2e%2e/wiring.py",
        "/page/cluster.html",
        "/page/texts/..json",
        "/page/texts",
    ],
)
def test_no_other_file_than_the_pages_own_is_sent(api: Harness, path: str) -> None:
    assert ask(api, path).status == 404


def test_files_have_their_types(api: Harness) -> None:
    types = {
        "/page/cluster.js": "text/javascript",
        "/page/cluster.css": "text/css",
        "/page/texts/en.json": "application/json",
    }
    for path, type_ in types.items():
        response = ask(api, path)
        assert (response.status, response.headers["content-type"].partition(";")[0]) == (200, type_)
        assert ask(api, path, method="POST").status in (403, 404)


# --- what is shown ---


def test_markup_in_names_is_shown_and_not_run() -> None:
    api = Harness()
    ecs = api.client()
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    ecs.run_task(
        cluster=CLUSTER, taskDefinition="worker", startedBy="x", tags=[{"key": "k", "value": "v"}], group=hostile
    )
    api.simulation.advance(2)
    token = api.chaos("OpenPage")["token"]
    page = ask(api, "/", query=f"token={token}").body.decode()
    assert "<script>alert" not in page
    assert "<img" not in page


# --- the door for guests ---

GUESTS = 8482
ROOM = f"192.0.2.7:{GUESTS}"


def by_the_guests_door(api: Harness, path: str, *, method: str = "GET", query: str = "", **headers: Any) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.handle(Request(method, path, query, {"host": ROOM, **named}, b"{}", GUESTS))


def a_guest(api: Harness) -> str:
    response = by_the_guests_door(api, "/", query=f"token={api.border.sessions.guest_key()}")
    assert response.status == 200
    return response.headers["set-cookie"].partition(";")[0]


def test_guests_come_in_as_often_as_they_like_and_see_the_cluster(api: Harness) -> None:
    cookie = a_guest(api)
    assert a_guest(api)
    assert by_the_guests_door(api, "/", cookie=cookie).status == 200
    assert json.loads(by_the_guests_door(api, "/state", cookie=cookie).body)["v"] == 1


def test_nobody_acts_through_the_guests_door_whatever_they_hold(api: Harness) -> None:
    acting = visit(api)
    sent = {"origin": f"http://{ROOM}", "content_type": "application/json", "cookie": acting}
    assert by_the_guests_door(api, "/page/do/ecs/ListTasks", method="POST", **sent).status == 403
    assert by_the_guests_door(api, "/", method="POST", cookie=acting).status == 403
    assert by_the_guests_door(api, "/health").status == 403
    token = api.chaos("OpenPage")["token"]
    assert by_the_guests_door(api, "/", query=f"token={token}").status == 401, "an invitation is for this machine"
    assert ask(api, "/", query=f"token={token}").status == 200


@pytest.mark.parametrize("host", ["evil.example:8482", "192.0.2.7:8481", "192.0.2.7", "localhost:8482", ""])
def test_guests_come_by_an_address_and_not_by_a_name(api: Harness, host: str) -> None:
    assert by_the_guests_door(api, "/state", cookie=a_guest(api), host=host).status == 403


def test_without_a_session_the_guests_door_shows_nothing(api: Harness) -> None:
    assert by_the_guests_door(api, "/state").status == 401
    assert by_the_guests_door(api, "/", query="token=guessed").status == 401


def test_a_large_state_is_made_into_a_page_by_whoever_answers_and_never_by_the_controller(
    api: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = visit(api)
    rendered: list[int] = []

    def render(moment: Any) -> dict[str, Any]:
        rendered.append(1)
        return snapshot.render(moment)

    monkeypatch.setattr(border, "render", render)
    exchange = api.border.begin(Request("GET", "/", "", {"host": HOST, "cookie": cookie}, b""))
    api.simulation.advance(0)  # the controller has answered
    assert (exchange.future.done(), rendered) == (True, [])
    assert (exchange.answer().status, rendered) == (200, [1])
