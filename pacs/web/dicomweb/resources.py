"""What the paths of the Studies Service name (PS3.18 Table 10.1-1): patterns, UIDs, the instances behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.requests import Request

from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.model import StoredInstance
from pacs.settings import WebSettings
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import checked_uid, service_url
from pacs.web.dicomweb.recent import Recent

STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
FRAMES = INSTANCE + "/frames/{frames}"

WARM_S, WARM_SERIES_MAX = 60.0, 4096

_NAMES = (("study", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instance", "SOPInstanceUID"))

Find = Callable[[Request, Principal], Callable[[], list[StoredInstance]]]
"""`Resources.found`."""


class Resources:
    """Finds what is asked for, and has it noted who looks at what."""

    def __init__(self, archive: Archive, settings: WebSettings, accesses: Accesses) -> None:
        self._archive = archive
        self._settings = settings
        self._accesses = accesses
        self._warm = Recent(WARM_S, WARM_SERIES_MAX)

    def found(self, request: Request, principal: Principal) -> Callable[[], list[StoredInstance]]:
        """A call, for a thread, that gives the live instances the path names. Raises NotFound, QueryRefused."""
        uids = self.uids(request, principal)
        return partial(self._archive.instances, *uids)

    def found_at_once(self, study: str, series: str, instance: str) -> StoredInstance | None:
        """The instance of these UIDs, for the event loop; None where a thread has to look for it.

        The first answer from a series brings the index's pages into memory, in a thread; others find them there.
        """
        if not self._warm.seen((study, series)):
            return None
        return self._archive.instance_at_once(study, series, instance)

    def uids(self, request: Request, principal: Principal) -> list[str]:
        """The UIDs of the path, the study's first. Raises QueryRefused."""
        uids = [
            checked_uid(request.path_params[name], keyword) for name, keyword in _NAMES if name in request.path_params
        ]
        self.looked_at(principal, uids[0])
        return uids

    def looked_at(self, principal: Principal, study_instance_uid: str) -> None:
        """Have it noted."""
        self._accesses.read(principal, study_instance_uid)

    def service(self, request: Request) -> str:
        """The root of the service as this client reaches it."""
        return service_url(request, self._settings)


def instance_url(service: str, stored: StoredInstance) -> str:
    """The address of an instance."""
    return (
        f"{service}/studies/{stored.study_instance_uid}/series/{stored.series_instance_uid}"
        f"/instances/{stored.sop_instance_uid}"
    )


def instance_path(request: Request) -> str:
    """The path of the instance that is asked for, from the root of the service on."""
    return INSTANCE.format(**request.path_params)
