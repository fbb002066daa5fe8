"""`controller`, `doctor`, `images`, `aws-env` and `clean`: the machine under the tasks. `wiring` does the work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, Protocol

import typer

from chaos_ecs.cli import awsenv, starting
from chaos_ecs.cli.output import as_json, table
from chaos_ecs.cli.parts import Command, Group, shell_of
from chaos_ecs.cli.shell import Shell, started
from chaos_ecs.cli.starting import Clock, EventsTo, Listen, PaceName, PaceOption, Seed, Simulate
from chaos_ecs.errors import ChaosEcsError


class Check(Protocol):
    """One line of doctor's report (see `live/doctor.py`)."""

    @property
    def name(self) -> str: ...

    @property
    def ok(self) -> bool | None: ...

    @property
    def detail(self) -> str: ...

    @property
    def fix(self) -> str: ...


controller_app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""The background process that keeps services alive.

    \b
    chaos-ecs controller status
    chaos-ecs controller start --simulate --seed 7
    chaos-ecs controller stop
    """,
)
images_app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="""The task images that chaos-ecs brings along.

    \b
    chaos-ecs images ls
    chaos-ecs images build
    """,
)

STOP_WITHIN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1
_NO_ENGINE = 4

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


@controller_app.command("start", cls=Command)
def start(
    ctx: typer.Context,
    *,
    simulate: Simulate = False,
    seed: Seed = 0,
    pace: PaceOption = PaceName.DEMO,
    clock: Clock = None,
    listen: Listen = None,
    events_to: EventsTo = None,
) -> None:
    """Start the controller in the background, if it is not running.

    Only this machine reaches it. With --listen others do too, at that address and with its keys (chaos-ecs aws-env):
    nothing is answered there without a signature. What is said is not encrypted.

    \b
    chaos-ecs controller start
    chaos-ecs controller start --pace aws
    chaos-ecs controller start --simulate --seed 7
    chaos-ecs controller start --simulate --clock x60
    chaos-ecs controller start --listen 192.168.1.5
    chaos-ecs controller start --events-to events.jsonl
    chaos-ecs controller start --events-to http://127.0.0.1:9000/
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    speed = clock or 1
    _must_be_simulated(speed, simulate=simulate)
    starting.send_events(shell, events_to)
    running = wiring.running_controller(shell.settings)
    info = running or started(shell, simulate=simulate, seed=seed, pace=pace, speed=speed, listen=listen or "")
    starting.must_be_as_asked(
        info, simulate=simulate, pace=pace, speed=speed, listen=listen, events_to=tuple(events_to or ())
    )
    if running:
        shell.say("it was running already")
    _tell_controller(shell)


@controller_app.command("stop", cls=Command)
def stop(ctx: typer.Context) -> None:
    """Stop the controller. Containers run on; nobody replaces them until it is started again.

    \b
    chaos-ecs controller stop
    """
    shell = shell_of(ctx)
    pid = stop_controller(shell)
    if shell.json:
        shell.tell(as_json({"stopped": pid is not None, "pid": pid}))
    elif pid is None:
        shell.say("the controller is not running")
    else:
        shell.tell(f"controller stopped (pid {pid}); tasks run on, nobody replaces them now")


@controller_app.command("status", cls=Command)
def status(ctx: typer.Context) -> None:
    """Say whether the controller runs: pid, port, state folder, engine. Exit code 3 when it does not.

    \b
    chaos-ecs controller status
    """
    shell = shell_of(ctx)
    raise typer.Exit(_tell_controller(shell))


@controller_app.command("run", hidden=True, cls=Command)
def run(
    ctx: typer.Context,
    *,
    simulate: Simulate = False,
    seed: Seed = 0,
    clock: Clock = None,
    listen: Listen = None,
    events_to: EventsTo = None,
) -> None:
    """Run the controller in the foreground: what `controller start` starts."""
    from chaos_ecs import wiring

    speed = clock or 1
    _must_be_simulated(speed, simulate=simulate)
    starting.send_events(shell_of(ctx), events_to)
    settings = shell_of(ctx).settings
    raise typer.Exit(wiring.run_controller(settings, simulate=simulate, seed=seed, speed=speed, listen=listen or ""))


