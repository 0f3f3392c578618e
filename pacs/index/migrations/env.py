"""Run by Alembic: upgrades over the connection that `migrate` hands in."""

from __future__ import annotations

from alembic import context

from pacs.index.corrections import correction
from pacs.index.deletions import deletion
from pacs.index.extended import extended_tag
from pacs.index.feeds import webhook
from pacs.index.people import preference
from pacs.index.schema import metadata
from pacs.index.transfers import commitment
from pacs.index.worklists import scheduled_step

for table in (
    scheduled_step,
    commitment,
    deletion,
    webhook,
    extended_tag,
    correction,
    preference,
):  # of each file that has some
    assert table.metadata is metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
