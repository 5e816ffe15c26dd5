"""Every "no" of the API: RFC 9457, `application/problem+json`, in words that say what to do."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE: Final = "application/problem+json"
SHOWN_MISTAKES: Final = 20


class Mistake(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="such as `body.text` or `query.limit`")
    what: str


class Problem(BaseModel):
    """Why a request was not done."""

    model_config = ConfigDict(json_schema_extra={"description": "RFC 9457"})

    type: str = Field(description="urn:switchboard:problem:NAME; the name never changes")
    title: str
    status: int
    detail: str = Field(default="", description="what happened and what to do, for people")
    errors: list[Mistake] = Field(default=[], description="of a request that is written wrongly")


class ProblemError(Exception):
    """A request that is not done; becomes the answer."""

    def __init__(
        self,
        status: int,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mistake] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})
        self.problem = Problem(
            type=f"urn:switchboard:problem:{name}",
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=list(errors),
        )

    def body(self) -> bytes:
        """Give the answer's body."""
        return json.dumps(self.problem.model_dump(exclude_defaults=True), ensure_ascii=False).encode()


class NotThereError(ProblemError):
    """There is no such thing, or the token may not see it: the two look the same."""

    def __init__(self, what: str) -> None:
        super().__init__(404, "not-found", f"There is no such {what}, or this token may not see it.")


class RefusedError(ProblemError):
    """It was understood and is not done, because of how things stand."""

    def __init__(self, detail: str) -> None:
        super().__init__(409, "refused", detail)


class UnavailableError(ProblemError):
    """It cannot be done now."""

    def __init__(self) -> None:
        detail = "The store does not answer. Nothing is lost: ask again with the same Idempotency-Key."
        super().__init__(503, "unavailable", detail, headers={"Retry-After": "5"})


def invalid(where: str, what: str) -> ProblemError:
    """Make the error for one wrong part of a request."""
    detail = "The request is written wrongly; `errors` says where."
    return ProblemError(422, "invalid-request", detail, errors=[Mistake(where=where, what=what)])


def answer(error: ProblemError) -> Response:
    """Give an error as an answer."""
    return Response(error.body(), status_code=error.status, media_type=MEDIA_TYPE, headers=error.headers)


def add_to(app: FastAPI) -> None:
    """Let every error of an application leave as a problem."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _plain)


async def _problem(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class alone
    return answer(error)


async def _invalid(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    mistakes = [_mistake(one) for one in error.errors()[:SHOWN_MISTAKES]]
    detail = "The request is written wrongly; `errors` says where."
    return answer(ProblemError(422, "invalid-request", detail, errors=mistakes))


def _mistake(one: Mapping[str, Any]) -> Mistake:
    """Say what is wrong, never repeating what was sent."""
    return Mistake(where=".".join(str(part) for part in one["loc"])[:200], what=str(one["msg"])[:300])


async def _plain(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    name = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    details = {404: "There is no such path: see /api/v1/openapi.json.", 405: "This path has other methods."}
    detail = details.get(error.status_code, "The request cannot be read.")
    return answer(ProblemError(error.status_code, name, detail, headers=error.headers))
