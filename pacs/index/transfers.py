"""Tables of what goes to other systems and comes of it: storage commitment, deliveries, routes."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from pacs.index.schema import TEXT, _moment, _text, metadata

commitment = Table(
    "commitment",
    metadata,
    Column("transaction_uid", TEXT, primary_key=True),
    Column("direction", TEXT, nullable=False),  # received: a peer asked us; requested: we asked a peer
    Column("ae_title", TEXT, nullable=False),  # the peer
    Column("state", TEXT, nullable=False),
    _moment("created_at"),
    _moment("settled_at", nullable=True),
    _text("job_id"),  # what was forwarded and is to be committed to
    Index("ix_commitment_job_id", "job_id"),
)

commitment_reference = Table(
    "commitment_reference",
    metadata,
    Column("transaction_uid", TEXT, ForeignKey("commitment.transaction_uid"), primary_key=True),
    Column("number", Integer, primary_key=True),  # in the order of the request
    _text("sop_class_uid"),
    _text("sop_instance_uid"),
    Column("failure_reason", Integer, nullable=True),  # PS3.3 C.14.1.1; 0: committed; NULL: not known yet
    Index("ix_commitment_reference_sop_instance_uid", "sop_instance_uid"),
)

delivery = Table(
    "delivery",
    metadata,
    # What a peer has taken of us, by object: the same instance healed by a re-send is another object.
    Column("ae_title", TEXT, primary_key=True),
    Column("object_key", TEXT, primary_key=True),
    Column("sop_class_uid", TEXT, nullable=False),
    Column("sop_instance_uid", TEXT, nullable=False),
    Column("status", Integer, nullable=False),  # of C-STORE: 0 or a warning
    Column("job_id", TEXT, nullable=False),  # the last that sent it
    _moment("at"),
    Index("ix_delivery_job_id", "job_id"),
)

route = Table(
    "route",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("rule", TEXT, nullable=False),  # JSON
    _moment("created_at"),
)
