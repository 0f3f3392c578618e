"""Extended query tags: what a site searches besides the catalogue, with values of their own for each level.

A trigger remembers instances that come to another place in the hierarchy, or another object to them: whatever moves
them need not know of the tags.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE = (
    """CREATE TRIGGER instance_is_read_again AFTER UPDATE OF series_row, object_key ON instance
    WHEN new.series_row IS NOT NULL BEGIN
        INSERT OR IGNORE INTO extended_pending (instance_row)
            SELECT new.row WHERE EXISTS (SELECT 1 FROM extended_tag);
    END""",
)
POSTGRESQL = (
    """CREATE FUNCTION instance_is_read_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO extended_pending (instance_row)
            SELECT NEW.row WHERE EXISTS (SELECT 1 FROM extended_tag) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER instance_is_read_again AFTER UPDATE OF series_row, object_key ON instance
        FOR EACH ROW WHEN (NEW.series_row IS NOT NULL) EXECUTE FUNCTION instance_is_read_again()""",
)


def upgrade() -> None:
    op.create_table(
        "extended_tag",
        sa.Column("key", ROW, primary_key=True),
        sa.Column("tag", TEXT, nullable=False),
        sa.Column("vr", TEXT, nullable=False),
        sa.Column("private_creator", TEXT, nullable=False, server_default=""),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("enabled", sa.Integer, nullable=False, server_default="1"),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_row", sa.BigInteger, nullable=True),
        sa.Column("objects_done", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("objects_total", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("tag"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "extended_error",
        sa.Column("tag_key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "instance_row",
            ROW,
            sa.ForeignKey("instance.row", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_extended_error_instance_row", "extended_error", ["instance_row"])
    op.create_table(
        "extended_pending",
        sa.Column(
            "instance_row",
            ROW,
            sa.ForeignKey("instance.row", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
    )
    for level in ("study", "series", "instance"):
        _create_values(level)
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def _create_values(level: str) -> None:
    name = f"extended_{level}_value"
    row = sa.ForeignKey(f"{level}.row", ondelete="CASCADE")
    op.create_table(
        name,
        sa.Column("row", ROW, row, primary_key=True, autoincrement=False),
        sa.Column("tag_key", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("source", sa.BigInteger, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("compared", TEXT, nullable=False),
        sa.Column("skeleton", TEXT, nullable=False, server_default=""),
        sa.Column("number", sa.Double, nullable=True),
    )
    op.create_index(f"ix_{name}_compared", name, ["tag_key", "compared", "row"])
    op.create_index(
        f"ix_{name}_number",
        name,
        ["tag_key", "number", "row"],
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
