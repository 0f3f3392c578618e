"""An archive that has grown: any number of studies written in bulk through the schema, on SQLite and PostgreSQL.

    python -m tests.bench.million FOLDER [--studies N] [--series N] [--instances N] [--no-objects]

Rows are what `pacs.archive.rows` makes of a real object; names, dates and UIDs are plausible, spread, and the same for
the same number. Each object is a hard link to one of a few stand-ins. Ready archives are kept, and made again when
the tables change.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from base64 import b32encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Dialect, Table, create_engine
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateIndex, CreateTable
from ulid import ULID

from pacs.archive.keys import PREFIX, object_key
from pacs.archive.objects import examine
from pacs.archive.rows import IDENTITY_SEPARATOR, columns, instance_values
from pacs.attributes import Level
from pacs.dicom.names import folded, skeleton
from pacs.index.migrations import migrate
from pacs.index.schema import instance, metadata, patient, series, study
from pacs.model import InstanceState, StorageState, to_microseconds
from storage.filesystem import FolderStore
from tests.support.factories import ct_slice, part10
from tests.support.postgresql import Cluster

GENERATION = 1  # raised when the same tables get other rows
FIRST, LAST = datetime(2021, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
STUDIES_PER_PATIENT = 2.5
LINKS_MAX = 60_000  # ext4 allows 65,000 names of one file
STAND_IN_SIDE = 16  # pixels

_POSTGRESQL = postgresql_dialect.dialect()  # type: ignore[no-untyped-call]
_SQLITE = sqlite_dialect.dialect()
_ODD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # multiplying by it modulo 2**128 scatters numbers and loses none
_SALTS = {
    level: int.from_bytes(hashlib.sha256(level.encode()).digest()[:14]) for level in ("study", "series", "instance")
}
_MODALITIES = ("CT", "MR", "CR", "US", "DX", "MG")
_ONSETS = ("Ab", "Be", "Da", "Er", "Ga", "Is", "Ka", "Lu", "Ma", "Na", "Or", "Pe", "Ra", "Sa", "Ta", "Um", "Va", "Yu",
           "Za", "Zhu")  # fmt: skip
_MIDDLES = ("bek", "dir", "gul", "khan", "lan", "mur", "nur", "rin", "tem", "zhan")
_ENDINGS = ("ov", "ova", "ev", "eva", "in", "ina", "uly", "kyzy", "son", "ski")
_GIVEN = ("Aisulu", "Anna", "Bakyt", "Cholpon", "Daniyar", "Elena", "Igor", "Jamila", "Maria", "Nurlan", "Olga",
          "Samat", "Timur", "Ulan", "Vera", "Yuri")  # fmt: skip
SURNAMES = tuple("".join(parts) for parts in itertools.product(_ONSETS, _MIDDLES, _ENDINGS))


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is. Study numbers count from 0 in the order of arrival, the oldest first."""

    studies: int
    series_per_study: int = 1
    instances_per_series: int = 1

    @property
    def instances(self) -> int:
        """In all."""
        return self.studies * self.series_per_study * self.instances_per_series

    @property
    def patients(self) -> int:
        """In all; some have one study, some several."""
        return max(1, int(self.studies / STUDIES_PER_PATIENT))

    def patient_of(self, number: int) -> int:
        """Whose study `number` is."""
        return _scattered(number) % self.patients


def patient_values(number: int) -> dict[str, str]:
    """The catalogue's attributes of patient `number`."""
    scattered = _scattered(number)
    surname = SURNAMES[scattered % len(SURNAMES)]
    return {
        "PatientID": f"BENCH-{number:07d}",
        "PatientName": f"{surname}^{_GIVEN[scattered // len(SURNAMES) % len(_GIVEN)]}",
        "PatientBirthDate": f"{1930 + scattered % 90}{1 + scattered // 7 % 12:02d}{1 + scattered // 11 % 28:02d}",
        "PatientSex": "FM"[scattered % 2],
    }


