"""The thinnest way: a new ticket, an answer, a stranger, an unmatched reply, a duplicate."""

from routing_lab import mail, open_lab


async def test_an_answer_joins_its_ticket_and_everything_else_finds_its_place(database: str) -> None:
    async with open_lab(database) as lab:
        routed = await lab.route(
            mail("one"),
            mail("two", answers="one", minutes=1),
            mail("three", "eve@e.example", answers="one", minutes=2),
            mail("four", "bob@b.example", answers="unknown", minutes=3),
            mail("one"),
        )
        assert await lab.threads() == {"one": ["one", "two"]}
        assert await lab.held() == {"three": "stranger", "four": "unmatched_reply"}
        assert routed["duplicate", "duplicate"] == 1
        assert await lab.events() == ["ticket.created", "ticket.message_added"]
        await lab.route(mail("five", answers="two", minutes=5))
        assert await lab.threads() == {"one": ["one", "two", "five"]}
