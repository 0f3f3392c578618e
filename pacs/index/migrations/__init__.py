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
    """Upgrade to the newest revision, in one transaction. Raises NodeFailed for an index of a newer release."""
    migrate_to(engine, "head")


def migrate_to(engine: Engine, wanted: str) -> None:
    """`migrate` as far as a revision; an older release's index is made so."""
    configuration = _configuration()
    with engine.connect() as connection:
        known_revision(connection)
        connection.rollback()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, wanted)
        connection.commit()


def pending(connection: Connection) -> str:
    """What stands between the tables and this release, in words; empty when nothing does."""
    current = revision(connection)
    return "" if current == head() else f"it is at {current or 'no revision'}, this release needs {head()}"


def head() -> str:
    """The newest revision that this release knows."""
    return str(ScriptDirectory.from_config(_configuration()).get_current_head())


def revision(connection: Connection) -> str:
    """The revision that the tables are of, "" when there are none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def known_revision(connection: Connection) -> str:
    """`revision`. Raises NodeFailed when a newer release made the tables."""
    known = {script.revision for script in ScriptDirectory.from_config(_configuration()).walk_revisions()}
    current = revision(connection)
    if current and current not in known:
        raise NodeFailed(
            f"the index was written by a newer release (revision {current})",
            "start that release, or put back the copy that it made before the upgrade: `pacs migrate --rollback`",
        )
    return current