def study_values(number: int, shape: Shape) -> dict[str, str]:
    """The catalogue's attributes of study `number`."""
    taken_at = study_moment(number, shape)
    return {
        "StudyInstanceUID": study_uid(number),
        "StudyDate": f"{taken_at:%Y%m%d}",
        "StudyTime": f"{taken_at:%H%M%S}",
        "AccessionNumber": f"A{number:09d}",
        "StudyID": str(number),
        "StudyDescription": f"{_MODALITIES[number % len(_MODALITIES)]} Thorax",
        "ReferringPhysicianName": f"{SURNAMES[number % 200]}^Olga",
        "InstitutionName": "Synthetic Hospital",
    }


def study_moment(number: int, shape: Shape) -> datetime:
    """When study `number` was made: the studies are spread evenly over five years."""
    return FIRST + (LAST - FIRST) * ((number + 0.5) / shape.studies)


def study_uid(number: int) -> str:
    """Study Instance UID of study `number`."""
    return _uid("study", number)


def series_uid(study_number: int, number: int) -> str:
    """Series Instance UID of series `number` of a study."""
    return _uid("series", study_number << 20 | number)


def instance_uid(study_number: int, series_number: int, number: int) -> str:
    """SOP Instance UID."""
    return _uid("instance", study_number << 40 | series_number << 20 | number)


def _scattered(number: int) -> int:
    return (number + 1) * _ODD % 2**128 >> 64


def _uid(level: str, number: int) -> str:
    """A UID under 2.25 (PS3.5 B.2); the order of the numbers is not that of the UIDs, as with many devices."""
    return f"2.25.{((number + 1) * _ODD + _SALTS[level]) % 2**126}"


# Ready archives ------------------------------------------------------------------------------------------------


def sqlite_archive(kept: Path, shape: Shape, *, objects: bool = True) -> Path:
    """The PACS_DATA folder of an archive of `shape` on SQLite and a folder of objects, kept in `kept` for the next run.

    Who writes to it works on a copy (`copied`).
    """
    folder = kept / f"sqlite-{_name(shape, objects)}"
    if not folder.exists():
        made = kept / f".{folder.name}-{os.getpid()}"
        made.mkdir(parents=True)
        fill(f"sqlite:///{made / 'index.db'}", shape, made / "store" if objects else None)
        made.rename(folder)
    return folder


def copied(archive: Path, folder: Path) -> Path:
    """A copy of a PACS_DATA folder that may be written to; the objects are hard links to those of the original."""
    shutil.copytree(archive, folder, copy_function=_linked)
    return folder


def postgresql_archive(cluster: Cluster, shape: Shape) -> str:
    """The URL of a database of `shape` in `cluster`, whose rows name the objects of `sqlite_archive`.

    Kept as a database of the cluster, for as long as that lives; every call gives a new copy of it.
    """
    template = f"million_{_name(shape, objects=True)}".replace("-", "_")
    if not cluster.administer(f"SELECT 1 FROM pg_database WHERE datname = '{template}'"):
        url = cluster.create_database()
        fill(url, shape, None)
        cluster.rename_database(url, template)
    return cluster.create_database(template)


def fill(url: str, shape: Shape, store: Path | None) -> None:
    """Write rows of `shape` into the empty database at `url`, and the objects they name under `store`.

    `url` is SQLAlchemy's; the tables are made by the migrations of the product.
    """
    engine = create_engine(url)
    migrate(engine)
    engine.dispose()
    with _writer(url) as insert:
        for table, rows in _tables(shape):
            insert(table, rows)
    if store is not None:
        _link_objects(store, shape)


def _name(shape: Shape, objects: bool) -> str:
    """Names an archive by its shape and by everything its rows depend on."""
    text = [str(GENERATION)]
    for table in metadata.sorted_tables:
        text.append(str(CreateTable(table).compile(dialect=_POSTGRESQL)))
        text += sorted(str(CreateIndex(index).compile(dialect=_POSTGRESQL)) for index in table.indexes)
    digest = hashlib.sha256("\n".join(text).encode()).hexdigest()[:10]
    counts = f"{shape.studies}-{shape.series_per_study}-{shape.instances_per_series}"
    return f"{counts}{'' if objects else '-rows'}-{digest}"


def _linked(source: str, target: str) -> str:
    if source.endswith(".dcm"):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


# Rows ----------------------------------------------------------------------------------------------------------

Row = Mapping[str, Any]


