"""The words of patients' names by their sounds, each to be found by its beginning: fuzzy searches among a million
patients, and the worklist's. Triggers keep them, as whoever changes a name need not know of them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A name as a JSON array of its words: parted where components, groups and words are.
_ARRAY = """'[' || replace(replace(replace(json_quote({row}.patient_name_skeleton),
    '^', '","'), '=', '","'), ' ', '","') || ']'"""
_OF_SQLITE = """INSERT OR IGNORE INTO patient_word (word, patient_row)
    SELECT substr(value, 1, 64), {row}.row FROM {tables} WHERE value <> ''"""
_NEW = _OF_SQLITE.format(row="new", tables=f"json_each({_ARRAY.format(row='new')})")
_OF_POSTGRESQL = """INSERT INTO patient_word (word, patient_row)
    SELECT DISTINCT left(word, 64), {row}.row FROM {tables} WHERE word <> ''"""
_SPLIT = "regexp_split_to_table({row}.patient_name_skeleton, '[\\^= ]+') AS word"

SQLITE = (
    _OF_SQLITE.format(row="patient", tables=f"patient, json_each({_ARRAY.format(row='patient')})"),
    f"""CREATE TRIGGER patient_words_inserted AFTER INSERT ON patient BEGIN
        {_NEW};
    END""",
    f"""CREATE TRIGGER patient_words_renamed AFTER UPDATE OF patient_name_skeleton ON patient
    WHEN new.patient_name_skeleton <> old.patient_name_skeleton BEGIN
        DELETE FROM patient_word WHERE patient_row = new.row;
        {_NEW};
    END""",  # noqa: S608 - everything that is put into it stands above
)
POSTGRESQL = (
    _OF_POSTGRESQL.format(row="patient", tables=f"patient, {_SPLIT.format(row='patient')}"),
    f"""CREATE FUNCTION patient_words() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'UPDATE' THEN
            DELETE FROM patient_word WHERE patient_row = NEW.row;
        END IF;
        {_OF_POSTGRESQL.format(row="NEW", tables=_SPLIT.format(row="NEW"))};
        RETURN NULL;
    END $$""",  # noqa: S608 - everything that is put into it stands above
    """CREATE TRIGGER patient_words AFTER INSERT OR UPDATE OF patient_name_skeleton ON patient
        FOR EACH ROW EXECUTE FUNCTION patient_words()""",
)


def upgrade() -> None:
    op.create_table(
        "patient_word",
        sa.Column("word", TEXT, primary_key=True),
        sa.Column(
            "patient_row",
            ROW,
            sa.ForeignKey("patient.row", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
    )
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.get_bind().exec_driver_sql(statement)
    op.create_index("ix_patient_word_patient_row", "patient_word", ["patient_row"])
    op.create_index(
        "ix_patient_other_patient_ids",
        "patient",
        ["other_patient_ids"],
        sqlite_where=sa.text("other_patient_ids <> ''"),
        postgresql_where=sa.text("other_patient_ids <> ''"),
    )
    op.drop_index("ix_study_worklist", "study")
    op.create_index("ix_study_worklist", "study", ["priority_band", "received_at", "study_date"])
    op.create_index("ix_performed_step_created_at", "performed_step", ["created_at", "sop_instance_uid"])
