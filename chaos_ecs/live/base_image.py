"""Root file systems without a registry, from the packages of the Debian or Ubuntu we run on: busybox, and Debian.

Here lives how they are fetched and laid out as a tar. Never here: images and the engine (`images.py`). Busybox needs no
root: its package is unpacked into a temporary folder, never installed. Debian is made by mmdebstrap, which is installed
first where it is missing and we may.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from chaos_ecs.errors import ChaosEcsError
from chaos_ecs.live.machine import Machine, Ran

# The engine's names for processors (Go's), where Debian's differ.
DEBIAN_ARCHITECTURES = {"386": "i386", "arm": "armhf", "ppc64le": "ppc64el"}
_USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"
_SYSTEM_SOURCES = tuple(
    f"/etc/apt/{name}" for name in ("sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources")
)
_MERGED = ("bookworm", "trixie", "noble")  # where the package usr-is-merged spares usrmerge and the whole of Perl
_DISPENSABLE = (
    *(f"usr/share/{name}/*" for name in ("doc", "man", "locale")),
    *(f"var/{name}/*" for name in ("lib/apt/lists", "cache/apt", "log")),
)
_DEBIAN_SECONDS = 600.0  # on a slow line; 12 s on a quick one


def can_make_base(machine: Machine) -> bool:
    """Whether this machine has the tools to make the base: Debian's and Ubuntu's apt-get and dpkg-deb."""
    return machine.which("apt-get") is not None and machine.which("dpkg-deb") is not None


def busybox_root(machine: Machine, engine_architecture: str, report: Callable[[str], None]) -> bytes:
    """The root file system as an uncompressed tar of about 2 MB. Raises ChaosEcsError (E-BASE-IMAGE)."""
    if why := _other_architecture(machine, engine_architecture):
        raise _cannot(why)
    with tempfile.TemporaryDirectory(prefix="chaos-ecs-base-") as folder:
        busybox = _unpacked(machine, Path(folder), report)
        listed = machine.run([str(busybox), "--list"], timeout=10)
        if listed.code != 0:
            raise _cannot(f"busybox --list: {listed.last_words}")
        return _root_tar(busybox.read_bytes(), listed.out.split())


def debian_root(machine: Machine, engine_architecture: str, report: Callable[[str], None]) -> bytes:
    """The root file system of the system we run on, as small as apt still works in it: an uncompressed tar of about
    70 MB. Raises ChaosEcsError (E-BASE-IMAGE)."""
    if why := _other_architecture(machine, engine_architecture):
        raise _cannot_debian(why)
    _see_to_mmdebstrap(machine, report)
    suite = machine.os_release.get("VERSION_CODENAME", "")
    sources = [path for path in _SYSTEM_SOURCES if (machine.read(path) or "").strip()]
    if not suite or not sources:
        raise _cannot_debian("the release of this system and where its packages come from are not known")
    merged = ["--include=usr-is-merged", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    useless = " ".join(f'"$1"/{path}' for path in _DISPENSABLE)
    report(f"making a base of {suite}'s packages with mmdebstrap, some 20 s")
    with tempfile.TemporaryDirectory(prefix="chaos-ecs-base-") as folder:
        tar = Path(folder) / "root.tar"
        options = ["--variant=apt", "--dpkgopt=force-unsafe-io", *(merged if suite in _MERGED else ())]
        command = ["mmdebstrap", *options, f"--customize-hook=rm -rf {useless}", suite, str(tar), *sources]
        made = machine.run(command, timeout=_DEBIAN_SECONDS)
        if made.code != 0 or not tar.is_file():
            raise _cannot_debian(f"mmdebstrap: {made.last_words}")
        return tar.read_bytes()


def _see_to_mmdebstrap(machine: Machine, report: Callable[[str], None]) -> None:
    if machine.which("mmdebstrap"):
        return
    if not machine.is_root:
        raise _cannot_debian("mmdebstrap is not installed", "sudo apt-get install mmdebstrap")
    report("installing the package mmdebstrap with apt-get")
    install = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", "mmdebstrap"]
    installed = machine.run(install, timeout=_DEBIAN_SECONDS)
    if installed.code != 0:  # no package lists here, or too old ones
        machine.run(["apt-get", "-qq", "update"], timeout=_DEBIAN_SECONDS)
        installed = machine.run(install, timeout=_DEBIAN_SECONDS)
    if installed.code != 0:
        raise _cannot_debian(f"apt-get: {installed.last_words}")


def _other_architecture(machine: Machine, engine_architecture: str) -> str:
    """Why packages of this machine are of no use to the engine; "" when they are."""
    ours = machine.run(["dpkg", "--print-architecture"], timeout=10).out.strip()
    wanted = DEBIAN_ARCHITECTURES.get(engine_architecture, engine_architecture)
    known = ours or "nothing known"
    return "" if ours == wanted else f"the engine runs {wanted} images and this machine's packages are for {known}"


def _unpacked(machine: Machine, folder: Path, report: Callable[[str], None]) -> Path:
    report("fetching the package busybox-static with apt-get")
    fetched = _download(machine, folder, [])
    if fetched.code != 0:
        # No package lists here (a fresh machine), or lists too old. Lists of our own need no root.
        report("fetching the package lists with apt-get, for this once")
        (folder / "lists" / "partial").mkdir(parents=True)
        (folder / "cache").mkdir()
        own = [f"-oDir::State::lists={folder}/lists", f"-oDir::Cache={folder}/cache", "-oDebug::NoLocking=1"]
        strict = "-oAPT::Update::Error-Mode=any"  # else it ends 0 when it could fetch nothing at all
        updated = machine.run(["apt-get", "-qq", *own, strict, "update"], timeout=180)
        fetched = _download(machine, folder, own) if updated.code == 0 else updated
    packages = sorted(folder.glob("busybox-static_*.deb"))
    if fetched.code != 0 or not packages:
        raise _cannot(f"apt-get: {fetched.last_words}")
    unpacked = machine.run(["dpkg-deb", "-x", str(packages[-1]), str(folder / "root")], timeout=60)
    found = [path for path in (folder / "root/bin/busybox", folder / "root/usr/bin/busybox") if path.is_file()]
    if unpacked.code != 0 or not found:
        raise _cannot(f"dpkg-deb: {unpacked.last_words}")
    return found[0]


def _download(machine: Machine, folder: Path, options: list[str]) -> Ran:
    return machine.run(["apt-get", "-qq", *options, "download", "busybox-static"], cwd=folder, timeout=60)


def _root_tar(busybox: bytes, applets: list[str]) -> bytes:
    """Answers /bin/busybox, a link to it for each of its names, /etc, /root, and a /tmp anybody may write to."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, mode in (("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            tar.addfile(folder)
        for name, content, mode in (
            ("bin/busybox", busybox, 0o755),
            ("etc/passwd", _USERS.encode(), 0o644),
            ("etc/group", _GROUPS.encode(), 0o644),
        ):
            file = tarfile.TarInfo(name)
            file.size, file.mode = len(content), mode
            tar.addfile(file, io.BytesIO(content))
        for applet in applets:
            if applet == "busybox":
                continue
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname, link.mode = tarfile.SYMTYPE, "busybox", 0o777
            tar.addfile(link)
    return packed.getvalue()


def _cannot(why: str) -> ChaosEcsError:
    return ChaosEcsError(
        "E-BASE-IMAGE",
        "Cannot make the base image from the package busybox-static",
        why,
        "Load busybox:1.37 by hand: on a machine with network `docker pull busybox:1.37; docker save -o busybox.tar "
        "busybox:1.37`, then here `docker load -i busybox.tar`.",
    )


def _cannot_debian(why: str, hint: str = "") -> ChaosEcsError:
    by_hand = (
        "Load debian:bookworm-slim by hand: on a machine with network `docker pull debian:bookworm-slim; docker save "
        "-o debian.tar debian:bookworm-slim`, then here `docker load -i debian.tar`."
    )
    return ChaosEcsError("E-BASE-IMAGE", "Cannot make the Debian base image", why, hint or by_hand)
