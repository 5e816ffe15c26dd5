"""Turns file and environment into `Settings`, and says everything that is wrong with them at once."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from daemon import settings_checks
from daemon.channels import channels
from daemon.settings import Settings
from daemon.settings_problems import Problem, SettingsError, Sources
from daemon.settings_sources import account_model, find_file, overlay, read_file, variables
from daemon.toml_lines import Path as KeyPath
from daemon.toml_lines import key_lines
from schemas.message import Name

_Model = TypeVar("_Model", bound=BaseModel)
_NAME: TypeAdapter[str] = TypeAdapter(Name)
DEFAULT_ACCOUNT: Mapping[str, object] = {"support": {"addresses": ["support@*"]}}
"""What a daemon without accounts answers for, while only this machine can reach its listener."""


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
    found = variables(environment)
    sources = Sources(file=str(file or ""), lines=key_lines(text), variables=found)
    problems = list(overlay(data, found, environment))
    settings = _settings(data, sources, problems)
    problems += settings_checks.problems(settings, sources)
    if any(problem.level == "error" for problem in problems):
        raise SettingsError(problems)
    return Loaded(settings=_absolute(settings, folder), file=file, warnings=tuple(problems))


def _settings(data: dict[str, Any], sources: Sources, problems: list[Problem]) -> Settings:
    """Validate sections and accounts; what is wrong is left out, so that the rest can still be checked as a whole."""
    accounts = dict(_accounts(data.pop("accounts", DEFAULT_ACCOUNT), sources, problems))
    before = len(problems)
    core = _validated(Settings, data, (), sources, problems)
    if core is None:
        wrong = {problem.key.split(".")[0] for problem in problems[before:]}
        core = Settings.model_validate({key: value for key, value in data.items() if key not in wrong})
    return core.model_copy(update={"accounts": accounts})


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
    return _validated(model, values, path, sources, problems)


def _validated(
    model: type[_Model], values: object, at: KeyPath, sources: Sources, problems: list[Problem]
) -> _Model | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for found in error.errors(include_url=False):
            path = at + tuple(str(part) for part in found["loc"])
            problems.append(sources.problem(path, _reason(model, found, path[len(at) :])))
    return None


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
    return settings.model_copy(update={"data_dir": folder / settings.data_dir, "blobs": blobs})
