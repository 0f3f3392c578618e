"""The four levels, the event log, the audit trail, accounts, peers and AI tasks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("row", ROW, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, server_default="", nullable=False),
        sa.Column("must_change_password", sa.Integer(), server_default="0", nullable=False),
        sa.Column("disabled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_account")),
        sa.UniqueConstraint("name", name=op.f("uq_account_name")),
    )
    op.create_table(
        "ai_rule",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_rule")),
    )
    op.create_table(
        "ai_service",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("url", TEXT, nullable=False),
        sa.Column("secret", TEXT, nullable=False),
        sa.Column("card", TEXT, server_default="", nullable=False),
        sa.Column("disabled", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_service")),
    )
    op.create_table(
        "ai_task",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("idempotency_key", TEXT, nullable=False),
        sa.Column("rule_id", TEXT, nullable=False),
        sa.Column("service_id", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("input", TEXT, server_default="", nullable=False),
        sa.Column("result", TEXT, server_default="", nullable=False),
        sa.Column("result_sha256", TEXT, server_default="", nullable=False),
        sa.Column("last_error", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_task")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_ai_task_idempotency_key")),
    )
    op.create_index("ix_ai_task_state", "ai_task", ["state", "not_before"], unique=False)
    op.create_index("ix_ai_task_study_instance_uid", "ai_task", ["study_instance_uid"], unique=False)
    op.create_table(
        "audit",
        sa.Column("number", ROW, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("principal_kind", TEXT, server_default="", nullable=False),
        sa.Column("principal_name", TEXT, server_default="", nullable=False),
        sa.Column("address", TEXT, server_default="", nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("detail", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cursor",
        sa.Column("follower", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("follower", name=op.f("pk_cursor")),
    )
    op.create_table(
        "event",
        sa.Column("number", ROW, nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("series_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("sop_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "garbage",
        sa.Column("object_key", TEXT, nullable=False),
        sa.Column("reason", TEXT, server_default="", nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_key", name=op.f("pk_garbage")),
    )
    op.create_table(
        "patient",
        sa.Column("row", ROW, nullable=False),
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("patient_id", TEXT, server_default="", nullable=False),
        sa.Column("issuer_of_patient_id", TEXT, server_default="", nullable=False),
        sa.Column("patient_name", TEXT, server_default="", nullable=False),
        sa.Column("patient_name_folded", TEXT, server_default="", nullable=False),
        sa.Column("patient_name_skeleton", TEXT, server_default="", nullable=False),
        sa.Column("patient_birth_date", TEXT, server_default="", nullable=False),
        sa.Column("patient_sex", TEXT, server_default="", nullable=False),
        sa.Column("other_patient_ids", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_patient")),
        sa.UniqueConstraint("identity", name=op.f("uq_patient_identity")),
    )
    op.create_index("ix_patient_patient_id", "patient", ["patient_id"], unique=False)
    op.create_index("ix_patient_patient_name_folded", "patient", ["patient_name_folded"], unique=False)
    op.create_index("ix_patient_patient_name_skeleton", "patient", ["patient_name_skeleton"], unique=False)
    op.create_table(
        "peer",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("verbs", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", name=op.f("pk_peer")),
    )
    op.create_table(
        "start",
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "unknown_caller",
        sa.Column("ae_title", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("called_ae_title", TEXT, server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ae_title", "address", name=op.f("pk_unknown_caller")),
    )
    op.create_table(
        "session",
        sa.Column("secret_sha256", TEXT, nullable=False),
        sa.Column("account_row", ROW, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_row"], ["account.row"], name=op.f("fk_session_account_row")),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_session")),
    )
    op.create_index("ix_session_account_row", "session", ["account_row"], unique=False)
    op.create_table(
        "study",
        sa.Column("row", ROW, nullable=False),
        sa.Column("patient_row", ROW, nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("study_date", TEXT, server_default="", nullable=False),
        sa.Column("study_time", TEXT, server_default="", nullable=False),
        sa.Column("timezone_offset_from_utc", TEXT, server_default="", nullable=False),
        sa.Column("accession_number", TEXT, server_default="", nullable=False),
        sa.Column("study_id", TEXT, server_default="", nullable=False),
        sa.Column("study_description", TEXT, server_default="", nullable=False),
        sa.Column("referring_physician_name", TEXT, server_default="", nullable=False),
        sa.Column("referring_physician_name_folded", TEXT, server_default="", nullable=False),
        sa.Column("referring_physician_name_skeleton", TEXT, server_default="", nullable=False),
        sa.Column("institution_name", TEXT, server_default="", nullable=False),
        sa.Column("patient_age", TEXT, server_default="", nullable=False),
        sa.Column("patient_size", TEXT, server_default="", nullable=False),
        sa.Column("patient_weight", TEXT, server_default="", nullable=False),
        sa.Column("number_of_series", sa.Integer(), server_default="0", nullable=False),
        sa.Column("number_of_instances", sa.Integer(), server_default="0", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="0", nullable=False),
        sa.Column("stable", sa.Integer(), server_default="0", nullable=False),
        sa.Column("priority_band", sa.Integer(), server_default="4", nullable=False),
        sa.Column("priority_reason", TEXT, server_default="", nullable=False),
        sa.Column("priority_source", TEXT, server_default="", nullable=False),
        sa.ForeignKeyConstraint(["patient_row"], ["patient.row"], name=op.f("fk_study_patient_row")),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_study")),
        sa.UniqueConstraint("study_instance_uid", name=op.f("uq_study_study_instance_uid")),
    )
    op.create_index("ix_study_accession_number", "study", ["accession_number"], unique=False)
    op.create_index("ix_study_patient_row", "study", ["patient_row"], unique=False)
    op.create_index("ix_study_study_date", "study", ["study_date", "study_time"], unique=False)
    op.create_index(
        "ix_study_unstable",
        "study",
        ["changed_at"],
        unique=False,
        sqlite_where=sa.text("stable = 0"),
        postgresql_where=sa.text("stable = 0"),
    )
    op.create_index("ix_study_worklist", "study", ["priority_band", "received_at"], unique=False)
    op.create_table(
        "token",
        sa.Column("secret_sha256", TEXT, nullable=False),
        sa.Column("account_row", ROW, nullable=True),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("task_id", TEXT, server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_row"], ["account.row"], name=op.f("fk_token_account_row")),
        sa.PrimaryKeyConstraint("secret_sha256", name=op.f("pk_token")),
    )
    op.create_index("ix_token_account_row", "token", ["account_row"], unique=False)
    op.create_index("ix_token_task_id", "token", ["task_id"], unique=False)
    op.create_table(
        "series",
        sa.Column("row", ROW, nullable=False),
        sa.Column("study_row", ROW, nullable=False),
        sa.Column("series_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("modality", TEXT, server_default="", nullable=False),
        sa.Column("series_number", TEXT, server_default="", nullable=False),
        sa.Column("series_description", TEXT, server_default="", nullable=False),
        sa.Column("body_part_examined", TEXT, server_default="", nullable=False),
        sa.Column("protocol_name", TEXT, server_default="", nullable=False),
        sa.Column("laterality", TEXT, server_default="", nullable=False),
        sa.Column("manufacturer", TEXT, server_default="", nullable=False),
        sa.Column("manufacturer_model_name", TEXT, server_default="", nullable=False),
        sa.Column("station_name", TEXT, server_default="", nullable=False),
        sa.Column("performed_procedure_step_start_date", TEXT, server_default="", nullable=False),
        sa.Column("performed_procedure_step_start_time", TEXT, server_default="", nullable=False),
        sa.Column("request_attributes_sequence", TEXT, server_default="", nullable=False),
        sa.Column("number_of_instances", sa.Integer(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["study_row"], ["study.row"], name=op.f("fk_series_study_row")),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_series")),
        sa.UniqueConstraint("study_row", "series_instance_uid", name=op.f("uq_series_study_row_series_instance_uid")),
    )
    op.create_index("ix_series_modality", "series", ["modality"], unique=False)
    op.create_index("ix_series_series_instance_uid", "series", ["series_instance_uid"], unique=False)
    op.create_table(
        "instance",
        sa.Column("row", ROW, nullable=False),
        sa.Column("series_row", ROW, nullable=True),
        sa.Column("sop_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("sop_class_uid", TEXT, server_default="", nullable=False),
        sa.Column("instance_number", TEXT, server_default="", nullable=False),
        sa.Column("image_type", TEXT, server_default="", nullable=False),
        sa.Column("content_date", TEXT, server_default="", nullable=False),
        sa.Column("content_time", TEXT, server_default="", nullable=False),
        sa.Column("acquisition_number", TEXT, server_default="", nullable=False),
        sa.Column("acquisition_date", TEXT, server_default="", nullable=False),
        sa.Column("acquisition_time", TEXT, server_default="", nullable=False),
        sa.Column("rows", TEXT, server_default="", nullable=False),
        sa.Column("columns", TEXT, server_default="", nullable=False),
        sa.Column("bits_allocated", TEXT, server_default="", nullable=False),
        sa.Column("number_of_frames", TEXT, server_default="", nullable=False),
        sa.Column("slice_thickness", TEXT, server_default="", nullable=False),
        sa.Column("contrast_bolus_agent", TEXT, server_default="", nullable=False),
        sa.Column("concept_name_code_sequence", TEXT, server_default="", nullable=False),
        sa.Column("study_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("series_instance_uid", TEXT, server_default="", nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("storage", TEXT, nullable=False),
        sa.Column("object_key", TEXT, nullable=False),
        sa.Column("transfer_syntax_uid", TEXT, nullable=False),
        sa.Column("dataset_sha256", TEXT, nullable=False),
        sa.Column("envelope_sha256", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("dataset_offset", sa.Integer(), nullable=False),
        sa.Column("dataset_length", sa.BigInteger(), nullable=False),
        sa.Column("padding_length", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pixel_element_offset", sa.BigInteger(), nullable=True),
        sa.Column("pixel_element_end", sa.BigInteger(), nullable=True),
        sa.Column("pixel_data_vr", TEXT, server_default="", nullable=False),
        sa.Column("frame_table", sa.LargeBinary(), nullable=True),
        sa.Column("oddities", TEXT, server_default="", nullable=False),
        sa.Column("calling_ae_title", TEXT, server_default="", nullable=False),
        sa.Column("protocol", TEXT, server_default="", nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["series_row"], ["series.row"], name=op.f("fk_instance_series_row")),
        sa.PrimaryKeyConstraint("row", name=op.f("pk_instance")),
        sa.UniqueConstraint("object_key", name=op.f("uq_instance_object_key")),
    )
    op.create_index(
        "ix_instance_conflict",
        "instance",
        ["sop_instance_uid"],
        unique=False,
        sqlite_where=sa.text("state <> 'live'"),
        postgresql_where=sa.text("state <> 'live'"),
    )
    op.create_index(
        "ix_instance_damaged",
        "instance",
        ["object_key"],
        unique=False,
        sqlite_where=sa.text("storage = 'damaged'"),
        postgresql_where=sa.text("storage = 'damaged'"),
    )
    op.create_index("ix_instance_series_row", "instance", ["series_row"], unique=False)
    op.create_index(
        "uq_instance_live",
        "instance",
        ["sop_instance_uid"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
