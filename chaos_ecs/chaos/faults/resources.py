"""Faults of what a task runs on: processor, memory, disk and processes.

Some are Docker's own means and only named here; some are held by a helper container that counts as part of the victim
(`task_images/toolbox`); some are lines of sh run in the victim. Never here: who is hit, and running any of it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from posixpath import isabs, normpath

from chaos_ecs.chaos.fault import Ability, Fault, Victim, duration, number, text
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Joins, Means, Recipe, Symptom

MEBIBYTE = 1024 * 1024
CPU_PERIOD_MICROSECONDS = 100_000
CPU_UNITS_PER_CPU = 1024
IO_CAP_BYTES = 256 * MEBIBYTE
FILL_CAP_BYTES = 1024 * MEBIBYTE
_HELPER_MIB = 12  # what the helper that holds the load takes, stress-ng with it: measured
_PIECE_MIB = 8
_KEPT_MIB = 13  # left free, whatever is asked for: measuring needs it, and docker exec to start at all
_MOST_PROCESSES = 512  # so many are started to see whether they can be
_SPARE_STEPS = 4  # pieces beyond the limit, for what the kernel can still give back

_OOM_NAME, _CPU_NAME, _MEMORY_NAME = "chaos-ecs-oom", "chaos-ecs-cpu", "chaos-ecs-memory"  # as ps shows them

_SIGNALS = ("sigterm", "sigkill", "sigint", "sighup", "sigquit", "sigusr1", "sigusr2")

# A process that holds $1 MiB for $2 seconds: what has no end of line tail keeps whole, until the one before it ends.
# A million bytes for each MiB: the rest is about what the processes take for themselves.
_HOLD_MEMORY = (
    "{ head -c $(($1 * 1000000)) /dev/zero; n=0; while [ $n -lt $2 ]; do sleep 1 >/dev/null; n=$((n + 1)); done; } "
    "| tail -n 1 >/dev/null"
)
# A process that spins until $1 seconds have passed; /proc/uptime is read without starting anything.
_SPIN = (
    "read t _ </proc/uptime; e=$((${t%.*} + $1)); "
    "while read t _ </proc/uptime; [ ${t%.*} -lt $e ]; do i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done; done"
)
# The share of a CPU that a program in the victim gets, in percent, in half a second.
_SHARE = (
    "now() { read t _ </proc/uptime; t=${t%.*}${t#*.}; }; "
    "burnt() { read -r l </proc/$$/stat; set -- ${l##*) }; b=$((${12} + ${13})); }; "
    "now; t0=$t; burnt; b0=$b; while now; [ $((t - t0)) -lt 50 ]; do :; done; burnt; "
    "share=$((100 * (b - b0) / (t - t0))); "
)
# How much of a CPU the processes of a name take, in percent, over a second.
_LOAD = (
    "ticks() {{ sum=0; for p in $(grep -l '{0}' /proc/[0-9]*/cmdline 2>/dev/null); do "
    "if read -r l <${{p%cmdline}}stat; then set -- ${{l##*) }}; sum=$((sum + ${{12}} + ${{13}})); fi; done; }}; "
    "ticks; before=$sum; sleep 1; ticks; load=$((sum - before)); "
)
# How much memory the task uses, in MiB, as the kernel counts it in either version of cgroups.
_USED = (
    "v1=/sys/fs/cgroup/memory/memory.usage_in_bytes; v2=/sys/fs/cgroup/memory.current; "
    "if [ -r $v1 ]; then read used <$v1; else read used <$v2; fi; used=$((used / 1048576)); "
)
# Starts so many processes; sh gives up at the first that cannot be started, and what it trapped is run.
_FORKS = (
    "exec 2>/dev/null; "
    "trap 'if [ $n -lt {0} ]; then echo \"only $n of {0} processes could be started\"; exit 1; fi' EXIT; "
    "n=0; while [ $n -lt {0} ]; do sleep 1 >/dev/null 2>&1 & n=$((n + 1)); done; "
    'echo "$n of {0} processes could be started"'
)
_DETACHED = "</dev/null >/dev/null 2>&1 &"


@dataclass(frozen=True, kw_only=True)
class Pause(Fault):
    """Freezes all processes of the task."""

    name = "pause"
    action_id = "chaos-ecs:task-pause"
    needs = (Ability.FREEZER,)

    duration: float = duration()

    def describe(self) -> str:
        return f"freezes all processes for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        return Recipe(means=Means.FREEZE, symptom=Symptom.FROZEN)


@dataclass(frozen=True, kw_only=True)
class Hang(Fault):
    """Stops all of the task's processes in their tracks."""

    name = "hang"
    action_id = "chaos-ecs:task-hang"

    duration: float = duration()

    def describe(self) -> str:
        return f"stops all processes (SIGSTOP) for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        return Recipe(means=Means.STALL, symptom=Symptom.SILENT)


