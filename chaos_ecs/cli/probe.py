"""`chaos-ecs probe`: steady requests to a service or a URL, and what a client sees of it.

Here lives the command. Never here: sending and counting (see `chaos_ecs/probe/`), which is imported late.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chaos_ecs.cli import completion, find, sentences
from chaos_ecs.cli.clientline import percent
from chaos_ecs.cli.line import Line
from chaos_ecs.cli.livelog import LinesScreen, PlainScreen, Screen, SentenceScreen
from chaos_ecs.cli.output import as_json
from chaos_ecs.cli.parts import shell_of
from chaos_ecs.cli.shell import Shell
from chaos_ecs.cli.snapshot import short
from chaos_ecs.errors import ChaosEcsError

if TYPE_CHECKING:
    from chaos_ecs.probe.engine import Aim
    from chaos_ecs.probe.tally import Second, Tally

_HIGHEST_RATE = 2000.0
_ACCESSIBLE_EVERY_SECONDS = 30
_FIRST_CONNECTION_SECONDS = 5.0
_CAUSES_SHOWN = 10
_TASKS_SHOWN = 20

Duration = Annotated[
    float | None, typer.Option("--for", parser=find.duration, metavar="TIME", help="Default: until Ctrl-C.")
]


def probe(
    ctx: typer.Context,
    *,
    target: Annotated[
        str | None,
        typer.Argument(
            metavar="[SERVICE|URL]",
            help="Default: the first listener of the load balancer.",
            autocompletion=completion.services,
        ),
    ] = None,
    rate: Annotated[float, typer.Option(help="Requests a second.", min=0.01, max=_HIGHEST_RATE)] = 10.0,
    for_: Duration = None,
    timeout: Annotated[float, typer.Option(parser=find.duration, metavar="TIME", help="For each answer.")] = "2s",  # type: ignore[assignment]
    slo: Annotated[
        float, typer.Option(min=0, max=100, help="Percent that must be answered; below it the exit code is 1.")
    ] = 100.0,
    keep_alive: Annotated[bool, typer.Option("--keep-alive", help="Not a new connection for each request.")] = False,
) -> None:
    """Send steady requests, count and measure as a client does. Exit code 1 when too many failed.

    \b
    chaos-ecs probe web
    chaos-ecs probe --rate 100 --for 30s
    chaos-ecs probe http://localhost:8080/ --for 1m --slo 99.9
    """
    from chaos_ecs.probe.engine import Aim

    shell = shell_of(ctx)
    if timeout <= 0:
        raise _usage("--timeout must be more than 0")
    if for_ is not None and for_ <= 0:
        raise _usage("--for must be more than 0")
    url = _as_url(target) if target is not None and _is_url(target) else _listener(shell, target)
    aim = Aim(_place(url, keep_alive, timeout), rate, timeout, keep_alive)
    every = f"{rate:g} requests a second" if rate != 1 else "1 request a second"
    length = f"for {for_:g}s" if for_ is not None else "until Ctrl-C"
    shell.say(f"asking {url}, {every}, {length}")
    tally = _run(shell, aim, for_)
    _tell(shell, url, tally, slo)
    raise typer.Exit(0 if _is_met(tally, slo) else 1)


# --- whom to ask ---


def _is_url(text: str) -> bool:
    """arn:... is a service's; host:port and host/path are URLs though they lack http://."""
    return not text.startswith("arn:") and (":" in text or "/" in text)


def _as_url(text: str) -> str:
    return text if "://" in text else f"http://{text}"


