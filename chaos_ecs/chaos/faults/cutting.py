"""Faults that cut a task off: from a port, from others, from its network, from names.

Held by a helper container in its network, as in `network.py`, or Docker's own doing. Never here: who is hit, and
running any of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from chaos_ecs.chaos.fault import Ability, Fault, Victim, duration, number, text
from chaos_ecs.chaos.faults import wire
from chaos_ecs.core.errors import InvalidParameterException
from chaos_ecs.core.recipe import Means, Recipe, Symptom


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
    except_sources: str = text(wire.EXCEPT_HELP, default="")

    def __post_init__(self) -> None:
        wire.spared(self.except_sources)

    def describe(self) -> str:
        which = f"port {self.port}" if self.traffic_type == "ingress" else f"others' port {self.port}"
        which += wire.but(self.except_sources)
        return f"drops every {self.protocol.upper()} packet to {which} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        hook, other = ("INPUT", "-s") if self.traffic_type == "ingress" else ("OUTPUT", "-d")
        spared = [f"{other} {network} -j RETURN" for network in wire.spared(self.except_sources)]
        do, undo = wire.chained([(hook, "")], [*spared, f"-p {self.protocol} --dport {self.port} -j DROP"])
        is_served = self.traffic_type == "ingress" and self.protocol == "tcp" and self.port in victim.ports
        probe = f"probe port {self.port} --protocol {self.protocol} --direction {self.traffic_type}"
        return wire.held(do, undo, probe, symptom=Symptom.SILENT if is_served else Symptom.NONE, coexists=True)


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
        do, undo = wire.chained([("INPUT", "")], [f"-p tcp --dport {self.port} -j REJECT --reject-with tcp-reset"])
        symptom = Symptom.REFUSES if self.port in victim.ports else Symptom.NONE
        return wire.held(do, undo, f"probe refusal {self.port}", symptom=symptom, coexists=True)


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
        others = [peer for peer in victim.peers if peer != victim.address]
        if not others:
            raise InvalidParameterException(f"to '{self.to}': no other task that runs there has an address.")
        rules = [f"{way} {peer} -j DROP" for peer in others for way in ("-s", "-d")]
        do, undo = wire.chained([("INPUT", ""), ("OUTPUT", "")], rules)
        return wire.held(do, undo, f"probe peers {' '.join(others)}", coexists=True)


@dataclass(frozen=True, kw_only=True)
class NetworkDisconnect(Fault):
    """Takes the task out of its network, and back in with the same address."""

    name = "network-disconnect"
    action_id = "chaos-ecs:task-network-disconnect"

    duration: float = duration()
    network: str = text("Which of its networks, as Docker calls it.", default=wire.ALL)

    def describe(self) -> str:
        which = "its network" if self.network == wire.ALL else f"the network {self.network}"
        return f"takes the task out of {which} for {self.duration:g} s"

    def recipe(self, victim: Victim) -> Recipe:
        do = () if self.network == wire.ALL else (self.network,)
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
        do, undo = wire.chained([("INPUT", ""), ("OUTPUT", "")], self._rules())
        return wire.held(do, undo, f"probe dns {self.mode}")

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