def _tables(shape: Shape) -> Iterator[tuple[Table, Iterator[Row]]]:
    """Every table with its rows, in an order that respects foreign keys."""
    yield patient, _patients(shape)
    yield study, _studies(shape)
    yield series, _series(shape)
    yield instance, _instances(shape)


def _patients(shape: Shape) -> Iterator[Row]:
    fold, sound = cache(folded), cache(skeleton)
    fixed = columns(Level.PATIENT, {})
    for number in range(shape.patients):
        values = patient_values(number)
        surname, given = values["PatientName"].split("^")
        yield fixed | {
            "row": number + 1,
            "identity": f"{values['PatientID']}{IDENTITY_SEPARATOR}",
            "demographics": f"{values['PatientID']}{IDENTITY_SEPARATOR}",
            "patient_id": values["PatientID"],
            "patient_name": values["PatientName"],
            "patient_name_folded": f"{fold(surname)}^{fold(given)}",
            "patient_name_skeleton": f"{sound(surname)}^{sound(given)}",
            "patient_birth_date": values["PatientBirthDate"],
            "patient_sex": values["PatientSex"],
        }


def _studies(shape: Shape) -> Iterator[Row]:
    made = cache(lambda name: columns(Level.STUDY, {"ReferringPhysicianName": name}))
    for number in range(shape.studies):
        values = study_values(number, shape)
        at = to_microseconds(study_moment(number, shape)) + 600_000_000
        yield made(values["ReferringPhysicianName"]) | {
            "row": number + 1,
            "patient_row": shape.patient_of(number) + 1,
            "study_instance_uid": values["StudyInstanceUID"],
            "study_date": values["StudyDate"],
            "study_time": values["StudyTime"],
            "accession_number": values["AccessionNumber"],
            "study_id": values["StudyID"],
            "study_description": values["StudyDescription"],
            "institution_name": values["InstitutionName"],
            "patient_name_start": "",  # a trigger knows better
            "number_of_series": shape.series_per_study,
            "number_of_instances": shape.series_per_study * shape.instances_per_series,
            "received_at": at,
            "changed_at": at,
            "revision": 1,
            "stable": 1,
            "priority_band": 4,
            "priority_reason": "",
            "priority_source": "",
        }


def _series(shape: Shape) -> Iterator[Row]:
    fixed = columns(
        Level.SERIES, {"SeriesDescription": "Thorax 1.0", "BodyPartExamined": "CHEST", "Manufacturer": "Synthetic"}
    )
    rows = itertools.count(1)
    for number in range(shape.studies):
        at = to_microseconds(study_moment(number, shape)) + 600_000_000
        for place in range(shape.series_per_study):
            yield fixed | {
                "row": next(rows),
                "study_row": number + 1,
                "series_instance_uid": series_uid(number, place),
                "modality": _MODALITIES[number % len(_MODALITIES)],
                "series_number": str(place + 1),
                "number_of_instances": shape.instances_per_series,
                "changed_at": at,
            }


def _instances(shape: Shape) -> Iterator[Row]:
    fixed = _stand_in_row()
    rows = itertools.count(1)
    for number, place, nth in _places(shape):
        row = next(rows)
        arrived_at = _arrival(number, row, shape)
        at = to_microseconds(arrived_at)
        yield fixed | {
            "row": row,
            "series_row": number * shape.series_per_study + place + 1,
            "study_instance_uid": study_uid(number),
            "series_instance_uid": series_uid(number, place),
            "sop_instance_uid": instance_uid(number, place, nth),
            "instance_number": str(nth + 1),
            "object_key": _key(row, arrived_at),
            "received_at": at,
            "last_seen_at": at,
        }


def _places(shape: Shape) -> Iterator[tuple[int, int, int]]:
    """Study number, series and instance within, in the order of the rows of `instance`."""
    return itertools.product(range(shape.studies), range(shape.series_per_study), range(shape.instances_per_series))


def _arrival(study_number: int, row: int, shape: Shape) -> datetime:
    return study_moment(study_number, shape) + timedelta(minutes=10, microseconds=row % 1000)


