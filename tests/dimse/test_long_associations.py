"""More messages on one association than there are message IDs, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from pacs.dimse.command import MESSAGE_ID_MAX
from pacs.dimse.outbound import Outbound, Proposal
from pacs.index.schema import instance
from pacs.settings import DimseSettings
from tests.faults.instances import Template, uid_of
from tests.faults.memory_folder import in_memory
from tests.support.archives import open_archive
from tests.support.dimse import CT, EXPLICIT, listening
from tests.support.retrieve import get, identifier

INSTANCES = MESSAGE_ID_MAX + 2
MEMORY_BYTES = 2 << 30


@pytest.mark.rig
@pytest.mark.timeout(3000)
def test_an_association_outlives_its_message_ids(tmp_path: Path) -> None:
    template = Template(2)
    outbound = Outbound(DimseSettings(ae_title="SENDER"))
    with in_memory(tmp_path, MEMORY_BYTES) as folder, open_archive(folder) as archive, listening(archive) as listener:
        outbound.start()
        try:
            proposals = [Proposal(CT, (EXPLICIT,))]
            with outbound.associate("127.0.0.1", listener.port, "SURET", proposals) as association:
                (context,) = association.contexts
                for number in range(1, INSTANCES + 1):
                    answer = association.store(context, uid_of(number), [template.dataset(number)])
                    assert answer.status == 0, number
        finally:
            outbound.stop()
        with archive.index.read() as connection:
            assert connection.execute(select(func.count()).select_from(instance)).scalar_one() == INSTANCES
        asked = identifier("STUDY", StudyInstanceUID=template.study_instance_uid)
        ((last, _nothing),), receiver = get(listener.port, asked, [(CT, [EXPLICIT])])
        assert (last.Status, receiver.received) == (0xA701, []), "the counters cannot tell so many"
