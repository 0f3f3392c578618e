"""The checks, in the order in which they are told. A new one is a function of what it looks at and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pacs.doctor import archive, index, machine, node, place, work
from pacs.doctor.finding import Finding, Level, unseen
from pacs.doctor.look import Look
from pacs.errors import SuretError
from storage.errors import StorageError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Check:
    """A name, as it stands before every finding, and what looks."""

    name: str
    look: Callable[[Look], Iterator[Finding]]


CHECKS: tuple[Check, ...] = (
    Check("data folder", place.data_folder),
    Check("disks", place.file_systems),
    Check("room", place.room),
    Check("node", node.running),
    Check("ready", node.ready),
    Check("refused", work.refused),
    Check("hashing", work.hashing),
    Check("ready files", work.ready_files),
    Check("pictures", work.pictures),
    Check("decoders", work.decoders),
    Check("ports", node.ports),
    Check("exposure", node.exposure),
    Check("certificates", node.certificates),
    Check("clock", machine.clock),
    Check("sandbox", machine.sandbox),
    Check("index", index.opened),
    Check("durability", index.durable),
    Check("object store", archive.object_store),
    Check("damage", archive.damaged),
    Check("conflicts", archive.conflicts),
    Check("patients", archive.patients),
    Check("arrivals", archive.unfinished),
    Check("followers", archive.followers),
    Check("jobs", archive.jobs),
    Check("callers", archive.callers),
    Check("backup", archive.backup),
    Check("scrub", archive.scrubbed),
)


def examine(look: Look) -> Iterator[tuple[str, Finding]]:
    """Every finding of every check, by its name; a check that fails itself is one that could not look."""
    for check in CHECKS:
        try:
            for finding in check.look(look):
                yield check.name, finding
        except (SuretError, StorageError, SQLAlchemyError, OSError) as error:
            yield check.name, unseen(f"this could not be looked at: {error}")
        except Exception as error:
            log.exception("check_failed", check=check.name)
            yield check.name, unseen(f"this check broke off ({type(error).__name__}); please report it")


def verdict(findings: list[Finding]) -> int:
    """The exit code: 1 something is to be done, else 2 something could not be seen, else 0."""
    levels = {finding.level for finding in findings}
    return 1 if Level.WRONG in levels else 2 if Level.UNSEEN in levels else 0
