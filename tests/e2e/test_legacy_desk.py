"""Moving from another desk as its people do: import, hold, place one, and the next ones follow by themselves."""

import json
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from daemon_mail import send_over
from running_daemon import RunningDaemon, running_daemon

from schemas.numbers import check_digit, shown

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

SETTINGS = {
    "SWITCHBOARD_LEGACY__OTRS__CUTOVER_AT": "2012-12-06T00:00:00",
    "SWITCHBOARD_LEGACY__OTRS__TZ": "Europe/Lisbon",
    "SWITCHBOARD_LEGACY__OTRS__SUBJECT_PATTERNS": json.dumps([r"\[Ticket#(?P<number>\d+)\]"]),
    "SWITCHBOARD_LEGACY__OTRS__ID_DOMAINS": "otrs.example",
    "SWITCHBOARD_LEGACY__OTRS__URL": "https://otrs.example/zoom/{number}",
}
NOBODYS = "482917305" + check_digit("482917305")
EXPORT = """\
number;requester;subject;status;opened_at;messages;message_ids
2012120510000013;Ana Costa <ana@a.example>;Impressora;open;05.12.2012 17:00;A impressora pisca.;<m1@otrs.example>
;bob@b.example;;;;;
2012120510000021;bob@b.example;Fatura;closed;2012-12-05T10:00;;<m2@otrs.example>
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with running_daemon(SETTINGS) as started:
        yield started


def mail(name: str, sender: str, subject: str, answers: str = "") -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "support@desk.example", subject
    made["Message-ID"] = f"<{name}@customer.example>"
    if answers:
        made["In-Reply-To"] = f"<{answers}>"
    made.set_content(f"Text of {name}")
    return bytes(made)


async def sent(daemon: RunningDaemon, *mails: bytes) -> None:
    before = daemon.json("ledger")["accepted"]
    answers = await send_over(daemon.smtp_port, mails, sessions=1)
    assert all(answer.answer.startswith("250") for answer in answers)
    daemon.settle(before + len(mails))


async def test_an_old_ticket_that_broke_in_two_is_joined_by_one_choice(daemon: RunningDaemon) -> None:
    export = daemon.folder / "otrs.csv"
    export.write_text(EXPORT, encoding="latin-1")
    dry = daemon.cli("legacy", "import", str(export), "--desk", "otrs", "--dry-run", check=False)
    assert (dry.returncode, f"{export}:3: number is empty" in dry.stderr) == (1, True)
    assert daemon.json("legacy", "list") == []
    done = daemon.json("legacy", "import", str(export), "--desk", "otrs")
    assert (done["new"], done["bad_lines"], done["message_ids"]) == (2, 1, 2)
    assert daemon.json("legacy", "import", str(export), "--desk", "otrs")["known"] == 2

    subject = "Re: [Ticket#2012120510000013] Impressora"
    await sent(daemon, mail("one", "ana@a.example", subject), mail("early", "ana@a.example", f"{subject}!"))
    held, early = daemon.json("spool", "list")
    assert (held["reason"], early["reason"]) == ("legacy", "legacy")
    (old,) = daemon.json("spool", "show", str(held["id"]))["old_tickets"]
    assert old["url"] == "https://otrs.example/zoom/2012120510000013"
    assert old["opened_at"] == "2012-12-05T17:00:00+00:00"
    text = daemon.cli("spool", "show", str(held["id"])).stdout
    assert "Old ticket otrs 2012120510000013: Impressora" in text
    assert "A impressora pisca." in text

    daemon.cli("spool", "open", str(held["id"]))
    daemon.wait_until(lambda: daemon.json("spool", "list") == [], seconds=30, what="released", every=0.5)
    await sent(
        daemon,
        mail("two", "ana@a.example", subject),
        mail("three", "ana@a.example", "Re: Impressora", "m1@otrs.example"),
        mail("eve", "eve@e.example", subject),
    )
    (ticket,) = daemon.json("tickets", "list")
    assert ticket["message_count"] == 4
    found = daemon.json("tickets", "show", ticket["number"])
    assert [message["decision"]["rule"] for message in found["messages"]] == ["operator", *3 * ["legacy"]]
    assert found["messages"][1]["decision"]["explanation"].startswith("Released: ")
    assert [old["number"] for old in found["old_tickets"]] == ["2012120510000013"]
    assert "Old ticket otrs 2012120510000013" in daemon.cli("tickets", "show", ticket["number"]).stdout
    assert [held["reason"] for held in daemon.json("spool", "list")] == ["stranger"]


async def test_a_choice_can_be_made_before_any_mail_came_and_taken_back(daemon: RunningDaemon) -> None:
    await sent(daemon, mail("fresh", "bob@b.example", "Fatura"))
    number = next(one["number"] for one in daemon.json("tickets", "list") if one["requester"] == "bob@b.example")
    said = daemon.cli("legacy", "bind", "otrs", "2012120510000021", "--ticket", shown(number)).stdout
    assert f"goes on in ticket {shown(number)}" in said
    await sent(daemon, mail("late", "bob@b.example", "Re: Fatura", "m2@otrs.example"))
    assert daemon.json("tickets", "show", number)["ticket"]["message_count"] == 2
    assert daemon.json("legacy", "show", "otrs", "2012120510000021")["ticket"] == number
    await sent(daemon, mail("vague", "bob@b.example", "Re: Something", "unknown@otrs.example"))
    vague = next(one["id"] for one in daemon.json("spool", "list") if one["sender"] == "bob@b.example")
    assert [old["number"] for old in daemon.json("spool", "show", str(vague))["old_tickets"]] == ["2012120510000021"]
    daemon.cli("legacy", "bind", "otrs", "2012120510000021", "--unbind")
    assert daemon.json("legacy", "show", "otrs", "2012120510000021")["choice"] == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("legacy", "show", "otrs", "1"), 4),
        (("legacy", "import", "nowhere.csv", "--desk", "otrs"), 4),
        (("legacy", "import", "nowhere.csv", "--desk", "rt"), 2),
        (("legacy", "bind", "otrs", "1"), 2),
        (("legacy", "bind", "otrs", "1", "--forward"), 1),
        (("legacy", "bind", "otrs", "1", "--ticket", NOBODYS), 4),
        (("spool", "forward", "999"), 4),
    ],
)
def test_a_no_is_a_sentence_and_an_exit_code(daemon: RunningDaemon, arguments: tuple[str, ...], code: int) -> None:
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
