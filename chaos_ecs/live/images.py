"""Images on the engine: our own are built from `task_images/`, all others pulled, and only when they are not here.

Here lives where images come from and who waits for whom. Never here: containers (`runtime.py`), and how a base is
made without a registry (`base_image.py`). Docker's exceptions end here, as ImageError or E-DOCKER-DOWN.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import docker
from docker.utils import parse_repository_tag

import chaos_ecs
from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live import base_image
from chaos_ecs.live.engine import UNREACHABLE, address_of, down, has_answered, why
from chaos_ecs.live.machine import Machine, ThisMachine
from chaos_ecs.live.once import Once

OUR_TAG = "1"
OUR_BASE = "chaos-ecs/base:busybox"
OUR_DEBIAN = "chaos-ecs/base:debian"
IMAGE_LABEL = "chaos-ecs.image"  # the folder's name; on images only, so `clean` never mistakes one for a task
SOURCE_LABEL = "chaos-ecs.source"  # a digest of the folder the image was built from
HANDED_OVER = "host-certificates"  # .pem, for a Dockerfile that copies it: whom this machine trusts
_CERTIFICATES = (  # of Debian and Alpine, of Fedora, of macOS
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_OURS = re.compile(r"chaos-ecs/(?P<name>[a-z0-9][a-z0-9-]*):(?P<tag>[1-9][0-9]*)")
_BASE_LINE = re.compile(r"^ARG\s+BASE=(?P<image>\S+)", re.MULTILINE)

_Answer = TypeVar("_Answer")


class ImageError(ChaosEcsError):
    """An image cannot be had. `str()` is the engine's own sentence, for ECS's `CannotPullContainerError: ...`."""

    def __init__(self, message: str, hint: str = "Check the name, and the network: chaos-ecs doctor") -> None:
        super().__init__("E-IMAGE", message, "", hint)


@dataclass(frozen=True, slots=True)
class Built:
    """The outcome of a build; `size` in bytes, `was_there` when nothing had to be done."""

    tag: str
    size: int
    was_there: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """One of our images; `size` in bytes, None when it is not built yet."""

    image: str
    size: int | None


def task_images_folder() -> Path:
    """Where `task_images/` is: inside the package of a wheel, beside it in a checkout."""
    package = Path(chaos_ecs.__file__).resolve().parent
    inside = package / "task_images"
    return inside if inside.is_dir() else package.parent / "task_images"


class Images:
    """Brings images to one engine. Any thread; whoever needs an image that is on its way waits for it."""

    def __init__(
        self,
        client: docker.APIClient,
        *,
        machine: Machine | None = None,
        folder: Path | None = None,
        registry_patience: float = 20.0,
    ) -> None:
        """`registry_patience`: seconds for the first word of a registry, where we can do without it."""
        self._client = client
        self._machine = ThisMachine() if machine is None else machine
        self._folder = task_images_folder() if folder is None else folder
        self._patience = registry_patience
        self._once = Once()

    def ensure(self, image: str, on_pull: Callable[[], None]) -> None:
        """Answers once the image is here, having called `on_pull` if it was not. Raises ImageError."""
        # Asked of the engine each time (3 ms): whoever removed an image must not leave us believing in it.
        if self.is_here(image):
            return
        on_pull()
        self._once.do(image, lambda: self._bring(image, _nothing))

    def is_here(self, image: str) -> bool:
        """Whether it can be used as it is: there, and if we built it, from the folder as it is now. Raises
        ImageError."""
        found = self._inspect_or_none(image)
        ours = self._ours(image)
        if found is None or ours is None:
            return found is not None
        built_from = _labels(found).get(SOURCE_LABEL)
        return built_from is None or built_from == _digest(context_tar(ours[0]))

    def build(self, name: str, report: Callable[[str], None]) -> Built:
        """Builds `task_images/NAME` unless it is here and up to date. Raises ImageError."""
        image = f"chaos-ecs/{name}:{OUR_TAG}"
        if self._ours(image) is None:
            known = ", ".join(self.names()) or "none"
            raise ImageError(f"There is no task image named {name}; known: {known}", "chaos-ecs images ls")
        was_there = self.is_here(image)
        if not was_there:
            self._once.do(image, lambda: self._bring(image, report))
        return Built(tag=image, size=self._inspect(image)["Size"], was_there=was_there)

    def listing(self) -> list[Listed]:
        """Our images on this engine, and those that could be built, by name."""
        with self._translated():
            seen = self._client.images(filters={"label": IMAGE_LABEL})
        here = {
            tag.removeprefix("localhost/"): Listed(tag.removeprefix("localhost/"), image["Size"])  # Podman's prefix
            for image in seen
            for tag in image["RepoTags"] or ()
            if "chaos-ecs/" in tag
        }
        for name in self.names():
            if not any(image.startswith(f"chaos-ecs/{name}:") for image in here):
                here[f"chaos-ecs/{name}:{OUR_TAG}"] = Listed(f"chaos-ecs/{name}:{OUR_TAG}", None)
        return [here[image] for image in sorted(here)]

    def names(self) -> list[str]:
        """The folders of `task_images/`, by name."""
        return sorted(path.parent.name for path in self._folder.glob("*/Dockerfile"))

    def _ours(self, image: str) -> tuple[Path, str, str] | None:
        """For one of ours: its folder, name and tag."""
        match = _OURS.fullmatch(image)
        if match is None or match["name"] not in self.names():
            return None
        return self._folder / match["name"], match["name"], match["tag"]

    def _bring(self, image: str, report: Callable[[str], None]) -> None:
        if self.is_here(image):
            return
        ours = self._ours(image)
        if ours is not None:
            self._build(image, *ours, report)
        elif image.startswith("chaos-ecs/"):
            known = ", ".join(f"chaos-ecs/{name}:{OUR_TAG}" for name in self.names())
            # Never asked of a public registry: there the name may belong to anybody.
            raise ImageError(f"{image} is none of the images of chaos-ecs: {known}", "chaos-ecs images ls")
        else:
            self._pull(image)
        if self._inspect_or_none(image) is None:
            raise ImageError(f"{image}: the engine stopped before the image was complete", "chaos-ecs doctor")

    def _build(self, image: str, folder: Path, name: str, tag: str, report: Callable[[str], None]) -> None:
        digest, context = _digest(context_tar(folder)), context_tar(folder, self._handed_over(folder))
        base = self._base(folder, report)
        report(f"building {image} from {base}")
        with self._translated():
            _follow(
                self._client.build(
                    fileobj=io.BytesIO(context),
                    custom_context=True,
                    tag=image,
                    rm=True,
                    forcerm=True,
                    buildargs={"BASE": base, "VERSION": f"v{tag}"},
                    labels={IMAGE_LABEL: name, SOURCE_LABEL: digest},
                    decode=True,
                )
            )
        self._drop_untagged(name)

    def _handed_over(self, folder: Path) -> Mapping[str, str]:
        """For a build that fetches over TLS: behind a company's proxy the base image's own list will not do. No part of
        the digest, so that an image does not depend on who built it."""
        if HANDED_OVER not in (folder / "Dockerfile").read_text(encoding="utf-8"):
            return {}
        paths = (self._machine.environ.get("SSL_CERT_FILE", ""), *_CERTIFICATES)
        found = next((text for path in paths if path and (text := self._machine.read(path))), "")
        return {f"{HANDED_OVER}.pem": found} if found else {}

    def _drop_untagged(self, name: str) -> None:
        """Those of this name that have lost their tag to a newer one, also if a container still used them when that
        was built, and a stage that never had one. What is in use now the engine keeps, until after the next build."""
        with suppress(ImageError), self._translated():
            for image in self._client.images(filters={"label": f"{IMAGE_LABEL}={name}", "dangling": True}):
                with suppress(ImageError), self._translated():
                    self._client.remove_image(image["Id"], noprune=False)

    def _base(self, folder: Path, report: Callable[[str], None]) -> str:
        """An image that is here and can serve as base: the Dockerfile's, or the one made from a package."""
        match = _BASE_LINE.search((folder / "Dockerfile").read_text(encoding="utf-8"))
        if match is None:
            raise ImageError(f"{folder.name}/Dockerfile has no line ARG BASE=IMAGE", "Add it before its FROM ${BASE}.")
        wanted = match["image"]
        ours = OUR_DEBIAN if wanted.startswith("debian:") else OUR_BASE
        for image in (wanted, ours):
            if self._inspect_or_none(image) is not None:
                return image
        report(f"pulling {wanted}, waiting up to {self._patience:.0f} s for a registry to answer")
        try:
            self._pull_if_answered(wanted)
        except ImageError as error:
            report(f"not pulled: {error}")
            if not base_image.can_make_base(self._machine):
                raise
            self._once.do(ours, lambda: self._import_base(ours, report))
            return ours
        return wanted

    def _import_base(self, base: str, report: Callable[[str], None]) -> None:
        with self._translated():
            architecture = str(self._client.version()["Arch"])
        make_root = base_image.debian_root if base == OUR_DEBIAN else base_image.busybox_root
        root = make_root(self._machine, architecture, report)
        repository, tag = parse_repository_tag(base)
        report(f"importing {base}")
        changes = [f"LABEL {IMAGE_LABEL}=base", 'CMD ["sh"]']
        with self._translated():
            self._client.import_image_from_data(root, repository=repository, tag=tag, changes=changes)

    def _pull(self, image: str, on_word: Callable[[], None] = lambda: None) -> None:
        repository, tag = parse_repository_tag(image)
        with self._translated():
            _follow(self._client.pull(repository, tag=tag or "latest", stream=True, decode=True), on_word)

    def _pull_if_answered(self, image: str) -> None:
        """Pulls, but gives up when no registry says a word for a while: a firewall that drops says nothing at all."""
        answered = threading.Event()
        outcome: Future[None] = Future()

        def pull() -> None:
            try:
                self._pull(image, answered.set)
                outcome.set_result(None)
            except Exception as error:  # noqa: BLE001 - handed to the thread that waits
                outcome.set_exception(error)
            finally:
                answered.set()

        threading.Thread(target=pull, name=f"pull {image}", daemon=True).start()
        if not answered.wait(self._patience):
            raise ImageError(f"{image}: no registry answered within {self._patience:.0f} s")
        outcome.result()

    def _inspect(self, image: str) -> Mapping[str, Any]:
        found = self._inspect_or_none(image)
        if found is None:
            raise ImageError(f"{image} was removed meanwhile", "Run the same command again.")
        return found

    def _inspect_or_none(self, image: str) -> Mapping[str, Any] | None:
        with self._translated():
            try:
                found: Mapping[str, Any] = self._client.inspect_image(image)
            except docker.errors.NotFound:
                return None
        return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Docker's exceptions, in our words: the engine refused (ImageError), or is gone (E-DOCKER-DOWN)."""
        try:
            yield
        except UNREACHABLE as error:
            if has_answered(error) or _sdk_refused(error):
                raise ImageError(cleaned(why(error))) from error
            raise down(address_of(self._client), why(error)) from error


