"""The container that tells tasks where services are: dnsmasq in a cluster's network, asked through Docker's own DNS.

One for each cluster that has services. Docker's DNS server answers every container at 127.0.0.11 and hands on what it
does not know itself to the servers the container was made with: this one. Its address in the network is fixed, so that
tasks made before it was brought back still find it. Each function is a few calls of the engine and decides nothing;
they raise the SDK's exceptions. Never here: which names there are (`core/discovery.py`) and when (`discovery.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.types import IPAMConfig, IPAMPool

from chaos_ecs.live import labels, own
from chaos_ecs.live.labels import Home

IMAGE = "chaos-ecs/balancer:1"  # dnsmasq is in it, beside HAProxy: one image less to build before a workshop
FOLDER = "/chaos"
FILE = "names"
RELOAD_SIGNAL = "SIGHUP"
_MEMORY_BYTES = 64 * 1024 * 1024
_BELOW_THE_LAST = 2  # the last address is the broadcast's


@dataclass(frozen=True, slots=True)
class Found:
    """As the engine has it."""

    id: str
    runs: bool


def settled(inspection: Mapping[str, Any]) -> IPAMConfig | None:
    """The address range that Docker picked for a network, as one that is asked for: only in such a network may a
    container have an address of its own. Docker hands out the lower half: 172.18.0.0/17 of 172.18.0.0/16."""
    pools = (inspection.get("IPAM") or {}).get("Config") or ()
    subnet = next((ipaddress.ip_network(pool["Subnet"]) for pool in pools if "." in pool.get("Subnet", "")), None)
    if subnet is None or subnet.prefixlen > 28:
        return None
    lower_half = next(iter(subnet.subnets()))
    return IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), iprange=str(lower_half), gateway=str(subnet[1]))])


def address_in(inspection: Mapping[str, Any]) -> str | None:
    """The resolver's address in a network; None where it cannot have one of its own, as in one not made by us."""
    for pool in (inspection.get("IPAM") or {}).get("Config") or ():
        if pool.get("IPRange") and "." in pool["Subnet"]:
            return str(ipaddress.ip_network(pool["Subnet"])[-1 - _BELOW_THE_LAST])
    return None


def find(client: APIClient, home: Home, cluster_arn: str) -> Found | None:
    """This cluster's, whatever its state."""
    seen = own.find(client, home, labels.resolver_name(home, cluster_arn))
    if seen is None:
        return None
    state = seen["State"]
    return Found(seen["Id"], bool(state.get("Running")) and not state.get("Paused"))


def clusters(client: APIClient, home: Home) -> dict[str, None]:
    """The ARNs of those of this home that have one, running or not."""
    marks = [f"{labels.HOME}={home.id}", labels.RESOLVER]
    return {labels.of(one)[labels.CLUSTER]: None for one in client.containers(all=True, filters={"label": marks})}


def remove(client: APIClient, home: Home, cluster_arn: str) -> None:
    """Harmless when there is none."""
    if (found := find(client, home, cluster_arn)) is not None:
        client.remove_container(found.id, force=True, v=True)


def create(client: APIClient, home: Home, cluster_arn: str, address: str) -> str:
    """Makes it, and does not start it: it gets its names first. Answers its id."""
    recipe = _recipe(home, cluster_arn, address)
    return str(client.create_container_from_config(recipe, labels.resolver_name(home, cluster_arn))["Id"])


def _recipe(home: Home, cluster_arn: str, address: str) -> dict[str, Any]:
    """The body of POST /containers/create. --domain-needed: a name without a dot is a service or nobody."""
    network = labels.network_name(home, cluster_arn)
    served = ("--no-hosts", f"--addn-hosts={FOLDER}/{FILE}", "--domain-needed", "--bogus-priv", "--no-negcache")
    return {
        "Image": IMAGE,
        "Labels": {**home.labels, labels.CLUSTER: cluster_arn, labels.RESOLVER: "1"},
        "Entrypoint": ["dnsmasq", "--keep-in-foreground", "--log-facility=-", *served],
        "Cmd": [],
        "StopSignal": "SIGTERM",
        "HostConfig": {
            "NetworkMode": network,
            "RestartPolicy": {"Name": "no"},  # bringing it back is ours
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},  # port 53 without being root
            "Memory": _MEMORY_BYTES,
        },
        "NetworkingConfig": {"EndpointsConfig": {network: {"IPAMConfig": {"IPv4Address": address}}}},
    }
