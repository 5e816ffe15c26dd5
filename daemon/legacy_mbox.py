"""An old desk's mailbox as an export: numbers from subjects and ids, the customer, Message-IDs, the last messages."""

from collections.abc import Iterable, Iterator
from typing import Final

from connectors.base import InvalidDeliveryError
from connectors.mail.parse import ParsedMail, mend_line_ends, parse
from connectors.mail.quotes import reply_text
from connectors.mail.structure import Soundness, check_structure
from connectors.mail.thread_ids import thread_id
from daemon.legacy_files import Bad
from daemon.legacy_lines import MAX_LINE, history_entry
from router.legacy_desk import LegacyDesk
from router.legacy_marks import has_domain, numbers_in_id, numbers_in_subject
from schemas.legacy import ImportedTicket
from schemas.placement import address_key

LEARNED: Final = 500_000
"""Message-IDs by which mails without a number are known; later ones are not learned, so that memory is bounded."""


class MailboxReader:
    """Reads mails in the order in which they stand. `ours` are addresses that are no customer's.

    Mails that name no old ticket are only counted: a mailbox holds other things, too.
    """

    def __init__(self, *, desk: LegacyDesk, ours: frozenset[str]) -> None:
        self._desk = desk
        self._ours = ours
        self._numbers: dict[bytes, str] = {}
        self.without_number = 0

    def read(self, mails: Iterable[bytes], *, bad: Bad) -> Iterator[ImportedTicket]:
        """Give one line for every mail that names an old ticket. What cannot be read is told, counted from 1."""
        for place, raw in enumerate(mails, 1):
            try:
                mail = _parsed(raw)
            except InvalidDeliveryError as error:
                bad(place, f"cannot be read: {error.reason}")
                continue
            number = self._number(mail)
            if not number:
                self.without_number += 1
                continue
            yield self._line(mail, number)

    def _number(self, mail: ParsedMail) -> str:
        ids = (mail.message_id, *mail.in_reply_to, *reversed(mail.references))
        own = (n for written in ids if has_domain(self._desk, written) for n in numbers_in_id(self._desk, written))
        named = next(numbers_in_subject(self._desk, mail.subject), "") or next(own, "")
        known = (self._numbers.get(_digest(written), "") for written in ids if written)
        return named or next((number for number in known if number), "")

    def _line(self, mail: ParsedMail, number: str) -> ImportedTicket:
        by_desk = self._is_ours(mail.sender.address)
        mine = [mail.message_id, *(mail.in_reply_to[:1] if by_desk else ())]
        digests = [_digest(written) for written in mine if written]
        if len(self._numbers) < LEARNED:
            self._numbers.update(dict.fromkeys(digests, number))
        customer = next((one for one in mail.to if one.address and not self._is_ours(one.address)), None)
        who = customer if by_desk else mail.sender
        address = who.address if who is not None and "@" in who.address else ""
        return ImportedTicket(
            number=number,
            requester_key=address_key("mail", "", address) if address else None,
            requester_address=address,
            requester_name=who.name[:MAX_LINE] if who is not None and address else "",
            subject=mail.subject[:MAX_LINE],
            status="",
            opened_at=mail.date,
            history=[history_entry(mail.date, mail.sender.address, reply_text(mail.text))],
            digests=digests,
        )

    def _is_ours(self, address: str) -> bool:
        return address in self._ours or self._desk.is_its_own(address)


def _parsed(raw: bytes) -> ParsedMail:
    report = check_structure(mend_line_ends(raw))
    if report.soundness is Soundness.SUSPICIOUS:
        raise InvalidDeliveryError("it might kill a parser")
    return parse(raw, report)


def _digest(written: str) -> bytes:
    return bytes.fromhex(thread_id(written).digest)
