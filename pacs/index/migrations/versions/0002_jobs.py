"""Jobs, and storage commitments in both directions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("destination", TEXT, server_default="", nullable=False),
        sa.Column("subject", TEXT, nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("payload", TEXT, server_default="", nullable=False),
        sa.Column("progress", TEXT, server_default="", nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("leased_by", TEXT, server_default="", nullable=False),
        sa.Column("last_error", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    waits = sa.text("state = 'queued'")
    op.create_index("uq_job_queued", "job", ["subject"], unique=True, sqlite_where=waits, postgresql_where=waits)
    op.create_index("ix_job_due", "job", ["state", "priority", "id"])
    op.create_index("ix_job_study_instance_uid", "job", ["study_instance_uid"])
    op.create_table(
        "job_pause",
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("destination", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "destination", name=op.f("pk_job_pause")),
    )
    op.create_table(
        "commitment",
        sa.Column("transaction_uid", TEXT, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("job_id", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("transaction_uid", name=op.f("pk_commitment")),
    )
    op.create_index("ix_commitment_job_id", "commitment", ["job_id"])
    op.create_table(
        "commitment_reference",
        sa.Column("transaction_uid", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sop_class_uid", TEXT, server_default="", nullable=False),
        sa.Column("sop_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("failure_reason", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transaction_uid"],
            ["commitment.transaction_uid"],
            name=op.f("fk_commitment_reference_transaction_uid"),
        ),
        sa.PrimaryKeyConstraint("transaction_uid", "number", name=op.f("pk_commitment_reference")),
    )
    op.create_index("ix_commitment_reference_sop_instance_uid", "commitment_reference", ["sop_instance_uid"])
