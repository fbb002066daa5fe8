"""The composition root: puts live or sim together with the controller and its server. The only module that imports
both worlds; imported late by the CLI, because what it needs is slow to import.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from chaos_ecs import __version__
from chaos_ecs.config import DEFAULT_PACE, Settings
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.home import credentials as credentials  # noqa: PLC0414 - handed on
from chaos_ecs.home import must_be_writable, write_private
from chaos_ecs.home import prepare_home as prepare_home  # noqa: PLC0414

if TYPE_CHECKING:
    from chaos_ecs.api.client_view import Figures
    from chaos_ecs.controller import Controller
    from chaos_ecs.live.agent import AgentRelay
    from chaos_ecs.live.agent_channel import AgentCall
    from chaos_ecs.live.cleaner import Cleaned
    from chaos_ecs.live.cleaner import Plan as CleanPlan
    from chaos_ecs.live.doctor import Check, EngineSeen
    from chaos_ecs.live.images import Images
    from chaos_ecs.live.statistics import DockerStatistics

START_WITHIN_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.05
_HEALTH_TIMEOUT_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ControllerInfo:
    """A running controller, as it says so in the state folder."""

    pid: int
    port: int
    home: str
    simulated: bool
    seed: int | None
    started_at: float
    pace: str = DEFAULT_PACE
    version: str = __version__
    speed: int = 1  # of the simulator's clock
    listen: str = ""  # address and port beyond loopback, for who signs
    events_to: Sequence[str] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


# --- the controller as a background process ---


def running_controller(settings: Settings) -> ControllerInfo | None:
    """The controller of this state folder, if one answers."""
    try:
        info = ControllerInfo(**json.loads(settings.controller_file.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    connection = HTTPConnection("127.0.0.1", info.port, timeout=_HEALTH_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        told = json.loads(connection.getresponse().read())
    except (OSError, ValueError):
        return None
    finally:
        connection.close()
    return info if isinstance(told, dict) and told.get("pid") == info.pid else None


def start_controller_process(
    settings: Settings, *, simulate: bool = False, seed: int | None = None, speed: int = 1, listen: str = ""
) -> tuple[ControllerInfo, bool]:
    """The running controller, started in a session of its own if none was; and whether it was started now.

    Raises ChaosEcsError with what the new process said when it cannot run (no engine, damaged state).
    """
    if found := running_controller(settings):
        return found, False
    if settings.events_to:
        from chaos_ecs import outgoing

        outgoing.check(settings.events_to)
    prepare_home(settings)
    must_be_writable(settings)
    settings.controller_error.unlink(missing_ok=True)
    command = [sys.executable, "-m", "chaos_ecs", "controller", "run"]
    if simulate:
        command += ["--simulate", "--seed", str(seed or 0), "--clock", f"x{speed}"]
    if listen:
        command += ["--listen", listen]
    command += [f"--events-to={target}" for target in settings.events_to]
    with settings.controller_log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=settings.home,
            env=os.environ | _environment(settings),
            **_own_session(),
        )
    return _await_controller(settings, process), True


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "CHAOS_ECS_HOME": str(settings.home),
        "CHAOS_ECS_PORT": str(settings.port),
        "CHAOS_ECS_PACE": settings.pace,
    }


def _own_session() -> dict[str, Any]:
    """So that Ctrl-C and a closed terminal end the view, not the controller."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _await_controller(settings: Settings, process: subprocess.Popen[bytes]) -> ControllerInfo:
    until = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < until:
        if info := running_controller(settings):
            return info  # this one, or another that was started at the same moment and was first
        if process.poll() is not None and not _another_was_first(settings):
            break
        time.sleep(_LOOK_EVERY_SECONDS)
    if process.poll() is not None and settings.controller_error.exists():
        raise ChaosEcsError(**json.loads(settings.controller_error.read_text()))
    must_be_writable(settings)
    raise ChaosEcsError(
        "E-CONTROLLER-DEAD",
        "The controller did not start",
        f"it ended with exit code {process.returncode}" if process.poll() is not None else "it does not answer",
        f"Read the end of {settings.controller_log}",
    )


