"""Carrying out StartContainer: network, image, create, start, look; and what went wrong, in the ECS agent's names.

A start is safe to ask for twice: the container's name is worked out from the task, so the second meets the first.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Protocol

from docker import APIClient
from docker.errors import APIError, NotFound

from chaos_ecs.core import local_files
from chaos_ecs.core.messages import PullStarted, PullStopped, RunState, StartContainer, StartFailed, StartUnknown
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine, inspection, labels, recipe
from chaos_ecs.live.labels import Home
from chaos_ecs.live.local_files import read
from chaos_ecs.live.networks import Networks
from chaos_ecs.live.sightings import Look, Sightings

CANNOT_PULL = "CannotPullContainerError"
CANNOT_CREATE = "CannotCreateContainerError"
CANNOT_START = "CannotStartContainerError"
AT_ONCE = 8  # a start is 240 ms of processor time in the engine: more at once are no faster, and starve the tasks
LONGEST_MESSAGE = 1000  # with the error's name before it: API_Container's reason ends at 1,024

_log = logging.getLogger(__name__)


class ImagesPort(Protocol):
    """What a start needs of `images.py`."""

    def is_here(self, image: str) -> bool:
        """Whether it can be used as it is; brings nothing. Raises ChaosEcsError or the SDK's exceptions."""
        ...

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        """Returns when the image is here; calls `on_pull` first if it has to be fetched or built. May block for
        minutes. Raises ChaosEcsError or the SDK's exceptions."""
        ...


