"""`ports.LoadBalancer` on HAProxy in a container of ours: does what the newest Routing says, and tells what it sees.

One thread does everything that is asked of HAProxy; a second only waits for the container to end. Whatever goes wrong
ends in the same place: tell it, pause, look what is really there, correct it. So nothing here trusts its memory of
what HAProxy was told. Rendering and commands are in `haproxy.py`, verdicts in `verdicts.py`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from docker import APIClient
from docker.errors import APIError

from chaos_ecs.core.balancing import RouteMode, Routing
from chaos_ecs.core.balancing_messages import BalancerLost, BalancerUp, HostPortTaken
from chaos_ecs.core.messages import Fact
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import balancer_container as container
from chaos_ecs.live import engine, haproxy, labels
from chaos_ecs.live.admin_channel import AdminChannel, ChannelError
from chaos_ecs.live.balancer_container import Found, PortTakenError
from chaos_ecs.live.labels import Home
from chaos_ecs.live.retries import pause_after
from chaos_ecs.live.starts import ImagesPort
from chaos_ecs.live.verdicts import Verdicts

QUICK_LOOK_SECONDS = 0.05  # while a target waits for its first verdict, or a server for its last request
LOOK_SECONDS = 0.25
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0
RELOAD_SECONDS = 5.0
CLOSING_SECONDS = 2.0

_TROUBLE: tuple[type[BaseException], ...] = (*engine.UNANSWERED, ChannelError)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Life:
    """A container that runs and answers. `refused`: ports of its listeners that it could not get."""

    client: APIClient
    id: str
    ports: tuple[int, ...]
    networks: dict[str, None]
    channel: AdminChannel
    refused: dict[int, None] = field(default_factory=dict)
    mark: str = ""  # of the configuration it runs


class HaproxyBalancer:
    """`connect` opens the engine (see `engine.Connector`) and `images_of` gives what brings images to it."""

    def __init__(
        self, connect: Callable[[], APIClient], home: Home, images_of: Callable[[APIClient], ImagesPort]
    ) -> None:
        self._connect = connect
        self._home = home
        self._images_of = images_of
        self._wake: Callable[[], None] = lambda: None
        self._verdicts = Verdicts()
        self._requests: Mapping[str, Mapping[str, int]] = {}
        self._bug: Exception | None = None
        self._outbox: deque[Fact] = deque()
        self._changed = threading.Condition()  # guards the three below
        self._wanted: Routing | None = None
        self._ended_id = ""  # the container that was heard to have ended
        self._closed = False
        # The rest is the worker's own.
        self._life: _Life | None = None
        self._tried: Routing | None = None  # what was attended to last
        self._done: Routing | None = None  # what is in force
        self._settled = True  # no server is left over that still ends its requests
        self._told: Fact | None = None  # the last BalancerUp or BalancerLost
        self._failures = 0
        self._taken: dict[tuple[str, int], None] = {}  # listener and port, told already
        self._thread = threading.Thread(target=self._guarded, name="balancer", daemon=True)

    # --- the port ---

    def open(self, wake: Callable[[], None]) -> None:
        """`wake` is called from our threads and must return at once."""
        self._wake = wake
        self._thread.start()

    def poll(self) -> Sequence[Fact]:
        """Raises what our thread raised, which is a bug."""
        if self._bug is not None:
            raise self._bug
        facts = []
        while self._outbox:
            facts.append(self._outbox.popleft())
        return facts

    def route(self, routing: Routing) -> None:
        with self._changed:
            self._wanted = routing
            self._changed.notify_all()

    def next_fact_at(self) -> float | None:
        return None

    def requests(self) -> Mapping[str, Mapping[str, int]]:
        """Target group ARN -> target id -> requests so far, as of the last look; empty while that is not known."""
        return self._requests

    def close(self) -> None:
        """The container runs on; the next controller finds it by its name."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(CLOSING_SECONDS)

    # --- the worker ---

    def _guarded(self) -> None:
        try:
            while (routing := self._next()) is not None:
                self._attend(routing)
        except Exception as error:  # noqa: BLE001 - handed on: a bug must stop the controller, not just this thread
            self._bug = error
            self._wake()
        finally:
            if self._life is not None:
                self._life.channel.close()

    def _next(self) -> Routing | None:
        """Waits until there is something to do, and answers for which Routing; None once closed."""
        with self._changed:
            self._changed.wait_for(self._has_news, self._pause())
            self._tried = self._wanted
            return None if self._closed else self._wanted or Routing()

    def _has_news(self) -> bool:
        return self._closed or self._has_ended or self._wanted is not self._tried

    @property
    def _has_ended(self) -> bool:
        return self._life is not None and self._life.id == self._ended_id

    def _pause(self) -> float | None:
        """Seconds until the next look; None: only when called."""
        if self._failures:
            return pause_after(self._failures, first=FIRST_RETRY_SECONDS, longest=LONGEST_RETRY_SECONDS)
        targets = [target for group in (self._done or Routing()).groups for target in group.targets]
        if self._life is None or (self._settled and not targets):
            return None
        quick = not self._settled or any(target.mode is RouteMode.CHECKED for target in targets)
        return QUICK_LOOK_SECONDS if quick else LOOK_SECONDS

    def _attend(self, routing: Routing) -> None:
        if self._wanted is None:
            return
        try:
            if self._has_ended:
                raise ChannelError("its container ended")
            if routing is not self._done or not self._settled:
                self._carry_out(routing)
            self._look(routing)
        except PortTakenError:
            self._failures += 1  # told; if no other port is named, this one may be free later
        except _TROUBLE as error:
            self._lose(error)
        else:
            self._failures = 0

    def _lose(self, error: BaseException) -> None:
        reason = str(error) if isinstance(error, ChaosEcsError | ChannelError) else engine.why(error)
        life, self._life, self._done = self._life, None, None
        self._failures += 1
        _log.warning("the balancer is lost: %s", reason)
        if life is not None:
            life.channel.close()
            if isinstance(error, ChannelError):
                reason = self._explained(life, reason)
        self._tell_state(BalancerLost(reason))

    def _explained(self, life: _Life, reason: str) -> str:
        """A channel only says that it has ended; the engine may know why."""
        try:
            found = container.how_it_ended(life.client, life.id)
        except engine.UNREACHABLE as error:
            return str(engine.down(engine.address_of(life.client), engine.why(error)))
        return reason if found == "it did not answer" else found

    def _tell_state(self, fact: BalancerUp | BalancerLost) -> None:
        if fact != self._told:
            self._told = fact
            self._tell([fact])

    def _tell(self, facts: Sequence[Fact]) -> None:
        if facts:
            self._outbox.extend(facts)
            self._wake()

    # --- doing what is wanted ---

    def _carry_out(self, routing: Routing) -> None:
        if not routing.listeners:
            self._end()
            self._done, self._settled = routing, True
            return
        life = self._living(routing)
        is_known = life.mark == haproxy.fingerprint(routing)
        if is_known:
            self._shift(life, routing)
        self._correct(life, routing, haproxy.removals)  # before anything that takes longer
        used = self._networks_of(routing)
        self._join(life, used)
        if not is_known:
            self._reload(life, routing)
        self._settled = self._correct(life, routing, self._commands(haproxy.additions, routing))
        for network in [name for name in life.networks if name not in used and name != "bridge"]:
            container.disconnect(life.client, life.id, network)  # or its cluster could not be deleted
            del life.networks[network]
        self._done = routing
        self._tell_state(BalancerUp())

    def _shift(self, life: _Life, routing: Routing) -> None:
        """Shares requests out anew: to where there is somebody already, and before those who were there are gone."""
        seen = haproxy.parse_weights(life.channel.ask(haproxy.SHOW_WEIGHTS))
        commands = haproxy.shifts(haproxy.weights(routing), seen)
        if commands:
            self._join(life, self._networks_of(routing))
            self._correct(life, routing, self._commands(haproxy.arrivals, routing))
            self._send(life, commands)

    def _commands(self, bring: Callable[..., list[str]], routing: Routing) -> Callable[..., list[str]]:
        unhealthy = self._verdicts.unhealthy(routing)
        return lambda wanted, seen: bring(wanted, seen, unhealthy)

    def _correct(self, life: _Life, routing: Routing, commands_for: Callable[..., list[str]]) -> bool:
        """Compares with what HAProxy has and sends what is missing; whether nothing was."""
        wanted = haproxy.servers(routing)
        for _ in range(2):
            commands = commands_for(wanted, haproxy.parse_servers(life.channel.ask(haproxy.SHOW_SERVERS)))
            if not commands:
                return True
            self._send(life, commands)
        return False  # a server that still ends its requests: it gets no others, and goes at one of the next looks

    def _send(self, life: _Life, commands: Sequence[str]) -> None:
        for command in commands:
            if answer := life.channel.ask(command):
                _log.debug("%s: %s", command, answer)

    def _join(self, life: _Life, networks: Collection[str]) -> None:
        for network in networks:
            if network not in life.networks:
                container.connect(life.client, life.id, network)
                life.networks[network] = None

    def _networks_of(self, routing: Routing) -> dict[str, None]:
        return {
            labels.network_name(self._home, target.cluster_arn): None
            for group in routing.groups
            for target in group.targets
        }

    def _reload(self, life: _Life, routing: Routing) -> None:
        """A new configuration, while the process before it ends what it has begun."""
        mark = haproxy.fingerprint(routing)
        states = life.channel.ask(haproxy.SHOW_SERVERS)
        container.deliver(life.client, life.id, haproxy.files(routing, states))
        life.client.kill(life.id, container.RELOAD_SIGNAL)
        life.channel.close()
        until = time.monotonic() + RELOAD_SECONDS
        while True:
            life.channel, life.mark = self._channel(life.client, life.id)
            if life.mark == mark:
                return
            life.channel.close()
            if time.monotonic() >= until:
                raise ChannelError("HAProxy does not take its new configuration")

    def _channel(self, client: APIClient, container_id: str) -> tuple[AdminChannel, str]:
        """A channel to the process that answers now, and the mark of what it runs; it may just be starting."""
        until = time.monotonic() + RELOAD_SECONDS
        while True:
            try:
                channel = AdminChannel(client, container_id)
            except ChannelError:
                if time.monotonic() >= until:
                    raise
                time.sleep(QUICK_LOOK_SECONDS)
                continue
            except APIError as error:
                if not engine.has_answered(error):
                    raise
                raise ChannelError(container.how_it_ended(client, container_id)) from error
            return channel, haproxy.mark_of(channel.ask(haproxy.SHOW_INFO))

    # --- its container ---

    def _living(self, routing: Routing) -> _Life:
        """A container that runs and has the ports: the one known, one that is there, or a new one."""
        wanted = {listener.host_port: listener.arn for listener in routing.listeners}
        if self._life is not None:
            if self._has_ports(self._life, wanted):
                return self._life
            self._tell_state(BalancerLost("a new port is to be published: its container is made anew"))
            self._life.channel.close()
            client, self._life = self._life.client, None
        else:
            client = self._connect()
        found = container.find(client, self._home)
        refused: dict[int, None] = {}
        if found is None or found.trouble or not all(port in found.ports for port in wanted):
            self._prepare_image(client)
            if found is not None:
                container.remove(client, found.id)
            found, refused = self._made(client, routing)
        self._taken = {(arn, port): None for arn, port in self._taken if port in refused}
        try:
            channel, mark = self._channel(client, found.id)
        except ChannelError:
            if self._failures:  # it runs and has not answered twice: a new one will
                container.remove(client, found.id)
            raise
        self._life = _Life(client, found.id, found.ports, dict.fromkeys(found.networks), channel, refused, mark)
        threading.Thread(target=self._await_end, args=(client, found.id), name="balancer-end", daemon=True).start()
        return self._life

    def _has_ports(self, life: _Life, wanted: Mapping[int, str]) -> bool:
        """Whether a new container would have no more of them: what somebody else has is told and done without."""
        missing = {port: arn for port, arn in wanted.items() if port not in life.ports and port not in life.refused}
        taken = container.taken(life.client, missing) if missing else {}
        refused = {port: arn for port, arn in missing.items() if port in taken}
        self._tell_taken(refused, taken)
        life.refused |= dict.fromkeys(refused)
        return len(refused) == len(missing)

    def _prepare_image(self, client: APIClient) -> None:
        making = BalancerLost(f"its image {container.IMAGE} is being made")
        self._images_of(client).ensure(container.IMAGE, on_pull=lambda: self._tell_state(making))

    def _made(self, client: APIClient, routing: Routing) -> tuple[Found, dict[int, None]]:
        """A new container, and the listeners' ports that somebody else has: those are told, the others serve. Raises
        PortTakenError when none is left: then there is nothing to do before the controller has named another."""
        listeners = {listener.host_port: listener.arn for listener in routing.listeners}
        taken = container.taken(client, listeners)
        # Without targets: they would fail their first checks while it is not in their networks yet.
        files = haproxy.files(haproxy.without_targets(routing))
        while True:
            refused = {port: None for port in listeners if port in taken}
            self._tell_taken({port: listeners[port] for port in refused}, taken)
            if len(refused) == len(listeners):
                raise PortTakenError(next(iter(refused)))
            ports = container.published(listeners, taken)
            try:
                return container.make(client, self._home, ports, files), refused
            except PortTakenError as error:
                if error.port not in ports:
                    raise ChannelError(str(error)) from error
                taken[error.port] = None

    def _tell_taken(self, refused: Mapping[int, str], taken: Collection[int]) -> None:
        """Each port of each listener once, until another one is named."""
        others = tuple(taken)
        news = {(arn, port): HostPortTaken(arn, port, others) for port, arn in refused.items()}
        self._tell([fact for key, fact in news.items() if key not in self._taken])
        self._taken = {**self._taken, **dict.fromkeys(news)}

    def _await_end(self, client: APIClient, container_id: str) -> None:
        try:
            client.wait(container_id, timeout=None)
        except _TROUBLE as error:  # removed, or the engine is gone: both are found out by asking
            _log.debug("waiting for the end of the balancer: %s", error)
        with self._changed:
            self._ended_id = container_id
            self._changed.notify_all()

    def _end(self) -> None:
        """Without a listener there is no balancer."""
        if self._life is not None:
            self._life.channel.close()
            client, self._life = self._life.client, None
        else:
            client = self._connect()
        found = container.find(client, self._home)
        if found is not None:
            container.remove(client, found.id)
        self._told, self._requests = None, {}

    # --- looking ---

    def _look(self, routing: Routing) -> None:
        life = self._life
        if life is None or not any(group.targets for group in routing.groups):
            return
        stats = haproxy.parse_stats(life.channel.ask(haproxy.SHOW_STAT))
        self._tell(self._verdicts.facts(routing, stats, time.monotonic()))
        self._requests = self._verdicts.requests()