def _listener(shell: Shell, service: str | None) -> str:
    """Where the load balancer listens: for this service, or at all."""
    controller = shell.running_controller()
    if controller is None:
        why = "no controller runs, so there is no load balancer"
        raise ChaosEcsError("E-NO-LISTENER", "There is nothing to ask", why, "chaos-ecs service up, or give a URL")
    raw = controller.raw_state()
    groups: list[str] = []
    if service is not None:
        from chaos_ecs.cli.snapshot import Snapshot

        snapshot = Snapshot.of(raw)
        found = find.service(snapshot, shell.cluster_arn(snapshot), service)
        told = controller.ecs("DescribeServices", cluster=found.cluster, services=[found.arn])["services"]
        groups = [item["targetGroupArn"] for item in told[0].get("loadBalancers") or () if item.get("targetGroupArn")]
    for listener in _listeners(raw):
        if service is None or any(group in listener["targetGroups"] for group in groups):
            return f"http://127.0.0.1:{listener['hostPort']}/"
    what = f"Service {service} is behind no listener" if service else "There is nothing to ask"
    why = "no listener of the load balancer forwards to it" if service else "the load balancer has no listener yet"
    raise ChaosEcsError("E-NO-LISTENER", what, why, "chaos-ecs ps (tasks have ports too), then give a URL")


