"""How a rig sends, reads and asks: through the wires of a node of its own, or at an archive in this process."""

from __future__ import annotations

from typing import Protocol

import httpx2
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from sqlalchemy import func, select

from pacs.archive.archive import Archive
from pacs.index.schema import instance
from pacs.model import InstanceState
from tests.faults.witness import deliver, kept_as_sent
from tests.support.factories import ct_slice
from tests.support.modality import Modality, Prepared
from tests.support.process import NodeProcess

OBJECT = "application/dicom; transfer-syntax=*"
STUDY = ct_slice().StudyInstanceUID
SERIES = ct_slice().SeriesInstanceUID
"""Of every instance that `kill_loop.Template` makes."""


class Door(Protocol):
    """How a rig sends, reads and asks: a node of its own, or an archive in this process."""

    def send(self, prepared: Prepared) -> int: ...

    def reads(self, prepared: Prepared) -> bool: ...

    def count(self) -> int: ...


class NodeDoor:
    """A real node, by DIMSE and DICOMweb."""

    def __init__(self, node: NodeProcess) -> None:
        self._node = node
        self._modality = self.modality(node)
        self._web = httpx2.Client(base_url=node.dicomweb_url, headers=node.authorization("clinician"), timeout=60)

    @staticmethod
    def modality(node: NodeProcess) -> Modality:
        """A new association with `node`."""
        return Modality("127.0.0.1", node.dimse_port, CTImageStorage, ExplicitVRLittleEndian)

    def send(self, prepared: Prepared) -> int:
        return self._modality.store(prepared)

    def reads(self, prepared: Prepared) -> bool:
        answer = self.get(f"/series/{SERIES}/instances/{prepared.sop_instance_uid}", OBJECT)
        return answer.status_code == 200 and answer.content.endswith(prepared.dataset)

    def get(self, below_study: str, accept: str) -> httpx2.Response:
        """Anything of the study by DICOMweb."""
        return self._web.get(f"/studies/{STUDY}{below_study}", headers={"Accept": accept})

    def count(self) -> int:
        answer = self._web.get("/studies", params={"includefield": "NumberOfStudyRelatedInstances"})
        assert answer.status_code == 200, f"QIDO answers {answer.status_code}: {answer.text[:200]}"
        return int(answer.json()[0]["00201208"]["Value"][0])

    def close(self) -> None:
        self._modality.close()
        self._web.close()


class ArchiveDoor:
    """The archive in this process."""

    def __init__(self, archive: Archive) -> None:
        self._archive: Archive | None = archive

    def send(self, prepared: Prepared) -> int:
        return deliver(self._open, prepared)

    def reads(self, prepared: Prepared) -> bool:
        return kept_as_sent(self._open, prepared)

    def count(self) -> int:
        with self._open.index.read() as connection:
            live = select(func.count()).where(instance.c.state == InstanceState.LIVE)
            return int(connection.execute(live).scalar_one())

    def close(self) -> None:
        """Let go of the archive and with it of its store's open directories."""
        self._archive = None

    @property
    def _open(self) -> Archive:
        assert self._archive is not None, "the door is closed"
        return self._archive
