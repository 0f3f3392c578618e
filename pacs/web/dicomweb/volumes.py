"""Rendered MPR and 3D volume resources (PS3.18 8.3.5.3, 10.4.1.1.3): views of a series for devices that make none."""

from __future__ import annotations

import hashlib
import math
import threading

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import in_thread
from pacs.access.operation import Answer, Json, Operation, Parameter, one_of, whole
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.retrieve import frame_table
from pacs.errors import Busy, NotAcceptable, QueryRefused, Unreadable
from pacs.model import StoredInstance
from pacs.render.values import MEDIA_TYPES, VOLUME_BYTES_MAX
from pacs.render.workers import Attached, DecodeWorkers, Picture, VolumeView
from pacs.web.dicomweb.answers import accepted_by, entity_tags
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.rendered import RENDERED_MANY, asked, picture_form
from pacs.web.dicomweb.resources import Find

SLICES_MAX = 512
_SLAB_MAX_MM = 1000.0
_WAIT_S = 30.0

Triple = tuple[float, float, float]

# what the camera sees: (right, down) of the picture in LPS (8.3.5.3.4)
_ORIENTATIONS: dict[str, tuple[Triple, Triple]] = {
    "a": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "p": ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "r": ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0)),
    "l": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    "h": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "f": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
_METHODS = ("maximum_ip", "minimum_ip", "average_ip")
_CAMERA = ("viewpointposition", "viewpointlookat", "viewpointup")
_NOT_SUPPORTED = (
    "volumeinputreference",
    "match",
    "swivelrange",
    "volumetriccurvepoint",
    "animationstepsize",
    "animationrate",
    "renderedvolumetricmetadata",
)


_MM = Json({"type": "string", "pattern": r"^-?[0-9]{1,3}(\.[0-9]{1,2})?(,-?[0-9]{1,3}(\.[0-9]{1,2})?){2}$"})
_OF_VOLUMES = (
    *RENDERED_MANY.parameters,
    Parameter("renderingmethod", "how many values become one", one_of(_METHODS)),
    Parameter("orientation", "from which side: anterior, posterior, right, left, head, feet", one_of([*_ORIENTATIONS])),
    Parameter("viewpointposition", "x,y,z of the camera in mm; all three of them or none", _MM),
    Parameter("viewpointlookat", "x,y,z of what it looks at", _MM),
    Parameter("viewpointup", "x,y,z of its upward direction", _MM),
)
_VIEW = (Answer(200, "the picture", MEDIA_TYPES, headers={"ETag": "of this picture"}),)
PLANE = Operation(
    "A plane through the volume of a series, or a slab of it (PS3.18 10.4.1.1.6)",
    _VIEW,
    (*_OF_VOLUMES, Parameter("mprslab", "thickness in mm", whole(0, int(_SLAB_MAX_MM)))),
    refusals=(304, 400, 406, 410, 422),
)
PROJECTION = Operation("All of a series, projected", _VIEW, _OF_VOLUMES, refusals=(304, 400, 406, 410, 422))


class Volumes:
    """The answers with views of a series; one volume at a time is in memory."""

    def __init__(self, archive: Archive, workers: DecodeWorkers, find: Find) -> None:
        self._archive = archive
        self._workers = workers
        self._find = find
        self._turn = threading.Lock()

    async def mpr(self, request: Request, principal: Principal) -> Response:
        """A plane through the series, or a slab of it."""
        return await self._answer(request, principal, whole=False)

    async def projection(self, request: Request, principal: Principal) -> Response:
        """All of the series, projected."""
        return await self._answer(request, principal, whole=True)

    async def _answer(self, request: Request, principal: Principal, *, whole: bool) -> Response:
        form = picture_form(accepted_by(request), single=True, many=False)
        wanted = asked(request.query_params, form.media_type, whole=True)
        view = view_of(request.query_params, whole=whole)
        find = self._find(request, principal)

        def made() -> tuple[str, Picture | None]:
            slices = _slices(find())
            described = f"{[stored.shown_as for stored in slices]} {view} {wanted}"
            tag = f'"{hashlib.sha256(described.encode()).hexdigest()[:32]}"'
            if tag in entity_tags(request.headers.get("if-none-match", "")):
                return tag, None
            if not self._turn.acquire(timeout=_WAIT_S):
                raise Busy("another volume is being put together", "ask again in a moment")
            try:
                return tag, self._workers.volume([self._attached(stored) for stored in slices], view, wanted)
            finally:
                self._turn.release()

        tag, picture = await in_thread(made)
        headers = {"etag": tag, "cache-control": CACHE, "vary": "accept"}
        if picture is None:
            return Response(None, 304, headers)
        return Response(picture.data, 200, headers, picture.media_type)

    def _attached(self, stored: StoredInstance) -> Attached:
        return Attached(
            kind="slice",
            header=self._archive.header(stored),
            transfer_syntax_uid=stored.transfer_syntax_uid,
            pixel_data_vr=stored.pixel_data_vr,
            frames=tuple((number, self._archive.frame(stored, number)) for number in _numbers_of_frames(stored)),
        )


