"""Who may look at the page, and who may act on it.

An invitation is good for one visit within a minute, and gives a session: a cookie that is signed with the controller's
own secret, so that a controller started anew knows it again. A guest's key is good for many visits, and only to look.
A cookie is worth nothing for the APIs: browsers send it to any port of this machine. So it is not enough to act either:
a session that may act has a key beside it, which is told to whoever brings the invitation, and which the page keeps
where no other port can read it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from enum import StrEnum

INVITED_FOR_SECONDS = 60.0
SESSION_SECONDS = 12 * 3600.0
_INVITATIONS_KEPT = 100


class Right(StrEnum):
    LOOK = "look"
    ACT = "act"


class Sessions:
    """`now` is the wall clock; `secret` the controller's, which never leaves it."""

    def __init__(self, secret: str, now: Callable[[], float]) -> None:
        self._key = hmac.digest(secret.encode(), b"sessions of the cluster page", "sha256")
        self._now = now
        self._invitations: dict[str, float] = {}  # token: until when
        self._guest_key = ""
        self._entered: dict[str, str] = {}  # token that was used: the session it gave

    def invite(self) -> str:
        """A token for one visit."""
        token = secrets.token_urlsafe(16)
        self._invitations[token] = self._now() + INVITED_FOR_SECONDS
        while len(self._invitations) > _INVITATIONS_KEPT:
            del self._invitations[next(iter(self._invitations))]
        return token

    def guest_key(self) -> str:
        """The key for everybody in the room, the same for as long as this controller runs."""
        self._guest_key = self._guest_key or secrets.token_urlsafe(12)
        return self._guest_key

    def enter(self, token: str, *, as_guest: bool = False) -> str | None:
        """The session that a token gives, None for one that is unknown, used or too old. Guests' is their key alone."""
        if self._guest_key and hmac.compare_digest(token.encode(), self._guest_key.encode()):
            return self._session(Right.LOOK)
        if as_guest:
            return None
        if self._invitations.pop(token, 0.0) < self._now():
            return None
        session = self._entered[token] = self._session(Right.ACT)
        while len(self._entered) > _INVITATIONS_KEPT:
            del self._entered[next(iter(self._entered))]
        return session

    def act_key(self, session: str, token: str) -> str:
        """A session's key, for whoever brings the invitation that gave it, also on loading the page anew; else ""."""
        return self._key_of(session) if session and self._entered.get(token) == session else ""

    def may_act(self, session: str, key: str) -> bool:
        """Whether this is the session's key, and it may act."""
        return self.right(session) is Right.ACT and hmac.compare_digest(key.encode(), self._key_of(session).encode())

    def right(self, session: str) -> Right | None:
        """What whoever shows this session may do."""
        told, _, mac = session.rpartition(".")
        if not (told and hmac.compare_digest(mac.encode(), self._mac(told).encode())):
            return None
        right, until, _ = told.split(".")
        return Right(right) if float(until) >= self._now() else None

    def _session(self, right: Right) -> str:
        told = f"{right}.{self._now() + SESSION_SECONDS:.0f}.{secrets.token_hex(8)}"
        return f"{told}.{self._mac(told)}"

    def _key_of(self, session: str) -> str:
        return self._mac(f"act {session}")

    def _mac(self, told: str) -> str:
        return hmac.new(self._key, told.encode(), hashlib.sha256).hexdigest()
