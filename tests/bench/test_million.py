"""An archive written in bulk is one that the product takes for its own."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, select
from ulid import ULID

from pacs.archive.keys import object_key
from pacs.archive.verify import verify
from pacs.attributes import BY_KEYWORD, Level
from pacs.dicom.names import folded, skeleton
from pacs.index.criteria import Criterion, Equals, Query
from pacs.index.engine import Index
from pacs.index.query import find
from pacs.index.schema import instance, patient, series, study
from pacs.model import utc_now
from storage.filesystem import FolderStore
from tests.bench import million
from tests.bench.million import Shape
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice
from tests.support.postgresql import Cluster

SHAPE = Shape(studies=50, series_per_study=2, instances_per_series=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return million.sqlite_archive(tmp_path_factory.mktemp("kept"), SHAPE)


def test_verify_finds_nothing_wrong(folder: Path) -> None:
    index = Index(f"sqlite:///{folder / 'index.db'}", read_only=True)
    assert list(verify(index, FolderStore(folder / "store"), now=utc_now(), grace=timedelta(hours=1))) == []
    with index.read() as connection:
        assert len(connection.execute(select(instance.c.row)).all()) == SHAPE.instances == 300
        name, fold, sound = connection.execute(
            select(patient.c.patient_name, patient.c.patient_name_folded, patient.c.patient_name_skeleton)
        ).all()[3]
        assert (fold, sound) == (folded(name), skeleton(name))
        for key in connection.execute(select(instance.c.object_key)).scalars():
            assert object_key(ULID.from_str(Path(key).stem)) == key
    index.close()


def test_what_is_asked_for_is_found(folder: Path) -> None:
    index = Index(f"sqlite:///{folder / 'index.db'}", read_only=True)
    values = million.study_values(7, SHAPE)
    owner = million.patient_values(SHAPE.patient_of(7))
    keys = {"AccessionNumber": values["AccessionNumber"], "PatientID": owner["PatientID"]}
    criteria = tuple(Criterion(BY_KEYWORD[keyword], Equals(value)) for keyword, value in keys.items())
    with index.read() as connection:
        [found] = find(connection, Query(Level.STUDY, criteria, (BY_KEYWORD["PatientName"],)))
    assert found["StudyInstanceUID"] == million.study_uid(7)
    assert found["PatientName"] == owner["PatientName"]
    index.close()


def test_it_goes_on_growing(folder: Path, tmp_path: Path) -> None:
    """A copy takes in a new object, and the original does not notice."""
    copy = million.copied(folder, tmp_path / "data")
    with open_archive(copy) as archive:
        send(archive, ct_slice())
        assert archive.count(Query(Level.IMAGE)) == SHAPE.instances + 1
    index = Index(f"sqlite:///{folder / 'index.db'}", read_only=True)
    with index.read() as connection:
        assert len(connection.execute(select(instance.c.row)).all()) == SHAPE.instances
    index.close()


def test_postgresql_gets_the_same_rows(folder: Path, postgresql_cluster: Cluster) -> None:
    postgresql_url = million.postgresql_archive(postgresql_cluster, SHAPE)
    one, other = create_engine(f"sqlite:///{folder / 'index.db'}"), create_engine(postgresql_url)
    with one.connect() as sqlite, other.connect() as postgresql:
        for table in (patient, study, series, instance):
            statement = select(table).order_by(table.c.row)
            assert sqlite.execute(statement).all() == postgresql.execute(statement).all()
    for engine in (one, other):
        engine.dispose()
    index = Index(postgresql_url)  # its sequences go on behind the rows there are
    row = index.write(
        lambda connection: connection.execute(
            insert(patient).values(identity="another", demographics="another").returning(patient.c.row)
        ).scalar_one()
    )
    assert row == SHAPE.patients + 1
    index.close()
    again = million.postgresql_archive(postgresql_cluster, SHAPE)
    other = create_engine(again)
    with other.connect() as untouched:
        assert untouched.execute(select(func.count()).select_from(patient)).scalar_one() == SHAPE.patients
    other.dispose()
