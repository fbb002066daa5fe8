"""`chaos-ecs demo`: where the tour runs, and what is left of it: nothing. The tour itself is in `tour.py`.

On real containers in the current state folder; where no engine answers, or with --simulate, on the simulator in a
state folder of its own, which is said on the first line and on the last.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer

from chaos_ecs.cli.client import state
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import Snapshot
from chaos_ecs.cli.system import check_line, counted, stop_controller
from chaos_ecs.cli.tour import SERVICE, Tour

SEED = 7
Write = Callable[[str], None]


def demo(
    ctx: typer.Context,
    simulate: Annotated[bool, typer.Option("--simulate", help="On the simulator, even where Docker answers.")] = False,
) -> None:
    """The lesson in a minute: a service recovers, a standalone task does not. Leaves nothing behind.

    \b
    chaos-ecs demo
    chaos-ecs demo --simulate
    """
    shell = shell_of(ctx)
    write = _while_read(shell.say if shell.json else partial(shell.tell, fold=True))
    trouble = "as you asked" if simulate else _engine_trouble(shell)
    code = _on_the_simulator(shell, write, trouble) if trouble else _on_the_engine(shell, write)
    raise typer.Exit(code)


def _while_read(write: Write) -> Write:
    """Writes until the reader is gone (demo | head), which is raised once: the clean-up then goes on unheard."""
    gone = False

    def written(text: str) -> None:
        nonlocal gone
        if gone:
            return
        try:
            write(text)
        except BrokenPipeError:
            gone = True
            raise

    return written


def _engine_trouble(shell: Shell) -> str:
    """Why no engine can be used, "" where one can. A controller that runs already has settled it."""
    from chaos_ecs import wiring

    if shell.running_controller() is not None:
        return ""
    engine = next(check for check in wiring.examine(shell.settings) if check.name == "Docker engine")
    return "" if engine.ok is not False else f"no Docker engine answers: {engine.detail}"


def _on_the_simulator(shell: Shell, write: Write, why: str) -> int:
    from chaos_ecs import wiring

    write(f"chaos-ecs demo ON THE SIMULATOR, no real containers ({why})")
    with tempfile.TemporaryDirectory(prefix="chaos-ecs-demo-", ignore_cleanup_errors=True) as folder:
        staged = replace(shell, environment={**shell.environment, "CHAOS_ECS_HOME": folder}, cluster="", settings_=None)
        wiring.start_controller_process(staged.settings, simulate=True, seed=SEED)
        tour = _begun(staged, write)
        try:
            tour.run()
        finally:
            try:
                tour.take_down()
            finally:
                stop_controller(staged)
    _tell_result(shell, tour, simulated=True)
    write("That was THE SIMULATOR. For real containers: chaos-ecs doctor --fix, then chaos-ecs demo")
    return 0


def _on_the_engine(shell: Shell, write: Write) -> int:
    from chaos_ecs import wiring

    write("chaos-ecs demo: a service recovers, a standalone task does not")
    was_running = shell.running_controller() is not None
    for check in wiring.examine(shell.settings):
        if check.name == "Docker engine":
            write(check_line(check))
    tour = _begun(shell, write)
    try:
        tour.run()
    finally:
        tour.take_down()
        left = _put_away(shell, write, tour, was_running=was_running)
    _tell_result(shell, tour, simulated=False)
    if left == 0:
        write("next: chaos-ecs service up --desired 3   |   chaos-ecs run-task batch-job   |   chaos-ecs kill")
    return 1 if left else 0


def _begun(shell: Shell, write: Write) -> Tour:
    controller = shell.controller()
    snapshot = state(controller)
    return Tour(shell, write, controller, shell.cluster_arn(snapshot), snapshot.at)


def _put_away(shell: Shell, write: Write, tour: Tour, *, was_running: bool) -> int:
    """Stops a controller that only the demo needed and removes what it made; answers how much is left."""
    from chaos_ecs import wiring

    snapshot = state(tour.controller)
    if was_running or _others_live(snapshot, tour):
        running = sum(1 for arn in tour.made if (task := snapshot.task(arn)) and not task.is_stopped)
        write(f"   {running} of the demo's {len(tour.made)} tasks are left; the controller is in use and goes on")
        return running
    stop_controller(shell)
    if older := _not_of(tour, wiring.plan_clean(shell.settings), wiring.prepare_home(shell.settings)):
        write(f"   controller stopped; {older} older containers are left, and with them the demo's (chaos-ecs clean)")
        return 0
    cleaned = wiring.clean(shell.settings)
    what = counted(cleaned.containers, cleaned.networks, cleaned.volumes)
    write(f"   controller stopped; removed {what}; {len(cleaned.left)} left")
    for sentence in cleaned.left:
        write(f"   left: {sentence}")
    return len(cleaned.left)


def _others_live(snapshot: Snapshot, tour: Tour) -> bool:
    """Whether somebody else's service or task needs the controller."""
    services = any(item.is_active and item.name != SERVICE for item in snapshot.services)
    return services or any(not task.is_stopped and task.arn not in tour.made for task in snapshot.tasks)


def _not_of(tour: Tour, plan: Any, home: str) -> int:
    """How many containers of this state folder, kept for their logs, are of tasks that the demo has not started."""
    tasks = [item.task for item in plan.items if item.kind == "container" and item.home == home and item.task]
    return sum(1 for arn in tasks if arn not in tour.made)


def _tell_result(shell: Shell, tour: Tour, *, simulated: bool) -> None:
    if shell.json:
        result: dict[str, Any] = {"simulated": simulated, **tour.measured}
        shell.tell(as_json(result))
