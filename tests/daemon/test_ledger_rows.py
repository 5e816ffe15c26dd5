from daemon.look import ledger_rows
from ticket_store.ledger import Ledger, Outcomes


def test_refusals_of_no_account_have_a_name_for_people_and_stay_as_they_are_for_machines() -> None:
    found = Ledger(
        accepted=1,
        outcomes=Outcomes(ticketed=1),
        in_flight=0,
        refused=3,
        accounts={"": (Outcomes(), 3), "support": (Outcomes(ticketed=1), 0)},
    )
    assert [(row["account"], row["refused"]) for row in ledger_rows(found)] == [
        ("(no account)", 3),
        ("support", 0),
        ("all", 3),
    ]
    assert [row["account"] for row in found.as_json()["accounts"]] == ["", "support"]
