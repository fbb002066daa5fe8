"""`chaos-ecs schedule`: add, ls, describe, pause, resume, rm, next. One more client of EventBridge Scheduler; `aws
scheduler` does the same. Never here: when a schedule is due (see `core/schedule.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from chaos_ecs.cli import awscommand, completion, definitions, find, tasks
from chaos_ecs.cli.awscommand import Action
from chaos_ecs.cli.client import Controller
from chaos_ecs.cli.definitions import Wish
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import Command, Group, shell_of
from chaos_ecs.cli.schedule_view import Schedule
from chaos_ecs.cli.schedules import wish, words
from chaos_ecs.cli.schedules.wish import When
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.text import counted
from chaos_ecs.errors import ChaosEcsError

DEFAULT_FAMILY = "batch-job"
_TIMES_DESCRIBED = 3
_REGION_OF = 3  # of an ARN's parts

app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""Schedules: standalone tasks that the clock starts.

    \b
    chaos-ecs schedule add nightly --every 1m
    chaos-ecs schedule add nightly --cron "0 2 * * ? *" --timezone Europe/Berlin
    chaos-ecs schedule next nightly
    chaos-ecs schedule ls
    """,
)

Name = Annotated[
    str,
    typer.Argument(help="The schedule's name, or GROUP/NAME.", show_default=False, autocompletion=completion.schedules),
]
Zone = Annotated[str, typer.Option(metavar="ZONE", help="An IANA time zone.")]
Moment = Annotated[float | None, typer.Option(parser=wish.moment, metavar="TIME", help="2026-12-24T18:00:00, UTC.")]


@app.command("add", cls=Command)
def add(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(help="A name for it, or GROUP/NAME.", show_default=False)],
    every: Annotated[str | None, typer.Option(metavar="TIME", help="1m, 2h, 3d; the first run is at once.")] = None,
    cron: Annotated[str | None, typer.Option(metavar="FIELDS", help='"min hour day month weekday year".')] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="Once: 2026-12-24T18:00:00, in the time zone.")] = None,
    timezone: Zone = "UTC",
    task_definition: Annotated[
        str, typer.Option(metavar="FAMILY[:REVISION]", help="What it runs; without a revision the newest one.")
    ] = DEFAULT_FAMILY,
    count: Annotated[int, typer.Option(min=1, max=10, help="How many tasks each time.")] = 1,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable; may be repeated.")] = None,
    command: Annotated[str | None, typer.Option(help='The command, quoted: --command "batch 3".')] = None,
    window: Annotated[
        float | None, typer.Option(parser=find.duration, metavar="TIME", help="At a moment within so long, not at it.")
    ] = None,
    start: Moment = None,
    end: Moment = None,
    delete_after: Annotated[bool, typer.Option("--delete-after", help="Delete it once it is never due again.")] = False,
) -> None:
    """Make a schedule: tasks of a task definition, started by the clock.

    \b
    chaos-ecs schedule add nightly --every 1m
    chaos-ecs schedule add nightly --cron "0 2 * * ? *" --timezone Europe/Berlin
    chaos-ecs schedule add once --at 2026-12-24T18:00:00 --delete-after
    chaos-ecs schedule add hourly --every 1h --task-definition db-migrate
    """
    shell = shell_of(ctx)
    due = When(wish.expression(every, cron, at), timezone, start, end, wish.minutes(window), delete_after)
    container = Wish(None, find.pairs(env or []), definitions.words(command))
    controller, snapshot, cluster = shell.look()
    times: list[float] = _previewed(controller, due, 1)["times"]
    overrides = _overrides(controller, task_definition, container)
    members = wish.members(name, due, wish.target(cluster, task_definition, count, overrides))
    group, short = wish.named(name)
    body = {key: value for key, value in members.items() if key != "Name"}
    controller.scheduler(f"CreateSchedule {short}", "POST", f"/schedules/{_quoted(short)}", body)
    made = _described(controller, group, short)
    if shell.json:
        shell.tell(as_json({"schedule": dict(made.raw)}))
        return
    shell.tell(f"{made.label}: {words.when(made.expression, made.timezone)}, {_first(times, made, snapshot.at)}")
    _say_after_add(shell, controller, name, members)


