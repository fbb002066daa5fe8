"""Requests of the cluster page: the page, its files, and what its buttons do. Never here: what an operation means.

A button sends the input of an operation, as the aws CLI would, to /page/do/API/OPERATION. Instead of a signature it has
a session (see `sessions.py`), which is only taken from the page itself: from its own origin, and with JSON, which no
form of another page can send.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any
from urllib.parse import parse_qs

from chaos_ecs.api.auth import Request, check_size, check_source
from chaos_ecs.api.call import done
from chaos_ecs.api.errors import Refused
from chaos_ecs.api.exchange import JSON, Exchange, Say, json_refusal, refused
from chaos_ecs.api.page import paint
from chaos_ecs.api.page.sessions import SESSION_SECONDS, Right, Sessions
from chaos_ecs.core.errors import EcsError
from chaos_ecs.page import FILES

HTML = "text/html; charset=utf-8"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": JSON}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""The page loads nothing from anywhere else, is in no other page's frame, and tells nobody its address."""

_FILE = re.compile(r"/page/([a-z]+(?:/[a-z]+)?\.(?:css|js|json))")
_DO = re.compile(r"/page/do/([a-z0-9-]+)/([A-Za-z]+)")

ACT_KEY = "x-chaos-ecs-act"
"""The header with the session's key: see `sessions.py`."""

Begun = tuple[Future[Any], Callable[[Any], bytes]]
"""What will be answered, and how it is encoded then."""

Perform = Callable[[str, str, str, bytes], Begun]
"""An operation of an API in a region, with its input as JSON. Raises Refused and EcsError."""


class Site:
    """`look` takes what the state snapshot is of, and `render` makes of it what JSON says, on the thread that answers.
    `about` is what is told of the controller."""

    def __init__(
        self,
        sessions: Sessions,
        *,
        port: int,
        look: Callable[[], Future[Any]],
        render: Callable[[Any], Mapping[str, Any]],
        perform: Perform,
        about: Mapping[str, Any],
    ) -> None:
        self._sessions = sessions
        self._port = port
        self._look = look
        self._render = render
        self._perform = perform
        self._about = about

    @staticmethod
    def has(request: Request) -> bool:
        return request.path.startswith("/page/") or (request.method in ("GET", "HEAD") and request.path == "/")

    def begin(self, request: Request, request_id: str) -> Exchange:
        """A refusal is an Exchange that is done already."""
        content_type = JSON
        say: Say = json_refusal
        try:
            check_source(request, self._port)
            check_size(request)
            if request.path == "/":
                content_type, say = HTML, paint.refusal
                return self._page(request, request_id)
            return (self._do if request.method == "POST" else self._file)(request, request_id)
        except (Refused, EcsError) as refusal:
            return refused(refusal, request_id, content_type, say, HEADERS)

    def right(self, request: Request) -> Right | None:
        """What the session of a request may do; None where it has none, or where another site has sent it."""
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return None
        right = self._sessions.right(cookies(request).get(self._cookie, ""))
        return right if right is None or request.guest_port is None else Right.LOOK

    @property
    def _cookie(self) -> str:
        return f"chaos-ecs-{self._port}"

    def _page(self, request: Request, request_id: str) -> Exchange:
        if request.headers.get("sec-fetch-dest", "document") != "document":
            raise Refused(403, "AccessDeniedException", "This page is in no other page's frame.")
        asked = parse_qs(request.query)
        headers, act_key = dict(HEADERS), ""
        token = asked.get("token", [""])[-1]
        if token and request.method == "GET":  # to ask for the head alone is no visit
            session = self._sessions.enter(token, as_guest=request.guest_port is not None)
            right = self._sessions.right(session) if session else self.right(request)  # it was loaded anew
            act_key = self._sessions.act_key(session or cookies(request).get(self._cookie, ""), token)
            if right is None:
                raise Refused(401, "AccessDeniedException", "This address was used already, or is too old.")
            if session:
                lasts = f"Path=/; Max-Age={SESSION_SECONDS:.0f}; HttpOnly; SameSite=Strict"
                headers["set-cookie"] = f"{self._cookie}={session}; {lasts}"
        else:
            right = self.right(request)
        if right is None:
            raise Refused(401, "AccessDeniedException", "This page opens with an address of its own.")
        language = paint.language(asked.get("lang", [""])[-1], request.headers.get("accept-language", ""))
        may_act = right is Right.ACT

        def painted(seen: Any) -> bytes:
            return paint.page(self._render(seen), self._about, language, may_act=may_act, act_key=act_key)

        return Exchange(self._look(), request_id, HTML, painted, paint.refusal, headers)

    def _file(self, request: Request, request_id: str) -> Exchange:
        named = _FILE.fullmatch(request.path)
        path = FILES / named[1] if named else None
        if request.method not in ("GET", "HEAD") or path is None or not path.is_file():
            raise Refused(404, "ResourceNotFoundException", f"There is nothing at {request.path[:100]}.")
        return Exchange(done(path.read_bytes()), request_id, TYPES[path.suffix], bytes, headers=HEADERS)

    def _do(self, request: Request, request_id: str) -> Exchange:
        named = _DO.fullmatch(request.path)
        if named is None:
            raise Refused(404, "ResourceNotFoundException", f"There is nothing at {request.path[:100]}.")
        if request.headers.get("origin", "").lower() != f"http://{request.headers['host'].lower()}":
            raise Refused(403, "AccessDeniedException", "Only the page itself may do that: the Origin is another one.")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Refused(415, "AccessDeniedException", "The body must be sent as application/json.")
        right = self.right(request)
        if right is None:
            raise Refused(401, "AccessDeniedException", "The session is over: chaos-ecs dashboard opens another one.")
        if right is not Right.ACT:
            raise Refused(403, "AccessDeniedException", "This page is shared: it may look, and do nothing.")
        if not self._sessions.may_act(cookies(request)[self._cookie], request.headers.get(ACT_KEY, "")):
            raise Refused(401, "AccessDeniedException", "This page has no key: chaos-ecs dashboard opens one that has.")
        region = parse_qs(request.query).get("region", [self._about["region"]])[-1]
        future, encode = self._perform(named[1], named[2], region, request.body)
        return Exchange(future, request_id, JSON, encode, headers=HEADERS)


def cookies(request: Request) -> dict[str, str]:
    pairs = (part.partition("=") for part in request.headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
