"""The copy before an upgrade, and the way back. The index of release 0.1.0 is what its one revision makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from pacs.errors import NodeFailed, NotFound
from pacs.index import rollback
from pacs.index.engine import Index
from pacs.index.migrations import head, migrate_to
from pacs.index.rollback import keep_copy, put_back
from tests.support.postgresql import Cluster

OLD = "0001"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'index.db'}"


def _old(url: str) -> Index:
    index = Index(url)
    assert index._writing is not None
    migrate_to(index._writing, OLD)
    index.write(lambda c: c.execute(text("INSERT INTO ai_rule VALUES ('kept', '{}', 0)")).close())
    return index


def _rules(index: Index) -> list[str]:
    with index.read() as connection:
        return list(connection.execute(text("SELECT id FROM ai_rule ORDER BY id")).scalars())


def test_a_copy_is_kept_before_anything_is_changed_and_only_then(url: str, tmp_path: Path) -> None:
    index = _old(url)
    kept = keep_copy(index, tmp_path)
    assert kept is not None
    assert kept.name.startswith(f"index-{OLD}.")
    assert index.revision() == (OLD, head())
    index.migrate()
    assert keep_copy(index, tmp_path) is None
    assert kept.exists()
    assert _rules(index) == ["kept"]
    index.close()


def test_a_new_index_needs_no_copy(url: str, tmp_path: Path) -> None:
    index = Index(url)
    assert keep_copy(index, tmp_path) is None
    assert not (tmp_path / "rollback").exists()
    index.close()


def test_an_index_of_a_newer_release_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    index = Index(url)
    index.migrate()
    index.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")).close())
    for refused in (lambda: keep_copy(index, tmp_path), index.migrate):
        with pytest.raises(NodeFailed, match=r"newer release \(revision 9999\)"):
            refused()
    index.close()


def test_the_copy_takes_its_place_and_the_upgraded_one_is_put_aside(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.db'}"
    index = _old(url)
    keep_copy(index, tmp_path)
    index.migrate()
    index.write(lambda c: c.execute(text("INSERT INTO ai_rule VALUES ('after', '{}', 0)")).close())
    index.close()
    assert put_back(url, tmp_path) == (OLD, tmp_path / "rollback" / "upgraded" / "index.db")
    older = Index(url)
    assert older.revision()[0] == OLD
    assert _rules(older) == ["kept"]
    # And forward again, with what came meanwhile.
    older.write(lambda c: c.execute(text("INSERT INTO ai_rule VALUES ('meanwhile', '{}', 0)")).close())
    keep_copy(older, tmp_path)
    older.migrate()
    assert _rules(older) == ["kept", "meanwhile"]
    older.close()
    put_back(url, tmp_path)
    again = Index(url)
    assert _rules(again) == ["kept", "meanwhile"]
    again.close()


def test_without_a_copy_there_is_no_way_back(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no copy"):
        put_back(f"sqlite:///{tmp_path / 'index.db'}", tmp_path)


def test_a_damaged_copy_is_not_put_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'index.db'}"
    index = _old(url)
    kept = keep_copy(index, tmp_path)
    assert kept is not None
    index.close()
    content = bytearray(kept.read_bytes())
    content[4096:8192] = bytes(4096)
    kept.write_bytes(content)
    with pytest.raises(NodeFailed, match="damaged"):
        put_back(url, tmp_path)


def test_no_room_for_a_copy_is_told_before_anything_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = _old(f"sqlite:///{tmp_path / 'index.db'}")
    real = rollback.space_of(tmp_path)
    monkeypatch.setattr(rollback, "space_of", lambda folder: type(real)(10, real.total_bytes, None, None))
    with pytest.raises(NodeFailed, match="no room"):
        keep_copy(index, tmp_path)
    assert index.revision()[0] == OLD
    index.close()


def test_a_dump_goes_back_into_a_database_of_its_own(
    postgresql_cluster: Cluster, postgresql_url: str, tmp_path: Path
) -> None:
    from pacs.index.copies import put_back_postgresql

    index = _old(postgresql_url)
    kept = keep_copy(index, tmp_path)
    assert kept is not None
    index.migrate()
    index.close()
    with pytest.raises(NodeFailed, match="pg_restore --no-owner"):
        put_back(postgresql_url, tmp_path)
    other = postgresql_cluster.create_database()
    older = Index(other)
    try:
        put_back_postgresql(kept, older)
        assert older.revision()[0] == OLD
        assert _rules(older) == ["kept"]
        with pytest.raises(NodeFailed, match="holds an index"):
            put_back_postgresql(kept, older)
    finally:
        older.close()
        postgresql_cluster.drop_database(other)


def test_without_pg_dump_an_upgrade_is_refused_with_what_to_do(
    postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = _old(postgresql_url)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeFailed, match="pg_dump is not installed here") as refused:
        keep_copy(index, tmp_path)
    assert "--no-copy" in refused.value.hint
    assert index.revision()[0] == OLD
    index.close()
