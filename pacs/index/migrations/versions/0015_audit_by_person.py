"""What a person looked at and when they signed in is found in the audit without reading all of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_audit_person",
        "audit",
        ["principal_name", "code", "at", "study_instance_uid"],
        sqlite_where=sa.text("code IN ('110103', '110114')"),
        postgresql_where=sa.text("code IN ('110103', '110114')"),
    )