class _RefusedError(Exception):
    """The engine said no; nothing was started."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class Starter:
    """Called by several workers at once; no more than AT_ONCE of them make the engine work at a time."""

    def __init__(
        self,
        home: Home,
        images_of: Callable[[APIClient], ImagesPort],
        networks: Networks,
        sightings: Sightings,
        resolver_of: Callable[[str], str | None],
    ) -> None:
        """`resolver_of` says whom a container of a cluster is to ask for names; it may wait a moment."""
        self._home = home
        self._images_of = images_of
        self._images: tuple[APIClient, ImagesPort] | None = None  # of the present connection
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(AT_ONCE)
        self._networks = networks
        self._sightings = sightings
        self._resolver_of = resolver_of

    def start(self, client: APIClient | None, effect: StartContainer) -> StartFailed | StartUnknown | None:
        """None when it worked, and was told; else what is still to be told."""
        task_arn, name = effect.task.arn, effect.definition.name
        try:
            if client is None:
                raise engine.down("the engine", "the connection is lost")
            self._carry_out(client, effect)
        except _RefusedError as refused:
            return StartFailed(task_arn, name, refused.name, str(refused)[:LONGEST_MESSAGE])
        except engine.UNANSWERED as error:
            _log.info("the start of %s in %s was not answered: %s", name, task_arn, error)
            return StartUnknown(task_arn, name)
        return None

    def _carry_out(self, client: APIClient, effect: StartContainer) -> None:
        self._prepare_image(client, effect)
        with self._room:
            self._prepare_network(client, effect)
            runtime_id = self._create(client, effect)
            if runtime_id is not None:
                self._run(client, effect, runtime_id)

    def _prepare_network(self, client: APIClient, effect: StartContainer) -> None:
        try:
            self._networks.ensure(client, effect.task.cluster_arn)
        except APIError as error:
            raise _refusal(CANNOT_CREATE, error) from error

    def _prepare_image(self, client: APIClient, effect: StartContainer) -> None:
        task_arn, name = effect.task.arn, effect.definition.name
        try:
            self._images_on(client).ensure(
                effect.definition.image, on_pull=lambda: self._sightings.tell(PullStarted(task_arn, name))
            )
        except APIError as error:
            raise _refusal(CANNOT_PULL, error) from error
        except ChaosEcsError as error:
            if error.code == engine.DOWN:
                raise
            raise _RefusedError(CANNOT_PULL, str(error)) from error
        self._sightings.tell(PullStopped(task_arn, name))

    def _images_on(self, client: APIClient) -> ImagesPort:
        with self._lock:
            if self._images is None or self._images[0] is not client:
                self._images = (client, self._images_of(client))
            return self._images[1]

    def _create(self, client: APIClient, effect: StartContainer) -> str | None:
        """The id of a container to start; None when one of that name has run before and just needs telling."""
        resolver = self._resolver_of(effect.task.cluster_arn)
        config = recipe.container_config(
            self._home,
            effect.task,
            effect.definition,
            resolver,
            self._look_up(effect),
            publish_on=effect.publish_on,
            has_agent=not effect.engine,
        )
        config["Image"] = effect.image_digest or effect.definition.image
        name = labels.container_name(effect.task, effect.definition.name)
        for _ in range(3):
            try:
                return str(client.create_container_from_config(config, name)["Id"])
            except APIError as error:
                if error.status_code == 409 and (existing := self._existing(client, name)):
                    return self._adopt(effect, existing)
                if _is_missing_image(error) and config["Image"] != effect.definition.image:
                    _log.warning("%s is gone: %s means what it means now", effect.image_digest, effect.definition.image)
                    config["Image"] = effect.definition.image
                elif error.status_code != 409 and not self._remake_network(client, effect, error):
                    raise _refusal(CANNOT_CREATE, error) from error
        raise _RefusedError(CANNOT_CREATE, f"the name {name} is taken again and again")

    def _look_up(self, effect: StartContainer) -> local_files.LookedUp:
        try:
            return local_files.look_up(effect.definition, partial(read, self._home.path))
        except local_files.MissingError as missing:
            raise _RefusedError(local_files.ERROR, str(missing)) from missing

    def _existing(self, client: APIClient, name: str) -> Look | None:
        """Whose container has our name; None when it is just gone. Raises _RefusedError when it is not of this home."""
        ticket = self._sightings.ticket()
        try:
            found = client.inspect_container(name)
        except NotFound:
            return None
        marks = labels.of(found)
        if marks.get(labels.HOME) != self._home.id or labels.TASK not in marks:
            raise _RefusedError(CANNOT_CREATE, f"a container named {name} exists and is not ours")
        return Look(inspection.container_seen(found), ticket)

    def _adopt(self, effect: StartContainer, existing: Look) -> str | None:
        seen = existing.seen
        if (seen.task_arn, seen.name) != (effect.task.arn, effect.definition.name):
            raise _RefusedError(CANNOT_CREATE, f"container {seen.runtime_id[:12]} of another task has its name")
        if seen.state is RunState.CREATED:
            return seen.runtime_id
        self._sightings.report(existing, again=True)
        return None

    def _run(self, client: APIClient, effect: StartContainer, runtime_id: str) -> None:
        try:
            self._start_in_network(client, effect, runtime_id)
        except APIError as error:
            if not engine.has_answered(error):
                raise
            self._remove_unstarted(client, runtime_id)
            raise _refusal(CANNOT_START, error) from error
        ticket = self._sightings.ticket()
        try:
            found = client.inspect_container(runtime_id)
        except NotFound as error:
            raise _RefusedError(CANNOT_START, "somebody removed the container while it was starting") from error
        self._sightings.report(Look(inspection.container_seen(found), ticket))

    def _start_in_network(self, client: APIClient, effect: StartContainer, runtime_id: str) -> None:
        try:
            client.start(runtime_id)
        except APIError as error:
            if not self._remake_network(client, effect, error):
                raise
            client.start(runtime_id)

    def _remake_network(self, client: APIClient, effect: StartContainer, error: APIError) -> bool:
        """Whether `error` was the missing network of a cluster, which is there now: somebody had removed it."""
        words = engine.why(error)
        if "network" not in words or "not found" not in words:
            return False
        self._networks.doubt(effect.task.cluster_arn)
        self._prepare_network(client, effect)
        return True

    def _remove_unstarted(self, client: APIClient, runtime_id: str) -> None:
        try:
            client.remove_container(runtime_id, force=True, v=True)
        except APIError as error:
            if not engine.has_answered(error):
                raise
            # Told as failed all the same: what is left is found by the next look, as a stray.
            _log.warning("cannot remove container %s, which never started: %s", runtime_id, engine.why(error))


def _is_missing_image(error: APIError) -> bool:
    return bool(error.status_code == 404) and "no such image" in engine.why(error).lower()


def _refusal(name: str, error: APIError) -> Exception:
    """The error to raise: the engine's no under the agent's name, or `error` itself when the engine is not there."""
    return _RefusedError(name, engine.why(error)) if engine.has_answered(error) else error
