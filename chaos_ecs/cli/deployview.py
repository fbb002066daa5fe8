"""The view of one deployment: what was seen of it, and that as rows and sentences. Pure but for what it remembers.

ECS forgets a deployment that has no tasks left; a view must not. Never here: asking (see `deploy.py`), drawing (see
`drawing.py`) and the wording of events (see `lines.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from chaos_ecs.cli import clientline, panel, shiftview
from chaos_ecs.cli.layout import cut
from chaos_ecs.cli.line import Line, clock
from chaos_ecs.cli.lines import lines_of
from chaos_ecs.cli.output import table
from chaos_ecs.cli.panel import Frame
from chaos_ecs.cli.shifts import Shift, told_by
from chaos_ecs.cli.snapshot import Client, Deployment, Event, Service, Snapshot, name_of, short
from chaos_ecs.cli.symbols import Symbols
from chaos_ecs.cli.text import folded

_WINDOW_SECONDS = 5.0  # whose traffic a bar shows
_WIDEST_BAR = 40
_HEAD = ("DEPLOYMENT", "REV", "ROLLOUT", "DESIRED", "RUNNING", "PENDING", "FAILED", "AGE")
_FOLD = ("PENDING", "DESIRED", "AGE")
_INDENT = " " * 20
_SHIFTING = ("DEPLOYMENT_STAGE", "DEPLOYMENT_PAUSED", "DEPLOYMENT_CONTINUED")
_FAREWELL = " Ctrl-C leaves this view, the deployment goes on"
_KEYS_BRIEF = " k kill  d page  a aws  ? help  q leave"
_KEYS = " k kill one  d page  a aws command  ? help  q leave (the deployment goes on)"


class Outcome(Enum):
    """How a deployment ended."""

    LIVE = "LIVE"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    REPLACED = "REPLACED"
    GONE = "GONE"
    PAUSED = "PAUSED"  # and nobody is there to continue it


@dataclass
class Story:
    """One deployment of a service, by its id. `limit` explains the circuit breaker's threshold, `terms` says under what
    limits tasks are exchanged; `since` is what the client had seen before; `shift` is how far its traffic has moved;
    with `ends_paused` a pause is an end, and `continue_with` is the command that continues it."""

    service: str
    deployment: str
    asked: str  # FAMILY:REVISION
    previous: str
    limit: str = ""
    terms: str = ""
    since: Client | None = None
    keys: bool = False
    ends_paused: bool = False
    continue_with: str = "chaos-ecs service continue"
    shift: Shift | None = None
    outcome: Outcome | None = None
    failed: list[str] = field(default_factory=list)  # ARNs of its tasks that failed
    why: str = ""
    last_line: str = ""
    _seen: dict[str, Deployment] = field(default_factory=dict)
    _here: tuple[str, ...] = ()  # ids of those that ECS lists now
    _of_task: dict[str, str] = field(default_factory=dict)  # FAMILY:REVISION by a task's ARN
    _traffic: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    _client: Client | None = None
    _failures: int | None = None  # that the circuit breaker counted

    # --- taking in ---

    def record(self, events: Sequence[Event]) -> None:
        """Notes why tasks of this deployment failed; what is told later replaces it."""
        for event in events:
            if event.service != self.service:
                continue
            if event.type == "TASK_UNHEALTHY":
                for task in self._mine(event.get("tasks") or ()):
                    self._failed(task, str(event.get("reason") or event.get("cause") or ""))
            elif event.type in _SHIFTING and event.get("deployment") == self.deployment:
                self.shift = (self.shift or told_by(event)).after(event)
            elif event.type == "DEPLOYMENT_FAILED" and event.get("deployment") == self.deployment:
                self._failures = event.get("failedTasks") or 0
            elif event.type == "TASK_STOPPED" and event.task not in self.failed and _is_failure(event):
                for task in self._mine([event.task]):
                    self._failed(task, _reason(event))

    def _mine(self, tasks: Sequence[str]) -> list[str]:
        """Those of the revision that was asked for: another one's may die at the same time."""
        return [task for task in tasks if self._of_task.get(task, self.asked) == self.asked]

    def _failed(self, task: str, why: str) -> None:
        self.failed.append(task)
        self.why = why or self.why

    def see(self, snapshot: Snapshot) -> bool:
        """Takes in how it is now; answers whether it is over."""
        service = snapshot.service(self.service)
        for task in snapshot.tasks:
            if task.service == self.service:
                self._of_task[task.arn] = task.task_definition
        if service is not None:
            self._seen |= {item.id: item for item in service.deployments}
            self._here = tuple(item.id for item in service.deployments)
            self._take_traffic(snapshot.at, service.client)
            self._take_shift(service)
        self.outcome = self._outcome(service)
        return self.outcome is not None

    def _take_shift(self, service: Service) -> None:
        """What the state says of it, which is as new as any event; it has no shift any more once it is over."""
        own = next((item for item in service.deployments if item.id == self.deployment), None)
        if own is not None and own.shift is not None:
            known = self.shift
            is_same = known is not None and (known.stage, known.until) == (own.shift.stage, own.shift.until)
            began_at = known.began_at if known is not None and is_same else own.shift.began_at
            self.shift = replace(own.shift, began_at=began_at)

    @property
    def is_paused(self) -> bool:
        return self.shift is not None and self.shift.pause is not None and self.outcome in (None, Outcome.PAUSED)

    def _outcome(self, service: Service | None) -> Outcome | None:
        if service is None or not service.is_active or not service.deployments:
            return Outcome.GONE
        newest = service.deployments[0]
        if newest.id == self.deployment:
            is_held = self.ends_paused and self.shift is not None and self.shift.pause is not None
            going = Outcome.PAUSED if is_held else None
            return {"COMPLETED": Outcome.LIVE, "FAILED": Outcome.FAILED}.get(newest.rollout_state, going)
        own = self._seen.get(self.deployment)
        if own is not None and newest.created_at > own.created_at:
            return Outcome.REPLACED
        return Outcome.ROLLED_BACK if newest.rollout_state == "COMPLETED" else None

    def _take_traffic(self, at: float, client: Client | None) -> None:
        self._client = client or self._client
        if client is None or (self._traffic and at - self._traffic[-1][0] < 1.0):
            return
        by_revision: dict[str, int] = {}
        shortened: dict[int, dict[str, str]] = {}  # a task may say the whole of its id, or its beginning
        for id_, requests in client.tasks.items():
            size = len(id_)
            if size not in shortened:
                shortened[size] = {name_of(arn)[:size]: of for arn, of in self._of_task.items()}
            revision = shortened[size].get(id_, "") if id_ else ""
            by_revision[revision] = by_revision.get(revision, 0) + requests
        self._traffic.append((at, by_revision))
        while len(self._traffic) > 2 and at - self._traffic[1][0] >= _WINDOW_SECONDS:
            self._traffic.pop(0)

    # --- figures ---

    def shares(self) -> list[tuple[str, int]]:
        """Percent of the last seconds' requests by revision, the newest revision last; empty without requests."""
        if len(self._traffic) < 2:
            return []
        first, last = self._traffic[0][1], self._traffic[-1][1]
        counts = {name: max(0, count - first.get(name, 0)) for name, count in last.items() if name}
        whole = sum(counts.values())
        known = dict.fromkeys((self.previous, self.asked, *(name for name, count in counts.items() if count)))
        return [(name, round(100 * counts.get(name, 0) / whole)) for name in known] if whole else []

    def client(self) -> Client | None:
        """What the client saw since the deployment began."""
        if self._client is None:
            return None
        before = self.since or Client(0, 0, None)
        requests = max(0, self._client.requests - before.requests)
        failed = max(0, self._client.failed - before.failed)
        return Client(requests, failed, 100 * (requests - failed) / requests if requests else None)

    def rev(self, definition: str) -> str:
        """`2` of web:2, where all are of one family; else the whole."""
        return definition.rpartition(":")[2] if self._one_family() else definition

    def _one_family(self) -> bool:
        names = (self.asked, self.previous, *(item.task_definition for item in self._seen.values()))
        return len({name.rpartition(":")[0] for name in names if name}) == 1

    # --- lines and rows ---

    def lines(self, events: Sequence[Event], snapshot: Snapshot) -> list[Line]:
        """The live log's lines, with revisions where it has the service's name."""
        self.see(snapshot)
        told = lines_of([event for event in events if event.type != "SERVICE_UPDATED"])
        return [self._revised(line) for line in told]

    def _revised(self, line: Line) -> Line:
        rev = f"rev {self.rev(self.asked)}"
        if line.word == "STAGE":
            return replace(line, detail=f"{rev}{line.detail.removeprefix(name_of(self.service))}")
        if line.word in ("PAUSED", "CONTINUED"):
            stage = line.detail.partition(":")[0]
            detail = f"{stage}: {self.continue_with}" if line.word == "PAUSED" else line.detail
            return replace(line, who=rev, detail=detail)
        name, change = name_of(self.service), f"rev {self.rev(self.previous)} -> rev {self.rev(self.asked)}"
        if line.word == "DEPLOY":
            return replace(line, detail=f"{name} {change}  {self.terms}".rstrip(), brief=f"{name} {change}")
        if line.word == "BREAKER" and self.limit:
            told = line.detail.replace(": TRIGGERED", f" ({self.limit}): TRIGGERED").replace(
                " failed tasks,", " failed,"
            )
            return replace(line, who="", detail=told)
        if line.word == "ROLLBACK":
            back = f"rev {self.rev(self.asked)} -> rev {self.rev(line.detail.removeprefix('back to '))}"
            return replace(line, detail=back)
        revisions = {of for arn, of in self._of_task.items() if short(arn) in line.ids}
        return replace(line, who=f"rev {self.rev(revisions.pop())}") if len(revisions) == 1 else line

    def panel(self, snapshot: Snapshot, frame: Frame) -> list[str]:
        """The pinned panel while it goes on."""
        self.see(snapshot)
        width, symbols = frame.width, frame.symbols
        body = [cut(row, width, symbols) for row in self.rows(snapshot.at, width - 1, symbols)]
        room = min(panel.MOST_ROWS, frame.height - 3) - 3
        elapsed = clock(frame.now - frame.began_at)
        keys = _KEYS if len(_KEYS) + 2 + len(elapsed) <= width else _KEYS_BRIEF
        last = cut(keys if self.keys else _FAREWELL, width - len(elapsed) - 2, symbols)
        ruler = symbols.rule * width
        return [ruler, *body[:room], ruler, last.ljust(width - len(elapsed)) + elapsed]

    def rows(self, now: float, width: int | None, symbols: Symbols) -> list[str]:
        """The deployments, why one failed, whose traffic it is, and what the client saw."""
        told = [f" {row}" for row in table(_HEAD, self._deployments(now), width=width, fold=_FOLD).splitlines()]
        if self.why and (self.failed or self.outcome in (Outcome.FAILED, Outcome.ROLLED_BACK)):
            verb = "fails" if self.outcome is None else "failed"
            told += folded(self.why, width or 1000, first=f" why rev {self.rev(self.asked)} {verb}   ", further=_INDENT)
            if self.last_line:
                told += folded(self.last_line, width or 1000, first="   last log line    ", further=_INDENT)
        if self.shift is not None and self.outcome in (None, Outcome.PAUSED):
            told += self._stage(self.shift, now, width or 1000)
        told += self._bars(width or 80, symbols)
        if (client := self.client()) is not None and client.requests:
            told.append(f" {_client(client, width or 1000, done=self.outcome is not None)}")
        return told

    def _stage(self, shift: Shift, now: float, width: int) -> list[str]:
        """What it waits for comes first: that is what there is to do."""
        rows = shiftview.paused_rows(shift, self.continue_with, now)
        rows += [shiftview.stage_row(shift), shiftview.bake_row(shift, now)]
        if shiftview.is_moving(shift):
            rows.append(f"requests: {shiftview.shares(shift)}")
        return [line for row in rows if row for line in folded(row, width, first=" ", further="   ")]

    def _bars(self, width: int, symbols: Symbols) -> list[str]:
        if not (shares := [(self.rev(name), share) for name, share in self.shares()]):
            return []
        of = f"of requests, last {self._traffic[-1][0] - self._traffic[0][0]:.0f} s"
        return _bars(shares, of, width, symbols)

    def _deployments(self, now: float) -> list[tuple[str, ...]]:
        listed = [self._seen[id_] for id_ in self._here]
        rows = [self._row(item, item.status, now) for item in listed]
        own = self._seen.get(self.deployment)
        if own is not None and own.id not in self._here:
            gone = replace(own, rollout_state="FAILED", desired_count=0, running_count=0, pending_count=0)
            rows.append(self._row(gone, "(rolled back)", now))
        return rows

    def _row(self, item: Deployment, status: str, now: float) -> tuple[str, ...]:
        is_own = item.id == self.deployment and self._failures is not None
        failed = self._failures if is_own else item.failed_tasks
        counts = (item.desired_count, item.running_count, item.pending_count, failed)
        age = clock(now - item.created_at)
        return (status, self.rev(item.task_definition), item.rollout_state, *(f"{n:>6}" for n in counts), age)

    # --- the end ---

    def verdict(self) -> str:
        """What came of it, and what the exit code means."""
        asked = f"rev {self.rev(self.asked)}"
        told = {
            Outcome.LIVE: f"exit code 0: {asked} is live",
            Outcome.FAILED: f"exit code 1: {asked} failed and was not rolled back",
            Outcome.ROLLED_BACK: "exit code 1: the deployment you asked for is NOT live",
            Outcome.REPLACED: f"exit code 1: a newer deployment took the place of {asked}",
            Outcome.GONE: "exit code 1: the service is gone",
            Outcome.PAUSED: f"exit code 1: {asked} is paused and not live yet",
        }
        return told[self.outcome] if self.outcome is not None else "it goes on"

    def sentences(self) -> list[str]:
        """The end for a screen reader."""
        name, asked, back = name_of(self.service), self.rev(self.asked), self.rev(self._live())
        told = {
            Outcome.LIVE: f"Revision {asked} of service {name} is live.",
            Outcome.FAILED: f"Revision {asked} of service {name} failed and was not rolled back.",
            Outcome.ROLLED_BACK: f"Revision {asked} of service {name} is not live: it is back at revision {back}.",
            Outcome.REPLACED: f"A newer deployment took the place of revision {asked} of service {name}.",
            Outcome.GONE: f"Service {name} is gone.",
            Outcome.PAUSED: f"Revision {asked} of service {name} is paused and not live yet.",
        }
        said = [told[self.outcome]] if self.outcome is not None else []
        if self.why and self.outcome is not Outcome.LIVE:
            said.append(f"Why it failed: {self.why}" + ("" if self.why.endswith(".") else "."))
        if (client := self.client()) is not None and client.requests:
            said.append(clientline.sentence(client))
        return said

    def _live(self) -> str:
        return self._seen[self._here[0]].task_definition if self._here else self.previous


