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

STUDY = "/studies/{study}"
SERIES = STUDY + "/series/{series}"
INSTANCE = SERIES + "/instances/{instance}"
FRAMES = INSTANCE + "/frames/{frames}"

_NAMES = (("study", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instance", "SOPInstanceUID"))


class Resources:
    """Finds what is asked for, and has it noted who looks at what."""

    def __init__(self, archive: Archive, settings: WebSettings, accesses: Accesses) -> None:
        self._archive = archive
        self._settings = settings
        self._accesses = accesses

    def found(self, request: Request, principal: Principal) -> Callable[[], list[StoredInstance]]:
        """A call, for a thread, that gives the live instances the path names. Raises NotFound, QueryRefused."""
        uids = self.uids(request, principal)
        return partial(self._archive.instances, *uids)

    def uids(self, request: Request, principal: Principal) -> list[str]:
        """The UIDs of the path, the study's first. Raises QueryRefused."""
        uids = [
            checked_uid(request.path_params[name], keyword) for name, keyword in _NAMES if name in request.path_params
        ]
        self._accesses.read(principal, uids[0])
        return uids

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
