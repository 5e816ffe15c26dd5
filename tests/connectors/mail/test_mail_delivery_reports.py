# ruff: noqa: RUF001 - texts stand in the scripts of their languages
"""What bounces say: the mail they are about, who did not get it, and why; and nothing that they do not say."""

from dataclasses import replace

import pytest
from mail_samples import delivery

from connectors.mail.normalize import normalize
from schemas.message import Action, Automatic, DeliveryReport
from schemas.tokens import LETTERS

TOKEN = "a" * LETTERS
OURS = f"sb.{TOKEN}@shop.example"
RETURNED = f"From: support@shop.example\r\nTo: ana@home.example\r\nMessage-ID: <{OURS}>\r\nSubject: Re: Printer\r\n"


def bounce(
    *fields: str, body: str, sender: str = "MAILER-DAEMON@mx.example", to: str = "support@shop.example"
) -> bytes:
    head = (f"From: Mail <{sender}>", f"To: {to}", "Date: Mon, 2 Mar 2026 10:00:00 +0000", *fields)
    return ("\r\n".join(head) + "\r\n\r\n" + body.replace("\r\n", "\n").replace("\n", "\r\n")).encode()


def read(raw: bytes) -> DeliveryReport:
    message = normalize(replace(delivery(raw), mail_from="")).message
    assert message.automatic is Automatic.BOUNCE
    assert message.report is not None
    return message.report


def standard(*groups: str, returned: str = f"Content-Type: text/rfc822-headers\n\n{RETURNED}") -> bytes:
    status = "\n\n".join(("Reporting-MTA: dns; mx.example", *groups))
    return bounce(
        "Subject: Undelivered Mail Returned to Sender",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=limit",
        body="--limit\nContent-Type: text/plain\n\nSorry.\n"
        f"--limit\nContent-Type: message/delivery-status\n\n{status}\n"
        f"--limit\n{returned}\n--limit--\n",
    )


ANA = (
    "Final-Recipient: rfc822; Ana@Home.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 No such user"
)
BEA = "Final-Recipient: rfc822; bea@home.example\nAction: delayed\nStatus: 4.4.1"


def test_a_standard_report_tells_everything() -> None:
    report = read(standard(ANA))
    assert (report.action, report.status, report.recipient) == (Action.FAILED, "5.1.1", "ana@home.example")
    assert report.diagnostic == "550 No such user"
    assert [original.shown for original in report.originals] == [OURS]


CID = "Final-Recipient: rfc822; cid@home.example\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 Full"


def test_a_report_about_several_recipients_tells_of_each() -> None:
    report = read(standard(BEA, ANA, CID, "Final-Recipient: x400; c=pt; o=home\nAction: failed", ANA))
    assert (report.action, report.recipient) == (Action.FAILED, "ana@home.example"), "what failed is told first"
    assert [(one.action, one.status, one.recipient, one.diagnostic) for one in report.others] == [
        (Action.DELAYED, "4.4.1", "bea@home.example", ""),
        (Action.FAILED, "5.2.2", "cid@home.example", "552 Full"),
    ]


def test_a_report_about_thousands_tells_of_a_hundred() -> None:
    groups = [f"Final-Recipient: rfc822; r{n}@home.example\nAction: failed" for n in range(3000)]
    assert len(read(standard(*groups)).others) == 99


def test_the_whole_mail_may_come_back_too() -> None:
    report = read(standard(ANA, returned=f"Content-Type: message/rfc822\n\n{RETURNED}\nHello\n"))
    assert [original.shown for original in report.originals] == [OURS]


def test_the_recipient_to_whom_we_wrote_comes_before_the_one_to_whom_somebody_forwards() -> None:
    to = "Original-Recipient: rfc822;ana@home.example\nFinal-Recipient: rfc822; ana@new.example"
    moved = f"{to}\nAction: failed\nStatus: 5.2.2"
    assert read(standard(moved)).recipient == "ana@home.example"