def _first(times: Sequence[float], made: Schedule, now: float) -> str:
    if not times:
        return "which is past: it never runs"
    within = f", or within {counted(made.window_minutes, 'minute')} of it" if made.window_minutes else ""
    if made.expression.startswith("rate(") and (made.start_date or 0) <= now:  # a rate begins where it is made
        return f"runs now{within}"
    return f"first {words.left(times[0], now)}, {words.utc(times[0])}{within}"


def _say_after_add(shell: Shell, controller: Controller, name: str, members: Mapping[str, Any]) -> None:
    shell.say(f"watch it: chaos-ecs watch   |   its times: chaos-ecs schedule next {name}")
    shell.say(f"pause it: chaos-ecs schedule pause {name}   |   end it: chaos-ecs schedule rm {name}")
    remark = "any role will do here; AWS wants one that may call ecs:RunTask"
    dates = {key: wish.iso(members[key]) for key in ("StartDate", "EndDate") if key in members}
    action = Action("CreateSchedule", {**members, **dates}, remark, service="scheduler")
    shell.say_whole(["", *awscommand.rows(action, controller.url)])


def _overrides(controller: Controller, definition: str, container: Wish) -> dict[str, Any] | None:
    if not container.environment and container.command is None:
        return None
    return tasks.overrides(definitions.describe(controller, definition), container)


@app.command("ls", cls=Command)
def list_schedules(ctx: typer.Context) -> None:
    """List the schedules: when each is due next, what it ran and missed.

    \b
    chaos-ecs schedule ls
    """
    shell = shell_of(ctx)
    _, snapshot = shell.look_around()
    chosen = _here(shell, snapshot)
    if shell.json:
        shell.tell(as_json({"schedules": [dict(schedule.raw) for schedule in chosen]}))
    elif chosen:
        shell.tell(words.listing(chosen, snapshot.at, shell.cluster_name, width=shell.width))
    else:
        shell.say("No schedules. Try: chaos-ecs schedule add nightly --every 1m")


@app.command("describe", cls=Command)
def describe(ctx: typer.Context, name: Name) -> None:
    """Show a schedule: what it runs and when, what waits for a retry, dead letters.

    \b
    chaos-ecs schedule describe nightly
    """
    shell = shell_of(ctx)
    controller, snapshot = shell.look_around()
    group, short = wish.named(name)
    schedule = _described(controller, group, short)
    told = controller.own("PreviewSchedule", name=short, group=group, count=_TIMES_DESCRIBED)
    if shell.json:
        shell.tell(as_json({"schedule": dict(schedule.raw), "times": told["times"]}))
        return
    times = told["times"] if schedule.is_enabled else ()
    for row in words.described(schedule, times, snapshot.at, width=shell.width):
        shell.tell(row)


@app.command("pause", cls=Command)
def pause(ctx: typer.Context, name: Name) -> None:
    """Pause a schedule. What waits for a retry is cancelled; tasks run on.

    \b
    chaos-ecs schedule pause nightly
    """
    _set_state(shell_of(ctx), name, "DISABLED")


@app.command("resume", cls=Command)
def resume(ctx: typer.Context, name: Name) -> None:
    """Resume a paused schedule. What was due meanwhile is not made good.

    \b
    chaos-ecs schedule resume nightly
    """
    _set_state(shell_of(ctx), name, "ENABLED")


