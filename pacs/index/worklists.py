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
    Index("ix_performed_step_created_at", "created_at", "sop_instance_uid"),
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

workitem = Table(
    "workitem",
    metadata,
    Column("sop_instance_uid", TEXT, primary_key=True),
    Column("state", TEXT, nullable=False),  # Procedure Step State
    Column("document", TEXT, nullable=False),  # DICOM JSON, without the Transaction UID; "" once it is deleted
    _text("transaction_uid"),  # the lock of whoever performs it; never given back
    _text("performer"),  # AE title or account that claimed it
    _text("priority"),
    _text("label"),  # Worklist Label
    _text("patient_id"),
    _text("start"),  # Scheduled Procedure Step Start DateTime, as it is written
    _moment("created_at"),
    _moment("changed_at"),
    _moment("ended_at", nullable=True),
    Index("ix_workitem_state", "state", "created_at", "sop_instance_uid"),
    Index("ix_workitem_created_at", "created_at", "sop_instance_uid"),
    Index("ix_workitem_ended_at", "ended_at"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("subscriber", TEXT, primary_key=True),  # AE title
    Column("workitem", TEXT, primary_key=True),  # UID of a workitem, or of the global or the filtered subscription
    Column("deletion_lock", Integer, nullable=False, server_default="0"),
    _text("keys"),  # DICOM JSON, of the filtered subscription
    _moment("since"),
    Index("ix_subscription_workitem", "workitem"),
)

workitem_report = Table(
    "workitem_report",
    metadata,
    Column("number", ROW, primary_key=True),
    Column("subscriber", TEXT, nullable=False),
    Column("workitem", TEXT, nullable=False),
    Column("event_type", Integer, nullable=False),
    Column("document", TEXT, nullable=False),  # DICOM JSON: the event information
    _moment("at"),
    Index("ix_workitem_report_subscriber", "subscriber", "number"),
    sqlite_autoincrement=True,
)
