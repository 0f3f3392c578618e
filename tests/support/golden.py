"""Archives as earlier releases left them: rows and objects of `tests/golden/RELEASE.json`, which that release wrote."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, MetaData, inspect, text

from pacs.index.engine import Index
from pacs.index.migrations import migrate_to
from storage.protocol import ObjectStore
from tests.support.process import ROOT

GOLDEN = ROOT / "tests" / "golden"
RELEASES = tuple(sorted(file.stem for file in GOLDEN.glob("*.json")))


def read_golden(release: str) -> dict[str, Any]:
    """The archive of `release`: `revision`, `tables` (name to rows) and `objects` (key to base64)."""
    return dict(json.loads((GOLDEN / f"{release}.json").read_text(encoding="utf-8")))


def lay_index(release: str, url: str) -> Index:
    """The index of `release` in the empty database at `url`, open, not upgraded."""
    golden = read_golden(release)
    index = Index(url)
    assert index._writing is not None
    migrate_to(index._writing, golden["revision"])
    index.write(lambda connection: _fill(connection, golden["tables"]))
    return index


def lay_objects(release: str, store: ObjectStore) -> None:
    """Its objects."""
    for key, content in read_golden(release)["objects"].items():
        file = store.incoming / "golden.part"
        file.write_bytes(base64.b64decode(content))
        store.put(key, file, {})


def lay_files(release: str, data: Path) -> None:
    """A whole PACS_DATA with SQLite and a folder, as a stopped node of `release` left it."""
    from storage.filesystem import FolderStore

    data.mkdir(mode=0o700, parents=True)
    lay_index(release, f"sqlite:///{data / 'index.db'}").close()
    lay_objects(release, FolderStore(data / "store"))
    (data / "lock").touch(0o600)


def rows_of(connection: Connection, release: str) -> dict[str, list[dict[str, Any]]]:
    """What the database has now of the rows and columns that `release` knew."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, rows in read_golden(release)["tables"].items():
        columns = ", ".join(f'"{column}"' for column in rows[0])
        answer = connection.execute(text(f'SELECT {columns} FROM "{name}"')).mappings()
        found[name] = sorted((dict(row) for row in answer), key=repr)
    return found


def golden_rows(release: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of the file in the form of `rows_of`."""
    tables = read_golden(release)["tables"]
    return {name: sorted((_values(row) for row in rows), key=repr) for name, rows in tables.items()}


def _fill(connection: Connection, tables: dict[str, list[dict[str, Any]]]) -> None:
    there = MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        if rows := tables.get(table.name):
            connection.execute(table.insert(), [_values(row) for row in rows])
    if connection.dialect.name == "postgresql":
        for name in inspect(connection).get_table_names():
            for column in ("row", "number"):
                if column in there.tables[name].c and there.tables[name].c[column].autoincrement is True:
                    connection.execute(
                        text(
                            f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), "
                            f'(SELECT greatest(max("{column}"), 1) FROM "{name}"))'
                        )
                    )


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value["base64"]) if isinstance(value, dict) else value for name, value in row.items()
    }