def _must_be_simulated(speed: int, *, simulate: bool) -> None:
    if speed > 1 and not simulate:
        raise ChaosEcsError(
            "E-CLOCK",
            f"The clock of real containers cannot be pressed (x{speed})",
            "what they do takes the time it takes; only the simulator can hurry",
            f"chaos-ecs controller start --simulate --clock x{speed}",
            2,
        )


def stop_controller(shell: Shell) -> int | None:
    """Stops the controller and waits until it is gone; answers its pid, None when none ran."""
    from chaos_ecs import wiring

    found = wiring.running_controller(shell.settings)
    controller = shell.running_controller()
    if found is None or controller is None:
        return None
    controller.own("StopController")  # before a word is said: where nobody reads any more it stops all the same
    shell.say(f"waiting for the controller (pid {found.pid}) to stop, at most {STOP_WITHIN_SECONDS:.0f}s")
    ends_at = shell.monotonic() + STOP_WITHIN_SECONDS
    while shell.settings.controller_file.exists() or wiring.running_controller(shell.settings):
        if shell.monotonic() > ends_at:
            what = f"The controller (pid {found.pid}) has not stopped"
            log = shell.settings.controller_log
            raise ChaosEcsError("E-TIMEOUT", what, "it was asked to", f"Read the end of {log}", 124)
        shell.sleep(_LOOK_EVERY_SECONDS)
    return found.pid


def _tell_controller(shell: Shell) -> int:
    controller = shell.running_controller()
    if controller is None:
        if shell.json:
            shell.tell(as_json({"running": False, "home": str(shell.settings.home)}))
        else:
            shell.tell(f"not running (state folder {shell.settings.home}). Start it: chaos-ecs controller start")
        return 3
    told = controller.own("GetController")
    if shell.json:
        shell.tell(as_json({"running": True, "url": controller.url, **told}))
        return 0
    engine = told.get("engine") or "none"
    if not told.get("engineConnected"):
        engine = f"does not answer: {told.get('engineReason')}"
    seed = f", seed {told.get('seed')}" if told.get("simulated") else ""
    rows = [
        ("controller", f"running, version {told.get('version')}{seed}"),
        ("pid", str(told.get("pid"))),
        ("port", f"{told.get('port')} ({controller.url})"),
        *([("network", f"http://{told['listen']}, signed requests only")] if told.get("listen") else []),
        ("state folder", str(told.get("home"))),
        ("engine", engine),
        *starting.event_rows(told.get("eventTargets") or ()),
        *([("clock", f"{told['clock']}: simulated time is pressed")] if told.get("clock") else []),
    ]
    for name, text in rows:
        shell.tell(f"{name:<13} {text}")
    return 0


