"""The fault that ARCHITECTURE.md adds by its own guide: taken from that page as it stands, so that it cannot lie."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import chaos_ecs
from chaos_ecs.chaos.fault import Fault

PACKAGE = Path(chaos_ecs.__file__).parent
GUIDE = re.search(
    r"## How to add a fault\n(.*?)\n## ", (PACKAGE / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.DOTALL
)
assert GUIDE is not None, "ARCHITECTURE.md has lost its guide"
GUIDE_TEXT = GUIDE[1]

FILE, IMPORT = (textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", GUIDE_TEXT, re.DOTALL))
"""What the guide has written into a file of its own, and into the catalogue."""


def litter() -> type[Fault]:
    """The class of the guide."""
    names: dict[str, type[Fault]] = {"__name__": __name__}  # type: ignore[dict-item]
    exec(FILE, names)
    return names["Litter"]


def to_read() -> list[Path]:
    """The files that the guide says are to be read."""
    sentence = GUIDE_TEXT[GUIDE_TEXT.index("To read:") : GUIDE_TEXT.index("A test does")]
    return [PACKAGE / name for name in re.findall(r"`(\w[\w/]*\.py)`", sentence)]
