"""The `chaos-ecs` command: the tree of commands, what is good everywhere, and where errors end.

Each command is parse, client call, render. A command's module is imported when the command runs (see `lazily.py`), so
that `--help` waits for none of them: this module imports little, and nothing of HTTP, Rich or Docker.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from chaos_ecs import __version__
from chaos_ecs.cli import topics
from chaos_ecs.cli.endpoint import place
from chaos_ecs.cli.lazily import Entry, LazyGroup
from chaos_ecs.cli.parts import hoisted, said
from chaos_ecs.cli.shell import Shell, of_this_process
from chaos_ecs.errors import ChaosEcsError

_RUN, _LOOK, _BREAK, _BEGIN, _MACHINE = "Run", "Look", "Break", "Begin here", "This machine"


class Root(LazyGroup):
    """The root's help lists the topics too, which is why the command `help` is hidden."""

    topics = topics.TOPICS
    entries = (
        Entry("run-task", "tasks:run_task", "Run standalone tasks: nobody replaces them.", _RUN),
        Entry("schedule", "schedules.commands:app", "Schedules: standalone tasks that the clock starts.", _RUN),
        Entry("kill", "kill:kill", "Kill a task and see what becomes of it.", _BREAK),
        Entry(
            "chaos",
            "chaos.faults:app",
            "Faults: inject them, see them measured, undo them.",
            _BREAK,
        ),
        Entry("ps", "tasks:ps", "List the tasks of the cluster.", _LOOK),
        Entry("logs", "logs:logs", "Show what the containers print.", _LOOK),
        Entry("exec", "inside:exec_", "Run a program inside a task, by default a shell.", _LOOK),
        Entry("events", "look:events", "Show what happened, oldest first.", _LOOK),
        Entry("watch", "look:watch", "Watch the cluster: every event, and the state in a panel below.", _LOOK),
        Entry("dashboard", "dashboard:dashboard", "The cluster as a page in your browser.", _LOOK),
        Entry("probe", "probe:probe", "Send steady requests, count and measure as a client does.", _LOOK),
        Entry("demo", "demo:demo", "The lesson in a minute: a service recovers, a standalone task does not.", _BEGIN),
        Entry(
            "try",
            "trying:try_",
            "A real workload, run and killed, and what that teaches: web, api, worker, migrate, batch, train.",
            _BEGIN,
        ),
        Entry("which", "which:which", "Service or standalone task? Asks, and says why.", _BEGIN),
        Entry("doctor", "system:doctor", "Check this machine: one line a check, each with its fix.", _BEGIN),
        Entry("aws-env", "system:aws_env", "Print what lets `aws` and boto3 speak to chaos-ecs.", _MACHINE),
        Entry(
            "clean",
            "system:clean",
            "Remove every container, network and volume with our label, look again, and say how many are left.",
            _MACHINE,
        ),
        Entry("help", "topics:help_", "Explain a topic, or a command as its --help does.", hidden=True),
        Entry("service", "service:app", "Services: they keep their desired count of tasks running.", _RUN),
        Entry("task", "tasks:app", "Single tasks.", _RUN),
        Entry(
            "instance",
            "instances:app",
            "Container instances: the machines of a cluster that tasks are placed on.",
            _RUN,
        ),
        Entry("lb", "balancers:app", "Load balancers: they send requests to healthy tasks.", _LOOK),
        Entry("controller", "system:controller_app", "The background process that keeps services alive.", _MACHINE),
        Entry("images", "system:images_app", "The task images that chaos-ecs brings along.", _MACHINE),
    )


app = typer.Typer(
    name="chaos-ecs",
    cls=Root,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + ", ".join(f"{code} {word}" for code, word, _ in topics.EXIT_CODES) + ".",
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"chaos-ecs {__version__}")
        raise typer.Exit


Endpoint = Annotated[
    str,
    typer.Option("--endpoint", metavar="aws|URL", help="Amazon ECS, or another ECS API (see: help endpoint)."),
]
Profile = Annotated[str, typer.Option("--profile", help="With --endpoint: whose keys, of ~/.aws/config.")]
Region = Annotated[str, typer.Option("--region", help="With --endpoint: which region.")]


@app.callback(invoke_without_command=True)
def everywhere(
    ctx: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON, one object a line.")] = False,
    cluster: Annotated[str, typer.Option("--cluster", help="Which cluster (default: my-cluster).")] = "",
    endpoint: Endpoint = "",
    profile: Profile = "",
    region: Region = "",
    ascii_: Annotated[bool, typer.Option("--ascii", help="No glyphs beyond ASCII.")] = False,
    accessible: Annotated[
        bool, typer.Option("--accessible", help="Sentences instead of a live panel (also: ACCESSIBLE=1).")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours (also: NO_COLOR=1).")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A local Amazon ECS on real containers, made to be broken.

    \b
    chaos-ecs demo                          the whole lesson in a minute
    chaos-ecs service up --desired 3        a service of three tasks
    chaos-ecs kill web                      kill one and watch it recover
    chaos-ecs run-task batch-job            a standalone task: nobody replaces it
    eval "$(chaos-ecs aws-env)"             then use aws ecs as on AWS
    """
    shell: Shell = ctx.obj
    there = place.of(endpoint, profile, region)
    place.must_be_there(there, ctx.invoked_subcommand)
    ctx.obj = replace(
        shell,
        json=json or shell.json,
        cluster=cluster or shell.cluster,
        place=there,
        keyboard=None if there else shell.keyboard,
        ascii=ascii_ or shell.ascii,
        accessible=accessible or shell.accessible,
        color=shell.color and not no_color,
        debug=debug or shell.debug,
    )
    if ctx.invoked_subcommand is None:
        from chaos_ecs.cli import overview

        overview.show(ctx.obj)


def run(arguments: Sequence[str], shell: Shell) -> int:
    """Runs one command line and answers its exit code. Only a bug, or --debug, lets an exception out."""
    debug = "--debug" in arguments
    shell = replace(shell, json="--json" in arguments, cluster=said(arguments, "--cluster"), place=_place(arguments))
    try:
        app(args=hoisted(arguments), prog_name="chaos-ecs", obj=shell)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:
        told = error if isinstance(error, ChaosEcsError) else _of_the_core(error)
        if debug or told is None:
            raise
        from chaos_ecs.cli.output import show_error

        show_error(shell, told)
        return told.exit_code
    return 0


def _place(arguments: Sequence[str]) -> place.Place | None:
    """As it was typed, right or wrong: for the next command of an error."""
    endpoint, profile, region = (said(arguments, name) for name in ("--endpoint", "--profile", "--region"))
    return place.Place(endpoint, profile, region) if endpoint else None


def _of_the_core(error: Exception) -> ChaosEcsError | None:
    """What the core refused where no command has put it into its own words."""
    from chaos_ecs.cli import refusals

    return refusals.of_the_core(error, "The command was refused", "chaos-ecs help")


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old console must not crash on somebody's log line
    sys.exit(run(sys.argv[1:], of_this_process()))
