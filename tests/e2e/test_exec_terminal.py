"""`chaos-ecs exec` in a real terminal: sizes, Ctrl-C, codes, images without a shell, and windows that are closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from tests.builders import eventually
from tests.e2e.conftest import Room
from tests.e2e.test_terminal import BIN, OnATerminal

pytestmark = [pytest.mark.docker, pytest.mark.slow]

Enter = Callable[..., OnATerminal]
BARE_IMAGE = "chaos-ecs-tests/bare:1"


@pytest.fixture
def enter(room: Room) -> Iterator[Enter]:
    """`chaos-ecs exec` with these arguments, in a terminal of its own."""
    terminals: list[OnATerminal] = []

    def opened(*arguments: str, columns: int = 91, rows: int = 33) -> OnATerminal:
        environment = {**room.environment, "TERM": "xterm"}
        terminals.append(OnATerminal(environment, "exec", *arguments, columns=columns, rows=rows))
        return terminals[-1]

    yield opened
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def web(room: Room) -> str:
    """The short id of the one task of a service."""
    room.ok("service", "up", "web", "--desired", "1")
    return room.ok("ps", "-q").out.strip()


@pytest.fixture(scope="session")
def bare_image(engine_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that holds one program and no shell."""
    folder = tmp_path_factory.mktemp("bare")
    lines = ["FROM scratch", "COPY --from=chaos-ecs/demo:1 /bin/busybox /busybox", 'CMD ["/busybox", "sleep", "5000"]']
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    environment = {**os.environ, "CHAOS_ECS_HOME": str(folder / "home")}
    subprocess.run([str(BIN / "chaos-ecs"), "images", "build"], env=environment, check=True, capture_output=True)
    subprocess.run(["docker", "build", "-q", "-t", BARE_IMAGE, str(folder)], check=True, capture_output=True)
    return BARE_IMAGE


@pytest.fixture
def bare(room: Room, bare_image: str) -> str:
    """The short id of a task of that image."""
    room.ok("service", "up", "bare", "--image", bare_image, "--desired", "1")
    return room.ok("ps", "-q").out.strip()


