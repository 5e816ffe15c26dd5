"""Turns file and environment into `Settings`, and says everything that is wrong with them at once."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from daemon import settings_checks
from daemon.channels import channels
from daemon.settings import Settings
from daemon.settings_problems import Problem, SettingsError, Sources
from daemon.settings_sources import EVERY_ACCOUNT, account_model, find_file, overlay, read_file, variables
from daemon.toml_lines import Path as KeyPath
from daemon.toml_lines import key_lines
from schemas.message import Name

_Model = TypeVar("_Model", bound=BaseModel)
_NAME: TypeAdapter[str] = TypeAdapter(Name)
DEFAULT_ACCOUNT: Mapping[str, object] = {"support": {"addresses": ["support@*"], "policy": {"sender_match": "any"}}}
"""What a daemon without accounts answers for, while only this machine can reach its listener."""
WRITTEN_WITH_ACCOUNTS: Final[Mapping[str, str]] = {"policies": "policy", "account_notices": "notices"}
"""Fields of `Settings` that stand in the tables of accounts, and what they are called there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """Usable settings, the file they came from, and what `check` warns of."""

    settings: Settings
    file: Path | None
    warnings: tuple[Problem, ...]


def load(named: Path | None, environment: Mapping[str, str], folder: Path) -> Loaded:
    """Read and check the settings; relative paths count from `folder`. Raises `SettingsError` with every mistake."""
    file = find_file(named, environment, folder)
    data, text = read_file(file) if file else ({}, "")
    found = variables(environment, data)
    sources = Sources(file=str(file or ""), lines=key_lines(text), variables=found)
    problems = list(overlay(data, found, environment))
    settings = _settings(data, sources, problems)
    problems += settings_checks.problems(settings, sources)
    if any(problem.level == "error" for problem in problems):
        raise SettingsError(sorted(problems, key=lambda problem: problem.line))
    return Loaded(settings=_absolute(settings, folder), file=file, warnings=tuple(problems))


def _settings(data: dict[str, Any], sources: Sources, problems: list[Problem]) -> Settings:
    """Validate sections and accounts; what is wrong is left out, so that the rest can still be checked as a whole."""
    named = data.pop("accounts", DEFAULT_ACCOUNT)
    shared = {key: dict(_shared(named, key, sources, problems)) for key in EVERY_ACCOUNT}
    accounts = dict(_accounts(named, sources, problems))
    for key, table in WRITTEN_WITH_ACCOUNTS.items():
        if data.pop(key, None) is not None:
            problems.append(sources.problem((key,), f"write [accounts.NAME.{table}]"))
    kafka = _kafka(data, sources, problems)
    before = len(problems)
    core = _validated(Settings, data, (), sources, problems)
    if core is None:
        wrong = {problem.key.split(".")[0] for problem in problems[before:]}
        core = Settings.model_validate({key: value for key, value in data.items() if key not in wrong})
    bus = core.bus.model_copy(update={"kafka": kafka})
    named_by_account = {key: shared[table] for key, table in WRITTEN_WITH_ACCOUNTS.items()}
    return core.model_copy(update={"accounts": accounts, "bus": bus, **named_by_account})


def _kafka(data: dict[str, Any], sources: Sources, problems: list[Problem]) -> BaseModel | None:
    """Read `[bus.kafka]`. Its client library is loaded only for those who use it: that takes a tenth of a second."""
    bus = data.get("bus")
    given = bus.pop("kafka", None) if isinstance(bus, dict) else None
    if given is None:
        if isinstance(bus, dict) and bus.get("engine") == "kafka":
            problems.append(sources.problem(("bus", "kafka", "bootstrap_servers"), "must be set"))
        return None
    from bus.kafka_settings import KafkaSettings  # noqa: PLC0415 - see above

    return _validated(KafkaSettings, given, ("bus", "kafka"), sources, problems)


def _shared(named: object, key: str, sources: Sources, problems: list[Problem]) -> Iterator[tuple[str, BaseModel]]:
    """Read `[accounts.NAME.key]`, which is the same for every channel."""
    for name, values in named.items() if isinstance(named, Mapping) else ():
        given = values.get(key, {}) if isinstance(values, Mapping) else {}
        found = _validated(EVERY_ACCOUNT[key], given, ("accounts", name, key), sources, problems)
        if found is not None:
            yield name, found


def _accounts(named: object, sources: Sources, problems: list[Problem]) -> Iterator[tuple[str, BaseModel]]:
    if not isinstance(named, Mapping):
        problems.append(sources.problem(("accounts",), "must be a table of accounts: [accounts.support]"))
        return
    for name, values in named.items():
        account = _account(name, values, sources, problems)
        if account is not None:
            yield name, account


def _account(name: str, values: object, sources: Sources, problems: list[Problem]) -> BaseModel | None:
    path = ("accounts", name)
    try:
        _NAME.validate_python(name)
    except ValidationError:
        reason = "a name is a small letter, then small letters, digits, _ or -, at most 63 together"
        problems.append(sources.problem(path, reason))
    model = account_model(values)
    if model is None:
        known = ", ".join(channels())
        problems.append(sources.problem((*path, "channel"), f"there is no such channel; there are: {known}"))
        return None
    own = {k: v for k, v in values.items() if k not in EVERY_ACCOUNT} if isinstance(values, Mapping) else values
    return _validated(model, own, path, sources, problems)


def _validated(
    model: type[_Model], values: object, at: KeyPath, sources: Sources, problems: list[Problem]
) -> _Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        for found in errors:
            if _follows(found, errors):
                continue
            path = at + tuple(str(part) for part in found["loc"])
            reason = _meant(path, sources) if found["type"] == "extra_forbidden" else ""
            problems.append(sources.problem(path, reason or _reason(model, found, path[len(at) :])))
    return None


def _follows(found: Mapping[str, Any], errors: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a list is called too short only because its members are wrong, which is said already."""
    loc = found["loc"]
    return found["type"] == "too_short" and any(other["loc"][:-1] == loc for other in errors)


def _meant(path: KeyPath, sources: Sources) -> str:
    """Say which variable was meant when a single underscore stands where two belong."""
    from daemon.settings_keys import meant  # noqa: PLC0415 - loads every model, so only after such a mistake

    better = meant(sources.variables[path]) if path in sources.variables else None
    return f"there is no such key; did you mean {better}?" if better else ""


def _reason(model: type[BaseModel], found: Mapping[str, Any], path: KeyPath) -> str:
    """Say what is wrong without repeating the value: it may be a secret."""
    if found["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _keys(model, path[:-1]), n=1)
        return "there is no such key" + (f"; did you mean {near[0]}?" if near else "")
    if found["type"] == "missing":
        return "must be set"
    return str(found["msg"]).removeprefix("Value error, ").removeprefix("Input ")


def _keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _absolute(settings: Settings, folder: Path) -> Settings:
    blobs = settings.blobs
    if blobs.path is not None:
        blobs = blobs.model_copy(update={"path": folder / blobs.path})
    notices = {name: found.under(folder) for name, found in settings.account_notices.items()}
    changes = {"data_dir": folder / settings.data_dir, "blobs": blobs, "account_notices": notices}
    return settings.model_copy(update=changes)
