"""A small API over a database: two things to do with items, and two questions about its own health.

Live: the process works; whoever hears no must replace it. Ready: it can be of use now; whoever hears no sends requests
elsewhere, and kills nobody, since a new task would find the same database missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from workloads.api.database import AwayError, Database
from workloads.shared import DATABASE_URL, HOST, TASK, Ending, number, say

VERSION = os.environ.get("VERSION", "v1")
MOST_ITEMS = 100


Endpoint = Callable[[Request], Awaitable[JSONResponse]]


class Api:
    def __init__(self, database: Database) -> None:
        self._database = database

    def routes(self) -> list[Route]:
        return [
            Route("/", self.about),
            Route("/live", self.live),
            Route("/ready", or_503(self.ready)),
            Route("/items", or_503(self.items)),
            Route("/items", or_503(self.add), methods=["POST"]),
        ]

    async def about(self, _: Request) -> JSONResponse:
        return answer({"version": VERSION, "ask": ["/items", "/live", "/ready"]})

    async def live(self, _: Request) -> JSONResponse:
        return answer({"live": True})

    async def ready(self, _: Request) -> JSONResponse:
        await self._database.ask("SELECT 1")
        return answer({"ready": True})

    async def items(self, _: Request) -> JSONResponse:
        rows = await self._database.ask("SELECT id, name FROM items ORDER BY id DESC LIMIT %s", MOST_ITEMS)
        return answer({"items": [{"id": key, "name": name} for key, name in rows]})

    async def add(self, request: Request) -> JSONResponse:
        try:
            name = (await request.json())["name"]
        except (ValueError, TypeError, KeyError):
            name = None
        if not isinstance(name, str) or not name or "\0" in name:
            return answer({"error": 'an item is {"name": "..."}'}, 400)
        rows = await self._database.ask("INSERT INTO items (name) VALUES (%s) RETURNING id", name)
        return answer({"id": rows[0][0], "name": name}, 201)


def or_503(endpoint: Endpoint) -> Endpoint:
    """A database that is away is no fault of the process: it says so, and goes on."""

    async def answered(request: Request) -> JSONResponse:
        try:
            return await endpoint(request)
        except AwayError as error:
            return answer({"ready": False, "reason": f"database: {error}", "seconds": error.seconds}, 503)

    return answered


def answer(content: dict[str, object], status: int = 200) -> JSONResponse:
    """Who answered is said in a header: that is how `chaos-ecs probe` counts answers by task."""
    return JSONResponse(content | {"task": TASK, "host": HOST}, status, headers={"x-chaos-ecs-task": TASK})


def main(_: list[str], ending: Ending) -> int:
    port = int(number("PORT", 8080))

    @contextlib.asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        if ending.asked:  # before SIGTERM became uvicorn's, which it is from now on: what was asked is answered first
            server.should_exit = True
        say(f"api: answers on port {port}")
        with contextlib.suppress(asyncio.CancelledError):  # uvicorn's way when the end is asked for before it listens
            yield
        say("api: stopped")

    application = Starlette(routes=Api(Database(DATABASE_URL)).routes(), lifespan=life)
    config = uvicorn.Config(application, "0.0.0.0", port, log_level="warning", access_log=False)  # noqa: S104
    server = uvicorn.Server(config)
    server.run()
    return 0
