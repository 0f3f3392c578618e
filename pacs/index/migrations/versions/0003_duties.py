"""What is done again and again and how far it is; what data set a duplicate has that is kept for its grace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", TEXT, server_default="", nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_duty")),
    )
    op.add_column("garbage", sa.Column("dataset_sha256", TEXT, server_default="", nullable=False))
    op.create_index("ix_garbage_dataset_sha256", "garbage", ["dataset_sha256"])
