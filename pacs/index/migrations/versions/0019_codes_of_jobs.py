"""Why a job is not done, as a code that the viewer says in its languages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("job", sa.Column("last_error_code", TEXT, server_default="", nullable=False))
