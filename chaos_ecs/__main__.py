"""`python -m chaos_ecs`, the same as `chaos-ecs`. Nothing else lives here."""

from __future__ import annotations

from chaos_ecs.cli.app import main

main()
