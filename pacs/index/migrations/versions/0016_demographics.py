"""A patient's row is of one name, birth date and sex: studies of one Patient ID whose objects tell of different people
answer each with its own, and are known to differ. What is stored already is told apart by `pacs rebuild`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

# What objects say, where corrections have the row say something else; parted as `pacs.archive.rows.demographics` does.
_OWN = {
    "sqlite": "CASE original WHEN '' THEN {column} ELSE coalesce(json_extract(original, '$.{keyword}'), '') END",
    "postgresql": "CASE original WHEN '' THEN {column} ELSE coalesce(original::json ->> '{keyword}', '') END",
}
_PARTS = (
    ("patient_name", "PatientName"),
    ("patient_birth_date", "PatientBirthDate"),
    ("patient_sex", "PatientSex"),
)


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    character = "chr" if dialect == "postgresql" else "char"
    # renamed, as SQLite takes no UNIQUE away
    op.execute("ALTER TABLE patient RENAME COLUMN identity TO demographics")
    op.add_column("patient", sa.Column("identity", TEXT, nullable=False, server_default=""))
    op.add_column("patient", sa.Column("person", sa.Integer, nullable=False, server_default="0"))
    own = [_OWN[dialect].format(column=column, keyword=keyword) for column, keyword in _PARTS]
    name, *others = own
    parts = f" || {character}(31) || ".join([f"rtrim({name}, '^')", *others])
    op.execute(
        f"UPDATE patient SET identity = demographics, demographics = demographics || {character}(30) || {parts}"  # noqa: S608
    )
    op.create_index("ix_patient_identity", "patient", ["identity", "person"])
    op.create_index(
        "ix_patient_person",
        "patient",
        ["identity"],
        sqlite_where=sa.text("person > 0"),
        postgresql_where=sa.text("person > 0"),
    )
    differs = "state = 'live' AND oddities <> replace(oddities, 'patient_differs_in_study', '')"
    op.create_index(
        "ix_instance_of_another_patient",
        "instance",
        ["study_instance_uid"],
        sqlite_where=sa.text(differs),
        postgresql_where=sa.text(differs),
    )
