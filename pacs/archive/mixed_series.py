"""What a series is called that holds images and other objects: what images say comes before what others say, whichever
came first. A row keeps what the others say beside it, so that it can go back to it when the images go out of sight."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from pacs.archive.rows import ATTRIBUTES, column_values
from pacs.attributes import Level
from pacs.dicom.uids import DRAWN_OVER_IMAGES
from pacs.index.schema import IS_LIVE, instance, series

Values = dict[str, str]

IMAGES_ALONE: Final = ""
OTHERS_ALONE: Final = "*"
"""What `series.said_beside` is while nothing but images, or no image, has told of the series; else JSON."""

_UNIQUE: Final = frozenset({"SeriesInstanceUID"})
_SAID: Final = tuple(one for one in ATTRIBUTES[Level.SERIES] if one.keyword not in _UNIQUE)

_IS_IMAGE: Final[ColumnElement[bool]] = and_(
    instance.c["rows"] != "", instance.c.sop_class_uid.not_in(sorted(DRAWN_OVER_IMAGES))
)


def is_image(values: Mapping[str, str]) -> bool:
    """Whether an object is an image: it has pixels of its own, and is not drawn over those of others."""
    return bool(values.get("Rows")) and values.get("SOPClassUID") not in DRAWN_OVER_IMAGES


def said_by(values: Mapping[str, str]) -> str:
    """The `said_beside` of a series that this object alone has told of."""
    return IMAGES_ALONE if is_image(values) else OTHERS_ALONE


@dataclass(slots=True)
class Sayings:
    """What objects say of one series: of all of them, what others than images say, and what they alone say."""

    shown: Values
    others: Values
    only_others: set[str]

    @classmethod
    def of(cls, shown: Values, said_beside: str) -> Sayings:
        if said_beside == OTHERS_ALONE:
            others = {one.keyword: shown[one.keyword] for one in _SAID if shown.get(one.keyword)}
            return cls(shown, others, set(others))
        if said_beside == IMAGES_ALONE:
            return cls(shown, {}, set())
        kept = json.loads(said_beside)
        return cls(shown, kept["others"], set(kept["only_others"]))

    def hear_one(self, values: Mapping[str, str]) -> None:
        """What one object says."""
        if is_image(values):
            self.hear_image(values)
        else:
            self.hear_other(values)

    def hear_image(self, values: Mapping[str, str]) -> None:
        """What an image says, where no other image has said it."""
        for attribute in _SAID:
            text = values.get(attribute.keyword)
            if text and (not self.shown.get(attribute.keyword) or attribute.keyword in self.only_others):
                self.shown[attribute.keyword] = text
                self.only_others.discard(attribute.keyword)

    def hear_other(self, values: Mapping[str, str]) -> None:
        """What an object says that is no image, where nobody has said it."""
        for attribute in _SAID:
            text = values.get(attribute.keyword)
            if not text:
                continue
            self.others.setdefault(attribute.keyword, text)
            if not self.shown.get(attribute.keyword):
                self.shown[attribute.keyword] = text
                self.only_others.add(attribute.keyword)

    def hear(self, again: Sayings) -> None:
        """What was said of the same series elsewhere."""
        self.hear_other(again.others)
        self.hear_image(
            {keyword: text for keyword, text in again.shown.items() if keyword not in again.only_others},
        )

    def forget_images(self) -> None:
        """No image is left: the others are right in everything."""
        for attribute in _SAID:
            self.shown[attribute.keyword] = self.others.get(attribute.keyword, "")
        self.only_others = set(self.others)

    def forget_others(self) -> None:
        """Only images are left."""
        for keyword in self.only_others:
            self.shown[keyword] = ""
        self.others, self.only_others = {}, set()

    def beside(self) -> str:
        """The `said_beside` of its row."""
        if not self.others:
            return IMAGES_ALONE
        if self.only_others >= {one.keyword for one in _SAID if self.shown.get(one.keyword)}:
            return OTHERS_ALONE
        return _text({"others": self.others, "only_others": sorted(self.only_others)})


def of_row(row: Mapping[str, Any]) -> Sayings:
    """What the objects say of a series by its row, as it is or as it was kept."""
    if row.get("original"):
        shown: Values = json.loads(row["original"])
    else:
        shown = {one.keyword: row.get(one.column, "") for one in ATTRIBUTES[Level.SERIES]}
    return Sayings.of(shown, row.get("said_beside", IMAGES_ALONE))


def is_news(original: str, said_beside: str, stored: Sequence[str], values: Mapping[str, str]) -> bool:
    """Whether an object says something of a series that its row, as it was just found, does not have."""
    columns = {one.column: text for one, text in zip(ATTRIBUTES[Level.SERIES], stored, strict=True)}
    sayings = of_row({"original": original, "said_beside": said_beside, **columns})
    before = dict(sayings.shown)
    sayings.hear_one(values)
    return (sayings.shown, sayings.beside()) != (before, said_beside)


def told(connection: Connection, row: int, values: Mapping[str, str]) -> bool:
    """Inside a write: have the row of a series say what follows from a further object; whether it is corrected, and
    its objects say something else than before."""
    return _change(connection, row, lambda sayings: sayings.hear_one(values))


def joined(connection: Connection, row: int, again: Mapping[str, Any]) -> None:
    """Inside a write: have the row of a series follow from what another row of it says, too, that was kept."""
    _change(connection, row, lambda sayings: sayings.hear(of_row(again)))


def settle(connection: Connection, series_rows: list[int]) -> bool:
    """Inside a write: where a mixed series has lost its images, or all that is none, let its row follow from what is
    left; whether a corrected one was among them."""
    mixed = (
        select(series.c.row, func.count(instance.c.row), func.count(instance.c.row).filter(_IS_IMAGE))
        .select_from(series.join(instance, and_(instance.c.series_row == series.c.row, IS_LIVE)))
        .where(series.c.row.in_(series_rows), series.c.said_beside.not_in((IMAGES_ALONE, OTHERS_ALONE)))
        .group_by(series.c.row)
    )
    is_any_corrected = False
    for row, live, images in connection.execute(mixed).all():
        if images == 0:
            is_any_corrected |= _change(connection, row, Sayings.forget_images)
        elif images == live:
            is_any_corrected |= _change(connection, row, Sayings.forget_others)
    return is_any_corrected


def merged(one: Mapping[str, Any], again: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a series that was kept, with what another kept row of it says besides."""
    return {**one, **_fresh(one, lambda sayings: sayings.hear(of_row(again)))}


def _change(connection: Connection, row: int, change: Callable[[Sayings], None]) -> bool:
    # Read again and held: another process's transaction may have written it since the look.
    known = connection.execute(select(series).where(series.c.row == row).with_for_update()).mappings().one()
    fresh = _fresh(dict(known), change)
    if fresh:
        connection.execute(update(series).where(series.c.row == row).values(fresh))
    return "original" in fresh


def _fresh(known: Mapping[str, Any], change: Callable[[Sayings], None]) -> dict[str, Any]:
    """The columns of a row that are others after the change."""
    sayings = of_row(known)
    before = dict(sayings.shown)
    change(sayings)
    fresh: dict[str, Any] = {}
    if sayings.shown != before:
        if known.get("original"):
            fresh["original"] = _text(sayings.shown)
        else:
            for attribute in _SAID:
                if sayings.shown.get(attribute.keyword) != before.get(attribute.keyword):
                    fresh |= column_values(attribute, sayings.shown)
    said_beside = sayings.beside()
    if said_beside != known.get("said_beside", IMAGES_ALONE):
        fresh["said_beside"] = said_beside
    return fresh


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
