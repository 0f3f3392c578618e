"""What the site corrected, and what the objects themselves said where the index shows something else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table in ("patient", "study", "series"):
        op.add_column(table, sa.Column("original", TEXT, nullable=False, server_default=""))
    op.add_column("series", sa.Column("changes", TEXT, nullable=False, server_default=""))
    op.create_table(
        "correction",
        sa.Column("number", ROW, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("identity", TEXT, server_default="", nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("series_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("into_identity", TEXT, server_default="", nullable=False),
        sa.Column("new_values", TEXT, nullable=False),
        sa.Column("old_values", TEXT, nullable=False),
        sa.Column("reason", TEXT, server_default="", nullable=False),
        sa.Column("principal_kind", TEXT, server_default="", nullable=False),
        sa.Column("principal_name", TEXT, server_default="", nullable=False),
        sa.Column("studies", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undo_until", sa.BigInteger(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_correction")),
        sa.UniqueConstraint("id", name=op.f("uq_correction_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_correction_identity", "correction", ["identity", "number"])
    op.create_index("ix_correction_into_identity", "correction", ["into_identity"])
    op.create_index("ix_correction_study_instance_uid", "correction", ["study_instance_uid", "number"])
    op.create_table(
        "corrected_study",
        sa.Column("correction_number", ROW, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("correction_number", "study_instance_uid", name=op.f("pk_corrected_study")),
    )
    op.create_index("ix_corrected_study_study_instance_uid", "corrected_study", ["study_instance_uid"])
