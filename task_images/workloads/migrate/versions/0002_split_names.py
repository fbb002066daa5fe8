"""Two columns in place of one, and every row moved over: the step that takes long where there are many rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op
from workloads.shared import number, say

revision = "0002"
down_revision = "0001"

BATCHES = 10
FILL = """
    UPDATE customers SET first_name = split_part(name, ' ', 1), last_name = split_part(name, ' ', 2)
    WHERE id % :batches = :batch
"""


def upgrade() -> None:
    say("step 2 of 3: splits the name of every customer in two")
    for column in ("first_name", "last_name"):
        op.add_column("customers", sa.Column(column, sa.Text))
    ending, pause = context.config.attributes["ending"], number("SECONDS", 5) / BATCHES
    for batch in range(BATCHES):
        ending.wait(pause)  # as if there were millions of them
        op.get_bind().execute(sa.text(FILL), {"batches": BATCHES, "batch": batch})
        say(f"step 2 of 3: {100 * (batch + 1) // BATCHES} % of the rows")
    op.drop_column("customers", "name")


def downgrade() -> None:
    op.add_column("customers", sa.Column("name", sa.Text))
    op.execute("UPDATE customers SET name = first_name || ' ' || last_name")
    op.alter_column("customers", "name", nullable=False)
    for column in ("first_name", "last_name"):
        op.drop_column("customers", column)
