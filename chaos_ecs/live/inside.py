"""A program beside a container's own, with this terminal: `docker exec`, or `docker run` of our toolbox joined to it.

Docker's command line knows of sizes, Ctrl-C and consoles. What it leaves running when it is cut off, we end: a program
in a container outlives the `docker exec` that began it (moby issue 9098), and so does a container of `docker run`.
"""

from __future__ import annotations

import posixpath
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, further, labels, own

NO_PROGRAM = (126, 127)
"""What `docker exec` exits with for a program that the container does not have."""
SHELL = "/bin/sh"
MARK = "CHAOS_ECS_EXEC"
"""A variable by which a program of ours, and whatever it begins, is known among a container's processes."""

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PUT_AWAY_SECONDS = 10.0
# Of a shell that waits for its program HUP ends both; what does not listen has a second.
_ENDS_OURS = """
ours() { for one in /proc/[0-9]*; do grep -q "$1" "$one/environ" 2>/dev/null && echo "${one#/proc/}"; done; }
found=$(ours "$1"); [ -z "$found" ] && exit 0
kill -HUP $found 2>/dev/null; sleep 1
found=$(ours "$1"); [ -z "$found" ] || kill -KILL $found 2>/dev/null
exit 0
"""
_MAY_LOOK_AND_END = ("SYS_PTRACE", "KILL")  # into processes and files of another container's user


def run_inside(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path) -> int:
    """Runs it and answers its exit code. `terminal`: it gets one, as a shell for a person wants; `reads`: it gets our
    stdin; `home`: the state folder, which knows of further engines. Raises E-DOCKER-DOWN, E-NO-CONTAINER, E-NO-PROGRAM,
    and E-NO-DOCKER-CLI where the program `docker` is missing."""
    with _engine_of(runtime_id, home) as (client, docker):
        if words[0] == SHELL:  # of another we hear afterwards: what a tmpfs holds is not seen from here
            _must_be_there(client, runtime_id, SHELL)
        mark = f"{MARK}={secrets.token_hex(8)}"
        command = [*docker, "exec", *_ways(terminal, reads), "--env", mark, runtime_id, *words]
        try:
            code = _with_terminal(command)
        except BaseException:  # cut off: the window was closed, or Ctrl-C where the program has no terminal
            _end_ours(docker, runtime_id, mark)
            raise
        if code in NO_PROGRAM:
            _must_be_there(client, runtime_id, words[0])
        return code


def run_beside(runtime_id: str, words: Sequence[str], *, terminal: bool, reads: bool, home: Path) -> int:
    """The same in a container of our toolbox, which sees the other's network and processes, and is removed at the end.
    Raises E-NO-TOOLBOX too."""
    with _engine_of(runtime_id, home) as (client, docker):
        must_have_toolbox(client, docker[1:])
        marks = labels.of(client.inspect_container(runtime_id))
        name = f"chaos-ecs-toolbox-{runtime_id[:12]}-{secrets.token_hex(3)}"
        named = ["--name", name, *(f"--label={label}={marks[label]}" for label in labels.OF_A_HOME if label in marks)]
        beside = _beside(runtime_id, f"container:{runtime_id}", words)
        try:
            return _with_terminal([*docker, "run", *_ways(terminal, reads), *named, *beside])
        finally:
            _remove(client, name)


@contextmanager
def _engine_of(runtime_id: str, home: Path) -> Iterator[tuple[APIClient, Sequence[str]]]:
    """The engine that has the container, and how Docker's command line is begun for the same one."""
    program = shutil.which("docker")
    if program is None:
        what, why = "The program docker is missing", "a terminal in a container is its work; the engine itself answers"
        raise ChaosEcsError("E-NO-DOCKER-CLI", what, why, "install Docker's command line, then try again", 4)
    client, told = further.found_on(runtime_id, home)
    try:
        yield client, (program, *told)
    finally:
        client.close()


def _ways(terminal: bool, reads: bool) -> list[str]:
    return [*(["--interactive"] if reads else []), *(["--tty"] if terminal else [])]


