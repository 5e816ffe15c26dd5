"""Scenarios of the router as support people write them: tests/router/scenarios/README.md describes the form."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).resolve().parents[1] / "router" / "scenarios"
CITATIONS: Final = FOLDER / "citations.yaml"

VERBS: Final = {
    "mail": {
        *("from", "really", "to", "cc", "delivered to", "mail from", "subject", "answers", "in reply to"),
        *("references", "loses", "message id", "verdict", "headers", "body", "files", "forwards", "date"),
        *("bounces", "recipient", "status", "prose", "raw"),
    },
    "chat": {
        *("from", "on", "bot", "in", "chat of", "text", "answers", "edits", "album", "files", "brings", "by hand"),
        *("live", "in the app", "verdict"),
    },
    "invite": {"to ticket of", "on"},
    "unlink": set(),
    "turn": {"by"},
    "again": set(),
    "reply": {"to ticket of", "by", "text", "cc", "everyone"},
    "note": {"to ticket of", "by", "text", "to"},
    "close": set(),
    "reopen": set(),
    "spam": set(),
    "merge": {"into", "different requesters"},
    "move": {"to"},
    "link": {"to"},
    "open": set(),
    "discard": set(),
    "import": {"tickets"},
    "bind": {"desk", "to"},
    "new key": set(),
    "retire keys": set(),
    "send on": set(),
    "together": set(),
    "at once": set(),
    "expect": {"tickets"},
}
"""What may happen in a scenario, and what may be said of it."""

PEOPLE: Final = {
    "ana": "Ana Costa <ana@customer.example>",
    "bob": "Bob Brown <bob@other.example>",
    "carla": "Carla Costa <carla@customer.example>",
    "eve": "Eve <eve@elsewhere.example>",
    "rui": "Rui Reis <rui@staff.example>",
}
"""Who is in every scenario: two customers who do not know each other, a colleague, a stranger, an agent."""

UNITS: Final = {
    "minute": 1,
    "minutes": 1,
    "m": 1,
    "h": 60,
    "hour": 60,
    "hours": 60,
    "d": 1440,
    "day": 1440,
    "days": 1440,
}
_TIME: Final = re.compile(r"\+\s*(\d+)\s*([a-z]+)")

Table = dict[str, Any]


class Plain(yaml.SafeLoader):
    """YAML in which `on`, `off`, `yes`, `no` and dates are words like all others; true, false and numbers are not."""


Plain.yaml_implicit_resolvers = {}
Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), list("tf"))
Plain.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("[0-9]+$"), list("0123456789"))
Plain.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(null)?$"), ["n", ""])


class ScenarioError(Exception):
    """A scenario is not written as its form asks; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happens. `name` is what others call it; `after` is the time since the step before."""

    verb: str
    name: str
    after: timedelta = timedelta(minutes=1)
    what: Table = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One conversation, and where its messages must end. `why` is for the reader."""

    title: str
    cites: tuple[str, ...]
    steps: tuple[Step, ...]
    people: Mapping[str, str] = field(default_factory=lambda: PEOPLE)
    settings: Table = field(default_factory=dict)
    why: str = ""
    file: str = ""


def scenarios() -> list[Scenario]:
    """Read every scenario of the folder."""
    files = sorted(path for path in FOLDER.glob("*.yaml") if path != CITATIONS)
    return [scenario for path in files for scenario in read(path)]


def citations() -> dict[str, str]:
    """Give everything that some scenario must cite, with what it says."""
    groups: dict[str, dict[str, str]] = yaml.safe_load(CITATIONS.read_text(encoding="utf-8"))
    return {name: text for group in groups.values() for name, text in group.items()}


def read(path: Path) -> Iterator[Scenario]:
    """Read one file: several scenarios, parted by lines of `---`."""
    for document in yaml.load_all(path.read_text(encoding="utf-8"), Loader=Plain):
        yield scenario_of(document, path.name)


def scenario_of(document: Table, file: str) -> Scenario:
    """Make a scenario of one document. Raises `ScenarioError`."""
    title = document.get("title", "")
    where = f"{file}: {title!r}"
    _only(document, {"title", "cites", "why", "people", "settings", "steps"}, where)
    if not title or not document.get("cites") or not document.get("steps"):
        raise ScenarioError(f"{where} needs title, cites and steps")
    return Scenario(
        title=title,
        cites=tuple(map(str, document["cites"])),
        steps=tuple(step_of(entry, where) for entry in document["steps"]),
        people={**PEOPLE, **document.get("people", {})},
        settings=document.get("settings", {}),
        why=document.get("why", ""),
        file=file,
    )


def step_of(entry: Table, where: str) -> Step:
    """Make a step of one entry. Raises `ScenarioError`."""
    verbs = [verb for verb in VERBS if verb in entry]
    if not verbs:
        raise ScenarioError(f"{where}: a step begins with one of {', '.join(VERBS)}, not {sorted(entry)}")
    verb = verbs[0]
    _only(entry, {verb, "time", *VERBS[verb]}, f"{where}, step {entry[verb]!r}")
    what = {key: value for key, value in entry.items() if key != "time"}
    if verb in ("together", "at once"):
        what[verb] = [step_of(inner, where) for inner in entry[verb]]
    name = entry[verb] if isinstance(entry[verb], str) else verb
    return Step(verb=verb, name=name, after=_after(entry.get("time", "+1 minute"), where), what=what)


def _after(text: str, where: str) -> timedelta:
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in UNITS:
        raise ScenarioError(f"{where}: a time is written +5 minutes, +2h or +3 days, not {text!r}")
    return timedelta(minutes=int(found[1]) * UNITS[found[2]])


def _only(entry: Table, allowed: set[str], where: str) -> None:
    unknown = sorted(set(entry) - allowed)
    if unknown:
        raise ScenarioError(f"{where}: there is no {', '.join(map(repr, unknown))} here")
