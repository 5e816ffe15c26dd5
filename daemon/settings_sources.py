"""Reads the raw settings: one TOML file, and `SWITCHBOARD_...` variables laid over it.

`SWITCHBOARD_SMTP__PORT=2526` sets `port` in `[smtp]`. A list is written as JSON or with commas between.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel

from daemon.channels import channels
from daemon.settings import PolicySettings, Settings
from daemon.settings_legacy import LegacySettings
from daemon.settings_notices import AccountNoticesSettings
from daemon.settings_problems import Problem, SettingsError
from daemon.toml_lines import Path as KeyPath

PREFIX: Final = "SWITCHBOARD_"
DEFAULT_FILE: Final = "switchboard.toml"
CONFIG_VARIABLE: Final = "SWITCHBOARD_CONFIG"
NOT_SETTINGS: Final = frozenset({CONFIG_VARIABLE, "SWITCHBOARD_REQUIRE_SERVERS"})
"""Variables of our own that set no key. Those of the test suite begin with `SWITCHBOARD_TEST_`."""
EVERY_ACCOUNT: Final[Mapping[str, type[BaseModel]]] = {"policy": PolicySettings, "notices": AccountNoticesSettings}
"""Tables that an account has whatever its channel: `[accounts.NAME.policy]`."""


def find_file(named: Path | None, environment: Mapping[str, str], folder: Path) -> Path | None:
    """Give the file to read: the one named, else the one of the environment, else `switchboard.toml` when present."""
    if named is not None:
        return named
    if environment.get(CONFIG_VARIABLE):
        return Path(environment[CONFIG_VARIABLE])
    usual = folder / DEFAULT_FILE
    return usual if usual.is_file() else None


def read_file(path: Path) -> tuple[dict[str, Any], str]:
    """Give the file as data and as text. Raises `SettingsError` when it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8")
        return tomllib.loads(text), text
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        reason = "is not UTF-8"
    except tomllib.TOMLDecodeError as error:
        line = _broken_line(str(error), text)
        raise SettingsError([Problem(key="", reason=f"is not TOML: {error}", where=f"{path}:{line}")]) from None
    raise SettingsError([Problem(key="", reason=reason, where=str(path))])


def _broken_line(said: str, text: str) -> int:
    """Give the line that `tomllib` names in words; it has no other way to tell before Python 3.14."""
    found = re.search(r"\(at line (\d+), column \d+\)$", said)
    return int(found[1]) if found else len(text.splitlines()) or 1


def variables(environment: Mapping[str, str], data: Mapping[str, Any]) -> dict[KeyPath, str]:
    """Give the variables that set a key, by the key's path as the file writes it.

    Variables have no dashes: SWITCHBOARD_ACCOUNTS__SHOP_BOT__TOKEN is the token of [accounts.shop-bot], where the file
    has such an account and none that is called shop_bot.
    """
    names = (name for name in environment if name.startswith(PREFIX) and not _is_no_setting(name))
    return {_as_written(data, name.removeprefix(PREFIX).lower().split("__")): name for name in sorted(names)}


def _as_written(data: object, parts: Sequence[str]) -> KeyPath:
    """Follow a path through the file's tables; what does not stand there stays as it is."""
    found: list[str] = []
    for part in parts:
        table = data if isinstance(data, Mapping) else {}
        dashed = [key for key in table if key.replace("-", "_") == part]
        key = dashed[0] if part not in table and len(dashed) == 1 else part
        found.append(key)
        data = table.get(key)
    return tuple(found)


def _is_no_setting(name: str) -> bool:
    return name in NOT_SETTINGS or name.startswith(f"{PREFIX}TEST_")


def overlay(data: dict[str, Any], found: Mapping[KeyPath, str], environment: Mapping[str, str]) -> Iterator[Problem]:
    """Lay the variables over the data of the file; yield a problem for each that has no place.

    Channels come first: they say of which kind the other keys of their accounts are.
    """
    for path, name in sorted(found.items(), key=lambda item: item[0][-1] != "channel"):
        table = _table(data, path[:-1])
        if table is None:
            yield Problem(key=".".join(path), reason="a key above it is set to a value", where=name)
            continue
        try:
            table[path[-1]] = _value(environment[name], annotation(Settings, path, data))
        except ValueError:
            yield Problem(key=".".join(path), reason="begins like JSON but is none", where=name)


def _table(data: dict[str, Any], path: KeyPath) -> dict[str, Any] | None:
    table: Any = data
    for part in path:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            return None
    return cast("dict[str, Any]", table)


def _value(text: str, kind: object) -> object:
    """Turn a variable's text into what the key takes; pydantic turns text into numbers, switches and paths itself."""
    if get_origin(kind) in (None, Union, Literal):
        return text
    if text.lstrip()[:1] in ("[", "{"):
        return json.loads(text)
    return [part.strip() for part in text.split(",") if part.strip()]


def annotation(model: type[BaseModel], path: KeyPath, data: Mapping[str, Any]) -> object:
    """Give the type of the key's value; None for a key that we do not know."""
    if path[:1] == ("accounts",) and len(path) > 1:
        named = data.get("accounts", {}).get(path[1], {})
        shared = EVERY_ACCOUNT.get(path[2]) if len(path) > 2 else None  # noqa: PLR2004 - accounts, its name, the table
        kind: object = shared or account_model(named)
        path = path[2:] if shared else path[1:]
    elif path[:1] == ("legacy",) and len(path) > 1:
        kind, path = LegacySettings, path[1:]
    else:
        field = model.model_fields.get(path[0])
        kind = _plain(field.annotation) if field else None
    if len(path) == 1:
        return kind
    return annotation(kind, path[1:], {}) if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def account_model(values: object) -> type[BaseModel] | None:
    """Give the settings model of the account's channel (mail when it names none); None for an unknown channel."""
    name = values.get("channel", "mail") if isinstance(values, dict) else "mail"
    channel = channels().get(name) if isinstance(name, str) else None
    return channel.settings if channel else None


def _plain(kind: object) -> object:
    """Strip `| None`, and what `Annotated` adds."""
    if get_origin(kind) in (Union, UnionType):
        kept = [choice for choice in get_args(kind) if choice is not type(None)]
        return _plain(kept[0]) if len(kept) == 1 else kind
    return _plain(get_args(kind)[0]) if get_origin(kind) is Annotated else kind
