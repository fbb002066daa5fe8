"""A busybox root file system without a registry: from Debian's or Ubuntu's own `busybox-static` package.

Here lives how the package is fetched, unpacked and laid out as a tar. Never here: images and the engine
(`images.py`). Needs no root: the package is downloaded and unpacked into a temporary folder, never installed.
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


def can_make_base(machine: Machine) -> bool:
    """Whether this machine has the tools to make the base: Debian's and Ubuntu's apt-get and dpkg-deb."""
    return machine.which("apt-get") is not None and machine.which("dpkg-deb") is not None


def busybox_root(machine: Machine, engine_architecture: str, report: Callable[[str], None]) -> bytes:
    """The root file system as an uncompressed tar of about 2 MB. Raises ChaosEcsError (E-BASE-IMAGE)."""
    ours = machine.run(["dpkg", "--print-architecture"], timeout=10).out.strip()
    wanted = DEBIAN_ARCHITECTURES.get(engine_architecture, engine_architecture)
    if ours != wanted:
        raise _cannot(f"the engine runs {wanted} images and this machine's packages are for {ours or 'nothing known'}")
    with tempfile.TemporaryDirectory(prefix="chaos-ecs-base-") as folder:
        busybox = _unpacked(machine, Path(folder), report)
        listed = machine.run([str(busybox), "--list"], timeout=10)
        if listed.code != 0:
            raise _cannot(f"busybox --list: {listed.last_words}")
        return _root_tar(busybox.read_bytes(), listed.out.split())


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
