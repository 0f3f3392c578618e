"""Who reads or has read a study, and how people like their screens; studies in the order of their arrival."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "preference",
        sa.Column("account_name", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_name", "name", name=op.f("pk_preference")),
    )
    op.create_table(
        "reading_state",
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("read_by", TEXT, server_default="", nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("held_by", TEXT, server_default="", nullable=False),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("held_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_reading_state")),
    )
    op.create_index("ix_reading_state_held_by", "reading_state", ["held_by"])
    op.create_index("ix_study_received_at", "study", ["received_at"])
