"""`[legacy.NAME]`: every mistake is told, and good settings become desks."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.settings import Settings
from daemon.settings_load import Loaded, load
from daemon.settings_problems import SettingsError
from daemon.wiring import policies
from router.legacy_desk import LegacyDesk, LegacyPolicy, NumberPattern, PatternError

MAIL = '[accounts.support]\naddresses = ["support@example.org"]\n'
PTISP = """
[legacy.otrs]
id_domains = ["@OTRS.example.org"]
subject_patterns = ['\\[Ticket#(?P<number>\\d{16})\\]']
addresses = ["Old@example.org"]
cutover_at = 2012-12-06T00:00:00
tz = "Europe/Lisbon"
url = "https://old.example.org/zoom?TicketNumber={number}"
"""


def loaded(folder: Path, text: str, **variables: str) -> Loaded:
    (folder / "switchboard.toml").write_text(text, encoding="utf-8")
    return load(None, variables, folder)


def settings(folder: Path, text: str, **variables: str) -> Settings:
    return loaded(folder, text, **variables).settings


def mistakes(folder: Path, text: str, **variables: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        loaded(folder, text, **variables)
    return {problem.key: problem.reason for problem in caught.value.problems}


def test_a_local_cut_over_is_one_of_its_zone(tmp_path: Path) -> None:
    (desk,) = policies(settings(tmp_path, MAIL + PTISP)).legacy
    assert desk.cutover_at == datetime(2012, 12, 6, tzinfo=UTC)
    assert (*desk.id_domains, *desk.addresses) == ("otrs.example.org", "old@example.org")
    assert desk.policy is LegacyPolicy.HOLD


def test_every_mistake_of_a_desk_is_reported_at_once(tmp_path: Path) -> None:
    text = """
[legacy.otrs]
cutover_at = 2012-12-06T00:00:00Z
id_domains = ["a b"]
subject_patterns = ["[", "(a)", "(?P<number>a*)", "(?P<number>.)(?P<more>.)", "(?=x)(?P<number>1)"]
addresses = ["nobody"]
url = "ftp://old/{number}"
tz = "Europe/Lisboa"
policy = "drop"
policy_after = "forward"
forward = "x@y.example"
"""
    found = mistakes(tmp_path, MAIL + text)
    assert set(found) == {
        "legacy.otrs.id_domains.0",
        *(f"legacy.otrs.subject_patterns.{place}" for place in range(5)),
        "legacy.otrs.addresses.0",
        "legacy.otrs.url",
        "legacy.otrs.tz",
        "legacy.otrs.policy",
        "legacy.otrs.policy_after",
        "legacy.otrs.forward",
    }
    assert "one group" in found["legacy.otrs.subject_patterns.1"]
    assert "empty text" in found["legacy.otrs.subject_patterns.2"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ('cutover_at = 2012-12-06T00:00:00\nid_domains = ["x.example"]', "needs an offset"),
        ('cutover_at = 2012-03-25T01:30:00\ntz = "Europe/Lisbon"\nid_domains = ["x.example"]', "leaves out"),
        ("cutover_at = 2012-12-06T00:00:00Z", "or none of its mail can be known"),
        ('cutover_at = 2012-12-06T00:00:00Z\nid_domains = ["x.example"]\npolicy = "forward"', "needs forward_to"),
        (
            'cutover_at = 2012-12-06T00:00:00Z\nparallel_until = 2011-01-01T00:00:00Z\nid_domains = ["x.example"]',
            "before cutover_at",
        ),
        (
            'cutover_at = 2012-12-06T00:00:00Z\naddresses = ["a@x.example"]\nid_patterns = ["(?P<number>\\\\d+)@"]',
            "id_domains",
        ),
    ],
)
def test_what_contradicts_itself_is_a_mistake(tmp_path: Path, lines: str, reason: str) -> None:
    (found,) = mistakes(tmp_path, f"{MAIL}[legacy.old]\n{lines}\n").values()
    assert reason in found


def test_an_old_desk_may_not_hold_our_own_addresses_nor_accounts_that_are_not_there(tmp_path: Path) -> None:
    text = """
