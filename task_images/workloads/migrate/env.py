"""What alembic runs for each command: the versions, on the connection and in the transaction that main.py has begun."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
