"""The servers that the other contract tests stand on."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from tests.support.postgresql import Cluster


def test_each_database_is_fresh_and_its_own(postgresql_cluster: Cluster, postgresql_url: str) -> None:
    other = postgresql_cluster.create_database()
    for url in (postgresql_url, other):
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE patient (name text)"))
            connection.execute(text("INSERT INTO patient VALUES ('Әлия')"))
            assert connection.execute(text("SELECT name FROM patient")).scalars().all() == ["Әлия"]
            assert connection.execute(text("SHOW server_encoding")).scalar_one() == "UTF8"
        engine.dispose()
    postgresql_cluster.drop_database(other)
