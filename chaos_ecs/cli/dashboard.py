"""`chaos-ecs dashboard`: the cluster page in a browser. The page itself is the controller's (`api/page/`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of


@dataclass(frozen=True)
class Invitation:
    """`url` works once, for as long as `lasts` says; `guests` are addresses for others in the room, who only look."""

    url: str
    lasts: str
    guests: Sequence[str]


def invited(controller: Controller, *, share: bool = False) -> Invitation:
    """A new one. Raises ChaosEcsError where the controller refuses."""
    told = controller.own("OpenPage", share=share or None)
    url = f"{controller.url}/?token={told['token']}"
    return Invitation(url, f"{told['expiresInSeconds']:.0f} s", told.get("guestUrls") or [])


def dashboard(
    ctx: typer.Context,
    *,
    share: Annotated[bool, typer.Option("--share", help="Let the room look, and do nothing.")] = False,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open it, or only say where.")] = True,
) -> None:
    """The cluster as a page in your browser.

    \b
    chaos-ecs dashboard
    chaos-ecs dashboard --no-open
    chaos-ecs dashboard --share
    """
    import webbrowser

    shell = shell_of(ctx)
    page = invited(shell.controller(), share=share)
    shell.tell(as_json({"url": page.url, "guestUrls": list(page.guests)}) if shell.json else page.url)
    for guest in page.guests:
        shell.say(f"for the room, to look and do nothing, while this controller runs: {guest}")
    if open_ and not shell.json and webbrowser.open(page.url):
        shell.say("opened in your browser; for another one: chaos-ecs dashboard --no-open")
    else:
        shell.say(f"open this address within {page.lasts}: it works once, and the page stays open after that")