def _set_state(shell: Shell, name: str, state: str) -> None:
    """Scheduler has no operation for that alone: all that was said is said again."""
    controller, snapshot = shell.look_around()
    group, short = wish.named(name)
    path = f"/schedules/{_quoted(short)}"
    told = controller.scheduler(f"GetSchedule {short}", "GET", path, query=f"groupName={_quoted(group)}")
    if told["State"] != state:
        controller.scheduler(f"UpdateSchedule {short}", "PUT", path, wish.replaced(told, state=state))
    schedule = _described(controller, group, short)
    if shell.json:
        shell.tell(as_json({"schedule": dict(schedule.raw)}))
    elif state == "DISABLED":
        shell.tell(f"{schedule.label} is paused")
        shell.say(f"go on: chaos-ecs schedule resume {name}")
    else:
        shell.tell(f"{schedule.label} is on again, next {words.told(schedule, snapshot.at)}")


@app.command("rm", cls=Command)
def remove(ctx: typer.Context, name: Name) -> None:
    """Delete a schedule. The tasks that it has started run on.

    \b
    chaos-ecs schedule rm nightly
    """
    shell = shell_of(ctx)
    controller = shell.controller()
    group, short = wish.named(name)
    path = f"/schedules/{_quoted(short)}"
    controller.scheduler(f"DeleteSchedule {short}", "DELETE", path, query=f"groupName={_quoted(group)}")
    if shell.json:
        shell.tell(as_json({"deleted": short, "group": group}))
    else:
        shell.tell(f"{name} is deleted; what it has started runs on")


@app.command("next", cls=Command)
def next_times(
    ctx: typer.Context,
    *,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|EXPRESSION",
            help="A schedule, or rate(...), cron(...), at(...), or six cron fields.",
            show_default=False,
            autocompletion=completion.schedules,
        ),
    ],
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many times.")] = 10,
    timezone: Zone = "UTC",
) -> None:
    """Print the coming times of a schedule, or of an expression that you try.

    \b
    chaos-ecs schedule next nightly
    chaos-ecs schedule next "cron(30 2 ? * SUN *)" --timezone Europe/Berlin
    chaos-ecs schedule next "0 2 * * ? *"
    """
    shell = shell_of(ctx)
    controller, snapshot = shell.look_around()
    split = " ".join(what).split()
    if wish.looks_like_an_expression(split):
        text = " ".join(split)
        due = When(text if "(" in text else f"cron({text})", timezone)
        told = _previewed(controller, due, count)
    else:
        group, short = wish.named(split[0])
        told = controller.own("PreviewSchedule", name=short, group=group, count=count)
    if shell.json:
        shell.tell(as_json({name: told.get(name) for name in ("expression", "timezone", "state", "times")}))
        return
    if not told["times"]:
        shell.tell(f"{told['expression']} is never due again")
        return
    shell.tell(words.coming(told["times"], told["timezone"], snapshot.at, width=shell.width))
    if told.get("state") == "DISABLED":
        shell.say(f"it is paused: chaos-ecs schedule resume {split[0]}")


# --- parts ---


def _previewed(controller: Controller, due: When, count: int) -> Mapping[str, Any]:
    """Refused where the expression means nothing, and then it is said why."""
    try:
        return controller.own(
            "PreviewSchedule",
            expression=due.expression,
            timezone=due.timezone,
            startDate=due.start,
            endDate=due.end,
            count=count,
        )
    except ChaosEcsError as error:
        if error.code != "InvalidParameterException":
            raise
        what, _, why = error.why.partition(". ")
        hint = 'chaos-ecs schedule next "cron(0 2 * * ? *)" (tries an expression)'
        raise ChaosEcsError("E-SCHEDULE", what, why, hint, 2) from error


def _described(controller: Controller, group: str, name: str) -> Schedule:
    return Schedule.of(controller.own("DescribeSchedule", name=name, group=group)["schedule"])


def _here(shell: Shell, snapshot: Snapshot) -> list[Schedule]:
    """Those of the region, whatever cluster they run tasks in."""
    region = shell.settings.region
    found = [item for item in snapshot.schedules if item.arn.split(":")[_REGION_OF] == region]
    return sorted(found, key=lambda item: (item.group != "default", item.group, item.name))


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")