def context_tar(folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The folder as a build context: the same bytes for the same files, on every system.

    Windows checkouts lose the executable bit and may carry CRLF; a shell script can afford neither. What Python has
    compiled there, because a test ran a program, is no part of it.
    """
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "README.md")
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.suffix != ".pyc"}
    files |= {name: text.encode() for name, text in more.items()}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            text = content.replace(b"\r\n", b"\n")
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def _digest(context: bytes) -> str:
    return hashlib.sha256(context).hexdigest()


def _sdk_refused(error: BaseException) -> bool:
    """Whether the engine was never asked: a name the SDK does not take, a credential helper that fails."""
    return isinstance(error, docker.errors.DockerException) and not isinstance(error, docker.errors.APIError)


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return (image.get("Config") or {}).get("Labels") or {}


def _nothing(_: str) -> None:
    """For callers who do not want to be told."""


def _follow(progress: Iterable[Mapping[str, Any]], on_word: Callable[[], None] = lambda: None) -> None:
    """Reads the engine's progress to its end. The engine answers 200 first and tells a failure in the stream."""
    for line in progress:
        if "error" in line:
            raise ImageError(cleaned(str(line["error"])))
        on_word()


def cleaned(message: str) -> str:
    """The engine's message as one sentence: without its preambles and line breaks."""
    text = " ".join(message.split())
    for preamble in ("Error response from daemon: ", "Head ", "error: "):
        text = text.removeprefix(preamble)
    return text.rstrip(".")
