"""Faults of what a task sends and receives: slower, lost, damaged. Held by a helper container in its network.

Each says in `sh` how to hurt, measure and heal; the tools and the programs `probe` and `proxy.py` are in the image
`task_images/toolbox`. Never here: who is hit, and running any of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chaos_ecs.chaos.fault import Ability, Fault, Victim, duration, number, text
from chaos_ecs.chaos.faults import wire
from chaos_ecs.chaos.lacking import must_have
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Recipe, Symptom

PROXY_MARK = "0xce00"
PROBE_MARK = "0xce01"  # as in the toolbox
_PORT_FILE = "/tmp/proxy"  # noqa: S108 - in the helper container, where nobody else is
_LONGEST_DELAY = 60_000

_RATE = re.compile(r"([1-9]\d*)(bit|kbit|mbit|gbit)")
_BITS = {"bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_SPAN = re.compile(r"[1-9]\d*(ms|s)")
_LEAST_BURST_BITS = 16_000  # one full packet; tc would let nothing larger through

_SOURCES_HELP = "Whose traffic: ALL, or IPv4 addresses and ranges separated by commas."
_FLOWS_HELP = "How many of a hundred connections are hit."
_PERCENT_HELP = "How many of a hundred packets."
_CORRELATION_HELP = "How much each depends on the one before, in percent."


@dataclass(frozen=True, kw_only=True)
class NetworkLatency(Fault):
    """Delays what the task sends and receives."""

    name = "network-latency"
    action_id = "aws:ecs:task-network-latency"
    needs = (Ability.HELPER, Ability.NETEM)
    otherwise = (Ability.HELPER, Ability.REDIRECT)
    fallback = (
        "by a proxy in the task's network: TCP only, both directions; connections open before are cut; ping, UDP and "
        "what the task says to itself stay quick, and the task sees its own address as its client's"
    )

    duration: float = duration()
    delay_milliseconds: int = number("How long it takes.", default=200, least=1, most=_LONGEST_DELAY)
    jitter_milliseconds: int = number("How much that varies, up and down.", default=10, most=_LONGEST_DELAY)
    flows_percent: int = number(_FLOWS_HELP, default=100, least=1, most=100)
    sources: str = text(_SOURCES_HELP, default=wire.ALL)
    except_sources: str = text(wire.EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        wire.networks(self.sources)
        wire.spared(self.except_sources)

    def describe(self) -> str:
        whose = _whose(self.sources, self.flows_percent, self.except_sources)
        return (
            f"delays the traffic{whose} by {self.delay_milliseconds} ms, {self.jitter_milliseconds} ms more or less, "
            f"for {self.duration:g} s"
        )

    def recipe(self, victim: Victim) -> Recipe:
        is_plain = self.flows_percent == 100 and not wire.networks(self.sources) and not self.except_sources
        if victim.has(*self.needs) and is_plain:
            do, undo = wire.queued(f"netem delay {self.delay_milliseconds}ms {self.jitter_milliseconds}ms")
            return wire.held(do, undo, f"probe round-trip {self._numbers}", seconds=self._patience)
        must_have(self, victim, *self.otherwise)  # netem alone tells neither sources nor connections apart
        return self._by_proxy()

    def _by_proxy(self) -> Recipe:
        to = f"REDIRECT --to-ports $(cat {_PORT_FILE})"
        networks = wire.networks(self.sources)
        coming = [f'-i "$DEVICE" -p tcp{source} -j {to}' for source in _matches("-s", networks)]
        going = [f'-o "$DEVICE" -p tcp{source} -j {to}' for source in _matches("-d", networks)]
        rules = [f"-m mark --mark {PROXY_MARK} -j RETURN", f"-p tcp -m mark --mark {PROBE_MARK} -j {to}"]
        spared = wire.spared(self.except_sources)
        rules += [rule for network in spared for rule in (f"-s {network} -j RETURN", f"-d {network} -j RETURN")]
        do, undo = wire.chained([("PREROUTING", ""), ("OUTPUT", "")], [*rules, *coming, *going], table="nat")
        ready = f"for _ in $(seq 100); do [ -s {_PORT_FILE} ] && break; sleep 0.05; done; [ -s {_PORT_FILE} ]"
        others = " or ".join(f"dst {network}" for network in networks) or "not src 127.0.0.0/8"
        cut = f"( {others} )" + "".join(f" and not dst {network}" for network in spared)
        numbers = f"{self._numbers}{_flows_option(self.flows_percent)}"
        return wire.held(
            (ready, *do, f"ss -K -H -t state established '{cut}'"),  # or what is open would never meet the proxy
            undo,
            f"probe latency {numbers}{_sources_option(networks)}",
            background=f"exec python3 /chaos/proxy.py {numbers} --mark {PROXY_MARK} --port-file {_PORT_FILE}",
            seconds=self._patience,
        )

    @property
    def _numbers(self) -> str:
        return f"{self.delay_milliseconds} {self.jitter_milliseconds}"

    @property
    def _patience(self) -> float:
        return 5 + 4 * (self.delay_milliseconds + self.jitter_milliseconds) / 1000


@dataclass(frozen=True, kw_only=True)
class NetworkPacketLoss(Fault):
    """Loses some of the task's packets."""

    name = "network-packet-loss"
    action_id = "aws:ecs:task-network-packet-loss"
    needs = (Ability.HELPER, Ability.NETEM)
    otherwise = (Ability.HELPER, Ability.STATISTIC)
    fallback = (
        "by iptables, of what comes in, where FIS loses of what goes out: a request waits for its retry either way"
    )

    duration: float = duration()
    loss_percent: int = number("How many of a hundred packets are lost.", default=7, least=1, most=100)
    flows_percent: int = number(_FLOWS_HELP, default=100, least=1, most=100)
    sources: str = text(_SOURCES_HELP, default=wire.ALL)
    except_sources: str = text(wire.EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        wire.networks(self.sources)
        wire.spared(self.except_sources)

    def describe(self) -> str:
        whose = _whose(self.sources, self.flows_percent, self.except_sources)
        return f"loses {self.loss_percent} % of the packets{whose} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        networks = wire.networks(self.sources)
        flows = _flows_option(self.flows_percent)
        probe = f"probe loss {self.loss_percent}{flows}{_sources_option(networks)}"
        symptom = Symptom.SILENT if self.loss_percent * self.flows_percent == 10_000 and not networks else Symptom.NONE
        spared = [f"-s {network} -j RETURN" for network in wire.spared(self.except_sources)]
        if victim.has(*self.needs) and not networks and not flows and not spared:
            do, undo = wire.queued(f"netem loss {self.loss_percent}%")
        else:
            must_have(self, victim, *self.otherwise)
            rules = [rule for source in _matches("-s", networks) for rule in self._rules(source)]
            do, undo = wire.chained([("INPUT", "! -i lo")], [*spared, *rules])
        return wire.held(do, undo, probe, symptom=symptom, seconds=15)

    def _rules(self, source: str) -> list[str]:
        lost = f"-m statistic --mode random --probability {self.loss_percent / 100:g} -j DROP"
        if self.flows_percent == 100:
            return [f"{source} {lost}".strip()]
        # Which of the two a connection is, is drawn once and written on it; the number is this fault's own.
        hit, spared, undecided = "0xce${NUMBER}01", "0xce${NUMBER}02", "! --mark 0xce${NUMBER}00/0xffffff00"
        drawn = f"-m statistic --mode random --probability {self.flows_percent / 100:g}"
        rules = [
            f"-m connmark {undecided} {drawn} -j CONNMARK --set-mark {hit}",
            f"-m connmark {undecided} -j CONNMARK --set-mark {spared}",
            f"-m connmark --mark {hit} {lost}",
        ]
        return [f"{source} {rule}".strip() for rule in rules]


@dataclass(frozen=True, kw_only=True)
class NetworkRate(Fault):
    """Limits how fast the task can send."""

    name = "network-rate"
    action_id = "chaos-ecs:task-network-rate"
    needs = (Ability.HELPER, Ability.TBF)

    duration: float = duration()
    rate: str = text("How much a second, as tc writes it: 500kbit, 1mbit.", default="1mbit")
    burst: str = text("How much at once, from 16kbit on.", default="32kbit")
    latency: str = text("How long a packet waits for its turn before it is dropped: 400ms, 1s.", default="400ms")

    def __post_init__(self) -> None:
        _bits("rate", self.rate)
        if _bits("burst", self.burst) < _LEAST_BURST_BITS:
            raise InvalidParameterException(f"burst '{self.burst}' must hold one packet at least: 16kbit or more.")
        if not _SPAN.fullmatch(self.latency):
            raise InvalidParameterException(f"latency '{self.latency}' is no time as tc writes it: 400ms or 1s.")

    def describe(self) -> str:
        return f"lets the task send no more than {self.rate} a second for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        do, undo = wire.queued(f"tbf rate {self.rate} burst {self.burst} latency {self.latency}")
        return wire.held(do, undo, f"probe rate {_bits('rate', self.rate)}")


@dataclass(frozen=True, kw_only=True)
class NetworkCorrupt(Fault):
    """Flips a bit in some of the packets that the task sends."""

    name = "network-corrupt"
    action_id = "chaos-ecs:task-network-corrupt"
    needs = (Ability.HELPER, Ability.NETEM)

    duration: float = duration()
    percent: int = number(_PERCENT_HELP, default=5, least=1, most=100)
    correlation: int = number(_CORRELATION_HELP, default=0, most=100)

    def describe(self) -> str:
        return f"flips a bit in {self.percent} % of the packets sent for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        return _damaged("corrupt", f"corrupt {self.percent}% {self.correlation}%", self.percent)


@dataclass(frozen=True, kw_only=True)
class NetworkDuplicate(Fault):
    """Sends some of the task's packets twice."""

    name = "network-duplicate"
    action_id = "chaos-ecs:task-network-duplicate"
    needs = (Ability.HELPER, Ability.NETEM)

    duration: float = duration()
    percent: int = number(_PERCENT_HELP, default=5, least=1, most=100)
    correlation: int = number(_CORRELATION_HELP, default=0, most=100)

    def describe(self) -> str:
        return f"sends {self.percent} % of the packets twice for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        return _damaged("duplicate", f"duplicate {self.percent}% {self.correlation}%", self.percent)


@dataclass(frozen=True, kw_only=True)
class NetworkReorder(Fault):
    """Lets some of the task's packets overtake others."""

    name = "network-reorder"
    action_id = "chaos-ecs:task-network-reorder"
    needs = (Ability.HELPER, Ability.NETEM)

    duration: float = duration()
    percent: int = number(_PERCENT_HELP, default=5, least=1, most=100)
    correlation: int = number(_CORRELATION_HELP, default=0, most=100)

    def describe(self) -> str:
        return f"lets {self.percent} % of the packets sent overtake others for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        # Those go at once, and all others 20 ms later: without a delay there is nothing to overtake.
        return _damaged("reorder", f"delay 20ms reorder {self.percent}% {self.correlation}%", self.percent)


# --- parts ---


def _damaged(kind: str, netem: str, percent: int) -> Recipe:
    do, undo = wire.queued(f"netem {netem}")
    return wire.held(do, undo, f"probe damage {kind} {percent}", seconds=10)


def _matches(option: str, networks: list[str]) -> list[str]:
    return [f" {option} {network}" for network in networks] or [""]


def _sources_option(networks: list[str]) -> str:
    return f" --sources {','.join(networks)}" if networks else ""


def _flows_option(percent: int) -> str:
    return f" --flows {percent}" if percent < 100 else ""


def _whose(sources: str, flows_percent: int, except_sources: str) -> str:
    whom = f" with {sources}" if wire.networks(sources) else ""
    some = f" in {flows_percent} % of the connections" if flows_percent < 100 else ""
    return whom + wire.but(except_sources) + some


def _bits(parameter: str, value: str) -> int:
    found = _RATE.fullmatch(value.lower())
    if found is None:
        raise InvalidParameterException(f"{parameter} '{value}' is no amount as tc writes it: 500kbit or 1mbit.")
    return int(found[1]) * _BITS[found[2]]
