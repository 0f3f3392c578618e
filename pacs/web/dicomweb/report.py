"""Structured reports to be read (PS3.3 C.17.3, PS3.18 8.7.4): HTML and plain text out of DICOM JSON.

Everything that comes from the object is escaped; our own words are in the reader's language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

Json = Mapping[str, Any]

LANGUAGES = ("en", "ru", "kk", "ky")
_DEPTH_MAX = 32
_WORDS = MappingProxyType(
    {
        "report": ("Report", "Отчёт", "Есеп", "Отчёт"),
        "patient": ("Patient", "Пациент", "Пациент", "Бейтап"),
        "id": ("Patient ID", "ID пациента", "Пациент ID", "Бейтаптын ID'си"),
        "born": ("Date of birth", "Дата рождения", "Туған күні", "Туулган күнү"),
        "sex": ("Sex", "Пол", "Жынысы", "Жынысы"),
        "study": ("Study date", "Дата исследования", "Зерттеу күні", "Изилдөө күнү"),
        "accession": ("Accession number", "Учётный номер", "Тіркеу нөмірі", "Каттоо номери"),
        "COMPLETE": ("Complete", "Завершён", "Аяқталған", "Аяктаган"),
        "PARTIAL": ("Not complete", "Не завершён", "Аяқталмаған", "Аяктай элек"),
        "VERIFIED": ("Verified", "Подтверждён", "Расталған", "Тастыкталган"),
        "UNVERIFIED": ("Not verified", "Не подтверждён", "Расталмаған", "Тастыктала элек"),
        "observer": ("Verified by", "Подтвердил(а)", "Растаған", "Тастыктаган"),
        "object": ("Referenced object", "Связанный объект", "Байланысты нысан", "Байланышкан объект"),
        "region": ("Region", "Область", "Аймақ", "Аймак"),
        "empty": ("The report has no content.", "Отчёт пуст.", "Есеп бос.", "Отчёт бош."),
    }
)
"""Our own words, in the order of LANGUAGES."""

_HEADER = (("patient", "00100010"), ("id", "00100020"), ("born", "00100030"), ("sex", "00100040"))
_STUDY = (("study", "00080020"), ("accession", "00080050"))
_PLAIN_VALUES = MappingProxyType(
    {
        "TEXT": "0040A160",
        "DATE": "0040A121",
        "TIME": "0040A122",
        "DATETIME": "0040A120",
        "PNAME": "0040A123",
        "UIDREF": "0040A124",
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """One content item: how deep it lies, its concept, its value, the codes behind both, and where it leads."""

    depth: int
    kind: str
    concept: str
    value: str = ""
    codes: str = ""
    address: str = ""


def language(accept_language: str) -> str:
    """The best of our languages for an Accept-Language header, English where none fits."""
    wanted: list[tuple[float, int, str]] = []
    for position, entry in enumerate(accept_language.split(",")[:32]):
        name, _, parameters = entry.strip().partition(";")
        quality = parameters.strip().removeprefix("q=") or "1"
        try:
            wanted.append((-float(quality), position, name.lower().partition("-")[0]))
        except ValueError:
            continue
    return next((name for quality, _, name in sorted(wanted) if name in LANGUAGES and quality < 0), LANGUAGES[0])


def as_html(document: Json, tongue: str) -> str:
    """A whole page."""
    title = _meaning(document, "0040A043") or _say("report", tongue)
    rows = "".join(
        f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _head(document, tongue)
    )
    body = "".join(_html_line(line) for line in lines(document, tongue)) or f"<p>{_say('empty', tongue)}</p>"
    return (
        f'<!DOCTYPE html>\n<html lang="{tongue}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(title)}</title></head>'
        f"<body><h1>{escape(title)}</h1><table>{rows}</table>{body}</body></html>\n"
    )


def as_text(document: Json, tongue: str) -> str:
    """The same as plain text, indented by depth."""
    title = _meaning(document, "0040A043") or _say("report", tongue)
    head = [f"{name}: {value}" for name, value in _head(document, tongue)]
    body = [_text_line(line) for line in lines(document, tongue)] or [_say("empty", tongue)]
    return "\n".join([title, "", *head, "", *body, ""])


def lines(document: Json, tongue: str) -> Iterator[Line]:
    """The content items below the root, each before its children."""
    series = {
        str(_first(reference, "00081155")): str(_first(group, "0020000E"))
        for evidence in ("0040A375", "0040A385")
        for study in _items(document, evidence)
        for group in _items(study, "00081115")
        for reference in _items(group, "00081199")
    }
    yield from _lines(document, 0, tongue, series)


def _lines(parent: Json, depth: int, tongue: str, series: Mapping[str, str]) -> Iterator[Line]:
    if depth >= _DEPTH_MAX:
        return
    for item in _items(parent, "0040A730"):
        kind = str(_first(item, "0040A040") or "")
        value, value_code, address = _value(item, kind, tongue, series)
        codes = " · ".join(filter(None, (_code(item, "0040A043"), value_code)))
        concept = _meaning(item, "0040A043") or (_say("object", tongue) if address else "")
        if concept or value:
            yield Line(depth, kind, concept, value, codes, address)
        yield from _lines(item, depth + 1, tongue, series)


def _value(item: Json, kind: str, tongue: str, series: Mapping[str, str]) -> tuple[str, str, str]:
    """The value in words, its code, and the address of what it points to."""
    if kind in _PLAIN_VALUES:
        return _text(item, _PLAIN_VALUES[kind]), "", ""
    if kind == "CODE":
        return _meaning(item, "0040A168"), _code(item, "0040A168"), ""
    if kind == "NUM":
        measured = next(iter(_items(item, "0040A300")), None)
        if measured is None:
            return _meaning(item, "0040A301"), _code(item, "0040A301"), ""
        unit = next(iter(_items(measured, "004008EA")), {})
        written = _text(unit, "00080100")
        shown = (
            ""
            if written in ("1", "{ratio}", "ratio")
            else _text(unit, "00080104")
            if written.startswith("{")
            else written
        )
        return f"{_text(measured, '0040A30A')} {shown}".strip(), _code(measured, "004008EA"), ""
    if kind in ("IMAGE", "COMPOSITE", "WAVEFORM"):
        reference = next(iter(_items(item, "00081199")), {})
        uid = str(_first(reference, "00081155") or "")
        frame = _text(reference, "00081160").split(", ")[0]
        place = f"/frames/{frame}" if frame else ""
        return uid, "", f"../../../{series[uid]}/instances/{uid}{place}/rendered" if uid in series else ""
    if kind in ("SCOORD", "SCOORD3D", "TCOORD"):
        return f"{_say('region', tongue)}: {_text(item, '00700023') or _text(item, '0040A130')}", "", ""
    return "", "", ""


def _html_line(line: Line) -> str:
    concept, value, codes = escape(line.concept), escape(line.value).replace("\n", "<br>"), escape(line.codes)
    if line.kind == "CONTAINER":
        level = min(line.depth + 2, 6)
        return f'<h{level} title="{codes}">{concept}</h{level}>' if concept else ""
    if line.address:
        value = f'<a href="{escape(line.address)}">{value}</a>'
    name = f"<b>{concept}</b>: " if concept else ""
    small = f" <small>({codes})</small>" if codes else ""
    opening, closing = "<ul>" * line.depth, "</ul>" * line.depth
    return f"{opening}<li>{name}{value}{small}</li>{closing}" if line.depth else f"<p>{name}{value}{small}</p>"


def _text_line(line: Line) -> str:
    indent = "  " * line.depth
    value = line.value.replace("\r\n", "\n").replace("\n", f"\n{indent}  ")
    return indent + ": ".join(filter(None, (line.concept, value)))


def _head(document: Json, tongue: str) -> list[tuple[str, str]]:
    rows = [(_say(name, tongue), _text(document, tag)) for name, tag in (*_HEADER, *_STUDY)]
    state = [_say(flag, tongue) for tag in ("0040A491", "0040A493") if (flag := _text(document, tag)) in _WORDS]
    rows.append((_say("report", tongue), ", ".join(state)))
    rows += [(_say("observer", tongue), _text(observer, "0040A075")) for observer in _items(document, "0040A073")]
    return [(name, value) for name, value in rows if value]


def _say(word: str, tongue: str) -> str:
    return _WORDS[word][LANGUAGES.index(tongue)]


def _meaning(dataset: Json, tag: str) -> str:
    return _text(next(iter(_items(dataset, tag)), {}), "00080104")


def _code(dataset: Json, tag: str) -> str:
    entry = next(iter(_items(dataset, tag)), {})
    value = _text(entry, "00080100") or _text(entry, "00080119") or _text(entry, "00080120")
    return ", ".join(filter(None, (value, _text(entry, "00080102"))))


def _items(dataset: Json, tag: str) -> Sequence[Json]:
    return [item for item in dataset.get(tag, {}).get("Value", []) if isinstance(item, Mapping)]


def _first(dataset: Json, tag: str) -> Any:
    return next(iter(dataset.get(tag, {}).get("Value", [])), None)


def _text(dataset: Json, tag: str) -> str:
    values = dataset.get(tag, {}).get("Value", [])
    return ", ".join(_plain(value) for value in values if value is not None)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):  # a name; the alphabetic group, else what there is
        named = next((str(value[group]) for group in ("Alphabetic", "Ideographic", "Phonetic") if value.get(group)), "")
        return " ".join(part for part in named.split("^") if part)
    return str(value)
