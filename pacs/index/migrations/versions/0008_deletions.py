"""What is taken out of sight, by whom and until when it can be brought back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "deletion",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("sop_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("code", TEXT, server_default="", nullable=False),
        sa.Column("reason", TEXT, server_default="", nullable=False),
        sa.Column("note_uid", TEXT, server_default="", nullable=False),
        sa.Column("principal_kind", TEXT, server_default="", nullable=False),
        sa.Column("principal_name", TEXT, server_default="", nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("levels", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("undo_until", sa.BigInteger(), nullable=True),
        sa.Column("restored_at", sa.BigInteger(), nullable=True),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion")),
    )
    op.create_index("ix_deletion_study_instance_uid", "deletion", ["study_instance_uid", "id"])
    op.create_index("ix_deletion_note_uid", "deletion", ["note_uid"])
    due = sa.text("erased_at IS NULL")
    op.create_index("ix_deletion_due", "deletion", ["undo_until"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "tombstone",
        sa.Column("object_key", TEXT, nullable=False),
        sa.Column("deletion_id", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("series_instance_uid", TEXT, nullable=False),
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("levels", TEXT, server_default="", nullable=False),
        sa.Column("erased", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["deletion_id"], ["deletion.id"], name=op.f("fk_tombstone_deletion_id")),
        sa.PrimaryKeyConstraint("object_key", name=op.f("pk_tombstone")),
    )
    op.create_index("ix_tombstone_deletion_id", "tombstone", ["deletion_id"])
    op.create_index("ix_tombstone_study_instance_uid", "tombstone", ["study_instance_uid"])
    op.create_index("ix_tombstone_sop_instance_uid", "tombstone", ["sop_instance_uid"])
    op.create_table(
        "rejection",
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("deletion_id", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["deletion_id"], ["deletion.id"], name=op.f("fk_rejection_deletion_id")),
        sa.PrimaryKeyConstraint("sop_instance_uid", "deletion_id", name=op.f("pk_rejection")),
    )
    op.create_index("ix_rejection_deletion_id", "rejection", ["deletion_id"])
    beside = sa.text("state <> 'live'")
    op.create_index(
        "ix_instance_beside",
        "instance",
        ["state", "study_instance_uid"],
        sqlite_where=beside,
        postgresql_where=beside,
    )
