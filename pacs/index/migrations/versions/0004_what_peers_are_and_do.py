"""How a peer is treated, and what callers did lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("peer", sa.Column("options", TEXT, server_default="", nullable=False))
    op.create_table(
        "peer_activity",
        sa.Column("row", ROW, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("last_refusal", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_peer_activity")),
    )
    op.create_index("ix_peer_activity_ae_title", "peer_activity", ["ae_title", "row"])
