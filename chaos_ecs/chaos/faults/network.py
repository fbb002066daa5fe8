"""Faults of a task's network: held by a helper container in it, with tc, iptables or a proxy of our own.

Each says in `sh` how to hurt, measure and heal; the tools and the programs `probe` and `proxy.py` are in the image
`task_images/toolbox`, whose README tells the variables. Never here: who is hit, and running any of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from chaos_ecs.chaos.fault import Ability, Fault, Victim, duration, number, text
from chaos_ecs.chaos.faults.lacking import has_all, must_have
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Joins, Means, Recipe, Symptom

ALL = "ALL"
EVERY_ADDRESS = "0.0.0.0/0"  # FIS's spelling of ALL
PROXY_MARK = "0xce00"
PROBE_MARK = "0xce01"  # as in the toolbox
_CHAIN = '"CECS-$TAG"'
_PORT_FILE = "/tmp/proxy"  # noqa: S108 - in the helper container, where nobody else is
_LONGEST_DELAY = 60_000

_RATE = re.compile(r"([1-9]\d*)(bit|kbit|mbit|gbit)")
_BITS = {"bit": 1, "kbit": 1_000, "mbit": 1_000_000, "gbit": 1_000_000_000}
_SPAN = re.compile(r"[1-9]\d*(ms|s)")
_LEAST_BURST_BITS = 16_000  # one full packet; tc would let nothing larger through

_SOURCES_HELP = "Whose traffic: ALL, or IPv4 addresses and ranges separated by commas."
_EXCEPT_HELP = "Whose traffic is spared: IPv4 addresses and ranges separated by commas."
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
    sources: str = text(_SOURCES_HELP, default=ALL)
    except_sources: str = text(_EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        _networks(self.sources)
        _spared(self.except_sources)

    def describe(self) -> str:
        whose = _whose(self.sources, self.flows_percent, self.except_sources)
        return (
            f"delays the traffic{whose} by {self.delay_milliseconds} ms, {self.jitter_milliseconds} ms more or less, "
            f"for {self.duration:g} s"
        )

    def recipe(self, victim: Victim) -> Recipe:
        is_plain = self.flows_percent == 100 and not _networks(self.sources) and not self.except_sources
        if has_all(self, victim) and is_plain:
            do, undo = _queue(f"netem delay {self.delay_milliseconds}ms {self.jitter_milliseconds}ms")
            return _held(do, undo, f"probe round-trip {self._numbers}", seconds=self._patience)
        must_have(self, victim, *self.otherwise)  # netem alone tells neither sources nor connections apart
        return self._by_proxy()

    def _by_proxy(self) -> Recipe:
        to = f"REDIRECT --to-ports $(cat {_PORT_FILE})"
        networks = _networks(self.sources)
        coming = [f'-i "$DEVICE" -p tcp{source} -j {to}' for source in _matches("-s", networks)]
        going = [f'-o "$DEVICE" -p tcp{source} -j {to}' for source in _matches("-d", networks)]
        rules = [f"-m mark --mark {PROXY_MARK} -j RETURN", f"-p tcp -m mark --mark {PROBE_MARK} -j {to}"]
        spared = _spared(self.except_sources)
        rules += [rule for network in spared for rule in (f"-s {network} -j RETURN", f"-d {network} -j RETURN")]
        do, undo = _chained([("PREROUTING", ""), ("OUTPUT", "")], [*rules, *coming, *going], table="nat")
        ready = f"for _ in $(seq 100); do [ -s {_PORT_FILE} ] && break; sleep 0.05; done; [ -s {_PORT_FILE} ]"
        others = " or ".join(f"dst {network}" for network in networks) or "not src 127.0.0.0/8"
        cut = f"( {others} )" + "".join(f" and not dst {network}" for network in spared)
        numbers = f"{self._numbers}{_flows_option(self.flows_percent)}"
        return _held(
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
    sources: str = text(_SOURCES_HELP, default=ALL)
    except_sources: str = text(_EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        _networks(self.sources)
        _spared(self.except_sources)

    def describe(self) -> str:
        whose = _whose(self.sources, self.flows_percent, self.except_sources)
        return f"loses {self.loss_percent} % of the packets{whose} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        networks = _networks(self.sources)
        flows = _flows_option(self.flows_percent)
        probe = f"probe loss {self.loss_percent}{flows}{_sources_option(networks)}"
        symptom = Symptom.SILENT if self.loss_percent * self.flows_percent == 10_000 and not networks else Symptom.NONE
        spared = [f"-s {network} -j RETURN" for network in _spared(self.except_sources)]
        if has_all(self, victim) and not networks and not flows and not spared:
            do, undo = _queue(f"netem loss {self.loss_percent}%")
        else:
            must_have(self, victim, *self.otherwise)
            rules = [rule for source in _matches("-s", networks) for rule in self._rules(source)]
            do, undo = _chained([("INPUT", "! -i lo")], [*spared, *rules])
        return _held(do, undo, probe, symptom=symptom, seconds=15)

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
class NetworkBlackholePort(Fault):
    """Drops every packet to a port."""

    name = "network-blackhole-port"
    action_id = "aws:ecs:task-network-blackhole-port"
    needs = (Ability.HELPER,)

    duration: float = duration()
    port: int = number("The port.", least=1, most=65535)
    traffic_type: str = text(
        "Whether what comes in to the task's port is dropped, or what goes out to others' ports.",
        default="ingress",
        choices=("ingress", "egress"),
    )
    protocol: str = text("Of which protocol.", default="tcp", choices=("tcp", "udp"))
    except_sources: str = text(_EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        _spared(self.except_sources)

    def describe(self) -> str:
        which = f"port {self.port}" if self.traffic_type == "ingress" else f"others' port {self.port}"
        which += _but(self.except_sources)
        return f"drops every {self.protocol.upper()} packet to {which} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        has_all(self, victim)
        hook, other = ("INPUT", "-s") if self.traffic_type == "ingress" else ("OUTPUT", "-d")
        spared = [f"{other} {network} -j RETURN" for network in _spared(self.except_sources)]
        do, undo = _chained([(hook, "")], [*spared, f"-p {self.protocol} --dport {self.port} -j DROP"])
        is_served = self.traffic_type == "ingress" and self.protocol == "tcp" and self.port in victim.ports
        probe = f"probe port {self.port} --protocol {self.protocol} --direction {self.traffic_type}"
        return _held(do, undo, probe, symptom=Symptom.SILENT if is_served else Symptom.NONE, coexists=True)


@dataclass(frozen=True, kw_only=True)
class NetworkReject(Fault):
    """Refuses every connection to a port at once."""

    name = "network-reject"
    action_id = "chaos-ecs:task-network-reject"
    needs = (Ability.HELPER, Ability.REJECT)

    duration: float = duration()
    port: int = number("The port.", least=1, most=65535)

    def describe(self) -> str:
        return f"refuses every TCP connection to port {self.port} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        has_all(self, victim)
        do, undo = _chained([("INPUT", "")], [f"-p tcp --dport {self.port} -j REJECT --reject-with tcp-reset"])
        symptom = Symptom.REFUSES if self.port in victim.ports else Symptom.NONE
        return _held(do, undo, f"probe refusal {self.port}", symptom=symptom, coexists=True)


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
        has_all(self, victim)
        do, undo = _queue(f"tbf rate {self.rate} burst {self.burst} latency {self.latency}")
        return _held(do, undo, f"probe rate {_bits('rate', self.rate)}")


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
        has_all(self, victim)
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
        has_all(self, victim)
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
        has_all(self, victim)
        # Those go at once, and all others 20 ms later: without a delay there is nothing to overtake.
        return _damaged("reorder", f"delay 20ms reorder {self.percent}% {self.correlation}%", self.percent)


@dataclass(frozen=True, kw_only=True)
class NetworkPartition(Fault):
    """Cuts the task off from the tasks of a service, or from one task."""

    name = "network-partition"
    action_id = "chaos-ecs:network-partition"
    needs = (Ability.HELPER,)

    duration: float = duration()
    to: str = text("From whom: the name of a service, or the id of a task.")

    def describe(self) -> str:
        return f"drops every packet to and from {self.to} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        has_all(self, victim)
        others = [peer for peer in victim.peers if peer != victim.address]
        if not others:
            raise InvalidParameterException(f"to '{self.to}': no other task that runs there has an address.")
        rules = [f"{way} {peer} -j DROP" for peer in others for way in ("-s", "-d")]
        do, undo = _chained([("INPUT", ""), ("OUTPUT", "")], rules)
        return _held(do, undo, f"probe peers {' '.join(others)}", coexists=True)


@dataclass(frozen=True, kw_only=True)
class NetworkDisconnect(Fault):
    """Takes the task out of its network, and back in with the same address."""

    name = "network-disconnect"
    action_id = "chaos-ecs:task-network-disconnect"

    duration: float = duration()
    network: str = text("Which of its networks, as Docker calls it.", default=ALL)

    def describe(self) -> str:
        which = "its network" if self.network == ALL else f"the network {self.network}"
        return f"takes the task out of {which} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        do = () if self.network == ALL else (self.network,)
        return Recipe(means=Means.DETACH, do=do, symptom=Symptom.CUT_OFF)


@dataclass(frozen=True, kw_only=True)
class DnsFailure(Fault):
    """Keeps the task from finding others by name."""

    name = "dns-failure"
    action_id = "chaos-ecs:task-dns-failure"
    needs = (Ability.HELPER, Ability.REJECT)

    duration: float = duration()
    mode: str = text(
        "Whether name servers seem dead (drop), or say no at once (refuse).", default="drop", choices=("drop", "refuse")
    )

    def describe(self) -> str:
        return f"{'refuses' if self.mode == 'refuse' else 'drops'} every question for a name for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        has_all(self, victim)
        do, undo = _chained([("INPUT", ""), ("OUTPUT", "")], self._rules())
        return _held(do, undo, f"probe dns {self.mode}")

    def _rules(self) -> list[str]:
        """Docker's own name server has another port behind its address: what was asked for first is told by conntrack.

        Dropped where it arrives, not where it leaves: a sender whose packet may not leave is told so at once.
        """
        asked = "-i lo -p {0} -m conntrack --ctorigdstport 53 --ctdir ORIGINAL"
        answered = "-p {0} -m conntrack --ctorigdstport 53 --ctdir REPLY"
        leaving = '-o "$DEVICE" -p {0} --dport 53'
        if self.mode == "drop":
            return [f"{match.format(protocol)} -j DROP" for protocol in ("udp", "tcp") for match in (asked, answered)]
        refusals = {"udp": "icmp-port-unreachable", "tcp": "tcp-reset"}
        return [
            f"{match.format(protocol)} -j REJECT --reject-with {refusal}"
            for protocol, refusal in refusals.items()
            for match in (asked, leaving)
        ]


# --- recipes ---


def _held(
    do: tuple[str, ...],
    undo: tuple[str, ...],
    probe: str,
    *,
    background: str = "",
    symptom: Symptom = Symptom.NONE,
    seconds: float = 5.0,
    coexists: bool = False,
) -> Recipe:
    return Recipe(
        means=Means.HOLD,
        do=do,
        undo=undo,
        probe=probe,
        probe_seconds=seconds,
        background=background,
        joins=(Joins.NETWORK,),
        capabilities=("NET_ADMIN",),
        symptom=symptom,
        coexists=coexists,
    )


def _chained(
    hooks: Sequence[tuple[str, str]], rules: Sequence[str], table: str = "filter"
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A chain of our own with these rules, hooked in last and unhooked first; how to make it and how to remove it."""
    iptables = f"iptables -w -t {table}"
    jumps = [" ".join(f"{hook} {match} -j {_CHAIN}".split()) for hook, match in hooks]
    do = [f"{iptables} -N {_CHAIN}", *(f"{iptables} -A {_CHAIN} {rule}" for rule in rules)]
    do += [f"{iptables} -I {jump}" for jump in jumps]
    undo = [f"{iptables} -S >/dev/null"]  # or what fails below would look like what is not there
    undo += [f"! {iptables} -C {jump} 2>/dev/null || {iptables} -D {jump}" for jump in jumps]
    is_there = f"{iptables} -n -L {_CHAIN} >/dev/null 2>&1"
    undo.append(f"! {is_there} || {{ {iptables} -F {_CHAIN} && {iptables} -X {_CHAIN}; }}")
    return tuple(do), tuple(undo)