_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def _key(row: int, arrived_at: datetime) -> str:
    """What `object_key` makes, in a tenth of the time."""
    ulid = (to_microseconds(arrived_at) // 1000) << 80 | _scattered(row) << 16 | row & 0xFFFF
    text = b32encode(ulid.to_bytes(20)).translate(_CROCKFORD)[6:].decode("ascii")
    return f"{_hour_folder(arrived_at.replace(minute=0, second=0, microsecond=0))}{text}.dcm"


@lru_cache
def _hour_folder(hour: datetime) -> str:
    return f"{PREFIX}{hour:%Y/%m/%d/%H}/"


def _stand_in() -> bytes:
    return part10(ct_slice(rows=STAND_IN_SIDE, columns=STAND_IN_SIDE))


def _stand_in_row() -> dict[str, Any]:
    """The row that the product makes of a stand-in."""
    with tempfile.TemporaryDirectory() as folder:
        key = object_key(ULID.from_datetime(FIRST))
        file = Path(folder, "objects", *key.split("/")[1:])
        file.parent.mkdir(parents=True)
        file.write_bytes(_stand_in())
        arrived = examine(FolderStore(Path(folder)), key, is_news=False)
    return instance_values(arrived, 0, InstanceState.LIVE, StorageState.STORED, ())


def _link_objects(store: Path, shape: Shape) -> None:
    content = _stand_in()
    stand_ins = store / "stand-ins"
    stand_ins.mkdir(parents=True)
    folder, source = "", Path()
    for row, (number, _, _) in enumerate(_places(shape), 1):
        if row % LINKS_MAX == 1:
            source = stand_ins / f"{row}.dcm"
            source.write_bytes(content)
            source.chmod(0o440)
        key = _key(row, _arrival(number, row, shape))
        if key.rpartition("/")[0] != folder:
            folder = key.rpartition("/")[0]
            Path(store, folder).mkdir(parents=True, exist_ok=True)
        os.link(source, f"{store}/{key}")


# Databases -----------------------------------------------------------------------------------------------------

Insert = Callable[[Table, Iterator[Row]], None]


@contextmanager
def _writer(url: str) -> Iterator[Insert]:
    """Takes the rows of one table after the other, fast: indexes are made at the end, in one piece."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(parts.database), isolation_level=None)) as connection:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("BEGIN")
            with _without_indexes(connection.execute, _SQLITE):
                yield partial(_insert_sqlite, connection)
            connection.execute("COMMIT")
        return
    address = parts.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as server:
        server.execute("SET maintenance_work_mem = '512MB'")
        with _without_indexes(lambda text: server.execute(text.encode()), _POSTGRESQL):
            yield partial(_copy_postgresql, server)
        server.execute("VACUUM ANALYZE")


@contextmanager
def _without_indexes(execute: Callable[[str], object], dialect: Dialect) -> Iterator[None]:
    indexes = [index for table in (patient, study, series, instance) for index in table.indexes]
    for index in indexes:
        execute(f"DROP INDEX {index.name}")
    yield
    for index in indexes:
        execute(str(CreateIndex(index).compile(dialect=dialect)))


def _filled(table: Table, rows: Iterator[Row]) -> tuple[list[str], Iterator[Row]]:
    """The columns that rows have values for; the others have a default of their own."""
    first = next(rows)
    return [column.name for column in table.columns if column.name in first], itertools.chain((first,), rows)


def _insert_sqlite(connection: sqlite3.Connection, table: Table, rows: Iterator[Row]) -> None:
    names, rows = _filled(table, rows)
    marks = ", ".join("?" * len(names))
    statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
    connection.executemany(statement, map(itemgetter(*names), rows))


def _copy_postgresql(server: psycopg.Connection[Any], table: Table, rows: Iterator[Row]) -> None:
    names, rows = _filled(table, rows)
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with server.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for values in map(itemgetter(*names), rows):
            copy.write_row(values)
    sequence = f"SELECT setval(pg_get_serial_sequence('{table.name}', 'row'), max(row)) FROM {table.name}"
    server.execute(sequence.encode())


def main() -> int:
    """Make one, or say that it is there."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.million", description="Write an archive that has grown."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--series", type=int, default=1, help="a study")
    parser.add_argument("--instances", type=int, default=1, help="a series")
    parser.add_argument("--no-objects", action="store_true", help="rows alone")
    given = parser.parse_args()
    began = time.monotonic()
    shape = Shape(given.studies, given.series, given.instances)
    print(sqlite_archive(given.folder, shape, objects=not given.no_objects), f"{time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
