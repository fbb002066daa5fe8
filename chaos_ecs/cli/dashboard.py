"""`chaos-ecs dashboard`: the cluster page in a browser. The page itself is the controller's (`api/page/`)."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of


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
    shell = shell_of(ctx)
    controller = shell.controller()
    invitation = controller.own("OpenPage", share=share or None)
    url = f"{controller.url}/?token={invitation['token']}"
    guests = invitation.get("guestUrls") or []
    shell.tell(as_json({"url": url, "guestUrls": guests}) if shell.json else url)
    for guest in guests:
        shell.say(f"for the room, to look and do nothing, while this controller runs: {guest}")
    opened = open_ and not shell.json and webbrowser.open(url)
    lasts = f"{invitation['expiresInSeconds']:.0f} s"
    if opened:
        shell.say("opened in your browser; for another one: chaos-ecs dashboard --no-open")
    else:
        shell.say(f"open this address within {lasts}: it works once, and the page stays open after that")