@dataclass(frozen=True, kw_only=True)
class Oom(Fault):
    """Lets the task run out of memory, so that the kernel kills its main process."""

    name = "oom"
    action_id = "chaos-ecs:task-oom"

    step: int = number("How much more at a time, in MiB.", default=8, least=1, most=64)
    timeout: float = duration(60.0, help_="How long to try before it counts as having no effect.", most=60)

    def describe(self) -> str:
        return f"uses up the memory in steps of {self.step} MiB until the kernel kills the main process"

    def recipe(self, victim: Victim) -> Recipe:
        """Each step is a process of its own, small beside the limit: the kernel picks the largest, and counts process 1
        as larger by the whole limit."""
        limit = _limit(self, victim)
        steps = limit // self.step + _SPARE_STEPS
        seconds = round(self.timeout)
        hold = _named(_HOLD_MEMORY, _OOM_NAME)
        return Recipe(
            means=Means.EXEC,
            do=(
                "echo 1000 >/proc/1/oom_score_adj",
                f"for n in $(seq {steps}); do {hold} {self.step} {seconds} & sleep 0.1; done; sleep 2",
            ),
            undo=("echo 0 >/proc/1/oom_score_adj", _ended(_OOM_NAME)),
            probe_seconds=self.timeout,
            symptom=Symptom.OUT_OF_MEMORY,
            is_deadly=True,
        )


@dataclass(frozen=True, kw_only=True)
class CpuStress(Fault):
    """Lets a load compete with the task for its processors."""

    name = "cpu-stress"
    action_id = "aws:ecs:task-cpu-stress"
    needs = (Ability.HELPER, Ability.CGROUP)
    otherwise = (Ability.HELPER,)
    fallback = "by a loop of sh in the task itself, always at 100 percent; the image needs a shell"

    duration: float = duration()
    percent: int = number("How much of each processor it takes.", default=100, least=1, most=100)
    workers: int = number("On how many processors; 0: on all.", default=0, most=256)

    def describe(self) -> str:
        where = f"{self.workers} processors" if self.workers else "all processors"
        return f"takes {self.percent} % of {where} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        if not victim.has(*self.needs):
            return self._in_the_victim(victim)
        most = f" --most {_percent_of_a_cpu(victim.cpu)}" if victim.cpu else ""
        return Recipe(
            means=Means.HOLD,
            background=f"exec stress-ng -q --cpu {self.workers} --cpu-load {self.percent}",
            probe=f"probe cpu {self.percent} {self.workers}{most}",
            joins=(Joins.CGROUP, Joins.PROCESSES),
        )

    def _in_the_victim(self, victim: Victim) -> Recipe:
        if self.percent != 100:
            raise InvalidParameterException(
                f"percent {self.percent}: on this engine the load is a loop in the task itself, which takes all it "
                "gets: only percent 100 can be had."
            )
        many = str(self.workers) if self.workers else "$(grep -c ^processor /proc/cpuinfo)"
        spin = _named(_SPIN, _CPU_NAME)
        most = _percent_of_a_cpu(victim.cpu) if victim.cpu else 100
        return Recipe(
            means=Means.EXEC,
            do=(f"for n in $(seq {many}); do {spin} {round(self.duration)} {_DETACHED} done",),
            undo=(_ended(_CPU_NAME),),
            probe=_LOAD.format(_pattern(_CPU_NAME))
            + f'echo "the load takes $load % of a CPU"; [ $load -lt {max(1, most * 4 // 10)} ]',
            probe_seconds=10,
        )


