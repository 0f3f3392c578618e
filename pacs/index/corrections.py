"""Tables of what was corrected; no object tells it, so `pacs rebuild` keeps them and applies them again."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from pacs.index.schema import ROW, TEXT, _moment, _text, metadata

correction = Table(
    "correction",
    metadata,
    # One act: attributes of a patient, study, series or image corrected, patients merged, a study given to another.
    Column("number", ROW, primary_key=True),  # the order in which they hold
    Column("id", TEXT, nullable=False, unique=True),  # ULID
    Column("kind", TEXT, nullable=False),
    Column("level", TEXT, nullable=False),
    _text("identity"),  # of the patient whose every study it is of; "": of the study or series below
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _text("into_identity"),  # whose the studies are then, where that changes
    Column("new_values", TEXT, nullable=False),  # JSON: keyword to text
    Column("old_values", TEXT, nullable=False),  # JSON: what the index had
    _text("reason"),
    _text("principal_kind"),
    _text("principal_name"),
    Column("studies", Integer, nullable=False),
    _moment("at"),
    _moment("undo_until"),
    _moment("undone_at", nullable=True),
    Index("ix_correction_identity", "identity", "number"),
    Index("ix_correction_into_identity", "into_identity"),
    Index("ix_correction_study_instance_uid", "study_instance_uid", "number"),
    sqlite_autoincrement=True,
)

corrected_study = Table(
    "corrected_study",
    metadata,
    # Which studies show a correction: those to look at when it is undone.
    Column("correction_number", ROW, primary_key=True),
    Column("study_instance_uid", TEXT, primary_key=True),
    Index("ix_corrected_study_study_instance_uid", "study_instance_uid"),
)