[legacy.old]
cutover_at = 2012-12-06T00:00:00Z
addresses = ["support@example.org"]
forward_to = "support@example.org"
accounts = ["suport"]
"""
    assert set(mistakes(tmp_path, MAIL + text)) == {
        "legacy.old.addresses",
        "legacy.old.forward_to",
        "legacy.old.accounts",
    }


def test_a_pattern_that_fits_our_own_tag_is_warned_of(tmp_path: Path) -> None:
    text = MAIL + PTISP.replace("\\[Ticket#(?P<number>\\d{16})\\]", "#(?P<number>[\\d-]+)")
    (warning,) = loaded(tmp_path, text).warnings
    assert "our own tag" in warning.reason


def test_sending_on_without_a_relay_is_warned_of(tmp_path: Path) -> None:
    text = MAIL + PTISP + 'forward_to = "in@otrs.example.org"\n'
    (warning,) = loaded(tmp_path, text).warnings
    assert (warning.key, "outbound.smtp.host" in warning.reason) == ("legacy.otrs.forward_to", True)
    assert loaded(tmp_path, text + '[outbound.smtp]\nhost = "relay.example.org"\n').warnings == ()


def test_a_desk_can_be_set_by_variables_alone(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        MAIL,
        SWITCHBOARD_LEGACY__OLD__CUTOVER_AT="2024-01-08T00:00:00+03:00",
        SWITCHBOARD_LEGACY__OLD__ADDRESSES="a@old.example, b@old.example",
        SWITCHBOARD_LEGACY__OLD__POLICY="open",
        SWITCHBOARD_LEGACY__OLD__URL="https://old.example/{number}",
        SWITCHBOARD_ACCOUNTS__SUPPORT__SCOPE="all",
    )
    assert found.mail_accounts()["support"].scope == "all"
    assert found.legacy["old"].addresses == ("a@old.example", "b@old.example")


def test_a_desk_is_in_charge_until_the_cut_over_and_its_policy_changes_with_the_parallel_run() -> None:
    start = datetime(2023, 12, 1, tzinfo=UTC)
    desk = LegacyDesk(
        name="portal",
        cutover_at=start,
        parallel_until=start + timedelta(days=38),
        forward_to="old@portal.example",
        policy=LegacyPolicy.OPEN,
    )
    wanted = [desk.wants(start + timedelta(days=days)) for days in (-1, 0, 37, 38)]
    assert wanted == ["forward", "open", "open", "hold"]


def test_before_the_cut_over_a_desk_without_an_address_for_it_holds() -> None:
    start = datetime(2023, 12, 1, tzinfo=UTC)
    assert LegacyDesk(name="old", cutover_at=start).wants(start - timedelta(seconds=1)) is LegacyPolicy.HOLD


def test_a_number_cannot_lead_the_link_elsewhere() -> None:
    desk = LegacyDesk(name="old", cutover_at=datetime(2020, 1, 1, tzinfo=UTC), url="https://old.example/t/{number}/")
    assert desk.link("../A?B#C É") == "https://old.example/t/..%2FA%3FB%23C%20%C3%89/"
    assert desk.link("") == ""


def test_a_pattern_takes_time_that_grows_with_the_text_alone() -> None:
    catastrophic = NumberPattern("(?P<number>(?:(?:a+)+)+)b")
    assert list(catastrophic.numbers("a" * 998)) == []


def test_a_pattern_that_needs_much_memory_is_refused() -> None:
    with pytest.raises(PatternError):
        NumberPattern("(?P<number>(?:(?:(?:x{1,200}){1,200}){1,200}))")


def test_ptisp_is_ours_from_midnight_of_its_cut_over(tmp_path: Path) -> None:
    (desk,) = policies(settings(tmp_path, MAIL + PTISP)).legacy
    midnight = datetime(2012, 12, 6, tzinfo=ZoneInfo("Europe/Lisbon"))
    assert desk.in_charge(midnight - timedelta(seconds=1))
    assert not desk.in_charge(midnight)


def test_pixlparks_portal_goes_on_until_its_last_day_ends_where_it_is_used(tmp_path: Path) -> None:
    text = """
[legacy.portal]
cutover_at = "2023-12-01T00:00:00"
parallel_until = 2024-01-08T00:00:00
tz = "Europe/Moscow"
addresses = ["portal@pixl.example"]
policy = "forward"
policy_after = "open"
forward_to = "in@pixl.example"
"""
    (desk,) = policies(settings(tmp_path, MAIL + text)).legacy
    end = datetime(2024, 1, 7, 21, tzinfo=UTC)
    assert desk.wants(end - timedelta(seconds=1)) is LegacyPolicy.FORWARD
    assert desk.wants(end) is LegacyPolicy.OPEN
