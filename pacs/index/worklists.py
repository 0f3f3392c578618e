"""Tables of what is scheduled and performed: the site's, never made again from the objects."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, UniqueConstraint, text

from pacs.index.schema import ROW, TEXT, _moment, _text, metadata

scheduled_step = Table(
    "scheduled_step",
    metadata,
    Column("row", ROW, primary_key=True),
    Column("study_instance_uid", TEXT, nullable=False),
    Column("step_id", TEXT, nullable=False),
    Column("status", TEXT, nullable=False),  # Scheduled Procedure Step Status
    Column("document", TEXT, nullable=False),  # DICOM JSON; the columns below say again what queries ask first
    _text("start_date"),
    _text("start_time"),
    _text("modality"),
    _text("patient_id"),
    _text("accession_number"),
    _moment("created_at"),
    _moment("changed_at"),
    UniqueConstraint("study_instance_uid", "step_id"),
    Index("ix_scheduled_step_start", "start_date", "start_time", "row"),
    Index("ix_scheduled_step_accession_number", "accession_number"),
)

performed_step = Table(
    "performed_step",
    metadata,
    Column("sop_instance_uid", TEXT, primary_key=True),
    Column("status", TEXT, nullable=False),  # Performed Procedure Step Status
    Column("document", TEXT, nullable=False),  # DICOM JSON
    Column("awaited", Integer, nullable=False, server_default="0"),  # 1: completed, and instances are still to come
    _text("ae_title"),  # of the modality that made it
    _moment("created_at"),
    _moment("changed_at"),
    Index(
        "ix_performed_step_awaited",
        "changed_at",
        sqlite_where=text("awaited = 1"),
        postgresql_where=text("awaited = 1"),
    ),
)

step_link = Table(
    "step_link",
    metadata,
    Column("performed", TEXT, ForeignKey("performed_step.sop_instance_uid"), primary_key=True),
    Column("study_instance_uid", TEXT, primary_key=True),
    Column("step_id", TEXT, primary_key=True),  # "": performed without having been scheduled
    Index("ix_step_link_study_instance_uid", "study_instance_uid", "step_id"),
)
