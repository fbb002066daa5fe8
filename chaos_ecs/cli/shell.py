"""What every command gets: where to write, how, and the controller. All ambient state enters here, as parameters.

Never here: commands. The tests hand in their own streams, clock and controller. What only a command that asks the
controller needs is imported then: `--help` has a shell too.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from chaos_ecs.cli import keys, symbols
from chaos_ecs.cli.text import folded
from chaos_ecs.errors import ChaosEcsError

if TYPE_CHECKING:
    from chaos_ecs.cli.client import Controller
    from chaos_ecs.cli.endpoint.api import EcsApi
    from chaos_ecs.cli.endpoint.place import Place
    from chaos_ecs.cli.keys import Keyboard
    from chaos_ecs.cli.snapshot import Cluster, Snapshot
    from chaos_ecs.config import Settings
    from chaos_ecs.wiring import ControllerInfo


# A command in a hint that wants a cluster, and has none yet.
_OF_A_CLUSTER = re.compile(
    r"chaos-ecs (?=(?:service|run-task|task|kill|chaos inject|ps|logs|events|watch|lb|probe|schedule add)\b)"
    r"(?![^|]*--cluster)"
)


_BESIDE = "   |   "
# A command up to the end of its clause, and the path of a journal.
_COPIED = re.compile(
    r"\bchaos-ecs (?=(?:-|service|run-task|task|kill|chaos|ps|logs|events|watch|lb|probe|demo|doctor|aws-env|clean|help"
    r"|controller|images|schedule)).+?(?=  | [(|]|[,;:.)](?: |$)|$)"
    r"|\baws (?:ecs|elbv2|fis|scheduler) .+?(?=  | [(|]|[,;.)](?: |$)|$)"
    r"|(?<=journal: ).+"
)
_GLUE = "\0"


class Opener(Protocol):
    def __call__(self, shell: Shell, *, start: bool) -> Controller | None:
        """The controller; None when none runs and `start` is False."""
        ...


class Inside(Protocol):
    def __call__(
        self, runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path, toolbox: bool
    ) -> int:
        """Runs a program in a container or in the toolbox beside it, with this terminal if it is to have one; its exit
        code."""
        ...


def run_inside(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path, toolbox: bool) -> int:
    from chaos_ecs import wiring

    return wiring.run_inside(runtime_id, words, terminal=terminal, reads=reads, home=home, toolbox=toolbox)


def open_controller(shell: Shell, *, start: bool) -> Controller | None:
    """The controller of the state folder, started in the background if need be, which is then said."""
    from chaos_ecs import wiring
    from chaos_ecs.cli.client import HttpController

    settings = shell.settings
    if shell.place is not None:
        return shell.there() if start else None
    if start:
        info = wiring.running_controller(settings) or started(shell, simulate=False, seed=None)
    else:
        found = wiring.running_controller(settings)
        if found is None:
            return None
        info = found
    return HttpController(info.port, wiring.credentials(settings), settings.region)


def started(
    shell: Shell, *, simulate: bool, seed: int | None, pace: str | None = None, speed: int = 1, listen: str = ""
) -> ControllerInfo:
    """A controller in the background, and what everybody should know of a new process."""
    from chaos_ecs import wiring

    shell.say(f"starting the controller, at most {wiring.START_WITHIN_SECONDS:.0f}s")
    settings = replace(shell.settings, pace=pace or shell.settings.pace)
    info, was_started = wiring.start_controller_process(
        settings, simulate=simulate, seed=seed, speed=speed, listen=listen
    )
    if was_started:
        shell.say(f"started the controller in the background: pid {info.pid}, {info.url}")
        if info.port != shell.settings.port:
            shell.say(f"port {shell.settings.port} was taken, so it listens on {info.port}")
        if info.listen:
            shell.say(f"open to the network at http://{info.listen}: to whoever has its keys, and unencrypted")
    return info


@dataclass
class Shell:
    """`terminal`: stdout is one, so a live view makes sense; `asks`: somebody can answer a question."""

    environment: Mapping[str, str]
    out: TextIO
    err: TextIO
    terminal: bool = False
    asks: bool = False
    opener: Opener = open_controller
    inside: Inside = run_inside
    read_answer: Callable[[], str] = input
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    json: bool = False
    ascii: bool = False
    accessible: bool = False
    dumb: bool = False  # a terminal that knows no escape codes
    color: bool = True
    debug: bool = False
    cluster: str = ""
    place: Place | None = None  # an ECS API that is not the own controller's
    agreed: bool = False  # --yes
    columns: Callable[[], int] = lambda: shutil.get_terminal_size().columns
    keyboard: Keyboard | None = None  # None: stdin is no terminal
    settings_: Settings | None = field(default=None, repr=False)  # read once, on first use
    there_: EcsApi | None = field(default=None, repr=False)  # likewise

    @property
    def settings(self) -> Settings:
        """Raises ChaosEcsError (exit 2) for a variable that cannot be understood."""
        if self.settings_ is None:
            from chaos_ecs import config

            try:
                self.settings_ = config.read(self.environment)
            except ValueError as error:
                raise ChaosEcsError("E-SETTING", "A setting is wrong", str(error), "Correct or unset it", 2) from error
        return self.settings_

    @property
    def cluster_name(self) -> str:
        return self.cluster or self.settings.cluster

    @property
    def symbols(self) -> symbols.Symbols:
        return symbols.choose(getattr(self.out, "encoding", None), ascii_only=self.ascii or self.accessible)

    @property
    def width(self) -> int | None:
        """The columns that rows must fit; None in a pipe, where nothing is folded."""
        return max(20, self.columns()) if self.terminal else None

    @property
    def is_live(self) -> bool:
        """Whether views stay until Ctrl-C."""
        return self.terminal and not self.json

    @property
    def draws(self) -> bool:
        """Whether views draw a panel: not where it cannot be drawn, nor for who cannot see it."""
        return self.is_live and not self.accessible and not self.dumb

    def controller(self) -> Controller:
        """The controller, started if it was not running."""
        found = self.opener(self, start=True)
        assert found is not None, "an opener that may start one answers one"
        return found

    def running_controller(self) -> Controller | None:
        """The controller if it runs. Starts nothing."""
        return self.opener(self, start=False)

    def there(self) -> EcsApi:
        """The ECS API that --endpoint names; its banner is said once."""
        from chaos_ecs.cli.endpoint import opening

        assert self.place is not None, "somebody said --endpoint"
        if self.there_ is None:
            self.there_ = opening.opened(self, self.place)
        return self.there_

    def agree(self, what: str) -> None:
        """Before the first change somewhere else: raises E-NOT-CONFIRMED (exit 5) unless somebody says yes to it."""
        if self.place is not None:
            self.there().agree(what)

    def chosen(self, snapshot: Snapshot) -> Cluster | None:
        """The chosen cluster; a snapshot of somewhere else has no other."""
        if self.place is not None:
            return snapshot.clusters[0]
        return snapshot.cluster(self.cluster_name, self.settings.region)

    def cluster_arn(self, snapshot: Snapshot) -> str:
        """The ARN of the chosen cluster. Raises ChaosEcsError when there is none of that name."""
        found = self.chosen(snapshot)
        if found is None:
            self._must_be_here(snapshot)
            known = ", ".join(item.name for item in snapshot.clusters if item.status == "ACTIVE") or "none"
            raise ChaosEcsError(
                "ClusterNotFoundException",
                "Cluster not found",
                f"there is no {self.cluster_name} in {self.settings.region}, only: {known}",
                f"chaos-ecs service up --cluster {self.cluster_name} (makes it), or name another with --cluster",
            )
        return found.arn

    def _must_be_here(self, snapshot: Snapshot) -> None:
        """Raises E-REGION where the cluster is in another region than the one that is asked for."""
        here = self.settings.region
        there = [item.region for item in snapshot.clusters if (item.name, item.status) == (self.cluster_name, "ACTIVE")]
        if there:
            what = f"Cluster {self.cluster_name} is not in {here}"
            why = f"it is in {', '.join(there)}; CHAOS_ECS_REGION says {here}, and a region sees only what is its own"
            hint = f"CHAOS_ECS_REGION={there[0]}, or: chaos-ecs service up (makes the cluster in {here} too)"
            raise ChaosEcsError("E-REGION", what, why, hint)

    def look(self) -> tuple[Controller, Snapshot, str]:
        """The controller, its state now, and the chosen cluster's ARN."""
        controller, snapshot = self.look_around()
        return controller, snapshot, self.cluster_arn(snapshot)

    def look_around(self) -> tuple[Controller, Snapshot]:
        """The controller and its state now, for what is of no cluster."""
        from chaos_ecs.cli.client import state

        controller = self.controller()
        snapshot = state(controller)
        if snapshot.speed > 1 and not self.json:
            self.say(f"clock x{snapshot.speed}: simulated time, a minute passes in {60 / snapshot.speed:.2g} s")
        return controller, snapshot

    def say(self, text: str = "") -> None:
        """Talk: to stderr, so that stdout is the result alone."""
        text = text if self.json else self.hinted(text)
        print(self._printable(self._folded(text), self.err), file=self.err, flush=True)

    def say_whole(self, rows: Sequence[str]) -> None:
        """Talk that is copied, a command of several rows: never folded."""
        for row in rows:
            print(self._printable(row, self.err), file=self.err, flush=True)

    def hinted(self, text: str) -> str:
        """The text with commands that can be typed as they stand: with --cluster, if this one was called with it.

        Worked example: next: chaos-ecs kill web  ->  next: chaos-ecs --cluster lab kill web.
        """
        if self.place is not None:
            named = f"{self.place.options} --cluster {self.cluster}" if self.cluster else self.place.options
            return _OF_A_CLUSTER.sub(f"chaos-ecs {named} ", self.place.instead(text))
        if not self.cluster or self.cluster == self.settings.cluster:
            return text
        return _OF_A_CLUSTER.sub(f"chaos-ecs --cluster {self.cluster} ", text)

    def say_left(self, text: str) -> None:
        """Talk after Ctrl-C, on a line of its own: the terminal has just echoed ^C."""
        self.say(f"\n{text}" if self.terminal else text)

    def tell(self, text: str = "", *, fold: bool = False) -> None:
        """The result: to stdout. With `fold`, as prose: folded at its words in a terminal."""
        text = self._folded(self.hinted(text)) if fold else text
        print(self._printable(text, self.out), file=self.out, flush=True)

    def confirm(self, question: str) -> bool:
        """Whether somebody says yes; nobody there is a no."""
        return self.asks and self.answer(f"{question} [y/N] ").strip().lower() in ("y", "yes")

    def answer(self, question: str) -> str:
        """What somebody types; "" at the end of the input."""
        print(self._printable(question, self.err), end="", file=self.err, flush=True)
        try:
            return self.read_answer()
        except EOFError:
            return ""

    def _folded(self, text: str) -> str:
        """Lines that are too long for the terminal, folded at their words and indented below; as it is in a pipe."""
        width = self.width
        if width is None or self.json:
            return text
        return "\n".join(row for line in text.split("\n") for row in _rows(line, width))

    @staticmethod
    def _printable(text: str, stream: TextIO) -> str:
        """The text with `?` for what the stream cannot show: an image's name must not break an old console."""
        encoding = getattr(stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def _rows(line: str, width: int) -> list[str]:
    """What stands side by side goes below each other, and a command that has no room goes to a row of its own, whole:
    one that is copied must be there."""
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    told = []
    for part in line.strip().split(_BESIDE):
        whole = _COPIED.sub(lambda found: found[0].replace(" ", _GLUE), part)
        told += folded(whole, width, first=indent, further=f"{indent}  ")
    return [row.replace(_GLUE, " ") for row in told]


def of_this_process() -> Shell:
    """The shell of the running process."""
    environment = dict(os.environ)
    terminal = sys.stdout.isatty()
    dumb = environment.get("TERM") == "dumb"
    return Shell(
        environment=environment,
        out=sys.stdout,
        err=sys.stderr,
        terminal=terminal,
        asks=sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty(),
        accessible=terminal and environment.get("ACCESSIBLE", "0") not in ("", "0"),
        dumb=dumb,
        color=not environment.get("NO_COLOR") and not dumb,
        keyboard=keys.of_this_process(sys.stdin),
    )
