"""Finds the channels by looking into `connectors/`: nothing is listed by hand that a folder already says."""

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from pydantic import BaseModel

import connectors
from connectors.base import Account, Connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A folder of `connectors/`. `settings` describes one account of it."""

    name: str
    title: str
    settings: type[BaseModel]

    @property
    def folder(self) -> Path:
        """Say where its code and `quality.toml` lie."""
        return Path(next(iter(connectors.__path__))) / self.name

    def connect(self, *, account: Account, settings: BaseModel) -> Connector:
        """Make what serves one account. Its code is loaded here, by those alone who use it."""
        module = importlib.import_module(f"connectors.{self.name}.channel")
        return cast("Connector", module.connect(account=account, settings=settings))


@cache
def channels() -> Mapping[str, Channel]:
    """Give every channel by its name, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(connectors.__path__) if module.ispkg)
    return {name: _channel(name) for name in names}


def _channel(name: str) -> Channel:
    package = importlib.import_module(f"connectors.{name}")
    title = inspect.cleandoc(package.__doc__ or name).splitlines()[0]
    return Channel(name=name, title=title, settings=_account_model(name))


def _account_model(name: str) -> type[BaseModel]:
    """Give the one model of `connectors/<name>/settings.py` that has a key `channel`: the settings of an account."""
    module = importlib.import_module(f"connectors.{name}.settings")
    found = [
        model
        for _, model in inspect.getmembers(module, inspect.isclass)
        if issubclass(model, BaseModel) and model.__module__ == module.__name__ and "channel" in model.model_fields
    ]
    if len(found) != 1:
        raise TypeError(f"connectors/{name}/settings.py must hold one account model with a key 'channel'")
    return found[0]