def _slices(instances: list[StoredInstance]) -> list[StoredInstance]:
    """The images of the series. Raises NotAcceptable, Unreadable where they are more than are put together."""
    images = [stored for stored in instances if stored.frame_table is not None]
    if not images:
        raise NotAcceptable("there is no volume in this", "it holds no image; open its metadata or retrieve it")
    if (
        sum(len(_numbers_of_frames(stored)) for stored in images) > SLICES_MAX
        or sum(stored.size for stored in images) > VOLUME_BYTES_MAX
    ):
        raise Unreadable(
            "these images make no volume here: they are too many or too large",
            f"at most {SLICES_MAX} images and {VOLUME_BYTES_MAX >> 20} MiB are put together",
            "volume_large",
        )
    return images


def _numbers_of_frames(stored: StoredInstance) -> range:
    return range(1, frame_table(stored).number_of_frames + 1)


def view_of(query: QueryParams, *, whole: bool) -> VolumeView:
    """The view that the parameters describe (8.3.5.3). Raises QueryRefused."""
    for name in _NOT_SUPPORTED:
        if name in query:
            raise QueryRefused(f"{name} is not supported", "leave it out")
    method = query.get("renderingmethod", "maximum_ip" if whole else "average_ip")
    if method not in _METHODS:
        raise QueryRefused(f"renderingmethod {method[:32]!r} is not made here", f"use {' or '.join(_METHODS)}")
    given = [name for name in _CAMERA if name in query]
    if given and ("orientation" in query or len(given) != len(_CAMERA)):
        raise QueryRefused("the camera is not understood", f"give orientation, or all of {', '.join(_CAMERA)}")
    center: Triple | None = None
    if given:
        position, center, up = (_triple(query[name], name) for name in _CAMERA)
        right, down = _camera(position, center, up)
    else:
        right, down = _orientation(query.get("orientation", "a" if whole else "f"))
    slab = 0.0
    if "mprslab" in query:
        slab = _numbers(query["mprslab"], "mprslab", 1)[0]
        if whole or not 0 <= slab <= _SLAB_MAX_MM:
            raise QueryRefused("mprslab is out of range", f"it is of an MPR, from 0 to {_SLAB_MAX_MM:g} mm")
    return VolumeView(right, down, method, slab, center, whole)  # type: ignore[arg-type]


def _orientation(letter: str) -> tuple[Triple, Triple]:
    if letter.lower() not in _ORIENTATIONS:
        raise QueryRefused(f"orientation {letter[:8]!r} is not understood", f"use one of {', '.join(_ORIENTATIONS)}")
    return _ORIENTATIONS[letter.lower()]


def _camera(position: Triple, look_at: Triple, up: Triple) -> tuple[Triple, Triple]:
    """Right and down of what a camera sees."""
    ahead = _unit((look_at[0] - position[0], look_at[1] - position[1], look_at[2] - position[2]))
    right = _unit(_cross(ahead, up))
    return right, _cross(ahead, right)


def _cross(a: Triple, b: Triple) -> Triple:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(vector: Triple) -> Triple:
    length = math.hypot(*vector)
    if length < 1e-9:
        raise QueryRefused("the camera has no direction", "position, point and upward direction have to differ")
    return vector[0] / length, vector[1] / length, vector[2] / length


def _triple(given: str, name: str) -> Triple:
    x, y, z = _numbers(given, name, 3)
    return x, y, z


def _numbers(given: str, name: str, count: int) -> list[float]:
    try:
        values = [float(part) for part in given.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) and abs(value) < 1e6 for value in values):
        raise QueryRefused(f"{name} {given[:32]!r} is not understood", f"give {count} numbers in mm")
    return values