@dataclass(frozen=True, kw_only=True)
class CpuThrottle(Fault):
    """Leaves the task only a small share of one processor."""

    name = "cpu-throttle"
    action_id = "chaos-ecs:task-cpu-throttle"
    needs = (Ability.QUOTA,)

    duration: float = duration()
    percent: int = number("How much of one processor is left.", default=10, least=1, most=100)

    def describe(self) -> str:
        return f"leaves {self.percent} % of one processor for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        most = min(100, _percent_of_a_cpu(victim.cpu)) if victim.cpu else 100
        if self.percent >= most:
            raise InvalidParameterException(
                f"percent {self.percent}: {victim.container} of task {victim.task} has {most} % of a CPU as it is, so "
                "that would be no throttle."
            )
        quota = self.percent * CPU_PERIOD_MICROSECONDS // 100
        between = self.percent + (most - self.percent) // 4  # a busy machine leaves less than all, throttled or not
        says = f'echo "a program gets $share % of a CPU"; [ $share -gt {between} ]'
        return Recipe(
            means=Means.LIMIT,
            do=(f"CpuQuota={quota}", f"CpuPeriod={CPU_PERIOD_MICROSECONDS}"),
            probe=_SHARE + says,
        )


@dataclass(frozen=True, kw_only=True)
class MemoryStress(Fault):
    """Fills the task's memory up to a share of its limit."""

    name = "memory-stress"
    action_id = "chaos-ecs:task-memory-stress"
    needs = (Ability.HELPER, Ability.CGROUP)
    otherwise = (Ability.HELPER,)
    fallback = "by processes of sh in the task itself; the image needs a shell"

    duration: float = duration()
    percent: int = number("Up to how much of the limit.", default=80, least=1, most=90)
    workers: int = number("By how many processes.", default=1, least=1, most=64)

    def describe(self) -> str:
        return f"fills the memory up to {self.percent} % of its limit for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        limit = _limit(self, victim)
        goal = max(1, min(limit * self.percent // 100, limit - _KEPT_MIB))
        if not victim.has(*self.needs):
            return self._in_the_victim(limit, goal)
        room = f"probe room-in-memory {goal} {_HELPER_MIB}"
        return Recipe(
            means=Means.HOLD,
            background=f"exec stress-ng -q --vm {self.workers} --vm-bytes $({room}) --vm-keep --vm-hang 0",
            probe=f"probe memory {limit} {goal}",
            probe_seconds=10,
            joins=(Joins.CGROUP, Joins.PROCESSES),
        )

    def _in_the_victim(self, limit: int, goal: int) -> Recipe:
        if self.workers != 1:
            raise InvalidParameterException(
                f"workers {self.workers}: on this engine the load is as many small processes in the task itself as it "
                "takes: leave workers out."
            )
        hold = f"{_named(_HOLD_MEMORY, _MEMORY_NAME)} $piece {round(self.duration)} {_DETACHED}"
        pieces = f"piece=$left; if [ $piece -gt {_PIECE_MIB} ]; then piece={_PIECE_MIB}; fi; left=$((left - piece))"
        return Recipe(
            means=Means.EXEC,
            do=(f"{_USED}left=$(({goal} - used)); while [ $left -gt 0 ]; do {pieces}; {hold} done",),
            undo=(_ended(_MEMORY_NAME),),
            probe=f'{_USED}echo "$used of {limit} MiB are used"; [ $used -lt {goal * 9 // 10} ]',
            probe_seconds=10,
        )


@dataclass(frozen=True, kw_only=True)
class IoStress(Fault):
    """Keeps the task's disk busy with writing."""

    name = "io-stress"
    action_id = "aws:ecs:task-io-stress"
    needs = (Ability.HELPER, Ability.FILES)

    duration: float = duration()
    percent: int = number("How much of the free disk it writes, 256 MiB at most.", default=80, least=1, most=100)
    workers: int = number("By how many processes.", default=1, least=1, most=64)

    def describe(self) -> str:
        return f"writes to the disk without pause for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        folder = '"/proc/1/root/chaos-ecs-io-$TAG"'
        room = f"probe room-on-disk {self.percent} {IO_CAP_BYTES}"
        return Recipe(
            means=Means.HOLD,
            background=(
                f"mkdir -p {folder} && exec stress-ng -q --hdd {self.workers} --hdd-bytes $({room}) "
                f"--hdd-opts fsync --temp-path {folder}"
            ),
            undo=(f"rm -rf {folder} || {{ sleep 1; rm -rf {folder}; }}",),  # the load may just be leaving
            probe="probe disk",
            probe_seconds=10,
            joins=(Joins.PROCESSES,),
            capabilities=("SYS_PTRACE",),
        )


@dataclass(frozen=True, kw_only=True)
class DiskFill(Fault):
    """Takes up room on the task's disk."""

    name = "disk-fill"
    action_id = "chaos-ecs:task-disk-fill"
    needs = (Ability.HELPER, Ability.FILES)

    duration: float = duration()
    bytes: int = number("How much, 1 GiB at most.", default=128 * MEBIBYTE, least=MEBIBYTE, most=FILL_CAP_BYTES)
    path: str = text("In which folder of the container.", default="/")

    def __post_init__(self) -> None:
        if not isabs(self.path) or "\0" in self.path:
            raise InvalidParameterException(f"path '{self.path}' must be a folder of the container, from / on.")

    def describe(self) -> str:
        return f"writes {self.bytes / MEBIBYTE:g} MiB to {self.path} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        folder = normpath(self.path).rstrip("/")
        inside = f'{shlex.quote(folder)}"/chaos-ecs-fill-$TAG"'
        return Recipe(
            means=Means.HOLD,
            do=(f"head -c {self.bytes} /dev/zero >/proc/1/root{inside}", f"sync /proc/1/root{inside}"),
            undo=(f"rm -f /proc/1/root{inside}",),
            probe=f"probe file {inside} {self.bytes}",
            probe_seconds=10,
            joins=(Joins.PROCESSES,),
            capabilities=("SYS_PTRACE", *(("DAC_OVERRIDE",) if folder else ())),  # / is root's, others may not be
        )


@dataclass(frozen=True, kw_only=True)
class PidsExhaust(Fault):
    """Keeps the task from starting any further process."""

    name = "pids-exhaust"
    action_id = "chaos-ecs:task-pids-exhaust"
    needs = (Ability.PIDS,)

    duration: float = duration()
    limit: int = number("How many processes it may have; 0: not one more than now.", default=0, most=_MOST_PROCESSES)

    def describe(self) -> str:
        what = f"have more than {self.limit} processes" if self.limit else "start a process"
        return f"does not let it {what} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        """A limit below what there is ends nobody, so 1 is the same as the present number."""
        limit = self.limit or 1
        return Recipe(means=Means.LIMIT, do=(f"PidsLimit={limit}",), probe=_FORKS.format(limit))


@dataclass(frozen=True, kw_only=True)
class KillProcess(Fault):
    """Sends a signal to the processes of one name."""

    name = "kill-process"
    action_id = "aws:ecs:task-kill-process"
    needs = (Ability.HELPER,)

    process_name: str = text("The name of the program, as ps shows it.")
    signal: str = text("The signal.", default="SIGTERM")

    def __post_init__(self) -> None:
        if self.signal.lower() not in _SIGNALS:
            known = ", ".join(signal.upper() for signal in _SIGNALS)
            raise InvalidParameterException(f"signal '{self.signal}' is none of: {known}.")

    def describe(self) -> str:
        return f"sends {self.signal.upper()} to the processes named {self.process_name}"

    def recipe(self, victim: Victim) -> Recipe:
        name = shlex.quote(self.process_name)
        signal = self.signal.upper().removeprefix("SIG")
        return Recipe(
            means=Means.HOLD,
            do=(f"signal-named {name} {signal}",),
            probe=f"probe process {name}",
            joins=(Joins.PROCESSES,),
            capabilities=("KILL",),
            symptom=Symptom.ENDS,
            is_deadly=True,  # where the main process waits for nothing else, it ends too
        )


# --- lines of sh ---


def _named(script: str, name: str) -> str:
    """The script as a process that is found again by its name; its arguments follow."""
    return f"sh -c {shlex.quote(script)} {name}"


def _pattern(name: str) -> str:
    """Finds the name, and not the line that looks for it."""
    return f"{name[:-1]}[{name[-1]}]"


def _ended(name: str) -> str:
    """Ends those processes; harmless when there are none."""
    found = f"$(grep -l '{_pattern(name)}' /proc/[0-9]*/cmdline 2>/dev/null)"
    return f'for p in {found}; do p=${{p%/cmdline}}; kill -9 "${{p#/proc/}}" 2>/dev/null || :; done'


# --- victims ---


def _limit(fault: Fault, victim: Victim) -> int:
    if victim.memory is None:
        raise InvalidParameterException(
            f"{fault.name} goes by the memory limit of {victim.container} of task {victim.task}, and it has none: set "
            "memory in its container definition."
        )
    return victim.memory


def _percent_of_a_cpu(units: int) -> int:
    return max(1, units * 100 // CPU_UNITS_PER_CPU)