@pytest.fixture
def toolbox(engine_client: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> None:
    environment = {**os.environ, "CHAOS_ECS_HOME": str(tmp_path_factory.mktemp("images"))}
    command = [str(BIN / "chaos-ecs"), "images", "build", "toolbox"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def programs(room: Room) -> list[str]:
    """The command lines of all processes in the room's tasks."""
    tops = [room.client.top(one["Id"], "-o pid,args")["Processes"] for one in room.containers()]
    return [" ".join(process[1:]) for processes in tops for process in processes]


def runs(room: Room, program: str) -> bool:
    return any(line == program for line in programs(room))


def beside(room: Room) -> list[str]:
    """The names of our toolboxes."""
    names = [one["Names"][0].lstrip("/") for one in room.containers(everything=True)]
    return [name for name in names if name.startswith("chaos-ecs-toolbox-")]


def close_window(terminal: OnATerminal) -> None:
    """Hangs up as the kernel does when a terminal goes, and the shell in it, until chaos-ecs has ended."""

    def hung_up() -> bool:
        with suppress(ProcessLookupError):
            os.killpg(terminal.process.pid, signal.SIGHUP)
        return terminal.process.poll() is not None

    eventually(hung_up, within=60)


def has_size(terminal: OnATerminal, size: str) -> None:
    """Asked again and again: docker tells the container of it when it runs already, and after a resize by a signal."""

    def told() -> bool:
        terminal.press("stty size\n")
        return f"{size}\n" in terminal.text

    eventually(told, within=30, every=0.5)


def test_the_shell_knows_the_terminals_size_and_the_new_one_after_a_resize(room: Room, web: str, enter: Enter) -> None:
    terminal = enter(web, columns=91, rows=33)
    has_size(terminal, "33 91")
    terminal.resize(70, 20)
    has_size(terminal, "20 70")
    terminal.press("exit\n")
    assert terminal.ends() == 0
    assert terminal.is_as_before()


def test_ctrl_c_ends_the_program_in_the_shell_and_neither_the_shell_nor_the_task(
    room: Room, web: str, enter: Enter
) -> None:
    terminal = enter(web)
    terminal.press("sleep 1000\n")
    eventually(lambda: runs(room, "sleep 1000"), within=20)
    terminal.press("\x03")
    eventually(lambda: not runs(room, "sleep 1000"), within=20)
    terminal.press("echo it was $?; exit 7\n")
    terminal.sees("it was 130")
    assert terminal.ends() == 7
    assert terminal.is_as_before()
    assert room.ok("ps", "-q").out.split() == [web]


def test_ctrl_c_ends_a_program_without_a_shell_with_130(room: Room, web: str, enter: Enter) -> None:
    terminal = enter(web, "--", "sleep", "1000")
    eventually(lambda: runs(room, "sleep 1000"), within=20)
    terminal.press("\x03")
    assert terminal.ends() == 130
    assert not runs(room, "sleep 1000")
    assert terminal.is_as_before()


def test_the_code_is_the_programs_own_and_137_of_one_that_was_killed(room: Room, web: str, enter: Enter) -> None:
    assert enter(web, "--", "sh", "-c", "exit 7").ends() == 7
    killed = enter(web, "--", "sh", "-c", "kill -9 $$")
    assert killed.ends() == 137
    assert "ended while you were inside" not in killed.text
    slip = room.run("exec", web, "--", "sh", "-c", "nosuchprogram")
    assert slip.code == 127
    assert "E-NO-PROGRAM" not in slip.err
    missing = room.run("exec", web, "--", "nosuchprogram")
    assert missing.code == 127
    assert "E-NO-PROGRAM: There is no nosuchprogram in chaos-ecs/demo:1" in missing.err


def test_bytes_of_a_pipe_go_in_and_come_out_unchanged(room: Room, web: str) -> None:
    said = b"hi\r\n\x00\x1b[A\xff\x03\x04" * 5000
    command = [str(BIN / "chaos-ecs"), "exec", web, "--", "cat"]
    done = subprocess.run(command, input=said, env=room.environment, capture_output=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (0, said)
    command = [*command[:-1], "sh", "-c", "echo out; echo err >&2; exit 9"]
    done = subprocess.run(command, input=b"", env=room.environment, capture_output=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (9, b"out\n", b"err\n")


def test_two_terminals_are_in_one_task_at_once(room: Room, web: str, enter: Enter) -> None:
    first, second = enter("web", columns=91), enter("web", columns=55)
    for terminal, columns in ((first, 91), (second, 55)):
        has_size(terminal, f"33 {columns}")
    first.press("sleep 1000\n")
    eventually(lambda: runs(room, "sleep 1000"), within=20)
    second.press("exit 4\n")
    assert second.ends() == 4
    assert runs(room, "sleep 1000")
    close_window(first)
    first.ends()
    assert room.ok("ps", "-q").out.split() == [web]


@pytest.mark.parametrize("program", ["sleep 1000", "trap '' HUP; sleep 1000"])
def test_a_closed_window_leaves_nothing_of_ours_in_the_container(
    room: Room, web: str, enter: Enter, program: str
) -> None:
    before = sorted(programs(room))
    terminal = enter(web)
    terminal.press(f"{program}\n")
    eventually(lambda: runs(room, "sleep 1000"), within=20)
    close_window(terminal)
    assert terminal.ends() == 128 + signal.SIGHUP
    assert sorted(programs(room)) == before
    assert room.ok("ps", "-q").out.split() == [web]


def test_sigterm_leaves_nothing_in_the_container_and_the_terminal_as_it_was(room: Room, web: str, enter: Enter) -> None:
    terminal = enter(web, "--", "sleep", "1000")
    eventually(lambda: runs(room, "sleep 1000") and not terminal.is_as_before(), within=20)
    terminal.process.terminate()
    assert terminal.ends() == 128 + signal.SIGTERM
    assert terminal.is_as_before()
    assert not runs(room, "sleep 1000")


def test_ctrl_c_where_the_program_has_no_terminal_ends_it_too(room: Room, web: str, tmp_path: Path) -> None:
    listens = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", listens, str(BIN / "chaos-ecs"), "exec", web, "--", "sleep", "1000"]
    with (tmp_path / "out").open("wb") as file:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=room.environment, start_new_session=True
        )
        eventually(lambda: runs(room, "sleep 1000"), within=20)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
    assert not runs(room, "sleep 1000")


def test_a_task_that_ends_while_one_is_inside_says_why(room: Room, web: str, enter: Enter) -> None:
    terminal = enter(web)
    terminal.press("echo in\n")
    terminal.sees("\nin\n")
    room.client.kill(room.containers()[0]["Id"])
    assert terminal.ends() == 137
    assert f"E-TASK-ENDED: {web} ended while you were inside" in terminal.text
    assert "Essential container in task exited" in terminal.text
    assert "next: chaos-ecs exec web" in terminal.text
    assert terminal.is_as_before()


def test_an_image_without_a_shell_is_said_so_with_the_way_in(room: Room, bare: str, enter: Enter) -> None:
    terminal = enter(bare)
    assert terminal.ends() == 127
    assert f"E-NO-PROGRAM: There is no /bin/sh in {BARE_IMAGE}" in terminal.text
    assert f"chaos-ecs exec {bare} --toolbox" in terminal.text
    assert "OCI runtime" not in terminal.text
    assert room.ok("exec", bare, "--", "/busybox", "echo", "its own program").out == "its own program\n"


def test_the_toolbox_is_a_shell_beside_such_a_task_and_goes_with_its_last_line(
    room: Room, bare: str, enter: Enter, toolbox: None
) -> None:
    terminal = enter(bare, "--toolbox", columns=91, rows=33)
    has_size(terminal, "33 91")
    terminal.press("ls /proc/1/root; tr '\\0' ' ' </proc/1/cmdline; hostname\n")
    terminal.sees("busybox")
    terminal.sees("/busybox sleep 5000")
    terminal.sees(room.client.inspect_container(room.containers()[0]["Id"])["Config"]["Hostname"])
    assert len(beside(room)) == 1
    terminal.press("exit 6\n")
    assert terminal.ends() == 6
    assert beside(room) == []
    assert room.ok("ps", "-q").out.split() == [bare]


def test_a_closed_window_takes_the_toolbox_along_and_clean_finds_one_that_was_left(
    room: Room, bare: str, enter: Enter, toolbox: None
) -> None:
    terminal = enter(bare, "--toolbox")
    terminal.press("echo $((40+2)); sleep 1000\n")
    terminal.sees("42\n")
    close_window(terminal)
    assert terminal.ends() == 128 + signal.SIGHUP
    assert beside(room) == []
    program = enter(bare, "--", "/busybox", "sleep", "1000")
    eventually(lambda: runs(room, "/busybox sleep 1000"), within=20)
    close_window(program)
    program.ends()
    assert not runs(room, "/busybox sleep 1000")  # ended from outside: no shell is in there to do it
    left = enter(bare, "--toolbox")
    left.press("echo $((40+2)); sleep 1000\n")
    left.sees("42\n")
    left.process.kill()  # and nobody is there to put anything away
    left.ends()
    assert len(beside(room)) == 1
    room.ok("clean", "--yes")
    assert beside(room) == []
