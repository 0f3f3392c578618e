"""The worklist is read by study date, band after band."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_study_worklist_by_date", "study", ["priority_band", "study_date", "study_time"])