def _another_was_first(settings: Settings) -> bool:
    """Two commands started a controller at the same moment: ours gave way to one that will answer soon."""
    try:
        return bool(json.loads(settings.controller_error.read_text())["code"] == "E-ALREADY-RUNNING")
    except (OSError, ValueError, KeyError):
        return False


def run_controller(
    settings: Settings, *, simulate: bool = False, seed: int | None = None, speed: int = 1, listen: str = ""
) -> int:
    """Runs the controller in this process until it is told to stop; answers with the exit code."""
    try:
        return _run_controller(settings, simulate=simulate, seed=seed or 0, speed=speed, listen=listen)
    except ChaosEcsError as error:
        told = {name: getattr(error, name) for name in ("code", "what", "why", "hint", "exit_code")}
        with suppress(OSError):  # the disk may be the trouble itself; whoever starts us looks at that too
            write_private(settings.controller_error, json.dumps(told))
        raise


def _port_before(settings: Settings) -> int:
    """Where a controller that was killed was listening: open pages and shells know it. 0 where that is not known."""
    try:
        return int(json.loads(settings.controller_file.read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _page_of(settings: Settings) -> dict[str, str]:
    """What the cluster page is about."""
    from chaos_ecs.core.arns import cluster_arn

    region, cluster = settings.region, settings.cluster
    return {"region": region, "cluster": cluster, "clusterArn": cluster_arn(region, cluster)}


def _run_controller(settings: Settings, *, simulate: bool, seed: int, speed: int, listen: str) -> int:
    from chaos_ecs.api.server import Server
    from chaos_ecs.core.messages import OpenRegion
    from chaos_ecs.outgoing import Outgoing, check

    check(settings.events_to)
    home_id = prepare_home(settings)
    keys = credentials(settings)
    hosted = _simulated_controller(settings, seed, speed) if simulate else _live_controller(settings, home_id)
    controller = hosted.controller
    outgoing = Outgoing(controller, settings.events_to)
    loop = threading.Thread(target=_run_loop, args=(controller,), name="controller")
    loop.start()
    try:
        _await_engine(controller)
        controller.request(lambda state: OpenRegion(settings.region), lambda state, now, events: None)
        server = Server(
            controller,
            keys,
            port=settings.port,
            before=_port_before(settings),
            info=_told(settings, simulate=simulate, seed=seed, speed=speed) | outgoing.told(),
            client=hosted.client,
            page=_page_of(settings),
            listen=listen,
        )
        info = ControllerInfo(
            pid=os.getpid(),
            port=server.port,
            home=str(settings.home),
            simulated=simulate,
            seed=seed if simulate else None,
            started_at=time.time(),
            pace=settings.pace,
            speed=speed,
            listen=server.listen,
            events_to=settings.events_to,
        )
        write_private(settings.controller_file, json.dumps(asdict(info)))
        server.run()
    finally:
        controller.stop()
        loop.join()
        outgoing.close()
        hosted.release()
        with suppress(OSError):  # left behind, it names a process that does not answer: nobody believes it
            settings.controller_file.unlink(missing_ok=True)
    if isinstance(controller.failed, ChaosEcsError):
        raise controller.failed
    return 1 if controller.failed else 0


def _told(settings: Settings, *, simulate: bool, seed: int, speed: int) -> dict[str, Any]:
    """What GetController tells of how the controller was started."""
    pressed = {"clock": f"x{speed}"} if speed > 1 else {}
    home = str(settings.home)
    return {"home": home, "simulated": simulate, "seed": seed if simulate else None, "pace": settings.pace, **pressed}


def _run_loop(controller: Controller) -> None:
    try:
        controller.run()
    except ChaosEcsError as trouble:
        log.error("the controller stops, containers run on: %s", trouble)  # noqa: TRY400 - no bug, so no traceback
    except Exception:
        log.exception("the controller's loop has ended: a bug")


def _await_engine(controller: Controller) -> None:
    """Serves nobody before the first look at the engine: an answer given earlier could be wrong."""
    until = time.monotonic() + START_WITHIN_SECONDS
    while time.monotonic() < until and controller.failed is None:
        if controller.ask(lambda state, now: state.engine_asked).result(START_WITHIN_SECONDS):
            return
        time.sleep(_LOOK_EVERY_SECONDS)


@dataclass(frozen=True)
class _Hosted:
    """A controller put together; `release` is called at its end, `client` has the figures of our own client."""

    controller: Controller
    release: Callable[[], None]
    client: Figures


def _live_controller(settings: Settings, home_id: str) -> _Hosted:
    from chaos_ecs.controller import Controller
    from chaos_ecs.core.pace import PACES
    from chaos_ecs.fleet import Fleet
    from chaos_ecs.live import engine, further
    from chaos_ecs.live.agent import AgentRelay
    from chaos_ecs.live.balancer import HaproxyBalancer
    from chaos_ecs.live.clock import WallClock
    from chaos_ecs.live.images import Images
    from chaos_ecs.live.labels import Home
    from chaos_ecs.live.prober import ProbedBalancer
    from chaos_ecs.live.runtime import DockerRuntime
    from chaos_ecs.live.statistics import CpuEverywhere, DockerCpu, DockerStatistics, MeasuredRuntime, Meter
    from chaos_ecs.live.store import SqliteStore

    connector = engine.Connector()  # keeps to one engine: another one's empty listing would end all our tasks
    connector.connect().close()  # where no engine answers, say so now and not in every command
    home = Home(home_id, str(settings.home))
    clock = WallClock()
    haproxy = HaproxyBalancer(connector.connect, home, Images)
    balancer = ProbedBalancer(haproxy, settings.probe_rate)
    cpu = CpuEverywhere(
        lambda id_: runtime.host_of(id_),  # noqa: PLW0108 - made below
        lambda name: DockerCpu(further.quickly(name, connector)),
    )
    meter = Meter(cpu, haproxy.requests)
    measured = MeasuredRuntime(DockerRuntime(connector.connect, home, Images), meter, clock)
    relay = AgentRelay(measured, connector.connect, home, Images)
    runtime = Fleet(relay, lambda name: further.runtime_of(name, connector.connect, home, Images))
    store = SqliteStore(settings.database)
    # A salt of this start's own: where the record was lost, a new task must not get the id of a container that runs.
    salt = secrets.token_hex(16)
    pace = PACES[settings.pace]
    controller = Controller(clock=clock, runtime=runtime, balancer=balancer, store=store, salt=salt, pace=pace)
    balancer.watch(controller.state)
    measured.watch(controller.state)
    release = _serve_agent(controller, relay, DockerStatistics(connector.connect))
    return _Hosted(controller, release, balancer.figures)


def _serve_agent(controller: Controller, relay: AgentRelay, statistics: DockerStatistics) -> Callable[[], None]:
    """Answers what tasks ask their agent for; the answer ends what may block for it."""
    from chaos_ecs.api.agent_faults import AgentFaults
    from chaos_ecs.api.agent_requests import AgentRequest
    from chaos_ecs.api.task_metadata import PREFIX, TaskMetadata

    def after(seconds: float, act: Callable[[], None]) -> None:
        timer = threading.Timer(seconds, act)
        timer.daemon = True  # a wait must not hold up the end of the process
        timer.start()

    background = ThreadPoolExecutor(1, thread_name_prefix="agent")
    faults = AgentFaults(controller, background, after)
    readers = ThreadPoolExecutor(4, thread_name_prefix="agent-statistics")  # the engine may take a second for each
    metadata = TaskMetadata(controller, statistics, readers, after)

    def answer(call: AgentCall) -> Future[tuple[int, Mapping[str, Any]]]:
        request = AgentRequest(call.method, call.path, call.body, call.source, call.agent)
        return metadata.answer(request) if call.path.startswith(PREFIX) else faults.answer(request)

    def release() -> None:
        for executor in (background, readers):
            executor.shutdown(wait=False, cancel_futures=True)

    relay.serve(controller.state, answer)
    return release


def _simulated_controller(settings: Settings, seed: int, speed: int) -> _Hosted:
    """Forgets everything at its end. The database is held all the same: one controller to a state folder."""
    from chaos_ecs.api.client_view import nobody
    from chaos_ecs.controller import Controller
    from chaos_ecs.core.pace import PACES
    from chaos_ecs.fleet import Fleet
    from chaos_ecs.live import local_files
    from chaos_ecs.live.clock import WallClock
    from chaos_ecs.live.store import SqliteStore
    from chaos_ecs.sim.balancer import SimBalancer
    from chaos_ecs.sim.clock import PressedClock
    from chaos_ecs.sim.engine import SimEngine
    from chaos_ecs.sim.further import FurtherEngines
    from chaos_ecs.sim.runtime import ENGINE_NAME, SimRuntime
    from chaos_ecs.sim.statistics import SimStatistics
    from chaos_ecs.sim.store import MemoryStore

    held = SqliteStore(settings.database)
    clock = PressedClock(time.time(), speed, time.monotonic) if speed > 1 else WallClock()
    engine = SimEngine(clock, Random(seed))
    engine.read = lambda path: local_files.read(str(settings.home), path)
    name = f"{ENGINE_NAME}, clock x{speed}" if speed > 1 else ENGINE_NAME
    further = FurtherEngines(engine, seed)
    runtime, balancer = SimRuntime(engine, name), SimBalancer(engine, further.known)
    controller = Controller(
        clock=clock,
        runtime=Fleet(runtime, lambda name: SimRuntime(further.named(name))),
        balancer=balancer,
        store=MemoryStore(),
        salt=f"simulation {seed}",
        pace=PACES[settings.pace],
    )
    runtime.statistics = SimStatistics(engine, balancer.requests, controller.state, further.known)
    return _Hosted(controller, held.close, nobody)


# --- what the CLI does without a controller ---


def examine(settings: Settings) -> Sequence[Check]:
    from chaos_ecs.live import doctor

    running = running_controller(settings)
    return doctor.examine(home=settings.home, port=settings.port, own_port=running.port if running else None)


def fix_engine(settings: Settings, report: Callable[[str], None], ask: Callable[[str], bool]) -> EngineSeen:
    from chaos_ecs.live import install

    prepare_home(settings)
    return install.fix(report, ask, home=settings.home)


def images() -> Images:
    from chaos_ecs.live import engine
    from chaos_ecs.live.images import Images

    return Images(engine.connect())


def run_inside(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path, toolbox: bool) -> int:
    """A program in a container, or in our toolbox beside it, with this terminal (see `live/inside.py`); its code."""
    from chaos_ecs.live import inside

    run = inside.run_beside if toolbox else inside.run_inside
    return run(runtime_id, words, terminal=terminal, reads=reads, home=home)


def plan_clean(settings: Settings, *, everything: bool = False) -> CleanPlan:
    """What `clean` would remove; touches nothing."""
    from chaos_ecs.live import cleaning

    return cleaning.plan(prepare_home(settings), settings.home, everything=everything)


def clean(settings: Settings, *, everything: bool = False) -> Cleaned:
    """Removes what carries our label (see `live/cleaning.py`) and looks a second time."""
    from chaos_ecs.live import cleaning

    return cleaning.clean(prepare_home(settings), settings.home, everything=everything)


def forget_state(settings: Settings) -> None:
    """Removes what the controller keeps on disk: state, keys, logs. The folder's id stays, for its labels' sake."""
    for path in settings.home.glob("state.db*"):
        path.unlink()
    for path in (settings.credentials, settings.controller_file, settings.controller_log, settings.controller_error):
        path.unlink(missing_ok=True)
