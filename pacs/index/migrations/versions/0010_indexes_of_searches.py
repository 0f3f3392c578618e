"""Searches take as long among a million studies as among ten thousand: indexes in the order of the answer.

A study knows the beginning of its patient's name, so that studies of a name come newest first without sorting all of
them. Triggers keep it: whatever changes a name or gives a study to another patient need not know of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
IN_GROUPS = "patient_name_folded <> replace(patient_name_folded, '=', '')"
ORDER = ["study_date", "study_time", "study_instance_uid"]
START = "(SELECT substr(patient_name_folded, 1, 3) FROM patient WHERE patient.row = {row})"

# Everything that is put into these texts stands above.
SQLITE = (
    f"""CREATE TRIGGER study_inserted AFTER INSERT ON study BEGIN
        UPDATE study SET patient_name_start = {START.format(row="new.patient_row")} WHERE study.row = new.row;
    END""",  # noqa: S608
    f"""CREATE TRIGGER study_of_another_patient AFTER UPDATE OF patient_row ON study BEGIN
        UPDATE study SET patient_name_start = {START.format(row="new.patient_row")} WHERE study.row = new.row;
    END""",  # noqa: S608
    """CREATE TRIGGER patient_renamed AFTER UPDATE OF patient_name_folded ON patient BEGIN
        UPDATE study SET patient_name_start = substr(new.patient_name_folded, 1, 3) WHERE patient_row = new.row;
    END""",
)
POSTGRESQL = (
    f"""CREATE FUNCTION study_patient_name_start() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.patient_name_start := {START.format(row="NEW.patient_row")};
        RETURN NEW;
    END $$""",
    """CREATE TRIGGER study_of_patient BEFORE INSERT OR UPDATE OF patient_row ON study
        FOR EACH ROW EXECUTE FUNCTION study_patient_name_start()""",
    """CREATE FUNCTION patient_renamed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        UPDATE study SET patient_name_start = substr(NEW.patient_name_folded, 1, 3) WHERE patient_row = NEW.row;
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER patient_renamed AFTER UPDATE OF patient_name_folded ON patient
        FOR EACH ROW EXECUTE FUNCTION patient_renamed()""",
)


def upgrade() -> None:
    op.add_column("study", sa.Column("patient_name_start", TEXT, nullable=False, server_default=""))
    op.execute(f"UPDATE study SET patient_name_start = {START.format(row='study.patient_row')}")  # noqa: S608
    op.drop_index("ix_study_patient_row", "study")
    op.create_index("ix_study_patient_row", "study", ["patient_row", *ORDER])
    op.drop_index("ix_study_study_date", "study")
    op.create_index("ix_study_study_date", "study", ORDER)
    op.create_index("ix_study_patient_name_start", "study", ["patient_name_start", *ORDER])
    op.create_index("ix_series_study_row", "series", ["study_row", "modality"])
    op.create_index(
        "ix_patient_name_in_groups",
        "patient",
        ["patient_name_folded"],
        sqlite_where=sa.text(IN_GROUPS),
        postgresql_where=sa.text(IN_GROUPS),
    )
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