def _listeners(raw: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for balancer in raw.get("loadBalancers") or ():
        yield from balancer.get("listeners") or ()


def _place(url: str, keep_alive: bool, timeout: float) -> Any:
    """The address that answers. Raises ChaosEcsError for a URL that is none, and where nothing listens."""
    from chaos_ecs.probe import exchange

    try:
        found = exchange.places(url, keep_alive=keep_alive)
    except ValueError as error:
        raise _usage(str(error)) from error
    except OSError as error:
        why = f"its name is not known: {error.strerror or error}"
        raise ChaosEcsError(
            "E-NOTHING-LISTENS", f"Cannot reach {url}", why, "Check the name; chaos-ecs ps tells the ports of tasks"
        ) from error
    trouble = ""
    for place in found:
        trouble = place.connects(min(timeout, _FIRST_CONNECTION_SECONDS))
        if not trouble:
            return place
    hint = "chaos-ecs ps (its PORTS), then try again"
    raise ChaosEcsError("E-NOTHING-LISTENS", f"Nothing listens at {url}", trouble, hint)


def _usage(why: str) -> ChaosEcsError:
    return ChaosEcsError("E-USAGE", "Cannot ask that", why, "chaos-ecs probe http://localhost:8080/", 2)


# --- asking ---


def _run(shell: Shell, aim: Aim, seconds: float | None) -> Tally:
    """Asks until the time is over or Ctrl-C; tells every second."""
    from chaos_ecs.probe.engine import Engine, Watcher
    from chaos_ecs.probe.tally import Result, Tally

    tally = Tally()

    class Counting(Watcher):
        def sent(self, key: str, at: float) -> None:
            tally.sent(at)

        def ended(self, key: str, result: Result) -> None:
            tally.record(result)

    engine = Engine(Counting())
    count = None if seconds is None else max(1, round(seconds * aim.rate))
    news = _Seconds(shell, tally)
    engine.aim("probe", aim, most=count)
    try:
        with suppress(KeyboardInterrupt):
            engine.run(lambda: news.tell() or engine.is_done, tick=0.2)
    finally:
        engine.close()
    news.tell(everything=True)
    return tally


class _Seconds:
    """Tells each second once it is over: a line, a sentence where something failed, an object."""

    def __init__(self, shell: Shell, tally: Tally, clock: Callable[[], float] = time.time) -> None:
        self._shell = shell
        self._tally = tally
        self._clock = clock
        self._began_at = clock()
        self._told_to = 0  # the newest second that was told
        self._spoke_at = int(self._began_at)
        self._screen = _screen(shell, self._began_at)

    def tell(self, *, everything: bool = False) -> bool:
        """Answers False, for a caller that asks whether to end."""
        now = int(self._clock())
        if not everything and now <= self._told_to + 1:
            return False
        for second in self._tally.seconds():
            if second.at > self._told_to and (everything or second.at < now):
                self._told_to = second.at
                self._one(second)
        return False

    def _one(self, second: Second) -> None:
        if self._shell.json:
            self._shell.tell(as_json({"type": "SECOND", **_second(second)}))
            return
        if self._shell.accessible and not second.failed and second.at - self._spoke_at < _ACCESSIBLE_EVERY_SECONDS:
            return
        self._spoke_at = second.at
        self._screen.note(line_of(second))


def _screen(shell: Shell, began_at: float) -> Screen:
    if shell.accessible:
        return SentenceScreen(shell, began_at, shell.say)
    if shell.is_live:
        return LinesScreen(shell.symbols, began_at, shell.say, shell.width)
    return PlainScreen(shell, result=False)


def line_of(second: Second) -> Line:
    """One second of it in the live log's form."""
    answered = f"{second.ok} answered, {second.failed} failed"
    causes = ", ".join(cause for cause, _ in sorted(second.causes.items(), key=lambda item: (-item[1], item[0])))
    detail = f"{answered} ({causes})" if causes else answered
    measured = "" if second.p50 is None else f"p50 {milliseconds(second.p50)}  p99 {milliseconds(second.p99)}"
    brief = f"{second.ok} ok, {second.failed} failed"
    word, symbol = ("FAILING", "attention") if second.failed else ("SERVED", "running")
    return Line(float(second.at + 1), symbol, word, detail=detail, brief=brief, measured=measured, measured_brief="")


def milliseconds(seconds: float | None) -> str:
    """A latency for people: 0.8 ms, 12 ms, 1,204 ms."""
    if seconds is None:
        return "-"
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 9.95 else f"{value:,.0f} ms"


# --- the summary ---


def _is_met(tally: Tally, slo: float) -> bool:
    return bool(tally.requests) and 100 * tally.ok / tally.requests >= slo


def _tell(shell: Shell, url: str, tally: Tally, slo: float) -> None:
    met = _is_met(tally, slo)
    if shell.json:
        figures = {**tally.figures(), "perSecond": [_second(second) for second in tally.seconds(60)]}
        longest = {"p95": tally.percentile(95), "max": tally.longest}
        shell.tell(as_json({"type": "SUMMARY", "url": url, **figures, **longest, "slo": slo, "met": met}))
        return
    for row in _summary(tally, accessible=shell.accessible):
        shell.tell(row, fold=True)
    if slo < 100:
        shell.tell(f"goal {slo:g}%: {'met' if met else 'missed'}")


def _summary(tally: Tally, *, accessible: bool) -> Iterator[str]:
    if not tally.requests:
        yield "0 requests"
        return
    if accessible:
        yield (
            f"{tally.requests:,} requests, {tally.failed:,} failed, {tally.availability:.2f} percent were answered."
            f" Half of the answers came within {sentences.span(tally.percentile(50))}."
        )
    else:
        latency = f"p50 {milliseconds(tally.percentile(50))}  p95 {milliseconds(tally.percentile(95))}"
        latency += f"  p99 {milliseconds(tally.percentile(99))}  max {milliseconds(tally.longest)}"
        yield f"{tally.requests:,} requests, {tally.failed:,} failed, {percent(tally.availability)}, {latency}"
    causes = sorted(tally.causes.items(), key=lambda item: (-item[1], item[0]))
    for cause, count in causes[:_CAUSES_SHOWN]:
        yield f"  {count:,} failed: {cause}"
    tasks = sorted(tally.tasks.items(), key=lambda item: (-item[1][0], item[0]))
    for task, (answered, failed) in tasks[:_TASKS_SHOWN]:
        yield f"  task {short(task)} answered {answered:,}" + (f", {failed:,} of them failed" if failed else "")
    if len(tasks) > _TASKS_SHOWN:
        yield f"  and {len(tasks) - _TASKS_SHOWN} more tasks"


def _second(second: Second) -> dict[str, Any]:
    names = ("at", "sent", "ok", "failed", "causes", "tasks", "p50", "p95", "p99", "max")
    return {name: getattr(second, name) for name in names}
