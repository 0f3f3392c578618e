"""Tables of who is told of what happens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, Table

from pacs.index.schema import TEXT, _moment, _text, metadata

webhook = Table(
    "webhook",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("url", TEXT, nullable=False),
    Column("secret", TEXT, nullable=False),  # whsec_…; shown once, needed in clear to sign
    _text("kinds"),  # comma separated; "": every kind
    Column("position", BigInteger, nullable=False),  # number of the last event it was told of, or passed over
    Column("disabled", Integer, nullable=False, server_default="0"),
    _moment("created_at"),
)
