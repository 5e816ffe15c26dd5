"""Every key that can be set, read off the models: for the page of settings, and to say what was probably meant."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.channels import channels
from daemon.settings import Settings
from daemon.settings_legacy import LegacySettings
from daemon.settings_sources import EVERY_ACCOUNT, PREFIX
from daemon.toml_lines import Path as KeyPath

NAME: Final = "NAME"
"""Stands in a path for the name of an account or of an old desk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: where it stands, and its field in the model."""

    path: KeyPath
    field: FieldInfo

    @property
    def variable(self) -> str:
        """Give the environment variable that sets it."""
        return PREFIX + "__".join(self.path).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the file with its own keys. `path` is empty for those above every table."""

    path: KeyPath
    about: str
    keys: tuple[Key, ...]


def tables() -> Iterator[Table]:
    """Give every table, in the order of the models; the accounts of every channel last."""
    yield from _tables(Settings, ())
    for channel in channels().values():
        yield from _tables(channel.settings, ("accounts", NAME))
    for key, model in EVERY_ACCOUNT.items():
        yield from _tables(model, ("accounts", NAME, key))
    yield from _tables(LegacySettings, ("legacy", NAME))


def _tables(model: type[BaseModel], path: KeyPath) -> Iterator[Table]:
    from bus.kafka_settings import KafkaSettings  # noqa: PLC0415 - its library takes a tenth of a second to load

    inner: dict[str, type[BaseModel]] = {"kafka": KafkaSettings} if path == ("bus",) else {}
    skipped = (
        {"accounts", "legacy", "policies", "account_notices"} if not path else set()
    )  # they stand at the end, with the names of their keys
    own = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner[name] = field.annotation
        elif name not in skipped and name not in inner:
            own.append(Key(path=(*path, name), field=field))
    yield Table(path=path, about=" ".join((model.__doc__ or "").split()), keys=tuple(own))
    for name, part in inner.items():
        yield from _tables(part, (*path, name))


def meant(variable: str) -> str | None:
    """Give the variable that was probably meant, when one of its double underscores was written as a single one."""
    flat = variable.removeprefix(PREFIX).lower().replace("__", "_")
    for key in (key for table in tables() for key in table.keys):
        pattern = "_".join("(.+)" if part == NAME else re.escape(part) for part in key.path)
        match = re.fullmatch(pattern, flat)
        if match is not None:
            return key.variable.replace(f"__{NAME}__", f"__{''.join(match.groups()).upper()}__")
    return None
