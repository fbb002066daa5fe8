"""Customers, and a thousand of them, so that there is something to move."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from workloads.shared import say

revision = "0001"
down_revision = None

FIRST = ("Ada", "Alan", "Barbara", "Donald", "Edsger", "Frances", "Grace", "Ken", "Margaret", "Niklaus")
LAST = ("Allen", "Dijkstra", "Hamilton", "Hopper", "Knuth", "Liskov", "Lovelace", "Thompson", "Turing", "Wirth")


def upgrade() -> None:
    say("step 1 of 3: makes the table customers")
    customers = op.create_table(
        "customers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
    )
    people = [(number, f"{FIRST[number % 10]} {LAST[number // 10 % 10]}") for number in range(1000)]
    op.bulk_insert(customers, [{"name": name, "email": f"customer{number}@example.org"} for number, name in people])


def downgrade() -> None:
    op.drop_table("customers")
