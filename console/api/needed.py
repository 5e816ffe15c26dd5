"""Which scope each path needs, read off the paths themselves: asked before a body is read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import compile_path

from console.api.tokens import Scope

ScopeOf = Callable[[str, str], Scope | None]
"""Gives the scope that a method needs on a path; None for what is no path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Path:
    pattern: Pattern[str]
    methods: Mapping[str, Scope]


def scopes_of(routers: Iterable[APIRouter], *, root: str) -> ScopeOf:
    """Read the scopes. Raises a `TypeError` for a path that asks for none: nobody may add an open one unseen."""
    paths = [_path(route, root) for router in routers for route in _routes(router)]

    def scope_of(method: str, path: str) -> Scope | None:
        fitting = (one.methods[method] for one in paths if method in one.methods and one.pattern.match(path))
        return next(fitting, None)

    return scope_of


def _routes(router: APIRouter) -> Iterator[APIRoute]:
    return (route for route in router.routes if isinstance(route, APIRoute))


def _path(route: APIRoute, root: str) -> _Path:
    found = next(_needed(route.dependant), None)
    if found is None:
        raise TypeError(f"{route.path} needs no scope")
    return _Path(pattern=compile_path(root + route.path)[0], methods=dict.fromkeys(route.methods or (), found))


def _needed(dependant: Any) -> Iterator[Scope]:  # noqa: ANN401 - FastAPI's own tree of dependencies
    for one in dependant.dependencies:
        if isinstance(scope := getattr(one.call, "scope", None), Scope):
            yield scope
        yield from _needed(one)
