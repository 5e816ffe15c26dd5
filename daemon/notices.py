"""What `notices ...` does."""

from collections.abc import Awaitable
from email import message_from_bytes
from email.policy import default
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from connectors.mail.compose import CannotComposeError, MailLetter, compose
from console import tables
from daemon.asking import check_known, ticket_number
from daemon.cli_options import loaded_settings, print_text
from daemon.clock import now
from daemon.errors import NO, UserError
from daemon.listings import print_listing
from daemon.wiring import desks
from lifecycle.notice_texts import Filled, NoticeTextError, read_text
from lifecycle.notices import AccountNotices, Language, variables
from schemas.base import MAX_FILE_BYTES
from schemas.message import FileState, Party
from schemas.notice_rows import DueNotice
from schemas.placement import NoticeReason
from schemas.tokens import LETTERS, message_id_with
from ticket_store import notices

STATES: Final = ("due", "sent", "suppressed")
SAMPLE_NUMBER: Final = "4829173057"
SAMPLE_TOKEN: Final = "a" * LETTERS
UNSEEN: Final = frozenset({"mime-version", "content-type", "content-transfer-encoding"})
"""Headers of the encodings, which are undone here."""
SAMPLE_FILE: Final = "drawings.zip"
SAMPLE_SENDER: Final = ("ana@customer.example", "Ana Costa")


def list_notices(
    *, state: str | None, reason: str | None, account: str | None, limit: int | None, as_json: bool
) -> None:
    """Print notices."""
    check_known("state", state, STATES)
    check_known("reason", reason, [known.value for known in NoticeReason])

    def page(
        connection: AsyncConnection[TupleRow], last: notices.NoticeLine | None, most: int
    ) -> Awaitable[list[notices.NoticeLine]]:
        return notices.list_notices(
            connection, state=state, reason=reason, account=account, before=last.id if last else None, limit=most
        )

    print_listing(page, tables.NOTICES, account=account, limit=limit, as_json=as_json, nothing="no notices")


def preview_notice(
    reason: str, *, account: str | None, language: str | None, ticket: str | None, file: str | None
) -> None:
    """Print one notice with made-up data."""
    check_known("reason", reason, [known.value for known in NoticeReason])
    check_known("language", language, [known.value for known in Language])
    settings = loaded_settings().settings
    name = account or next(iter(settings.accounts), "")
    check_known("account", name, settings.accounts)
    found = settings.account_notices[name].account() if name in settings.account_notices else AccountNotices()
    spoken = Language(language) if language else found.language
    sample = _sample(
        NoticeReason(reason), name, ticket_number(ticket) if ticket else SAMPLE_NUMBER, file or SAMPLE_FILE
    )
    print_text(_shown(sample, found, spoken, desks(settings).get(name, Party(address=""))))


def _shown(sample: DueNotice, account: AccountNotices, language: Language, sender: Party) -> str:
    """Give the mail that would go out, its encodings undone for people."""
    try:
        text = read_text(NoticeReason(sample.reason), language, account.templates)
        filled = text.fill(variables(sample, account, language=language, address=sender.address))
        raw = compose(_letter(sample, filled, sender))
    except (NoticeTextError, CannotComposeError) as error:
        raise UserError(str(error), code=NO) from error
    mail = message_from_bytes(raw, policy=default)
    head = (f"{name}: {value}" for name, value in mail.items() if name.lower() not in UNSEEN)
    return "\n".join([*head, "", str(mail.get_content()).replace("\r\n", "\n").rstrip()])


def _letter(sample: DueNotice, filled: Filled, sender: Party) -> MailLetter:
    return MailLetter(
        message_id=message_id_with(SAMPLE_TOKEN, sender.address.rpartition("@")[2]),
        sender=sender,
        to=[Party(address=sample.address)],
        cc=(),
        subject=filled.subject,
        text=filled.text,
        date=sample.received_at,
        automatic=True,
    )


def _sample(reason: NoticeReason, account: str, number: str, file: str) -> DueNotice:
    on_ticket = reason is not NoticeReason.HELD
    refused = {"name": file, "size": MAX_FILE_BYTES + 5 * 1024 * 1024, "state": FileState.REFUSED}
    return DueNotice(
        id=1,
        message_id=1,
        account=account,
        channel="mail",
        scope=account,
        reason=reason,
        address=SAMPLE_SENDER[0],
        address_key=b"",
        sender_name=SAMPLE_SENDER[1],
        subject="Drawings for the new office",
        received_at=now(),
        state="ticketed" if on_ticket else "held",
        visibility="public",
        details={"files": [refused]},
        ticket_id=1 if on_ticket else None,
        ticket_number=number if on_ticket else "",
        ticket_status="open" if on_ticket else "",
    )