def _is_failure(event: Event) -> bool:
    """The scheduler's own stops are none."""
    return event.get("stopCode") not in ("ServiceSchedulerInitiated", "UserInitiated")


def _reason(event: Event) -> str:
    if not event.get("reachedRunning"):
        return str(event.get("stoppedReason") or event.get("stopCode") or "")
    code = event.get("exitCode")
    exited = "its container ended" if code is None else f"its container ended with exit code {code}"
    return f"{exited}: {event.get('reason')}" if event.get("reason") else exited


def _bars(shares: Sequence[tuple[str, int]], of: str, width: int, symbols: Symbols) -> list[str]:
    full = symbols.bars[-1] if len(symbols.bars) > len(".!x") else symbols.stopped
    wide = max((len(rev) for rev, _ in shares), default=0)
    longest = max(10, min(_WIDEST_BAR, width - wide - len(f" rev    100% {of}")))
    return [
        f" rev {rev:<{wide}}  {full * round(share * longest / 100):<{longest}} {share:>3}% {of}"
        for rev, share in shares
    ]


def _client(client: Client, width: int, *, done: bool) -> str:
    counts = f"{client.requests:,} requests   {client.failed:,} failed"
    row = f"client  {counts}   {clientline.percent(client.availability)}"
    remark = "   <- nobody outside noticed" if done and not client.failed else ""
    return row + remark if len(row + remark) < width else row
