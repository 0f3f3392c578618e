"""INSERT … ON CONFLICT in the dialect of the connection: spelled alike, but two classes in SQLAlchemy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, TextClause
from sqlalchemy.dialects import postgresql, sqlite

from pacs.index.writer import Statement


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT into `table` that has `on_conflict_do_nothing`, `on_conflict_do_update` and `returning`."""
    return _dialect(connection).insert(table)


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


class InsertOnce:
    """A prepared INSERT that does nothing where the unique `key` is taken; it returns the new row, or None."""

    def __init__(
        self,
        table: Table,
        key: tuple[str, ...],
        *,
        returning: str,
        values: Mapping[str, Any],
        where: TextClause | None = None,
    ) -> None:
        self._statements = {
            dialect_name: Statement(
                dialect.insert(table)
                .values(dict(values))
                .on_conflict_do_nothing(index_elements=list(key), index_where=where)
                .returning(table.c[returning])
            )
            for dialect_name, dialect in {"postgresql": postgresql, "sqlite": sqlite}.items()
        }

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> Any:
        """The driver's cursor after execution."""
        return self._statements[connection.dialect.name].run(connection, parameters)

    def one(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The row that was made, None where the key was taken."""
        return self._statements[connection.dialect.name].one(connection, parameters)
