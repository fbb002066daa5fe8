"""A real terminal: the installed chaos-ecs on a pty with the simulator: keys, panel, and what is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import eventually
from tests.e2e.conftest import is_alive

if sys.platform == "win32":
    pytest.skip("a pty is POSIX", allow_module_level=True)

import fcntl
import pty
import struct
import termios

BIN = Path(sys.executable).parent
IN_A_TERMINAL = (  # takes stdin as its terminal, listens to Ctrl-C even if these tests do not, and becomes the command
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OnATerminal:
    """chaos-ecs on a pty of its own, with what it wrote so far."""

    def __init__(self, environment: dict[str, str], *arguments: str, columns: int = 100, rows: int = 30) -> None:
        self.master, self.slave = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, str(BIN / "chaos-ecs"), *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment,
            start_new_session=True,
        )
        self._read: list[bytes] = []
        self._reader = threading.Thread(target=self._keep_reading, daemon=True)
        self._reader.start()

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def raw(self) -> str:
        return b"".join(self._read).decode("utf-8", "replace").replace("\r\n", "\n")

    @property
    def text(self) -> str:
        return ESCAPE.sub("", self.raw)

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def sees(self, part: str) -> None:
        try:
            eventually(lambda: part in self.text, within=30)
        except AssertionError as late:
            raise AssertionError(f"no {part!r} in\n{self.text}") from late

    def ends(self) -> int:
        return self.process.wait(30)

    def is_as_before(self) -> bool:
        """Whether the terminal has its modes back: echo, and lines instead of single keys."""
        return termios.tcgetattr(self.slave)[:4] == self.before[:4]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.slave)
        self._reader.join(5)
        os.close(self.master)

    def _keep_reading(self) -> None:
        while True:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                return
            if not chunk:
                return
            self._read.append(chunk)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a simulator with a service of three."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CHAOS_ECS_"))}
    kept.pop("NO_COLOR", None)
    home = str(tmp_path_factory.mktemp("home"))
    environment = {**kept, "CHAOS_ECS_HOME": home, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    run(environment, "controller", "start", "--simulate", "--seed", "7")
    run(environment, "service", "up", "web", "--desired", "3")
    yield environment
    run(environment, "controller", "stop")


@pytest.fixture
def opened() -> Iterator[list[OnATerminal]]:
    terminals: list[OnATerminal] = []
    yield terminals
    for terminal in terminals:
        terminal.close()


def run(environment: dict[str, str], *arguments: str, **more: str) -> str:
    done = subprocess.run(
        [str(BIN / "chaos-ecs"), *arguments],
        env={**environment, **more},
        capture_output=True,
        check=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_keys_kill_show_the_aws_command_and_leave_and_the_terminal_is_as_before(
    simulator: dict[str, str], opened: list[OnATerminal]
) -> None:
    terminal = OnATerminal(simulator, "watch")
    opened.append(terminal)
    terminal.sees("k kill one  1-3 kill that  d page  a aws command  ? help  q leave (web keeps running)")
    assert not terminal.is_as_before()
    terminal.press("1")
    terminal.sees("RECOVERED IN")
    terminal.press("a")
    terminal.sees("aws ecs stop-task")
    terminal.press("q")
    assert terminal.ends() == 0
    terminal.sees("left the view; everything keeps running")
    assert terminal.is_as_before()
    assert terminal.raw.rindex("\x1b[?25h") > terminal.raw.rindex("\x1b[?25l")  # the cursor is shown again


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda item: str(item.name))
def test_whatever_ends_a_view_the_terminal_is_as_before(
    simulator: dict[str, str], opened: list[OnATerminal], number: signal.Signals
) -> None:
    terminal = OnATerminal(simulator, "watch")
    opened.append(terminal)
    terminal.sees("q leave")
    terminal.process.send_signal(number)
    assert terminal.ends() == (0 if number == signal.SIGINT else 128 + number)
    assert terminal.is_as_before()


def test_the_panel_is_rebuilt_for_a_terminal_that_was_resized(
    simulator: dict[str, str], opened: list[OnATerminal]
) -> None:
    terminal = OnATerminal(simulator, "watch")
    opened.append(terminal)
    terminal.sees("1-3 kill that")
    assert "─" * 100 in terminal.text
    terminal.resize(60, 24)
    terminal.sees(" k kill  1-3  d page  a aws  ? help  q leave")
    terminal.press("q")
    assert terminal.ends() == 0


def test_a_dumb_terminal_gets_no_escape_code_and_no_panel(simulator: dict[str, str], opened: list[OnATerminal]) -> None:
    terminal = OnATerminal({**simulator, "TERM": "dumb"}, "watch", columns=80, rows=24)
    opened.append(terminal)
    terminal.sees("cluster my-cluster")
    terminal.press("k")
    terminal.sees("RECOVERED IN")
    terminal.press("q")
    assert terminal.ends() == 0
    assert "\x1b" not in terminal.raw
    assert "─" not in terminal.raw


def test_accessible_on_a_terminal_is_sentences_only(simulator: dict[str, str], opened: list[OnATerminal]) -> None:
    terminal = OnATerminal({**simulator, "ACCESSIBLE": "1"}, "watch")
    opened.append(terminal)
    terminal.sees("cluster my-cluster")
    terminal.press("k")
    terminal.sees("Recovery took")
    terminal.press("q")
    assert terminal.ends() == 0
    assert terminal.raw.isascii()
    assert "\x1b" not in terminal.raw


@pytest.mark.parametrize("arguments", [("ps",), ("service", "ls"), ("kill", "web"), ("events", "--tail", "5"), ()])
@pytest.mark.parametrize("setting", [{"PYTHONIOENCODING": "cp1252"}, {"TERM": "dumb"}], ids=["cp1252", "dumb"])
def test_old_consoles_never_make_a_command_fail(
    simulator: dict[str, str], setting: dict[str, str], arguments: tuple[str, ...]
) -> None:
    said = run(simulator, *arguments, **setting)
    assert "Traceback" not in said
    assert "\x1b" not in said


def test_on_a_cp1252_terminal_the_live_view_is_the_ascii_twin(
    simulator: dict[str, str], opened: list[OnATerminal]
) -> None:
    terminal = OnATerminal({**simulator, "PYTHONIOENCODING": "cp1252"}, "watch", columns=80, rows=24)
    opened.append(terminal)
    terminal.sees("q leave")
    terminal.press("1")
    terminal.sees("x KILLED")
    terminal.sees("RECOVERED IN")
    terminal.press("q")
    assert terminal.ends() == 0
    assert terminal.raw.isascii()


def test_completion_knows_live_services_and_tasks_and_starts_nothing(simulator: dict[str, str], tmp_path: Path) -> None:
    asked = {"_CHAOS_ECS_COMPLETE": "complete_bash", "COMP_WORDS": "chaos-ecs kill ", "COMP_CWORD": "2"}
    offered = run(simulator, **asked).split()
    task = run(simulator, "ps", "-q").split()[0]
    assert "web" in offered
    assert task in offered
    nowhere = {**asked, "CHAOS_ECS_HOME": str(tmp_path / "nowhere")}
    began = time.monotonic()
    assert run(simulator, **nowhere).strip() == ""
    assert time.monotonic() - began < 10
    assert not (tmp_path / "nowhere").exists()


def test_a_demo_whose_reader_goes_away_leaves_no_controller_behind(simulator: dict[str, str], tmp_path: Path) -> None:
    """As in `chaos-ecs demo --simulate 2>&1 | head -5`."""
    environment = {**simulator, "TMPDIR": str(tmp_path)}
    command = [str(BIN / "chaos-ecs"), "demo", "--simulate"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as demo:
        assert demo.stdout is not None
        for _ in range(5):
            demo.stdout.readline()
        (home,) = tmp_path.glob("chaos-ecs-demo-*")
        pid = json.loads((home / "controller.json").read_text())["pid"]
        demo.stdout.close()
        demo.wait(60)
    eventually(lambda: not is_alive(pid), within=10)
    assert list(tmp_path.glob("chaos-ecs-demo-*")) == []
