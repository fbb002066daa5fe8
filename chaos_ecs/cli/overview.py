"""`chaos-ecs` without a command: where things stand, and three commands to type next. Starts nothing."""

from __future__ import annotations

from chaos_ecs.cli import clientline, tables
from chaos_ecs.cli.client import state
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.schedules import words
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.text import folded


def show(shell: Shell) -> None:
    """The state as text or JSON; exit code 0 whatever it is."""
    controller = shell.running_controller()
    if shell.json:
        shell.tell(as_json({"running": controller is not None, "state": controller and controller.raw_state()}))
        return
    if controller is None:
        shell.tell("chaos-ecs: the controller is not running; the first command that needs it starts it.", fold=True)
        _suggest(
            shell,
            ("chaos-ecs demo", "the whole lesson in a minute"),
            ("chaos-ecs service up --desired 3", "a service of three tasks"),
            ("chaos-ecs --help", "all commands"),
        )
        return
    _tell_state(shell, state(controller), controller.url)


def _tell_state(shell: Shell, snapshot: Snapshot, url: str) -> None:
    engine = snapshot.engine if snapshot.engine_connected else f"the engine does not answer: {snapshot.engine_reason}"
    shell.tell(f"chaos-ecs: cluster {shell.cluster_name}, {engine}, {url}", fold=True)
    cluster = snapshot.cluster(shell.cluster_name, shell.settings.region)
    services = snapshot.services_in(cluster.arn) if cluster else []
    tasks = snapshot.tasks_in(cluster.arn) if cluster else []
    standalone = [task for task in tasks if not task.service]
    if services:
        shell.tell(tables.services(snapshot, services, width=shell.width))
        kill = (f"chaos-ecs kill {services[0].name}", "kill one of its tasks and watch it recover")
    else:
        shell.tell("no services")
        kill = ("chaos-ecs service up --desired 3", "a service of three tasks")
    _tell_client(shell, snapshot)
    if snapshot.faults:
        ids = ", ".join(f"{fault.name} {fault.id}" for fault in snapshot.faults[:3])
        shell.tell(f"open faults: {len(snapshot.faults)} ({ids}); see them: chaos-ecs chaos status", fold=True)
    running = sum(1 for task in standalone if not task.is_stopped)
    shell.tell(f"standalone tasks: {running} running, {len(standalone) - running} stopped")
    told = words.row(snapshot.schedules, snapshot.at, (shell.width or 100) - len("schedules: "))
    if told:
        shell.tell(f"schedules: {told}", fold=True)
    _suggest(
        shell,
        kill,
        ("chaos-ecs run-task batch-job", "a standalone task: nobody replaces it"),
        ("chaos-ecs watch", "everything, as it happens"),
    )


def _tell_client(shell: Shell, snapshot: Snapshot) -> None:
    if snapshot.client is None:
        return
    if shell.accessible:
        shell.tell(clientline.sentence(snapshot.client), fold=True)
    else:
        shell.tell(clientline.row(snapshot.client, shell.width or 100, shell.symbols, snapshot.at))


def _suggest(shell: Shell, *commands: tuple[str, str]) -> None:
    for command, why in commands:
        for row in folded(why, shell.width or 1000, first=f"  {command:<34} ", further=" " * 37):
            shell.tell(row)
