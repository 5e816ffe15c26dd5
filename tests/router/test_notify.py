"""Whom nobody ever tells anything by itself, and what the others are told."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from paper_router import PaperRouter
from routing_lab import OWN_ADDRESS, START, Lab, mail, open_lab

from router.notice_policy import NoticePolicy
from router.notify import NEVER, Case, called_for, notice_rows, why_never
from router.placed import Placed
from router.policy import AccountPolicy, Policies, SenderMatch, Staff, Takes
from schemas.message import InboundMessage
from schemas.notice_rows import NoticeRow
from schemas.placement import Author, NoticeReason, Visibility

ALL = NoticePolicy(refused_file=True, receipt=True, held=True)
TELLING = Policies(own_addresses=frozenset({OWN_ADDRESS}), default=AccountPolicy(notices=ALL))
REPLIES = Policies(own_addresses=frozenset({OWN_ADDRESS}), default=AccountPolicy(takes=Takes.REPLIES, notices=ALL))
BIG = {"name": "big.zip", "size": 26_214_400, "state": "refused"}
FROM_ANA = {"mail_from": "ana@a.example", "rcpt_to": [OWN_ADDRESS], "intake": "smtp"}


def written(sender: str = "ana@a.example", *, verdict: str = "pass", **more: Any) -> InboundMessage:
    """Make a mail to whose sender every notice may go."""
    envelope = {**FROM_ANA, "mail_from": sender, **more.pop("envelope", {})}
    made = mail(more.pop("name", "one"), sender, verdict=verdict, **more)
    return InboundMessage.model_validate({**made.model_dump(), "envelope": envelope})


def placed(message: InboundMessage, policies: Policies = TELLING) -> Placed:
    paper = PaperRouter(policies)
    paper.route(message)
    return paper.placed("one")


def rows(message: InboundMessage, policies: Policies = TELLING, now: datetime = START) -> list[NoticeRow]:
    return notice_rows([placed(message, policies)], policies, now)


def silence(message: InboundMessage, policies: Policies = TELLING, now: datetime = START) -> str:
    return why_never(Case(placed=placed(message, policies), policies=policies, now=now))


def test_who_opens_a_ticket_gets_a_receipt_at_the_address_in_from() -> None:
    (row,) = rows(written(reply_to=[{"address": "victim@v.example"}]))
    assert (row.reason, row.address, row.message_id) == ("receipt", "ana@a.example", 1)
    assert row.ticket_id == 1


def test_who_sends_a_file_that_is_refused_is_told_of_it_instead() -> None:
    (row,) = rows(written(files=[BIG]))
    assert row.reason == "refused_file"


def test_who_writes_something_new_to_an_account_for_replies_is_told_so() -> None:
    (row,) = rows(written(), REPLIES)
    assert (row.reason, row.ticket_id) == ("held", None)


def test_a_message_calls_for_one_notice_at_most() -> None:
    assert [row.reason for row in rows(written(files=[BIG]), REPLIES)] == ["held"]


@pytest.mark.parametrize("reason", list(NoticeReason))
def test_a_notice_that_is_switched_off_is_not_called_for(reason: NoticeReason) -> None:
    off = NoticePolicy(refused_file=False)
    takes = Takes.REPLIES if reason is NoticeReason.HELD else Takes.ALL
    files = [BIG] if reason is NoticeReason.REFUSED_FILE else []
    on = NoticePolicy(
        refused_file=reason is NoticeReason.REFUSED_FILE,
        receipt=reason is NoticeReason.RECEIPT,
        held=reason is NoticeReason.HELD,
    )
    for policy, expected in ((on, [reason]), (off, [])):
        policies = replace(TELLING, default=AccountPolicy(takes=takes, notices=policy))
        assert [row.reason for row in rows(written(files=files), policies)] == expected


def test_an_answer_that_joins_its_ticket_needs_no_receipt() -> None:
    paper = PaperRouter(TELLING)
    paper.route(mail("one", verdict="pass"), mail("two", answers="one", verdict="pass"))
    assert called_for(Case(placed=paper.placed("two"), policies=TELLING, now=START)) is None


def test_a_refused_file_on_an_answer_is_told() -> None:
    paper = PaperRouter(TELLING)
    paper.route(mail("one", verdict="pass"), mail("two", answers="one", verdict="pass", files=[BIG]))
    case = Case(placed=paper.placed("two"), policies=TELLING, now=START)
    assert called_for(case) is NoticeReason.REFUSED_FILE


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"answers": "nobody knows it"}, True),
        ({"kind": "undecodable"}, False),
        ({"kind": "edit"}, False),
    ],
)
def test_a_refused_file_of_a_held_message_is_told_when_a_person_will_read_it_as_a_customers(
    more: dict[str, Any], *, told: bool
) -> None:
    case = Case(placed=placed(written(files=[BIG], **more)), policies=TELLING, now=START)
    assert case.placed.state == "held"
    assert (called_for(case) is NoticeReason.REFUSED_FILE) == told


NOBODY: list[tuple[str, dict[str, Any]]] = [
    ("it belongs to no conversation", {"channel": "telegram"}),
    ("a machine wrote it", {"automatic": "auto_reply"}),
    ("a machine wrote it", {"automatic": "bulk"}),
    ("a machine wrote it", {"automatic": "bounce"}),
    ("a machine wrote it", {"automatic": "loop"}),
    ("its sender asks for no automatic answer", {"muted": True}),
    ("it has no return address", {"envelope": {"mail_from": ""}}),
    ("it has no return address", {"envelope": {"mail_from": "<>"}}),
    ("none of our addresses stands in To or Cc", {"bcc": True}),
    ("it was imported", {"envelope": {"intake": "import"}}),
    ("its sender is not proven", {"verdict": "none"}),
    ("its sender is not proven", {"verdict": "fail"}),
    ("its sender is not proven", {"verdict": "temperror"}),
    ("its sender is one of us", {"sender": OWN_ADDRESS}),
    ("its sender is one of us", {"sender": "support+x@desk.example"}),
    ("its sender is one of us", {"sender": "sales@desk.example", "envelope": {"rcpt_to": ["sales@desk.example"]}}),
    ("its sender is a machine's address", {"envelope": {"mail_from": "bounces+1=2@a.example"}}),
]


@pytest.mark.parametrize(("why", "more"), NOBODY, ids=lambda value: value if isinstance(value, str) else None)
def test_nobody_is_told_anything_when(why: str, more: dict[str, Any]) -> None:
    channel = more.get("channel", "mail")
    message = written(files=[BIG], **{key: value for key, value in more.items() if key != "channel"})
    message = message.model_copy(update={"channel": channel})
    assert silence(message) == why
    assert rows(message) == []
    assert rows(message, REPLIES) == []


@pytest.mark.parametrize(
    "local",
    [
        *("no-reply", "noreply", "no.reply", "no_reply", "do-not-reply", "donotreply", "shop-noreply", "noreply+7"),
        *("mailer-daemon", "MAILER-DAEMON", "postmaster", "bounce", "bounces", "bounce-77", "list-bounces", "root"),
        *(
            "nao-responda",
            "não-responda",
            "naoresponder",
            "no-responder",
            "ne-pas-repondre",
            "ne-otvechat",
            "autoreply",
        ),
        *("owner-list", "list-owner", "list-request", "majordomo", "www-data", "nobody"),
    ],
)
def test_the_address_of_a_machine_is_told_nothing(local: str) -> None:
    assert silence(written(f"{local}@a.example")) == "its sender is a machine's address"


@pytest.mark.parametrize(
    "address",
    [
        *("", "ana", "ana@", "@a.example", "a b@a.example", "ana@a.example,eve@e.example", "ana@a@b.example"),
        *("ana\r\nbcc:x@a.example", "<ana@a.example>", f"{'a' * 65}@a.example", f"ana@{'a' * 250}.example"),
    ],
)
def test_an_address_that_is_none_is_told_nothing(address: str) -> None:
    message = written(envelope={"mail_from": "ana@a.example"})
    message = message.model_copy(update={"sender": message.sender.model_copy(update={"address": address})})
    assert silence(message) == "its sender has no usable address"


@pytest.mark.parametrize(
    "local", ["ana", "noreen", "rootbeer", "bouncer", "norep", "jean-noe", "robert.noonan", "cronin"]
)
def test_a_persons_address_that_looks_a_little_like_a_machines_is_told(local: str) -> None:
    assert silence(written(f"{local}@a.example")) == ""


def test_a_message_that_was_received_long_before_it_was_routed_calls_for_nothing() -> None:
    late = START + ALL.max_age
    assert [row.reason for row in rows(written(), now=late)] == ["receipt"]
    assert rows(written(), now=late + timedelta(seconds=1)) == []
    assert silence(written(), now=START + timedelta(days=2)) == "it was received too long ago"


def test_where_any_sender_matches_the_sender_needs_no_proof_but_a_failed_check_is_one_against() -> None:
    anyone = replace(TELLING, default=AccountPolicy(sender_match=SenderMatch.ANY, notices=ALL))
    assert silence(written(verdict="none"), anyone) == ""
    assert silence(written(verdict="fail"), anyone) == "its sender is not proven"


def test_a_message_that_leaves_the_spool_later_calls_for_nothing() -> None:
    case = Case(placed=replace(placed(written()), stored=True), policies=TELLING, now=START)
    assert why_never(case) == "it waited in the spool and was placed later"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"visibility": Visibility.INTERNAL}, "it is not the customer's to see"),
        ({"visibility": Visibility.UNVERIFIED}, "it is not the customer's to see"),
        ({"author": Author.AGENT}, "somebody of ours speaks in it"),
    ],
)
def test_what_customers_do_not_see_and_what_agents_say_calls_for_nothing(more: dict[str, Any], why: str) -> None:
    found = replace(placed(written(files=[BIG])), **more)
    assert why_never(Case(placed=found, policies=TELLING, now=START)) == why
    assert notice_rows([found], TELLING, START) == []


def test_an_address_of_the_staff_is_told_nothing() -> None:
    staffed = replace(TELLING, staff=Staff(domains=frozenset({"a.example"})))
    assert silence(written(), staffed) == "its sender is one of us"


def test_every_rule_has_words_of_its_own() -> None:
    assert len({why for why, _ in NEVER}) == len(NEVER)


@pytest.fixture
async def lab(database: str) -> Any:
    async with open_lab(database) as found:
        yield found


async def test_the_rows_are_written_in_the_routers_own_transaction(lab: Lab) -> None:
    await lab.route(written(files=[BIG]), policies=TELLING)
    await lab.route(written(files=[BIG]), policies=TELLING)
    found = await lab.rows(
        "select reason, n.state, address, n.account, n.ticket_id = m.ticket_id as there from notices n"
        " join messages m on m.id = message_id"
    )
    assert found == [
        {"reason": "refused_file", "state": "due", "address": "ana@a.example", "account": "support", "there": True}
    ]


async def test_a_released_message_makes_no_second_notice(lab: Lab) -> None:
    reply = written(name="two", answers="one", files=[BIG], minutes=1)
    await lab.route(reply, policies=TELLING)
    assert set(await lab.held()) == {"two"}
    await lab.route(mail("one", verdict="pass"), policies=TELLING)
    assert await lab.held() == {}
    assert [row["reason"] for row in await lab.rows("select reason from notices")] == ["refused_file"]
