"""What keeps people out of a page, found by axe-core in the page itself.

axe-core (MPL-2.0, Deque Systems) comes unmodified within axe-playwright-python (MIT): nothing is fetched or shipped.
"""

from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = frozenset({"serious", "critical"})
SCREENS: tuple[tuple[int, int, Literal["light", "dark"]], ...] = (
    (1000, 700, "light"),
    (1000, 700, "dark"),
    (360, 640, "light"),
    (360, 640, "dark"),
)


def barriers(page: Page) -> list[str]:
    """Name every serious or critical violation in what a page shows now, shadow trees included, a line for each place.

    Contrast, names, roles, labels, landmarks, focus order: axe-core's rules of WCAG 2.2 A and AA and of good practice.
    A page in motion is looked at as it stands: wait for what shall be seen first.
    """
    found = Axe().run(page).response["violations"]
    return [line for violation in found if violation["impact"] in GRAVE for line in _lines(violation)]


def barriers_of_all_screens(page: Page) -> list[str]:
    """Name them on a desk and on a phone, in light and in dark; the page stays as it is."""
    found: list[str] = []
    for width, height, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        found += [f"{width}x{height} {scheme}: {line}" for line in barriers(page)]
    return found


def _lines(violation: dict[str, Any]) -> list[str]:
    about = f"{violation['impact']} {violation['id']}: {violation['help']}"
    return [f"{about}: {node['target']} {node['html'][:120]}" for node in violation["nodes"]]
