"""What a page sends when its form is sent, read without trust, and what is wrong with it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from connectors.base import InvalidDeliveryError
from connectors.making import line, read_object
from connectors.page_http import refused_files
from connectors.tolerant import items, text_of
from connectors.webform.normalize import MOST_SAID, MOST_SUBJECT, SAID

MOST_BODY: Final = 256 * 1024
"""Bytes of one request; files come before it, by themselves."""
MOST_LETTERS: Final = 20_000
"""Letters of one message."""
TRAP: Final = "website"
"""A field that people do not see. Whatever fills it in is a machine, or a browser that fills in everything."""


class SayNoError(Exception):
    """A request that is not taken. `why` is a word that pages know; `facts` stand beside it in the answer."""

    def __init__(self, status: int, why: str, **facts: object) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.facts = facts


@dataclass(frozen=True, slots=True, kw_only=True)
class FormRequest:
    """A form that was sent. `person` holds what they say of themselves, by the names of `Asked`."""

    person: Mapping[str, str]
    subject: str
    text: str
    files: Sequence[Any]
    refused: Sequence[Mapping[str, Any]]
    trapped: bool
    language: str
    page: str

    def check(self, needed: Collection[str]) -> None:
        """Raise `SayNoError` for what its person must mend."""
        missing = [name for name in needed if name not in self.person]
        if missing:
            raise SayNoError(422, "missing", fields=missing)
        if "@" not in self.person.get("email", "@"):
            raise SayNoError(422, "email", fields=["email"])
        check_words(self.text, has_files=bool(self.files or self.refused))

    def name(self, files: Sequence[Mapping[str, Any]]) -> str:
        """Name it by what it says: the same tried again is the same message, and what was changed is another one."""
        said = [self.subject, self.text, sorted(self.person.items())]
        told = json.dumps([*said, [file["sha256"] for file in files], list(self.refused)])
        return "r." + sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def check_words(text: str, *, has_files: bool) -> None:
    """Raise `SayNoError` for a message that says nothing, or too much."""
    if len(text) > MOST_LETTERS:
        raise SayNoError(422, "long", most=MOST_LETTERS)
    if not text.strip() and not has_files:
        raise SayNoError(422, "empty", fields=["text"])


def read_json(raw: bytes) -> Mapping[str, Any]:
    """Read a body. Raises `SayNoError`."""
    try:
        return read_object(raw)
    except InvalidDeliveryError as error:
        raise SayNoError(400, "form") from error


def read_request(raw: bytes, *, asked: Collection[str]) -> FormRequest:
    """Read a form that was sent; what is not asked is not heard. Raises `SayNoError`."""
    facts = read_json(raw)
    said = {name: line(text_of(facts.get(name), MOST_SAID), MOST_SAID) for name in SAID if name in asked}
    return FormRequest(
        person={name: value for name, value in said.items() if value},
        subject=line(text_of(facts.get("subject"), MOST_SUBJECT), MOST_SUBJECT),
        text=text_of(facts.get("text"), MOST_LETTERS + 1),
        files=items(facts.get("files")),
        refused=refused_files(facts.get("refused")),
        trapped=bool(text_of(facts.get(TRAP), 200).strip()),
        language=text_of(facts.get("language"), 16),
        page=text_of(facts.get("page"), 300),
    )
