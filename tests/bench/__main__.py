"""`python -m tests.bench [--quick] [--only PART ...] [--json FILE]`: the whole run, and what it says at its end.

Exit code 0 when it could measure, whatever the figures are; 1 when it could not; 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from chaos_ecs.errors import ChaosEcsError
from tests.bench import (
    bounds,
    commands,
    idle,
    page,
    reads,
    recovery,
    report,
    rolling,
    room,
    scaling,
    simulator,
    throughput,
)
from tests.bench.figures import Figures, verdict
from tests.bench.room import Room
from tests.bench.systems import balanced, emulators, ours, plain, swarm, swarm_balanced
from tests.bench.systems.system import System, Work


@dataclass(frozen=True)
class Rounds:
    """How often each thing is measured."""

    kills: int = 10
    ten_of_thirty: int = 5
    up: tuple[tuple[int, int], ...] = ((3, 7), (10, 5), (50, 3))
    down: int = 3
    slow_down: int = 1  # of a system that stops one task after another
    idle_seconds: float = 30.0
    commands: int = 15
    simulator: int = 100
    reads: int = 3
    read_seconds: float = 3.0
    throughput: int = 9
    throughput_seconds: float = 3.0
    deployments: int = 10
    balanced_kills: int = 5
    clicks: int = 20
    frame_seconds: float = 15.0


QUICK = Rounds(
    kills=3,
    ten_of_thirty=2,
    up=((3, 3), (10, 2), (50, 1)),
    down=1,
    slow_down=0,
    idle_seconds=10.0,
    commands=10,
    simulator=40,
    reads=1,
    read_seconds=2.0,
    throughput=5,
    throughput_seconds=2.0,
    deployments=1,
    balanced_kills=2,
    clicks=5,
    frame_seconds=5.0,
)


@dataclass
class Run:
    """The parts of a run, each on its own `--only` name. Peers are started by the parts that need them."""

    place: Room
    rounds: Rounds
    figures: Figures
    say: Callable[[str], None]

    def kills(self) -> None:
        with ExitStack() as stack:
            we = stack.enter_context(ours.started(self.place))
            peers: list[System] = [
                we,
                stack.enter_context(swarm.started(self.place)),
                plain.RestartAlways(self.place),
                stack.enter_context(emulators.ministack(self.place)),
                plain.Floor(self.place),
            ]
            recovery.small(self.place, self.figures, peers, we, rounds=self.rounds.kills)

    def thirty(self) -> None:
        """Idle cost first, on a controller that has only these thirty; then the kills."""
        with ExitStack() as stack:
            we = stack.enter_context(ours.started(self.place))
            group = stack.enter_context(we.group(Work("thirty")))
            patient = recovery.Patient(we.name, group, 30)
            group.scale(30)
            recovery.settle(self.place, patient)
            idle.measure(self.figures, we.name, we.pid, seconds=self.rounds.idle_seconds)
            peer = stack.enter_context(swarm.started(self.place))
            patients = [patient]
            for other in (peer, plain.Floor(self.place)):
                theirs = stack.enter_context(other.group(Work("thirty")))
                theirs.scale(30)
                patients.append(recovery.Patient(other.name, theirs, 30))
            recovery.large(self.place, self.figures, patients, rounds=self.rounds.ten_of_thirty)

    def scale(self) -> None:
        with ExitStack() as stack:
            we = stack.enter_context(ours.started(self.place))
            crowd = stack.enter_context(swarm.started(self.place))
            emulator = stack.enter_context(emulators.ministack(self.place))
            for count, rounds in self.rounds.up:
                self.say(f"  0 to {count}, {rounds} rounds")
                peers: list[System] = [we, crowd, emulator, plain.Loop(self.place)]
                scaling.up(self.place, self.figures, peers, count=count, rounds=rounds)
            self.say("  10 to 0")
            scaling.down(self.place, self.figures, [we, crowd], rounds=self.rounds.down)
            scaling.down(self.place, self.figures, [emulator], rounds=self.rounds.slow_down)

    def commands(self) -> None:
        with ours.started(self.place, simulate=True) as we, we.group(Work("ps")) as group:
            group.scale(3)
            commands.measure(self.figures, we, rounds=self.rounds.commands)

    def simulator(self) -> None:
        simulator.measure(self.figures, rounds=self.rounds.simulator)

    def reads(self) -> None:
        with ExitStack() as stack:
            we = stack.enter_context(ours.started(self.place, simulate=True))
            targets = [reads.target(we.name, we.controller, we.port, we.keys, we.settings.cluster)]
            for start in (emulators.moto, emulators.ministack_without_engine):
                peer = stack.enter_context(start(self.place))
                targets.append(reads.target(peer.name, peer.controller, peer.port, emulators.KEYS, emulators.CLUSTER))
            reads.measure(self.figures, targets, rounds=self.rounds.reads, seconds=self.rounds.read_seconds)

    def page(self) -> None:
        """The cluster page, in a real browser: skipped with a word where there is none."""
        with ours.started(self.place) as we:
            page.kills(self.place, self.figures, we, rounds=self.rounds.clicks)
        with ours.started(self.place, simulate=True) as we:
            page.smoothness(self.figures, we, seconds=self.rounds.frame_seconds)

    def balancing(self) -> None:
        """Our load balancer; Swarm last, so that it does not burden what it is not compared in."""
        rounds = self.rounds
        with ExitStack() as stack:
            we = stack.enter_context(ours.started(self.place))
            throughput.measure(
                self.place, self.figures, we, rounds=rounds.throughput, seconds=rounds.throughput_seconds
            )
            with balanced.service(self.place, we, count=3) as service:
                rolling.kills(self.place, self.figures, service, rounds=rounds.balanced_kills, say=self.say)
            crowd = stack.enter_context(swarm.started(self.place))
            for count in rolling.COUNTS:
                self.say(f"  deployments of {count}")
                with (
                    balanced.service(self.place, we, count=count) as mine,
                    swarm_balanced.service(self.place, crowd, count=count) as theirs,
                ):
                    rolling.deployments(
                        self.place, self.figures, [mine, theirs], count=count, rounds=rounds.deployments, say=self.say
                    )


PARTS = ("commands", "simulator", "reads", "thirty", "kills", "scale", "balancing", "page")


def main(words: list[str]) -> int:
    options = _options(words)
    console = Console()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    figures = Figures()
    try:
        place, machine, code = _measured(options, figures, console)
    except ChaosEcsError as error:
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:  # before the first part: nothing was measured, and the room is empty again
        return 130
    left = room.leftovers(place)
    console.print(f"removed what the run made; a second listing finds {len(left)} left {' '.join(left)}".rstrip())
    if figures.rows():
        report.show_table(console, figures)
    for trouble in figures.troubles:
        console.print(f"could not measure {trouble}", markup=False)
    units = {key.measurement: unit for key, _, unit in figures.rows()}
    verdicts = [verdict(bound, figures, units) for bound in bounds.bounds()]
    report.write(options.json, figures, verdicts, machine)
    console.print(f"every sample is in {options.json}", markup=False)
    report.show_verdicts(console, verdicts)
    return code or int(bool(left))


def _measured(options: argparse.Namespace, figures: Figures, console: Console) -> tuple[Room, dict[str, Any], int]:
    """Runs the parts; what was measured before a Ctrl-C or an error counts. Everything is removed on the way out."""
    started_at = time.monotonic()
    code = 0

    def say(sentence: str) -> None:
        console.print(f"{time.monotonic() - started_at:6.0f}s {sentence}", markup=False, highlight=False)

    with room.opened() as place:
        machine = _machine(place)
        run = Run(place, QUICK if options.quick else Rounds(), figures, say)
        for part in options.only or PARTS:
            say(part)
            try:
                getattr(run, part)()
            except KeyboardInterrupt:
                say("interrupted: removing what was made")
                code = 130
                break
            except Exception as error:  # noqa: BLE001 - one part's trouble is told, the others are measured all the same
                figures.troubles.append(f"{part}: {type(error).__name__}: {error}")
                code = 1
        say("removing what was made")
    return place, machine, code


def _interrupt(*_: object) -> None:
    """Ctrl-C and SIGTERM end the run once; a second one must not end its cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _machine(place: Room) -> dict[str, Any]:
    told = place.client.info()
    return {
        "cores": told["NCPU"],
        "memory": told["MemTotal"],
        "engine": f"{told['OperatingSystem']}, {told['ServerVersion']}",
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
    }


def _options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures chaos-ecs beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="where the samples go (bench.json)")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
