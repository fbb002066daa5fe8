"""No two customers with one email. With FAIL=1 the mistake of somebody in a hurry: no two with one last name."""

from __future__ import annotations

import os

from alembic import op
from workloads.shared import say

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    column = "last_name" if os.environ.get("FAIL", "0") not in ("", "0") else "email"
    say(f"step 3 of 3: makes {column} unique")
    op.create_unique_constraint(f"customers_{column}", "customers", [column])


def downgrade() -> None:
    op.drop_constraint("customers_email", "customers")
