"""Workitems (Unified Procedure Step), who watches them, and what the watchers are still to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "workitem",
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("transaction_uid", TEXT, server_default="", nullable=False),
        sa.Column("performer", TEXT, server_default="", nullable=False),
        sa.Column("priority", TEXT, server_default="", nullable=False),
        sa.Column("label", TEXT, server_default="", nullable=False),
        sa.Column("patient_id", TEXT, server_default="", nullable=False),
        sa.Column("start", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_workitem")),
    )
    op.create_index("ix_workitem_state", "workitem", ["state", "created_at", "sop_instance_uid"])
    op.create_index("ix_workitem_created_at", "workitem", ["created_at", "sop_instance_uid"])
    op.create_index("ix_workitem_ended_at", "workitem", ["ended_at"])
    op.create_table(
        "subscription",
        sa.Column("subscriber", TEXT, nullable=False),
        sa.Column("workitem", TEXT, nullable=False),
        sa.Column("deletion_lock", sa.Integer(), server_default="0", nullable=False),
        sa.Column("keys", TEXT, server_default="", nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscriber", "workitem", name=op.f("pk_subscription")),
    )
    op.create_index("ix_subscription_workitem", "subscription", ["workitem"])
    op.create_table(
        "workitem_report",
        sa.Column("number", ROW, nullable=False),
        sa.Column("subscriber", TEXT, nullable=False),
        sa.Column("workitem", TEXT, nullable=False),
        sa.Column("event_type", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_workitem_report")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_workitem_report_subscriber", "workitem_report", ["subscriber", "number"])
