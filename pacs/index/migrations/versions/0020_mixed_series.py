"""What objects that are no images say of a series stands beside what images say of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

NO_IMAGES = ("SR", "KO", "PR", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "DOC", "ECG")


def upgrade() -> None:
    op.add_column("series", sa.Column("said_beside", TEXT, server_default="", nullable=False))
    series = sa.table("series", sa.column("modality"), sa.column("said_beside"))
    op.execute(series.update().where(series.c.modality.in_(NO_IMAGES)).values(said_beside="*"))
