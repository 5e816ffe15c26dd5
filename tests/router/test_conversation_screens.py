"""What people see of conversations: on a ticket, in the listing, and in the terminal."""

from datetime import timedelta

from answering_lab import number_of
from chats import chat
from routing_lab import KEY, START, Lab, mail, open_lab

from console import detail
from daemon.asking import for_people
from router.linking import Linking
from ticket_store.listing import as_json
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.tickets import TicketDetail, list_tickets, show_ticket


async def shown(lab: Lab, number: str) -> TicketDetail:
    async with lab.pool.connection() as connection:
        return await show_ticket(connection, number)


def terminal(found: TicketDetail) -> str:
    return detail.ticket({**as_json(found), "old_tickets": []})


async def test_a_ticket_shows_its_chats_and_whether_they_can_be_written_to(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await lab.route(chat("2", kind="membership", membership="blocked", minutes=5))
        found = await shown(lab, await number_of(lab, "1"))
        (one,) = found.conversations
        assert (one.conversation, one.contact, one.goes_on_here) == ("telegram:bot:ana", "blocked", True)
        said = "conversation: telegram:bot:ana (goes on here; blocked since 2026-03-02 09:05:00 UTC)"
        assert said in terminal(found)


async def test_a_changed_message_shows_what_it_said(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1", files=("a.jpg",)))
        change = chat("e", kind="edit", answers="1", text="better", files=("b.jpg",), minutes=2, edit=True)
        await lab.route(change)
        row = await lab.rows("select number from tickets")
        found = await shown(lab, row[0]["number"])
        assert found.messages[0].text == "better"
        (earlier,) = found.messages[0].earlier
        assert (earlier.text, earlier.files) == ("text of 1", ("a.jpg",))
        assert "until 2026-03-02 09:02:00 UTC it said with a.jpg: text of 1" in terminal(found)


async def test_a_proven_link_is_shown_with_who_gave_it_and_who_undid_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("mail"))
        number = await number_of(lab, "mail")
        store = OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
        linking = Linking(store=store, clock=lambda: START)
        invitation = await linking.invite(number, channel="telegram", lasts=timedelta(hours=1), by="rui")
        await lab.route(chat("1", text="/start", proof=invitation.payload, minutes=1))
        found = await shown(lab, number)
        assert "proven to be the requester: telegram ana Ana of telegram (invited by rui" in terminal(found)
        assert "ana (linked)" in terminal(found)
        await linking.unlink(number, by="eva")
        assert "undone 2026-03-02 09:00:00 UTC by eva" in terminal(await shown(lab, number))


async def test_a_live_chat_is_told_in_the_listing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1", channel="webchat", live=True), chat("2", "bob"))
        async with lab.pool.connection() as connection:
            lines = await list_tickets(connection)
        told = {line.requester: for_people(as_json(line))["status"] for line in lines}
        assert told == {"ana": "open, live", "bob": "open"}