@pytest.mark.parametrize("groups", [(ANA, BEA), (BEA, ANA)])
def test_of_several_recipients_the_one_that_failed_counts(groups: tuple[str, ...]) -> None:
    assert read(standard(*groups)).recipient == "ana@home.example"


def test_a_delay_is_no_failure() -> None:
    report = read(standard(BEA))
    assert (report.action, report.status, report.recipient) == (Action.DELAYED, "4.4.1", "bea@home.example")


def test_a_report_without_a_status_part_still_names_the_mail() -> None:
    report = read(standard(returned=f"Content-Type: text/rfc822-headers\n\n{RETURNED}"))
    assert (report.recipient, [original.shown for original in report.originals]) == ("", [OURS])


QMAIL = f"""Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ana@home.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 unknown user

--- Below this line is a copy of the message.

Return-Path: <support@shop.example>
{RETURNED}
Hello
"""
EXIM = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ana@home.example
    host mx.home.example [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ana@home.example>:
    550 5.1.1 No such user here

------ This is a copy of the message, including all the headers. ------

{RETURNED}
"""
EXCHANGE = f"""Your message did not reach some or all of the intended recipients.

The following recipient(s) could not be reached:

      ana@home.example on 02.03.2026 10:00
            The e-mail account does not exist at the organization this message was sent to.
            <mx.home.example #5.1.1 smtp;550 5.1.1 user unknown>

{RETURNED}
"""
MAIL_RU = f"""Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.

К сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:

ana@home.example
user not found

**********************

{RETURNED}
"""
YAHOO = f"""Sorry, we were unable to deliver your message to the following address.

<ana@home.example>:
554: delivery error: dd This user doesn't have a yahoo.com account

--- Original message follows.

{RETURNED}
"""
DIALECTS = {"qmail": QMAIL, "exim": EXIM, "exchange": EXCHANGE, "mail.ru": MAIL_RU, "yahoo": YAHOO}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_report_in_prose_names_its_mail_and_its_only_recipient(dialect: str) -> None:
    report = read(bounce("Subject: Mail delivery failed", body=DIALECTS[dialect]))
    assert [original.shown for original in report.originals] == [OURS]
    assert (report.action, report.recipient) == (Action.FAILED, "ana@home.example")


def test_prose_that_names_two_people_marks_none_of_them() -> None:
    text = QMAIL.replace("<ana@home.example>:", "<ana@home.example>:\n<bea@home.example>:")
    assert read(bounce("Subject: failure notice", body=text)).recipient == ""


def test_our_own_address_in_the_prose_is_nobody_who_failed() -> None:
    text = QMAIL.replace("your message", "the message of support@shop.example")
    assert read(bounce("Subject: failure notice", body=text)).recipient == "ana@home.example"


def test_failed_recipients_in_the_header_are_believed() -> None:
    report = read(bounce("Subject: Failed", "X-Failed-Recipients: ana@home.example", body="Sorry."))
    assert report.recipient == "ana@home.example"


def test_a_warning_that_goes_on_trying_is_a_delay() -> None:
    text = "Your message has not yet been delivered to <ana@home.example>: 451 4.4.1 timed out. We keep trying."
    text = f"{text}\n\n{RETURNED}"
    report = read(bounce("Subject: Warning: could not send message for past 4 hours", body=text))
    assert (report.action, report.status) == (Action.DELAYED, "4.4.1")


def test_a_customers_mail_has_no_report() -> None:
    raw = bounce("Subject: Re: Undelivered mail?", body="I got a bounce. What now?", sender="ana@home.example")
    assert normalize(delivery(raw)).message.report is None


def test_hostile_fields_of_a_report_stay_within_their_limits() -> None:
    group = (
        f"Final-Recipient: rfc822; {'a' * 5000}@home.example\nAction: {'x' * 5000}\nDiagnostic-Code: smtp; {'y' * 5000}"
    )
    report = read(standard(group))
    assert (len(report.recipient), len(report.diagnostic), report.action) == (998, 998, Action.FAILED)
