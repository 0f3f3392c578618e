"""Every kind of job that is performed on the DICOM network. A new kind is one line here."""

from __future__ import annotations

from pacs.access.peers import Peers
from pacs.archive.archive import Archive
from pacs.archive.runner import Kind
from pacs.archive.transcode import Transcoder
from pacs.dimse.availability import AvailabilityJobs
from pacs.dimse.commitment import CommitmentService
from pacs.dimse.commitment_jobs import CommitmentJobs
from pacs.dimse.fetch import FetchJobs
from pacs.dimse.forward import ForwardJobs
from pacs.dimse.outbound import Outbound
from pacs.dimse.sending import Sender
from pacs.dimse.ups_reports import ReportJobs
from pacs.settings import DimseSettings


def kinds(
    archive: Archive, settings: DimseSettings, peers: Peers, outbound: Outbound, transcoder: Transcoder
) -> list[Kind]:
    """What the job runner of a node is given."""
    return [
        *CommitmentJobs(archive, peers, outbound, CommitmentService(archive, peers)).kinds(),
        *ForwardJobs(archive, peers, Sender(archive, transcoder, outbound)).kinds(),
        *FetchJobs(archive, peers, outbound, settings.instance_bytes_max).kinds(),
        *AvailabilityJobs(archive, peers, outbound).kinds(),
        *ReportJobs(archive, peers, outbound).kinds(),
    ]
