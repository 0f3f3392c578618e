"""Tables of what people do with studies and how they like their screens; `pacs rebuild` keeps them."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table

from pacs.index.schema import TEXT, _moment, _text, metadata

preference = Table(
    "preference",
    metadata,
    Column("account_name", TEXT, primary_key=True),
    Column("name", TEXT, primary_key=True),
    Column("value", TEXT, nullable=False),  # JSON
    _moment("changed_at"),
)

reading_state = Table(
    "reading_state",
    metadata,
    # A study without a row is unread and nobody reads it.
    Column("study_instance_uid", TEXT, primary_key=True),
    _text("read_by"),  # the account that said so; "": unread
    _moment("read_at", nullable=True),
    _text("held_by"),  # the account that reads it; good until `held_until`
    _moment("held_since", nullable=True),
    _moment("held_until", nullable=True),
    Index("ix_reading_state_held_by", "held_by"),
)
