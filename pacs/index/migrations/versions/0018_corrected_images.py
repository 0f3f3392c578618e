"""What is wrong of one image of a series is corrected there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("correction", sa.Column("sop_instance_uid", TEXT, server_default="", nullable=False))
