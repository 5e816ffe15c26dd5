"""Texts of notices: files named `reason.language.txt`, whose first line is `Subject: ...`.

Ours ship with the program; an account may have a folder with its own, which go before ours one by one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from jinja2 import TemplateError

from lifecycle.notice_language import Mistake, environment, mistakes
from lifecycle.notices import Language, one_line
from schemas.placement import NoticeReason

SHIPPED: Final = Path(__file__).parent / "templates"
IN_CHATS: Final = (NoticeReason.REFUSED_FILE, NoticeReason.RECEIPT)
"""Notices that have a text of their own for conversations."""
SUBJECT: Final = "Subject:"
MOST_SOURCE: Final = 16 * 1024
"""Bytes of a text's file."""
MOST_OUTPUT: Final = 32 * 1024
"""Characters of a notice."""
MOST_SUBJECT: Final = 200


class NoticeTextError(Exception):
    """A text cannot be read or filled in; the message says which and why, and nothing of what stands in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A notice as it goes out: one line of subject, and lines that end in LF."""

    subject: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit:
    """Something wrong in an account's folder of texts."""

    file: Path
    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class NoticeText:
    """One text, read and checked. `name` is its file's."""

    name: str
    source: str

    @cached_property
    def _parts(self) -> tuple[str, str]:
        """Give the subject's line, and the rest with as many lines before it as it had: mistakes keep their line."""
        head, _, body = self.source.partition("\n")
        return head[len(SUBJECT) :], f"\n{body}"

    def mistakes(self) -> list[Mistake]:
        """Find everything that is wrong with it."""
        if len(self.source.encode()) > MOST_SOURCE:
            return [Mistake(line=1, reason=f"it has more than {MOST_SOURCE} bytes")]
        if not self.source.startswith(SUBJECT):
            return [Mistake(line=1, reason=f"the first line must begin with {SUBJECT!r}")]
        head, body = self._parts
        found = [*mistakes(head), *mistakes(body)]
        if not found and not body.strip():
            found.append(Mistake(line=2, reason="there is no text under the subject"))
        return found

    def fill(self, values: Mapping[str, object]) -> Filled:
        """Fill it in. Raises `NoticeTextError`."""
        head, body = self._parts
        subject = one_line(self._render(head, values), MOST_SUBJECT)
        lines = (line.rstrip() for line in self._render(body, values).strip("\n").splitlines())
        return Filled(subject=subject, text="\n".join(lines).strip() + "\n")

    def _render(self, source: str, values: Mapping[str, object]) -> str:
        made: list[str] = []
        size = 0
        try:
            for piece in environment().from_string(source).generate(values):
                made.append(piece)
                size += len(piece)
                if size > MOST_OUTPUT:
                    raise NoticeTextError(f"{self.name}: it makes more than {MOST_OUTPUT} characters")
        except TemplateError as error:
            raise NoticeTextError(f"{self.name}: it cannot be filled in ({type(error).__name__})") from None
        return "".join(made)


def read_text(reason: NoticeReason, language: Language, folder: Path | None, *, chat: bool = False) -> NoticeText:
    """Give the text for a reason: the account's own when its folder has one, else ours. Raises `NoticeTextError`.

    `chat`: the one for conversations, which have no subject and no signature.
    """
    name = file_name(reason, language, chat=chat and reason in IN_CHATS)
    own = folder / name if folder else None
    text = _read(own if own is not None and own.is_file() else SHIPPED / name)
    wrong = text.mistakes()
    if wrong:
        raise NoticeTextError(f"{name}, line {wrong[0].line}: {wrong[0].reason}")
    return text


def file_name(reason: NoticeReason, language: Language, *, chat: bool = False) -> str:
    """Give the name of a text's file."""
    return f"{reason.value}{'.chat' if chat else ''}.{language.value}.txt"


def misfits(folder: Path) -> Iterator[Misfit]:
    """Check an account's folder of texts: every file in it must be a right text with a name that is looked for."""
    known = {file_name(reason, language) for reason in NoticeReason for language in Language}
    known |= {file_name(reason, language, chat=True) for reason in IN_CHATS for language in Language}
    for file in sorted(folder.glob("*.txt")):
        if file.name not in known:
            yield Misfit(file=file, line=1, reason="nothing looks for a text of this name: write reason.language.txt")
            continue
        try:
            wrong = _read(file).mistakes()
        except NoticeTextError as error:
            wrong = [Mistake(line=1, reason=str(error))]
        yield from (Misfit(file=file, line=mistake.line, reason=mistake.reason) for mistake in wrong)


def _read(file: Path) -> NoticeText:
    try:
        with file.open("rb") as opened:
            raw = opened.read(MOST_SOURCE + 1)
        return NoticeText(name=file.name, source=raw.decode().replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise NoticeTextError(f"{file.name} cannot be read ({type(error).__name__})") from error