def _damaged(kind: str, netem: str, percent: int) -> Recipe:
    do, undo = _queue(f"netem {netem}")
    return _held(do, undo, f"probe damage {kind} {percent}", seconds=10)


def _queue(discipline: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A queue at the interface's root; where it has another than the kernel's own, which has no number, that stays."""
    others = 'tc qdisc show dev "$DEVICE" root | grep -qv " 0: root"'
    refuse = 'echo "somebody has put a queue of another kind at $DEVICE: it is left alone" >&2; exit 1'
    put = f'tc qdisc add dev "$DEVICE" root handle "$NUMBER:" {discipline}'
    is_there = 'tc qdisc show dev "$DEVICE" | grep -q " $NUMBER: root"'
    undo = f'! {is_there} || tc qdisc del dev "$DEVICE" root handle "$NUMBER:"'
    return (f"if {others}; then {refuse}; fi", put), (undo,)


# --- parameters ---


def _networks(sources: str) -> list[str]:
    """The addresses and ranges; none when all are meant. Raises InvalidParameterException."""
    if sources.upper() == ALL or sources == EVERY_ADDRESS:
        return []
    hint = "write ALL, 10.0.0.7 or 10.0.0.0/16. Names of hosts, DYNAMODB and S3 mean nothing here."
    return [_network("sources", one, hint) for one in sources.split(",")]


def _spared(except_sources: str) -> list[str]:
    """The same of those to be left alone."""
    hint = "write 10.0.0.7 or 10.0.0.0/16."
    return [_network("exceptSources", one, hint) for one in except_sources.split(",")] if except_sources else []


def _network(parameter: str, value: str, hint: str) -> str:
    try:
        return str(IPv4Network(value.strip(), strict=False))
    except ValueError:
        raise InvalidParameterException(f"{parameter} '{value}' is no IPv4 address or range: {hint}") from None


def _matches(option: str, networks: list[str]) -> list[str]:
    return [f" {option} {network}" for network in networks] or [""]


def _sources_option(networks: list[str]) -> str:
    return f" --sources {','.join(networks)}" if networks else ""


def _flows_option(percent: int) -> str:
    return f" --flows {percent}" if percent < 100 else ""


def _whose(sources: str, flows_percent: int, except_sources: str) -> str:
    whom = f" with {sources}" if _networks(sources) else ""
    return whom + _but(except_sources) + (f" in {flows_percent} % of the connections" if flows_percent < 100 else "")


def _but(except_sources: str) -> str:
    return f", sparing {except_sources}," if except_sources else ""


def _bits(parameter: str, value: str) -> int:
    found = _RATE.fullmatch(value.lower())
    if found is None:
        raise InvalidParameterException(f"{parameter} '{value}' is no amount as tc writes it: 500kbit or 1mbit.")
    return int(found[1]) * _BITS[found[2]]
