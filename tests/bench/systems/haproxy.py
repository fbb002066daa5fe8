"""HAProxy as somebody would configure it by hand: our balancer's image, published and run in the same way, with another
configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from chaos_ecs.live import balancer_container, haproxy
from tests.bench.room import Room, free_port
from tests.bench.systems.system import MARK

NAME = "HAProxy by hand"
PORT = 8080
_HEAD = """global
    maxconn 4000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
    retries 3
    option redispatch 1
    retry-on conn-failure
frontend web
    bind :8080
    default_backend web
"""


def static(addresses: Sequence[str]) -> str:
    """A configuration with these servers, checked as a target group checks them, ours in timeouts and retries."""
    servers = "".join(f"    server s{place} {address}:{PORT}\n" for place, address in enumerate(addresses))
    checks = "    option httpchk GET /\n    default-server check inter 30s rise 5 fall 2\n"
    return f"{_HEAD}backend web\n    balance roundrobin\n{checks}{servers}"


def resolving(name: str, count: int) -> str:
    """A configuration that finds up to `count` servers behind a name, asking Docker's own name server all the time."""
    return f"""{_HEAD}resolvers docker
    nameserver docker 127.0.0.11:53
    resolve_retries 2
    timeout resolve 200ms
    timeout retry 200ms
    hold valid 200ms
    hold obsolete 200ms
    hold nx 200ms
    hold other 200ms
    accepted_payload_size 8192
backend web
    balance roundrobin
    default-server inter 500ms fastinter 100ms rise 1 fall 1
    server-template s {count} {name}:{PORT} check resolvers docker init-addr none
"""


@contextmanager
def started(room: Room, config: str, network: str) -> Iterator[int]:
    """The port of 127.0.0.1 it answers at; it reaches its servers through this network."""
    port = free_port()
    client = room.client
    made = client.create_container(
        balancer_container.IMAGE,
        ports=[PORT],
        labels={MARK: room.run},
        host_config=client.create_host_config(port_bindings={PORT: ("127.0.0.1", port)}, cap_drop=["ALL"]),
    )["Id"]
    try:
        balancer_container.deliver(client, made, {haproxy.CONFIG_NAME: config})
        client.connect_container_to_network(made, network)
        client.start(made)
        yield port
    finally:
        client.remove_container(made, force=True, v=True)
