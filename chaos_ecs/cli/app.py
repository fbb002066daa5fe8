"""The `chaos-ecs` command: the tree of commands, what is good everywhere, and where errors end.

Each command is parse, client call, render. Imports stay light: `--help` must not wait for Docker, Rich or HTTP.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from chaos_ecs import __version__
from chaos_ecs.cli import balancers, demo, deploy, kill, look, overview, probe, service, system, tasks, topics
from chaos_ecs.cli.output import show_error
from chaos_ecs.cli.parts import Command, Group, hoisted
from chaos_ecs.cli.shell import Shell, of_this_process
from chaos_ecs.errors import ChaosEcsError


class Root(Group):
    """The root's help lists the topics too."""

    topics = topics.TOPICS


app = typer.Typer(
    name="chaos-ecs",
    cls=Root,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + ", ".join(f"{code} {word}" for code, word, _ in topics.EXIT_CODES) + ".",
)

_RUN, _LOOK, _BREAK, _MACHINE = "Run", "Look", "Break", "This machine"


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"chaos-ecs {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def everywhere(
    ctx: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="The result as JSON, one object a line.")] = False,
    cluster: Annotated[str, typer.Option("--cluster", help="Which cluster (default: my-cluster).")] = "",
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
    ctx.obj = replace(
        shell,
        json=json or shell.json,
        cluster=cluster or shell.cluster,
        ascii=ascii_ or shell.ascii,
        accessible=accessible or shell.accessible,
        color=shell.color and not no_color,
        debug=debug or shell.debug,
    )
    if ctx.invoked_subcommand is None:
        overview.show(ctx.obj)


service.app.command("deploy", cls=Command)(deploy.deploy)
service.app.command("rollback", cls=Command)(deploy.rollback)
app.add_typer(service.app, name="service", rich_help_panel=_RUN)
app.command("run-task", cls=Command, rich_help_panel=_RUN)(tasks.run_task)
app.add_typer(tasks.app, name="task", rich_help_panel=_RUN)
app.command("kill", cls=Command, rich_help_panel=_BREAK)(kill.kill)
app.command("ps", cls=Command, rich_help_panel=_LOOK)(tasks.ps)
app.command("logs", cls=Command, rich_help_panel=_LOOK)(look.logs)
app.command("events", cls=Command, rich_help_panel=_LOOK)(look.events)
app.command("watch", cls=Command, rich_help_panel=_LOOK)(look.watch)
app.add_typer(balancers.app, name="lb", rich_help_panel=_LOOK)
app.command("probe", cls=Command, rich_help_panel=_LOOK)(probe.probe)
app.command("demo", cls=Command, rich_help_panel="Begin here")(demo.demo)
app.command("doctor", cls=Command, rich_help_panel="Begin here")(system.doctor)
app.add_typer(system.controller_app, name="controller", rich_help_panel=_MACHINE)
app.add_typer(system.images_app, name="images", rich_help_panel=_MACHINE)
app.command("aws-env", cls=Command, rich_help_panel=_MACHINE)(system.aws_env)
app.command("clean", cls=Command, rich_help_panel=_MACHINE)(system.clean)
app.command("help", cls=Command, hidden=True)(topics.help_)  # listed by its topics


def run(arguments: Sequence[str], shell: Shell) -> int:
    """Runs one command line and answers its exit code. Only a bug, or --debug, lets an exception out."""
    debug = "--debug" in arguments
    shell = replace(shell, json="--json" in arguments)
    try:
        app(args=hoisted(arguments), prog_name="chaos-ecs", obj=shell)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except ChaosEcsError as error:
        if debug:
            raise
        show_error(shell, error)
        return error.exit_code
    return 0


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # an old console must not crash on somebody's log line
    sys.exit(run(sys.argv[1:], of_this_process()))
