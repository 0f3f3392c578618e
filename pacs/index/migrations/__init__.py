"""One tree of revisions for both databases (Alembic). A new column is one revision here and one line in the schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from pacs.errors import NodeFailed


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.set_main_option("path_separator", "os")
    return configuration


def migrate(engine: Engine) -> None:
    """Upgrade to the newest revision. Raises NodeFailed for an index written by a newer release."""
    configuration = _configuration()
    with engine.connect() as connection:
        _refuse_newer(connection)
        connection.rollback()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.commit()


def pending(connection: Connection) -> str:
    """What stands between the tables and this release, in words; empty when nothing does."""
    head = ScriptDirectory.from_config(_configuration()).get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    return "" if current == head else f"it is at {current or 'no revision'}, this release needs {head}"


def _refuse_newer(connection: Connection) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise NodeFailed(
            f"the index was written by a newer release (revision {current})",
            "start that release, or restore the backup made before the upgrade",
        )
