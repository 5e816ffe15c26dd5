"""Small plots as SVG, written by hand: lines over two axes, and bars. No library, readable on light and dark pages."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 320
LEFT: Final = 70
BOTTOM: Final = 46
TOP: Final = 14
BAR: Final = 22
GAP: Final = 8
NAMES: Final = 330
COLOURS: Final = ("#3b76c4", "#d1752a", "#3d9a5f", "#b0487f", "#7d67c2", "#8a7a2f")
INK: Final = "#7a7f87"
"""Grey that can be read on white and on black."""

Points = Sequence[tuple[float, float]]


def lines(series: Mapping[str, Points], *, x: str, y: str) -> str:
    """Draw lines, with a legend of their names; both axes begin at zero."""
    wide, high = WIDTH - LEFT - 16, HEIGHT - TOP - BOTTOM
    right = ticks(max((at for points in series.values() for at, _ in points), default=1.0))
    up = ticks(max((value for points in series.values() for _, value in points), default=1.0))
    parts = []
    for value in up:
        level = TOP + high - value / up[-1] * high
        parts.append(f'<path d="M{LEFT} {level:.1f}h{wide}" stroke="{INK}" stroke-opacity="0.25"/>')
        parts.append(_text(LEFT - 8, level + 4, shown(value), "end"))
    parts += [_text(LEFT + value / right[-1] * wide, TOP + high + 18, shown(value), "middle") for value in right]
    parts += [_text(LEFT + wide, HEIGHT - 8, x, "end"), _text(6, TOP + 4, y, "start")]
    for place, (name, points) in enumerate(series.items()):
        colour = COLOURS[place % len(COLOURS)]
        path = " ".join(
            f"{LEFT + at / right[-1] * wide:.1f},{TOP + high - value / up[-1] * high:.1f}" for at, value in points
        )
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        level = TOP + 14 + place * 18
        parts.append(f'<path d="M{LEFT + 14} {level - 4}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(LEFT + 38, level, name, "start"))
    return _svg(HEIGHT, parts)


def bars(values: Mapping[str, float], *, unit: str) -> str:
    """Draw one bar for each value, in the order given."""
    most = max(values.values(), default=0.0) or 1.0
    room = WIDTH - NAMES - 90
    parts = []
    for place, (name, value) in enumerate(values.items()):
        top = TOP + place * (BAR + GAP)
        length = max(1.0, max(0.0, value) / most * room)
        parts.append(_text(NAMES - 10, top + 15, name, "end"))
        parts.append(f'<rect x="{NAMES}" y="{top}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[0]}"/>')
        parts.append(_text(NAMES + length + 6, top + 15, shown(value), "start"))
    height = TOP + len(values) * (BAR + GAP) + 22
    return _svg(height, [*parts, _text(WIDTH - 8, height - 8, unit, "end")])


def ticks(most: float) -> list[float]:
    """Give round values from zero to at least the largest: four to seven of them."""
    if most <= 0:
        return [0.0, 1.0]
    size = 10 ** math.floor(math.log10(most / 4))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor * 6 >= most)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def shown(value: float) -> str:
    """Show a value of an axis or a bar."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.3g}"


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(height: int, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    return f'{head} font-family="sans-serif" font-size="12" fill="{INK}">\n' + "\n".join(parts) + "\n</svg>\n"