def _beside(runtime_id: str, network: str, words: Sequence[str]) -> list[str]:
    """What `docker run` is told of a toolbox that sees the container's processes."""
    joined = ["--rm", "--pull=never", "--network", network, "--pid", f"container:{runtime_id}"]
    allowed = [f"--cap-add={one}" for one in _MAY_LOOK_AND_END]
    return [*joined, *allowed, "--entrypoint", words[0], own.TOOLBOX_IMAGE, *words[1:]]


def _with_terminal(command: Sequence[str]) -> int:
    """Its exit code. Where we are cut off it is killed, and puts the terminal's modes back no more: we do."""
    if sys.platform == "win32" or sys.stdin is None or not sys.stdin.isatty():
        return subprocess.run(command, check=False).returncode
    import termios

    before = termios.tcgetattr(sys.stdin)
    try:
        return subprocess.run(command, check=False).returncode
    except BaseException:
        with suppress(termios.error, OSError):  # the window is no more
            termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
        raise


# --- what is there ---


def _must_be_there(client: APIClient, runtime_id: str, word: str) -> None:
    """Raises E-NO-PROGRAM (exit 127, as a shell says it) for a program that the container's files do not have."""
    try:
        config = client.inspect_container(runtime_id)["Config"]
    except NotFound:
        return  # it ended meanwhile, and took the answer with it
    if any(_has(client, runtime_id, place) for place in _places(config, word)):
        return
    image = config["Image"]
    why = (
        "images that hold a single program and nothing else have none" if word == SHELL else "nor anywhere in its PATH"
    )
    raise ChaosEcsError("E-NO-PROGRAM", f"There is no {word} in {image}", why, "", NO_PROGRAM[1])


def _places(config: dict[str, Any], word: str) -> list[str]:
    if "/" in word:
        return [posixpath.join(config.get("WorkingDir") or "/", word)]
    told = dict(one.partition("=")[::2] for one in config.get("Env") or ())
    return [posixpath.join(folder, word) for folder in (told.get("PATH") or _USUAL_PATH).split(":")]


def _has(client: APIClient, runtime_id: str, place: str) -> bool:
    try:
        chunks, _ = client.get_archive(runtime_id, place)
    except NotFound:
        return False
    chunks.close()
    return True


def must_have_toolbox(
    client: APIClient, told: Sequence[str], connect_own: Callable[[], APIClient] = engine.connect
) -> None:
    """Raises E-NO-TOOLBOX, with how it comes to this engine; `told`: how Docker's command line is told which it is."""
    try:
        client.inspect_image(own.TOOLBOX_IMAGE)
    except NotFound as error:
        what, why, hint = (
            f"There is no {own.TOOLBOX_IMAGE}",
            "it is built, never pulled",
            "chaos-ecs images build toolbox",
        )
        with closing(connect_own()) as own_engine, suppress(NotFound):
            own_engine.inspect_image(own.TOOLBOX_IMAGE)
            why = "the own engine has it, the further one of this task has not"
            hint = f"docker save {own.TOOLBOX_IMAGE} | docker {' '.join(told)} load"
        raise ChaosEcsError("E-NO-TOOLBOX", what, why, hint, 1) from error


# --- what is left ---


def _end_ours(docker: Sequence[str], runtime_id: str, mark: str) -> None:
    """Ends what carries the mark: from within, or where no shell is, from our toolbox. Whoever was cut off hears no
    complaint of it."""
    script = (SHELL, "-c", _ENDS_OURS, "sh", mark)
    if _quietly([*docker, "exec", runtime_id, *script]) in NO_PROGRAM:
        _quietly([*docker, "run", *_beside(runtime_id, "none", script)])


def _quietly(command: Sequence[str]) -> int | None:
    """Its exit code; None where it did not end in time. In a session of its own: what hangs us up must not end it."""
    try:
        done = subprocess.run(
            command,
            check=False,
            timeout=_PUT_AWAY_SECONDS,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode


def _remove(client: APIClient, name: str) -> None:
    """It may be on its way already, as one that has ended by itself is."""
    try:
        client.remove_container(name, force=True)
    except APIError as error:
        if error.status_code not in (404, 409):
            raise
