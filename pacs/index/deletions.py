"""Tables of what was taken out of sight; no object tells it, so `pacs rebuild` keeps them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, text

from pacs.index.schema import TEXT, _moment, _text, metadata

deletion = Table(
    "deletion",
    metadata,
    # One act that took objects out of sight: of a person, or of a rejection note (IHE IOCM).
    Column("id", TEXT, primary_key=True),  # ULID
    Column("kind", TEXT, nullable=False),
    Column("study_instance_uid", TEXT, nullable=False),
    _text("series_instance_uid"),  # "": more than one series
    _text("sop_instance_uid"),  # "": more than one instance
    _text("code"),  # of a rejection: PS3.16 CID 7011
    _text("reason"),
    _text("note_uid"),  # SOP Instance UID of the rejection note
    _text("principal_kind"),
    _text("principal_name"),
    Column("instances", Integer, nullable=False),
    Column("levels", TEXT, nullable=False),  # JSON: the rows of patient, study and series as they were
    _moment("at"),
    _moment("undo_until", nullable=True),  # then it is erased; NULL: kept until somebody has it erased
    _moment("restored_at", nullable=True),
    _moment("erased_at", nullable=True),
    Index("ix_deletion_study_instance_uid", "study_instance_uid", "id"),
    Index("ix_deletion_note_uid", "note_uid"),
    Index(
        "ix_deletion_due",
        "undo_until",
        sqlite_where=text("erased_at IS NULL"),
        postgresql_where=text("erased_at IS NULL"),
    ),
)

tombstone = Table(
    "tombstone",
    metadata,
    # An object that is out of sight or erased: neither recovery nor `pacs rebuild` brings it back.
    Column("object_key", TEXT, primary_key=True),
    Column("deletion_id", TEXT, ForeignKey("deletion.id"), nullable=False),
    Column("study_instance_uid", TEXT, nullable=False),
    Column("series_instance_uid", TEXT, nullable=False),
    Column("sop_instance_uid", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),  # what its row was before; "note" for a rejection note
    _text("levels"),  # JSON: what it tells of patient, study and series, where it came when it was rejected already
    Column("erased", Integer, nullable=False, server_default="0"),
    Index("ix_tombstone_deletion_id", "deletion_id"),
    Index("ix_tombstone_study_instance_uid", "study_instance_uid"),
    Index("ix_tombstone_sop_instance_uid", "sop_instance_uid"),
)

rejection = Table(
    "rejection",
    metadata,
    # What rejection notes name, here or not: it does not become live when it comes (again).
    Column("sop_instance_uid", TEXT, primary_key=True),
    Column("deletion_id", TEXT, ForeignKey("deletion.id"), primary_key=True),
    Column("study_instance_uid", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Index("ix_rejection_deletion_id", "deletion_id"),
)
