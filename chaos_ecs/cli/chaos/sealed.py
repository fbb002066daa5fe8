"""A game day's file, hidden from a glance: compressed, in base64, with a version and a checksum. Pure.

It is no encryption, and says so: whoever wants to read it can. Never here: what a game day says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import textwrap
import zlib

from chaos_ecs.cli.chaos.marked import MOST_BYTES
from chaos_ecs.errors import ChaosEcsError

VERSION = 1
_FIRST = "chaos-ecs game day, sealed: version {version}, sha256 {checksum}"
_HEAD = re.compile(r"chaos-ecs game day, sealed: version (?P<version>\d{1,4}), sha256 (?P<checksum>[0-9a-f]{64})\s*")
_WORDS = """\
# This hides a scenario from a glance. It is no encryption: please do not look.
# Play it: chaos-ecs chaos gameday FILE
"""


def sealed(text: str) -> str:
    """The text, no longer to be read at a glance."""
    first = _FIRST.format(version=VERSION, checksum=checksum(text))
    packed = base64.b64encode(zlib.compress(text.encode(), 9)).decode("ascii")
    return f"{first}\n{_WORDS}{textwrap.fill(packed, 76)}\n"


def is_sealed(text: str) -> bool:
    return text.startswith("chaos-ecs game day, sealed")


def unsealed(text: str, shown: str) -> str:
    """What was sealed. Raises ChaosEcsError (exit code 2) for what is newer than this program, or damaged."""
    first, _, rest = text.partition("\n")
    head = _HEAD.fullmatch(first)
    if head is None:
        raise _damaged(shown, "its first line is not that of a sealed game day")
    if int(head["version"]) > VERSION:
        why = f"it is of version {head['version']}, and this chaos-ecs reads {VERSION}"
        raise ChaosEcsError("E-FILE", f"{shown} is too new", why, "Install a newer chaos-ecs", 2)
    packed = "".join(line for line in rest.splitlines() if not line.startswith("#"))
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), MOST_BYTES)
        found = raw.decode("utf-8")  # cut off where it is too much, and then its checksum is another one
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise _damaged(shown, "it cannot be unpacked") from error
    if checksum(found) != head["checksum"]:
        raise _damaged(shown, "its checksum is another one")
    return found


def checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged(shown: str, why: str) -> ChaosEcsError:
    hint = "Get the file again: it must arrive as it was sent, line by line"
    return ChaosEcsError("E-FILE", f"{shown} is damaged", why, hint, 2)
