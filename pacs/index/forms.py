"""Searches of one form, asked again and again with other values: their SQL is built and compiled once a form.

Building and compiling a search takes SQLAlchemy longer than SQLite takes to answer it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Integer, Result, Select, and_, bindparam, true

FORMS_MAX = 500
VALUES_MAX = 48
"""A form of more values is seldom asked twice."""

_LIMIT, _OFFSET = "row_limit", "row_offset"


@dataclass(frozen=True, slots=True)
class _Form:
    """The text of a statement for one database, and where its values go."""

    text: str
    defaults: dict[str, Any]
    names: tuple[str, ...]
    positions: list[str] | None

    def bound(self, values: Sequence[Any]) -> Any:
        """Limit, offset and the values of the conditions as the driver takes them."""
        given = self.defaults | dict(zip(self.names, values, strict=True))
        return given if self.positions is None else tuple(given[name] for name in self.positions)


class Forms:
    """The forms seen last. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forms: OrderedDict[Hashable, _Form] = OrderedDict()

    def rows(
        self,
        connection: Connection,
        kind: Hashable,
        make: Callable[[], Select[Any]],
        conditions: Sequence[ColumnElement[bool]],
        limit: int,
        offset: int,
    ) -> list[Sequence[Any]]:
        """All rows of the statement of this `kind`, which `make` makes, under `conditions`.

        The conditions hold no list of values (`IN`): its length is part of a text, and not of a form.
        """
        condition = and_(true(), *conditions)
        described = condition._generate_cache_key()  # what tells two conditions apart but for their values, and these
        assert described is not None, "conditions are made of columns, operators and values"
        key = (connection.dialect.name, kind, described.key)
        with self._lock:
            form = self._forms.get(key)
        if form is None:
            form = _compiled(connection, make().where(condition), described.bindparams)
            if len(described.bindparams) <= VALUES_MAX:
                with self._lock:
                    self._forms[key] = form
                    if len(self._forms) > FORMS_MAX:
                        self._forms.popitem(last=False)
        values = [limit, offset, *(parameter.value for parameter in described.bindparams)]
        return list(connection.exec_driver_sql(form.text, form.bound(values)).all())


def streamed(connection: Connection, statement: Select[Any], rows_at_once: int) -> Result[Any]:
    """The rows of a statement that has no form here. It is compiled each time: what SQLAlchemy would keep of it takes a
    hundred kilobytes, and of searches there are more kinds than memory."""
    return connection.execute(statement, execution_options={"yield_per": rows_at_once, "compiled_cache": None})


def _compiled(connection: Connection, statement: Select[Any], values: Sequence[BindParameter[Any]]) -> _Form:
    paged = statement.limit(bindparam(_LIMIT, 0, Integer)).offset(bindparam(_OFFSET, 0, Integer))
    compiled: Any = paged.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    names = (_LIMIT, _OFFSET, *(compiled.bind_names[value] for value in values))
    positions = list(compiled.positiontup) if compiled.positional else None
    return _Form(str(compiled), dict(compiled.params), names, positions)