def doctor(
    ctx: typer.Context,
    *,
    fix: Annotated[bool, typer.Option("--fix", help="See to a Docker engine: start or install one.")] = False,
    faults: Annotated[
        bool, typer.Option("--faults", help="Find out which faults work here, with a controller, started if need be.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Check this machine: one line a check, each with its fix. Exit code 4 when no Docker engine answers.

    \b
    chaos-ecs doctor
    chaos-ecs doctor --fix
    chaos-ecs doctor --fix --yes
    chaos-ecs doctor --faults
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    if fix:
        shell.say("looking for a Docker engine: a moment, at most 2m to start one, at most 20m to install one")
        wiring.fix_engine(shell.settings, shell.say, (lambda question: True) if yes else shell.confirm)
    checks = wiring.examine(shell.settings)
    code = _verdict(checks)
    if not shell.json:
        for check in checks:
            shell.tell(check_line(check), fold=True)
    told = _faults(shell, code) if faults else {}
    if shell.json:
        parts = [{"name": item.name, "ok": item.ok, "detail": item.detail, "fix": item.fix} for item in checks]
        shell.tell(as_json({"checks": parts, **told, "exitCode": code}))
    raise typer.Exit(code)


def _faults(shell: Shell, code: int) -> dict[str, Any]:
    """What the engine can do of each fault: told, and as JSON."""
    from chaos_ecs.cli.chaos import fault_catalogue

    if code == _NO_ENGINE and shell.running_controller() is None:
        shell.say("no Docker engine answers, so which faults work cannot be found out")
        return {"faults": None}
    verdicts = fault_catalogue.tell_judgements(shell)
    return {"faults": [{"name": name, "verdict": word, "reason": why} for name, (word, why) in verdicts.items()]}


def check_line(check: Check) -> str:
    """One check: its verdict as a word, what was found, and the fix."""
    word = {True: "ok", False: "FAILED", None: "note"}[check.ok]
    fix = f"  ->  {check.fix}" if check.fix else ""
    return f"{word:<6}  {check.name:<16}  {check.detail}{fix}"


def _verdict(checks: Sequence[Check]) -> int:
    failed = [check for check in checks if check.ok is False]
    if any(check.name.startswith("Docker") for check in failed):
        return _NO_ENGINE
    return 1 if failed else 0


@images_app.command("build", cls=Command)
def build(
    ctx: typer.Context,
    *,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Which (default: demo).")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every one: before a workshop without network.")] = False,
) -> None:
    """Build task images, if they are not there already.

    \b
    chaos-ecs images build
    chaos-ecs images build --all
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    images = wiring.images()
    told = []
    for name in images.names() if all_ else names or ["demo"]:
        built = images.build(name, shell.say)
        told.append({"image": built.tag, "size": built.size, "wasThere": built.was_there})
        if not shell.json:
            done = "was there already" if built.was_there else "built"
            shell.tell(f"{built.tag}  {_megabytes(built.size)}  {done}")
    if shell.json:
        shell.tell(as_json({"images": told}))


@images_app.command("ls", cls=Command)
def list_images(ctx: typer.Context) -> None:
    """List the task images and whether they are built.

    \b
    chaos-ecs images ls
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    listed = wiring.images().listing()
    if shell.json:
        shell.tell(as_json({"images": [{"image": item.image, "size": item.size} for item in listed]}))
        return
    rows = [(item.image, "not built yet" if item.size is None else _megabytes(item.size)) for item in listed]
    shell.tell(table(("IMAGE", "SIZE"), rows))


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"


def aws_env(
    ctx: typer.Context,
    *,
    shell_name: Annotated[
        str | None, typer.Option("--shell", metavar="bash|fish|powershell|cmd", help="In whose words.")
    ] = None,
) -> None:
    """Print what lets `aws` and boto3 speak to chaos-ecs.

    \b
    eval "$(chaos-ecs aws-env)"
    chaos-ecs aws-env --shell fish | source
    chaos-ecs aws-env --shell powershell | Out-String | Invoke-Expression
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    chosen = shell_name or ("powershell" if sys.platform == "win32" else "bash")
    awsenv.script(chosen, {})  # a wrong name is told before anything is started
    keys = wiring.credentials(shell.settings)
    url = shell.controller().url
    values = awsenv.variables(url, keys.access_key_id, keys.secret_access_key, shell.settings.region)
    if shell.json:
        shell.tell(as_json({"environment": values}))
        return
    shell.tell(awsenv.script(chosen, values))
    if shell.terminal:
        shell.say(f"use it so: {awsenv.how_to_use(chosen)}")


def clean(
    ctx: typer.Context,
    *,
    yes: Yes = False,
    forget: Annotated[bool, typer.Option("--state", help="Forget the state too: services, tasks, keys.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    all_homes: Annotated[bool, typer.Option("--all-homes", help="Of every state folder, not only this one.")] = False,
) -> None:
    """Remove every container, network and volume with our label, look again, and say how many are left.

    \b
    chaos-ecs clean
    chaos-ecs clean --dry-run
    chaos-ecs clean --state --yes
    """
    from chaos_ecs import wiring

    shell = shell_of(ctx)
    plan = wiring.plan_clean(shell.settings, everything=all_homes)
    if dry_run:
        _tell_plan(shell, plan)
        return
    again = " ".join(("chaos-ecs clean", *(["--all-homes"] if all_homes else []), *(["--state"] if forget else [])))
    must_be_wanted(shell, plan, f"{again} --yes", forget=forget, yes=yes)
    stop_controller(shell)
    if plan.items:
        shell.say(f"removing {_planned(plan)}; then waiting for what the engine is slow to remove, at most 10s")
    cleaned = wiring.clean(shell.settings, everything=all_homes)
    if forget:
        wiring.forget_state(shell.settings)
    tell_cleaned(shell, cleaned, forgot=forget)
    if cleaned.held:
        raise held(cleaned.held)
    raise typer.Exit(1 if cleaned.left else 0)


def held(networks: Sequence[str]) -> ChaosEcsError:
    """What to do about networks that the engine keeps for containers which are no more."""
    them = "networks" if len(networks) > 1 else "network"
    return ChaosEcsError(
        "E-NETWORK-HELD",
        f"The engine cannot let go of the {them} {', '.join(networks)}",
        "it counts a container there that is no more, as Docker sometimes does after much work; a restart ends that",
        "Restart Docker when nothing else needs it (sudo systemctl restart docker; Docker Desktop: Restart), "
        "then: chaos-ecs clean",
    )


def must_be_wanted(shell: Shell, plan: Any, again: str, *, forget: bool, yes: bool) -> None:
    """Asks where somebody can answer; otherwise only --yes will do (exit code 5)."""
    if yes or (not plan.items and not forget):
        return
    removal = [f"remove {_planned(plan)}"] if plan.items else []
    planned = " and ".join([*removal, *([f"forget the state in {shell.settings.home}"] if forget else [])])
    if shell.asks and shell.confirm(f"{planned[0].upper()}{planned[1:]}?"):
        return
    why = "the answer was no" if shell.asks else f"it would {planned}, and nobody is here to ask"
    raise ChaosEcsError("E-REFUSED", "Nothing was removed", why, again, 5)


def _planned(plan: Any) -> str:
    return counted(*(plan.count(kind) for kind in ("container", "network", "volume")))


def counted(containers: int, networks: int, volumes: int) -> str:
    parts = ((containers, "container"), (networks, "network"), (volumes, "volume"))
    return ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts)


def _tell_plan(shell: Shell, plan: Any) -> None:
    if shell.json:
        items = [{"kind": item.kind, "id": item.id, "name": item.name} for item in plan.items]
        shell.tell(as_json({"items": items, "otherHomes": plan.foreign, "silent": list(plan.silent), "dryRun": True}))
        return
    for item in plan.items:
        shell.tell(f"would remove {item}")
    for sentence in plan.silent:
        shell.say(sentence)
    shell.say(f"{_planned(plan)}; left alone: {plan.foreign} things of other state folders")


def _left(sentences: Sequence[str]) -> str:
    """How many stay, and of what: 2 left (1 container, 1 network)."""
    kinds = [sentence.partition(" ")[0] for sentence in sentences]
    told = [f"{kinds.count(kind)} {kind}{'' if kinds.count(kind) == 1 else 's'}" for kind in dict.fromkeys(kinds)]
    return f"{len(kinds)} left" + (f" ({', '.join(told)})" if told else "")


def _kept(shell: Shell) -> list[str]:
    """The folders of what is a user's own work, and no state."""
    folders = (shell.settings.home / name for name in ("journals", "gameday"))
    return [str(folder) for folder in folders if folder.is_dir() and any(folder.iterdir())]


def tell_cleaned(shell: Shell, cleaned: Any, *, forgot: bool) -> None:
    """What went, and the proof: how many a second look still finds."""
    if shell.json:
        parts = {
            "containers": cleaned.containers,
            "networks": cleaned.networks,
            "volumes": cleaned.volumes,
            "left": list(cleaned.left),
            "otherHomes": cleaned.foreign,
            "orphans": cleaned.orphans,
            "stuck": list(cleaned.stuck),
            "held": list(cleaned.held),
            "stateForgotten": forgot,
            "kept": _kept(shell) if forgot else [],
        }
        shell.tell(as_json(parts))
        return
    shell.tell(f"removed {counted(cleaned.containers, cleaned.networks, cleaned.volumes)}; {_left(cleaned.left)}")
    for sentence in cleaned.left:
        shell.say(f"left: {sentence}")
    if cleaned.orphans:
        shell.say(f"with them went {cleaned.orphans} things of state folders that are no more")
    if cleaned.stuck:
        shell.say(f"the engine keeps {_left(cleaned.stuck).replace(' left', '')} of state folders that are no more:")
        for sentence in cleaned.stuck:
            shell.say(f"  {sentence}")
        if any(sentence.startswith("network ") for sentence in cleaned.stuck):
            shell.say("  a restart of Docker frees a network that nobody is in any more")
    if cleaned.foreign:
        shell.say(f"left alone: {cleaned.foreign} things of other state folders (chaos-ecs clean --all-homes)")
    if forgot:
        shell.say("the state is forgotten: services, tasks, keys")
        if kept := _kept(shell):
            shell.say(f"journals and scores of game days are kept, in {' and '.join(kept)}")
