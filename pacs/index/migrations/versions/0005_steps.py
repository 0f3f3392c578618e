"""Scheduled and performed procedure steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "scheduled_step",
        sa.Column("row", ROW, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("step_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("start_date", TEXT, server_default="", nullable=False),
        sa.Column("start_time", TEXT, server_default="", nullable=False),
        sa.Column("modality", TEXT, server_default="", nullable=False),
        sa.Column("patient_id", TEXT, server_default="", nullable=False),
        sa.Column("accession_number", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_scheduled_step")),
        sa.UniqueConstraint("study_instance_uid", "step_id", name=op.f("uq_scheduled_step_study_instance_uid_step_id")),
    )
    op.create_index("ix_scheduled_step_start", "scheduled_step", ["start_date", "start_time", "row"])
    op.create_index("ix_scheduled_step_accession_number", "scheduled_step", ["accession_number"])
    op.create_table(
        "performed_step",
        sa.Column("sop_instance_uid", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("awaited", sa.Integer(), server_default="0", nullable=False),
        sa.Column("ae_title", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_performed_step")),
    )
    awaited = sa.text("awaited = 1")
    op.create_index(
        "ix_performed_step_awaited",
        "performed_step",
        ["changed_at"],
        sqlite_where=awaited,
        postgresql_where=awaited,
    )
    op.create_table(
        "step_link",
        sa.Column("performed", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("step_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["performed"], ["performed_step.sop_instance_uid"], name=op.f("fk_step_link_performed")
        ),
        sa.PrimaryKeyConstraint("performed", "study_instance_uid", "step_id", name=op.f("pk_step_link")),
    )
    op.create_index("ix_step_link_study_instance_uid", "step_link", ["study_instance_uid", "step_id"])
