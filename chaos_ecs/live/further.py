"""Docker engines beside the controller's own: which were used, how one is opened, and how images come to it.

An engine is named by a Docker context or by the URL of its host (decision 084). Never here: which engine an effect is
for (`fleet.py`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from docker import APIClient
from docker.errors import NotFound

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import engine
from chaos_ecs.live.images import ImageError, Images
from chaos_ecs.live.labels import Home
from chaos_ecs.live.once import Once
from chaos_ecs.live.runtime import DockerRuntime
from chaos_ecs.live.starts import ImagesPort

FILE = "engines.json"
BEAT_SECONDS = 2.0
SILENT_SECONDS = 5.0  # a machine that is cut off closes no connection: what is not answered within this is not there

OWN = ""

_OURS = "chaos-ecs/"

log = logging.getLogger(__name__)


# --- which there are ---


def remembered(folder: Path) -> Sequence[str]:
    """The engines that were used beside the own one, since what is ours was last removed from them."""
    try:
        known = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return [str(name) for name in known] if isinstance(known, list) else ()


def remember(folder: Path, name: str) -> None:
    """For `clean`, before anything is made there."""
    if name not in (known := remembered(folder)):
        _write(folder, [*known, name])


def forget(folder: Path, name: str) -> None:
    """Nothing of ours is there any more."""
    if name in (known := remembered(folder)):
        _write(folder, [other for other in known if other != name])


def _write(folder: Path, names: Sequence[str]) -> None:
    unfinished = folder / f"{FILE}.new"
    unfinished.write_text(json.dumps(names), encoding="utf-8")
    unfinished.replace(folder / FILE)


def found_on(runtime_id: str, folder: Path) -> tuple[APIClient, Sequence[str]]:
    """The engine that has this container, the own one or one of those that were used; and how Docker's command line is
    told the same one. Whoever asks closes the client. Raises E-DOCKER-DOWN, and E-NO-CONTAINER, which names the engines
    that did not answer."""
    silent = []
    for name in (OWN, *remembered(folder)):
        try:
            client = engine.named(name).connect() if name else engine.connect()
        except ChaosEcsError:
            if not name:
                raise
            silent.append(name)
            continue
        try:
            client.inspect_container(runtime_id)
        except NotFound:
            client.close()
            continue
        except engine.UNREACHABLE as error:
            client.close()
            if not name:
                raise engine.down(engine.address_of(client), engine.why(error)) from error
            silent.append(name)
            continue
        return client, engine.cli_words(name) if name else ("--host", engine.address_of(client))
    why = f"{', '.join(silent)} does not answer" if silent else "it is not there any more"
    raise ChaosEcsError("E-NO-CONTAINER", f"No engine has container {runtime_id[:12]}", why, "chaos-ecs ps --all", 3)


# --- one of them ---


def quickly(name: str, own: engine.Connector) -> Callable[[], APIClient]:
    """Opens it, or the own one for "", for what may not wait long for an answer from another machine."""
    return engine.named(name, SILENT_SECONDS).connect if name else own.connect


def runtime_of(
    name: str, connect_own: Callable[[], APIClient], home: Home, images_of: Callable[[APIClient], Images]
) -> FurtherRuntime:
    """The Runtime of this engine, not opened yet; `connect_own` opens the engine that images are carried from."""
    carrier = Carrier(connect_own, images_of)
    return FurtherRuntime(name, home, carrier.images_on)


class FurtherRuntime(DockerRuntime):
    """Whether it answers is asked every two seconds: it may be on another machine."""

    def __init__(self, name: str, home: Home, images_on: Callable[[APIClient], ImagesPort]) -> None:
        super().__init__(engine.named(name).connect, home, images_on)
        self._name = name
        self._ended = threading.Event()

    def open(self, wake: Callable[[], None]) -> None:
        try:
            remember(Path(self._home.path), self._name)
        except OSError as error:
            log.warning("clean will not find what is on %s: %s", self._name, error)
        super().open(wake)
        threading.Thread(target=self._watch_pulse, name="pulse", daemon=True).start()

    def close(self) -> None:
        """Returns at once: hanging up may take a while where nobody answers."""
        self._ended.set()
        threading.Thread(target=super().close, name="leave-engine", daemon=True).start()

    def _watch_pulse(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            client = self._watcher.client
            if client is None:
                continue
            try:
                client.get(f"{client.base_url}/_ping", timeout=SILENT_SECONDS)
            except engine.UNREACHABLE as error:
                log.info("%s does not answer: %s", self._name, error)
                self._watcher.lose(f"no answer within {SILENT_SECONDS:g} s", client)


# --- its images ---


class Carrier:
    """Brings images to one engine: what the own one has from there, everything else as `Images` does."""

    def __init__(self, connect_own: Callable[[], APIClient], images_of: Callable[[APIClient], Images]) -> None:
        self._connect_own = connect_own
        self._images_of = images_of
        self._once = Once()

    def images_on(self, client: APIClient) -> CarriedImages:
        """Of this connection."""
        return CarriedImages(self, client, self._images_of(client))

    def carry(self, image: str, client: APIClient, there: ImagesPort) -> None:
        """If the own engine has it, the other one has it afterwards; one of ours is built on the own one first. Whoever
        needs it meanwhile waits. Raises ImageError where the own engine fails, else what the other one's SDK raises."""

        def bring() -> None:
            if not there.is_here(image):  # whoever was first may have brought it
                self._bring(image, client)

        self._once.do(image, bring)

    def _bring(self, image: str, client: APIClient) -> None:
        with _from_the_own(image):
            own = self._connect_own()
        try:
            with _from_the_own(image):
                images = self._images_of(own)
                if image.startswith(_OURS):
                    images.ensure(image, lambda: None)
                elif not images.is_here(image):
                    return
            log.info("carrying %s over to %s", image, engine.address_of(client))
            for line in client.load_image(_pieces(image, own)):
                if "error" in line:
                    raise ImageError(f"{image}: {line['error']}")
        finally:
            own.close()


class CarriedImages:
    """As `starts.ImagesPort` wants it."""

    def __init__(self, carrier: Carrier, client: APIClient, images: Images) -> None:
        self._carrier = carrier
        self._client = client
        self._images = images

    def is_here(self, image: str) -> bool:
        return self._images.is_here(image)

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        """Returns when it is there. Raises ImageError, E-DOCKER-DOWN and the SDK's exceptions."""
        if self._images.is_here(image):
            return
        on_pull()
        self._carrier.carry(image, self._client, self._images)
        self._images.ensure(image, lambda: None)  # what the own one has not either, or cannot save under this name


class _from_the_own:  # noqa: N801 - read as a phrase
    """The own engine's trouble is no word about the other one: it becomes an ImageError."""

    def __init__(self, image: str) -> None:
        self._image = image

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ImageError):
            return
        if isinstance(error, engine.UNANSWERED):
            reason = str(error) if isinstance(error, ChaosEcsError) else engine.why(error)
            raise ImageError(f"{self._image} could not be carried over from the own engine: {reason}") from error


def _pieces(image: str, own: APIClient) -> Iterator[bytes]:
    """An image may be larger than what there is of memory."""
    with _from_the_own(image):
        yield from own.get_image(image)
