"""Every table. The four levels take their columns from the attribute catalogue.

Moments are microseconds since 1970-01-01T00:00Z.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    func,
    literal_column,
    text,
)
from sqlalchemy.types import TypeEngine

from pacs.attributes import Level, Matching, stored_at
from pacs.model import InstanceState

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

TEXT: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
"""Text ordered by code point on both databases: ranges and prefixes mean the same, and indexes serve them."""

ROW: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
"""A row number; SQLite counts up only an INTEGER PRIMARY KEY."""


def _text(name: str) -> Column[str]:
    return Column(name, TEXT, nullable=False, server_default="")


def _attribute_columns(level: Level) -> list[Column[str]]:
    columns = []
    for attribute in stored_at(level):
        columns.append(_text(attribute.column))
        if attribute.matching is Matching.NAME:
            columns += [_text(f"{attribute.column}_folded"), _text(f"{attribute.column}_skeleton")]
    return columns


def _original() -> Column[str]:
    """JSON, keyword to text: what the objects say, where corrections have the row say something else."""
    return _text("original")


def _moment(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


patient = Table(
    "patient",
    metadata,
    Column("row", ROW, primary_key=True),
    # Patient ID and issuer, or the study's UID where there is no Patient ID, then name, birth date and sex as objects
    # say them: studies under one ID that tell of several people have a row for each. NULLs never collide, this does.
    Column("demographics", TEXT, nullable=False),
    *_attribute_columns(Level.PATIENT),
    _original(),
    _text("identity"),  # its beginning, without name, birth date and sex
    # Of one identity: rows that differ in mere spelling are one person, 0; who cannot be the same is another, 1, 2, ...
    Column("person", Integer, nullable=False, server_default="0"),
    UniqueConstraint("demographics", name="uq_patient_identity"),  # so named before: SQLite renames none
    Index("ix_patient_identity", "identity", "person"),
    Index(
        "ix_patient_person",
        "identity",
        sqlite_where=text("person > 0"),
        postgresql_where=text("person > 0"),
    ),
    Index("ix_patient_patient_id", "patient_id"),
    Index("ix_patient_patient_name_folded", "patient_name_folded"),
    Index(
        "ix_patient_name_in_groups",  # names that have an ideographic or phonetic group
        "patient_name_folded",
        sqlite_where=text("patient_name_folded <> replace(patient_name_folded, '=', '')"),
        postgresql_where=text("patient_name_folded <> replace(patient_name_folded, '=', '')"),
    ),
    Index("ix_patient_patient_name_skeleton", "patient_name_skeleton"),
    Index(
        "ix_patient_other_patient_ids",
        "other_patient_ids",
        sqlite_where=text("other_patient_ids <> ''"),
        postgresql_where=text("other_patient_ids <> ''"),
    ),
)

patient_word = Table(
    "patient_word",
    metadata,
    # The words of a patient's name by their sounds, their first WORD_CHARACTERS; kept by triggers.
    Column("word", TEXT, primary_key=True),
    Column("patient_row", ROW, ForeignKey("patient.row", ondelete="CASCADE"), primary_key=True),
    Index("ix_patient_word_patient_row", "patient_row"),
)

study = Table(
    "study",
    metadata,
    Column("row", ROW, primary_key=True),
    Column("patient_row", ROW, ForeignKey("patient.row"), nullable=False),
    *_attribute_columns(Level.STUDY),
    _original(),
    _text("patient_name_start"),  # the first NAME_START characters of the patient's folded name; kept by triggers
    Column("number_of_series", Integer, nullable=False, server_default="0"),
    Column("number_of_instances", Integer, nullable=False, server_default="0"),
    _moment("received_at"),  # of the first instance
    _moment("changed_at"),  # of the newest instance
    Column("revision", Integer, nullable=False, server_default="0"),  # how often the study became stable
    Column("stable", Integer, nullable=False, server_default="0"),  # 1: nothing came since the last stable event
    Column("priority_band", Integer, nullable=False, server_default="4"),  # 0 is read first, see pacs.archive.priority
    _text("priority_reason"),  # JSON object, language to sentence
    _text("priority_source"),
    UniqueConstraint("study_instance_uid"),
    # In the order of answers: a page of the newest is read from an index, whatever else matches.
    Index("ix_study_patient_row", "patient_row", "study_date", "study_time", "study_instance_uid"),
    Index("ix_study_study_date", "study_date", "study_time", "study_instance_uid"),
    Index("ix_study_patient_name_start", "patient_name_start", "study_date", "study_time", "study_instance_uid"),
    Index("ix_study_accession_number", "accession_number"),
    Index("ix_study_worklist", "priority_band", "received_at", "study_date"),
    Index("ix_study_worklist_by_date", "priority_band", "study_date", "study_time"),
    Index("ix_study_received_at", "received_at"),
    Index(
        "ix_study_unstable",
        "changed_at",
        sqlite_where=text("stable = 0"),
        postgresql_where=text("stable = 0"),
    ),
)

series = Table(
    "series",
    metadata,
    Column("row", ROW, primary_key=True),
    Column("study_row", ROW, ForeignKey("study.row"), nullable=False),
    *_attribute_columns(Level.SERIES),
    _original(),
    _text("said_beside"),  # what objects say that are no images, see pacs.archive.mixed_series
    _text("changes"),  # JSON: what corrections make of its objects as they go out, see pacs.archive.standing
    Column("number_of_instances", Integer, nullable=False, server_default="0"),
    _moment("changed_at"),
    # The Series Instance UID is unique inside its study: two studies that share one are a sender's error to be seen.
    UniqueConstraint("study_row", "series_instance_uid"),
    Index("ix_series_series_instance_uid", "series_instance_uid"),
    Index("ix_series_modality", "modality"),
    Index("ix_series_study_row", "study_row", "modality"),
)

instance = Table(
    "instance",
    metadata,
    Column("row", ROW, primary_key=True),
    Column("series_row", ROW, ForeignKey("series.row"), nullable=True),  # only a live instance has one
    *_attribute_columns(Level.IMAGE),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    Column("state", TEXT, nullable=False),
    Column("storage", TEXT, nullable=False),
    Column("object_key", TEXT, nullable=False, unique=True),
    Column("transfer_syntax_uid", TEXT, nullable=False),
    # Two digests cover every byte once: of the data set without trailing padding, and of all that is around it.
    Column("dataset_sha256", TEXT, nullable=False),
    Column("envelope_sha256", TEXT, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("dataset_offset", Integer, nullable=False),
    Column("dataset_length", BigInteger, nullable=False),
    Column("padding_length", BigInteger, nullable=False, server_default="0"),
    Column("pixel_element_offset", BigInteger, nullable=True),
    Column("pixel_element_end", BigInteger, nullable=True),
    _text("pixel_data_vr"),
    Column("frame_table", LargeBinary, nullable=True),
    _text("oddities"),
    _text("calling_ae_title"),
    _text("protocol"),
    _moment("received_at"),
    _moment("last_seen_at"),
    Index(
        "uq_instance_live",
        "sop_instance_uid",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
    Index("ix_instance_series_row", "series_row"),
    Index(
        "ix_instance_conflict",
        "sop_instance_uid",
        sqlite_where=text("state <> 'live'"),
        postgresql_where=text("state <> 'live'"),
    ),
    Index(
        "ix_instance_beside",
        "state",
        "study_instance_uid",
        sqlite_where=text("state <> 'live'"),
        postgresql_where=text("state <> 'live'"),
    ),
    Index(
        "ix_instance_of_another_patient",
        "study_instance_uid",
        sqlite_where=text("state = 'live' AND oddities <> replace(oddities, 'patient_differs_in_study', '')"),
        postgresql_where=text("state = 'live' AND oddities <> replace(oddities, 'patient_differs_in_study', '')"),
    ),
    Index(
        "ix_instance_damaged",
        "object_key",
        sqlite_where=text("storage = 'damaged'"),
        postgresql_where=text("storage = 'damaged'"),
    ),
)

garbage = Table(
    "garbage",
    metadata,
    Column("object_key", TEXT, primary_key=True),
    _text("reason"),
    _moment("since"),  # when it became garbage, by this node's clock
    _text("dataset_sha256"),  # of a duplicate, which can take the place of its twin; else empty
    Index("ix_garbage_dataset_sha256", "dataset_sha256"),
)

duty = Table(
    "duty",
    metadata,
    # What is done again and again (pacs.archive.duties): how far it is, when it was last begun and last finished.
    Column("name", TEXT, primary_key=True),
    _text("position"),
    _moment("started_at", nullable=True),
    _moment("finished_at", nullable=True),
)

start = Table(
    "start",
    metadata,
    # Of the newest start that recovered: what arrived before it has a row, or was told as unreadable.
    _moment("at"),
)

event = Table(
    "event",
    metadata,
    Column("number", ROW, primary_key=True),
    Column("transaction_id", BigInteger, nullable=False, server_default="0"),  # PostgreSQL: pg_current_xact_id()
    Column("kind", TEXT, nullable=False),
    _text("study_instance_uid"),
    _text("series_instance_uid"),
    _text("sop_instance_uid"),
    _moment("at"),
    _text("payload"),
    sqlite_autoincrement=True,
)

cursor = Table(
    "cursor",
    metadata,
    Column("follower", TEXT, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", ROW, primary_key=True),
    _moment("at"),
    Column("code", TEXT, nullable=False),  # a code of PS3.15 A.5 (security events)
    Column("action", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    _text("principal_kind"),
    _text("principal_name"),
    _text("address"),
    _text("study_instance_uid"),
    _text("detail"),
    Index(
        "ix_audit_person",  # what somebody looked at, and when they signed in
        "principal_name",
        "code",
        "at",
        "study_instance_uid",
        sqlite_where=text("code IN ('110103', '110114')"),
        postgresql_where=text("code IN ('110103', '110114')"),
    ),
    sqlite_autoincrement=True,
)

account = Table(
    "account",
    metadata,
    Column("row", ROW, primary_key=True),
    Column("name", TEXT, nullable=False, unique=True),
    Column("role", TEXT, nullable=False),
    _text("password_hash"),  # argon2id; empty: no sign-in with a password
    Column("must_change_password", Integer, nullable=False, server_default="0"),
    Column("disabled", Integer, nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    _moment("locked_until", nullable=True),
    _moment("created_at"),
)

session = Table(
    "session",
    metadata,
    Column("secret_sha256", TEXT, primary_key=True),
    Column("account_row", ROW, ForeignKey("account.row"), nullable=False),
    _moment("created_at"),
    _moment("seen_at"),
    _moment("expires_at"),
    Index("ix_session_account_row", "account_row"),
)

token = Table(
    "token",
    metadata,
    Column("secret_sha256", TEXT, primary_key=True),
    Column("account_row", ROW, ForeignKey("account.row"), nullable=True),  # NULL: a task's token
    Column("role", TEXT, nullable=False),
    _text("study_instance_uid"),  # not empty: good for this study only
    _text("task_id"),
    _moment("created_at"),
    _moment("expires_at", nullable=True),
    _moment("revoked_at", nullable=True),  # reading ends; a result may still be handed in until expires_at
    Index("ix_token_account_row", "account_row"),
    Index("ix_token_task_id", "task_id"),
)

peer = Table(
    "peer",
    metadata,
    Column("ae_title", TEXT, primary_key=True),
    Column("host", TEXT, nullable=False),
    Column("port", Integer, nullable=False),
    Column("verbs", TEXT, nullable=False),  # comma separated
    _text("options"),  # JSON: pacs.access.peer.PeerOptions
    _moment("created_at"),
)

unknown_caller = Table(
    "unknown_caller",
    metadata,
    Column("ae_title", TEXT, primary_key=True),
    Column("address", TEXT, primary_key=True),
    _text("called_ae_title"),
    Column("attempts", Integer, nullable=False, server_default="1"),
    _moment("first_at"),
    _moment("last_at"),
)

peer_activity = Table(
    "peer_activity",
    metadata,
    Column("row", ROW, primary_key=True),
    _moment("at"),
    Column("ae_title", TEXT, nullable=False),
    Column("address", TEXT, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),  # JSON: what the words of the reason name
    Column("seconds", Double, nullable=False),
    Column("counts", TEXT, nullable=False),  # JSON: answers by operation and outcome
    _text("last_refusal"),
    Index("ix_peer_activity_ae_title", "ae_title", "row"),
)

ai_service = Table(
    "ai_service",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("secret", TEXT, nullable=False),  # whsec_…; shown once, needed in clear to sign
    _text("card"),  # JSON: name, version, intended use
    Column("disabled", Integer, nullable=False, server_default="0"),
    _moment("created_at"),
)

ai_rule = Table(
    "ai_rule",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("rule", TEXT, nullable=False),  # JSON
    _moment("created_at"),
)

ai_task = Table(
    "ai_task",
    metadata,
    Column("id", TEXT, primary_key=True),  # ULID
    Column("idempotency_key", TEXT, nullable=False, unique=True),
    Column("rule_id", TEXT, nullable=False),
    Column("service_id", TEXT, nullable=False),
    Column("study_instance_uid", TEXT, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    _moment("not_before"),
    _moment("lease_until", nullable=True),
    _moment("expires_at"),
    _text("input"),  # JSON: series, instances, input_digest
    _text("result"),  # JSON as received
    _text("result_sha256"),
    _text("last_error"),
    _moment("created_at"),
    _moment("finished_at", nullable=True),
    Index("ix_ai_task_state", "state", "not_before"),
    Index("ix_ai_task_study_instance_uid", "study_instance_uid"),
)

job = Table(
    "job",
    metadata,
    Column("id", TEXT, primary_key=True),  # ULID
    Column("kind", TEXT, nullable=False),
    _text("destination"),  # AE title of the peer it has to do with
    Column("subject", TEXT, nullable=True),  # one of a subject waits at most, and one at most runs
    Column("priority", Integer, nullable=False),  # 0 goes first
    _text("study_instance_uid"),
    _text("payload"),  # JSON: what to do
    _text("progress"),  # JSON: how far it is
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),  # with leased_by the fence
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    _moment("not_before"),
    _moment("lease_until", nullable=True),  # by the database's clock; NULL on SQLite, whose process is the only one
    _text("leased_by"),
    _text("last_error"),
    _text("last_error_code"),  # by which the viewer says it in its languages
    _moment("created_at"),
    _moment("finished_at", nullable=True),
    Index(
        "uq_job_queued",
        "subject",
        unique=True,
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index("ix_job_due", "state", "priority", "id"),
    Index("ix_job_study_instance_uid", "study_instance_uid"),
)

job_pause = Table(
    "job_pause",
    metadata,
    Column("kind", TEXT, primary_key=True),  # "": every kind
    Column("destination", TEXT, primary_key=True),  # "": every destination
    _moment("since"),
)

# Written out, not bound: a partial index serves only what is known to meet its condition, and SQLite plans a statement
# anew each time a bound value has to tell it.
IS_LIVE = instance.c.state == literal_column(f"'{InstanceState.LIVE}'")
NAME_START = 3
WORD_CHARACTERS = 64
IN_GROUPS = patient.c.patient_name_folded != func.replace(
    patient.c.patient_name_folded, literal_column("'='"), literal_column("''")
)
ANOTHER_PATIENT = "patient_differs_in_study"
"""The oddity of an object whose patient cannot be the one of its study."""
IS_OF_ANOTHER_PATIENT = and_(
    IS_LIVE,
    instance.c.oddities
    != func.replace(instance.c.oddities, literal_column(f"'{ANOTHER_PATIENT}'"), literal_column("''")),
)
NOT_LIVE = instance.c.state != literal_column(f"'{InstanceState.LIVE}'")

LEVEL_TABLES = {Level.PATIENT: patient, Level.STUDY: study, Level.SERIES: series, Level.IMAGE: instance}

REBUILT = (instance, series, study, patient)
"""What `pacs rebuild` makes again from the objects, in an order that respects foreign keys, and part of `garbage`."""
