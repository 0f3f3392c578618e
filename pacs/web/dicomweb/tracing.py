"""Waveforms as a drawing (PS3.3 C.10.9): SVG in millimetres, an ECG on its paper at 25 mm/s and 10 mm/mV."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pacs.errors import Unreadable

Json = Mapping[str, Any]
Values = NDArray[np.float64]

MM_PER_S, MM_PER_MV = 25.0, 10.0
SECONDS_MAX = 60.0
_CHANNELS_MAX = 64
_ROW_MM, _LEFT_MM, _TOP_MM = 24.0, 12.0, 10.0
_BINS_PER_MM = 8
_TYPES = MappingProxyType(
    {("SB", 8): "i1", ("UB", 8): "u1", ("SS", 16): "<i2", ("US", 16): "<u2", ("SL", 32): "<i4", ("UL", 32): "<u4"}
)
_MILLIVOLTS = MappingProxyType({"uV": 0.001, "mV": 1.0, "V": 1000.0})


@dataclass(frozen=True, slots=True)
class Channel:
    """One lead: its name, its samples in `unit` (NaN where there was none), and samples a second."""

    name: str
    unit: str
    samples: Values
    rate_hz: float


def channels(document: Json, read: Callable[[str], bytes]) -> list[Channel]:
    """The channels of the first multiplex group that can be read; `read` gives the value behind a bulk data path.

    Raises Unreadable.
    """
    for position, group in enumerate(_items(document, "54000100"), 1):
        kind = (str(_first(group, "54001006") or ""), int(_first(group, "54001004") or 0))
        count, length = int(_first(group, "003A0005") or 0), int(_first(group, "003A0010") or 0)
        rate = float(_first(group, "003A001A") or 0)
        if kind not in _TYPES or not 0 < count <= _CHANNELS_MAX or length < 1 or rate <= 0:
            continue
        stored = np.frombuffer(read(f"54000100/{position}/54001010"), _TYPES[kind])
        if len(stored) < count * length:
            raise Unreadable("the waveform is shorter than its header says", "send it again from its source")
        shown = min(length, round(rate * SECONDS_MAX))
        samples = stored[: count * length].reshape(length, count)[:shown]
        definitions = _items(group, "003A0200")
        return [
            _channel(definitions[index] if index < len(definitions) else {}, index, samples[:, index], rate)
            for index in range(count)
        ]
    raise Unreadable("there is no waveform that can be drawn", "retrieve the object as it is stored")


def _channel(definition: Json, index: int, stored: NDArray[Any], rate: float) -> Channel:
    source = next(iter(_items(definition, "003A0208")), {})
    named = str(_first(definition, "003A0203") or _first(source, "00080104") or index + 1)
    lead = re.fullmatch(r"Lead (\S+)(?: .*)?", named)
    values = stored.astype(np.float64)
    padding = _first(definition, "5400100A")
    unit = str(_first(next(iter(_items(definition, "003A0211")), {}), "00080100") or "")
    sensitivity = _number(definition, "003A0210", 1.0) * _number(definition, "003A0212", 1.0)
    scaled = values * sensitivity + _number(definition, "003A0213", 0.0)
    if isinstance(padding, int | float):
        scaled[values == padding] = np.nan
    return Channel(lead[1] if lead else named, unit, scaled, rate)


def as_svg(found: Sequence[Channel], title: str) -> str:
    """The channels below each other, on millimetre paper; what is no voltage fills its row by its own range."""
    seconds = max(len(channel.samples) / channel.rate_hz for channel in found)
    width = _LEFT_MM + seconds * MM_PER_S + 4
    height = _TOP_MM + len(found) * _ROW_MM + 8
    rows = "".join(_row(channel, _TOP_MM + (index + 0.5) * _ROW_MM) for index, channel in enumerate(found))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}mm" height="{height:.1f}mm" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" role="img"><title>{escape(title)}</title>'
        '<defs><pattern id="mm" width="1" height="1" patternUnits="userSpaceOnUse">'
        '<path d="M1 0H0V1" fill="none" stroke="#f6c9c9" stroke-width="0.08"/></pattern>'
        '<pattern id="cm" width="5" height="5" patternUnits="userSpaceOnUse">'
        '<path d="M5 0H0V5" fill="none" stroke="#e89a9a" stroke-width="0.15"/></pattern></defs>'
        '<rect width="100%" height="100%" fill="#fff"/><rect width="100%" height="100%" fill="url(#mm)"/>'
        '<rect width="100%" height="100%" fill="url(#cm)"/>'
        f'<g font-family="sans-serif" font-size="3.2" fill="#111"><text x="2" y="5">{escape(title)}</text>'
        f'{rows}<text x="2" y="{height - 2:.1f}">{MM_PER_S:g} mm/s   {MM_PER_MV:g} mm/mV</text></g></svg>\n'
    )


def _row(channel: Channel, middle: float) -> str:
    voltage = channel.unit in _MILLIVOLTS
    values = channel.samples
    if voltage:
        heights = values * _MILLIVOLTS[channel.unit] * MM_PER_MV
    else:
        known = values[np.isfinite(values)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        heights = ((values - low) / max(high - low, 1e-12) - 0.5) * (_ROW_MM - 6)
    label = channel.name if voltage or not channel.unit else f"{channel.name} ({channel.unit})"
    path = _path(np.clip(heights, -1000, 1000), channel.rate_hz, middle)
    return (
        f'<text x="2" y="{middle - 4:.1f}">{escape(label)}</text>'
        f'<path d="{path}" fill="none" stroke="#111" stroke-width="0.25" stroke-linejoin="round"/>'
    )


def _path(heights: Values, rate_hz: float, middle: float) -> str:
    """A line through every sample; where they lie closer than can be seen, through the lowest and highest of a few."""
    group = max(int(rate_hz / (MM_PER_S * _BINS_PER_MM)) * 2, 1)
    parts, pen_up = [], True
    for start in range(0, len(heights), group):
        part = heights[start : start + group]
        if not np.isfinite(part).all():
            pen_up = True
            continue
        places = sorted({int(part.argmin()), int(part.argmax())})
        for place in places:
            x = _LEFT_MM + (start + place) / rate_hz * MM_PER_S
            parts.append(f"{'M' if pen_up else 'L'}{x:.2f} {middle - part[place]:.2f}")
            pen_up = False
    return "".join(parts)


def _items(dataset: Json, tag: str) -> list[Json]:
    return [item for item in dataset.get(tag, {}).get("Value", []) if isinstance(item, Mapping)]


def _first(dataset: Json, tag: str) -> Any:
    return next(iter(dataset.get(tag, {}).get("Value", [])), None)


def _number(dataset: Json, tag: str, default: float) -> float:
    try:
        return float(_first(dataset, tag))
    except (TypeError, ValueError):
        return default
