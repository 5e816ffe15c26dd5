"""Authentication-Results: whose count, which one, and what its syntax can hide."""

import time
from collections.abc import AsyncIterator, Sequence

import pytest
from dns_records import Zone
from hypothesis import example, given
from hypothesis import strategies as st
from signed_mails import PEER, delivery, mail, message

from connectors.mail.assess import MailAssess
from connectors.mail.assess_domains import Organizations
from connectors.mail.assess_relayed import relayed_verdict
from connectors.mail.assess_settings import AssessSettings, dns_server
from connectors.mail.authentication_results import authserv_id, read_results, topmost_of
from schemas.message import Result, Verdict

RELAY = "198.51.100.7"
SETTINGS = AssessSettings(
    trusted_relays=("198.51.100.0/24", "2001:db8::/32", "127.0.0.1"),
    trusted_authserv_ids=("MX.desk.example", "mx2.desk.example"),
    authserv_id="switchboard.desk.example",
)
GOOD = b"mx.desk.example; dkim=pass header.d=shop.example; dmarc=pass (p=REJECT) header.from=shop.example"


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
async def assess(zone: Zone) -> AsyncIterator[MailAssess]:
    made = MailAssess(settings=SETTINGS, clock=time.monotonic, resolver=zone)
    yield made
    made.close()


def checked(*values: bytes, sender: str = "ann@shop.example") -> bytes:
    return mail(sender, *(b"Authentication-Results: " + value for value in values))


async def relayed(assess: MailAssess, *values: bytes, peer: str = RELAY) -> Verdict:
    return await assess(delivery(checked(*values), peer=peer), message())


@pytest.mark.parametrize("peer", [RELAY, "::ffff:198.51.100.9", "2001:db8::5", "127.0.0.1"])
async def test_a_trusted_relays_word_counts_and_nothing_is_asked(assess: MailAssess, zone: Zone, peer: str) -> None:
    assert (await relayed(assess, GOOD, peer=peer)).result is Result.PASS
    assert zone.asked == []


@pytest.mark.parametrize("peer", [PEER, "10.0.0.1", "192.0.2.1", "198.51.101.1"])
async def test_the_same_word_from_anybody_else_does_not(assess: MailAssess, peer: str) -> None:
    assert (await relayed(assess, GOOD, peer=peer)).result is Result.NONE


@pytest.mark.parametrize(("intake", "result"), [("imap", Result.PASS), ("import", Result.PASS), ("lmtp", Result.NONE)])
async def test_mail_without_a_peer_is_judged_by_a_trusted_name(assess: MailAssess, intake: str, result: Result) -> None:
    got = await assess(delivery(checked(GOOD), peer="", intake=intake), message())
    assert got.result is result


@pytest.mark.parametrize(
    "values",
    [
        (b"mx.desk.example; none", GOOD),
        (b"mx.desk.example; dkim=fail header.d=shop.example", GOOD),
        (b"mx.desk.example; spf=pass smtp.mailfrom=x@evil.example", GOOD),
        (b"mx2.desk.example; none", GOOD),
        (b"mx.desk.example; dkim=pass (unclosed header.d=shop.example", GOOD),
        (b"mx.desk.example; " + b"x" * 40_000, GOOD),
    ],
)
async def test_a_forged_field_below_the_relays_own_is_never_read(assess: MailAssess, values: Sequence[bytes]) -> None:
    assert (await relayed(assess, *values)).result is Result.NONE


async def test_fields_of_others_above_and_below_say_nothing(assess: MailAssess) -> None:
    other = b"mx.evil.example; dmarc=pass header.from=shop.example"
    own = GOOD.replace(b"mx.desk", b"switchboard.desk")
    assert (await relayed(assess, other)).result is Result.NONE
    assert (await relayed(assess, own)).result is Result.NONE
    assert (await relayed(assess, b"mx.desk.example.evil.example" + GOOD[15:])).result is Result.NONE
    assert (await relayed(assess, other, GOOD)).result is Result.PASS
    assert (await relayed(assess)).result is Result.NONE


async def test_two_from_fields_fail_whatever_the_relay_says(assess: MailAssess) -> None:
    raw = b"From: boss@shop.example\r\n" + checked(GOOD)
    assert (await assess(delivery(raw, peer=RELAY), message())).result is Result.FAIL


async def test_an_author_in_doubt_does_not_pass_by_a_relay_either(assess: MailAssess) -> None:
    raw = checked(GOOD, sender="ann@shop.example, eve@evil.example")
    assert (await assess(delivery(raw, peer=RELAY), message())).result is Result.NONE


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ("dmarc=pass header.from=shop.example", ("pass", "dmarc", "shop.example")),
        ("dmarc=pass header.from=evil.example", ("none", "", "")),
        ("dmarc=pass", ("none", "", "")),
        ("dkim=pass header.d=news.shop.example", ("pass", "dkim", "news.shop.example")),
        ("dkim=pass header.i=@shop.example", ("pass", "dkim", "shop.example")),
        ("dkim=pass header.d=evil.example header.i=ann@shop.example", ("none", "", "")),
        ("dkim=fail header.d=shop.example; dkim=pass header.d=evil.example", ("none", "", "")),
        ("dkim=pass header.d=shop.example; dmarc=fail header.from=shop.example", ("fail", "dmarc", "shop.example")),
        ("spf=pass smtp.mailfrom=ann@shop.example", ("pass", "spf", "shop.example")),
        ("spf=pass smtp.mailfrom=shop.example", ("pass", "spf", "shop.example")),
        ("spf=pass smtp.mailfrom=x@evil.example smtp.helo=shop.example", ("none", "", "")),
        ("spf=pass smtp.mailfrom=<> smtp.helo=mx.shop.example", ("pass", "spf", "mx.shop.example")),
        ("spf=fail smtp.mailfrom=x@shop.example", ("fail", "spf", "shop.example")),
        ("spf=fail smtp.mailfrom=x@evil.example", ("none", "", "")),
        ("spf=fail smtp.mailfrom=x@shop.example; dkim=pass header.d=shop.example", ("pass", "dkim", "shop.example")),
        ("spf=softfail smtp.mailfrom=x@shop.example", ("none", "", "")),
        ("dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=shop.example", ("none", "", "")),
        ("dmarc=fail (p=NONE sp=REJECT) header.from=shop.example", ("fail", "dmarc", "shop.example")),
        ("dmarc=fail action=none header.from=shop.example", ("none", "", "")),
        ("dmarc=fail policy.dmarc=reject header.from=shop.example", ("fail", "dmarc", "shop.example")),
        ("dmarc=fail header.from=shop.example", ("fail", "dmarc", "shop.example")),
        ("dmarc=fail (p=none); spf=fail smtp.mailfrom=a@shop.example", ("fail", "spf", "shop.example")),
        (
            "dmarc=fail (p=none) header.from=shop.example; spf=fail smtp.mailfrom=a@shop.example",
            ("none", "", ""),
        ),
        ("dmarc=temperror header.from=shop.example", ("temperror", "dmarc", "shop.example")),
        ("spf=temperror smtp.mailfrom=x@shop.example", ("temperror", "spf", "shop.example")),
        ("iprev=pass policy.iprev=1.2.3.4; auth=pass smtp.auth=ann@shop.example", ("none", "", "")),
    ],
)
def test_a_relays_results_become_a_verdict(results: str, expected: tuple[str, str, str]) -> None:
    found = read_results("mx.desk.example; " + results)
    assert found is not None
    verdict = relayed_verdict(found, "shop.example", Organizations())
    assert (verdict.result.value, verdict.method, verdict.domain) == expected


@pytest.mark.parametrize(
    "text",
    [
        "mx 1; dkim=pass header.d=a.example",
        "mx;\r\n\tdkim=pass\r\n\theader.d=a.example",
        "(who (really\\)) knows) mx (1); (x) DKIM (y) = (z) Pass (q;dkim=fail) header.d (w) = a.example",
        'mx; dkim=pass reason="not; spf=pass (" header.d="a.example"',
        "mx; dkim/1=pass header.d=a.example;",
    ],
)
def test_folds_comments_and_quotes_change_nothing(text: str) -> None:
    found = read_results(text)
    assert found is not None
    [one] = found.results
    assert (one.method, one.result, one.properties["header.d"]) == ("dkim", "pass", "a.example")


@pytest.mark.parametrize(
    ("text", "methods"),
    [
        ('mx; spf=fail smtp.mailfrom="x; dkim=pass header.d=shop.example"@evil.example', ["spf"]),
        ("mx; spf=fail (x; dkim=pass header.d=shop.example) smtp.mailfrom=a@evil.example", ["spf"]),
        ("mx; spf=fail (x \\) ; dkim=pass header.d=shop.example) smtp.mailfrom=a@evil.example", ["spf"]),
        ('mx; spf=fail reason="\\"; dkim=pass header.d=shop.example" smtp.mailfrom=a@evil.example', ["spf"]),
    ],
)
def test_what_stands_inside_a_quote_or_comment_is_no_result(text: str, methods: list[str]) -> None:
    found = read_results(text)
    assert found is not None
    assert [one.method for one in found.results] == methods
    assert relayed_verdict(found, "shop.example", Organizations()) == Verdict()


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "; dkim=pass",
        "mx 2; dkim=pass",
        "mx extra 1; dkim=pass",
        "mx; dkim",
        "mx; dkim=",
        "mx; =pass",
        "mx; dkim==pass",
        "mx; dkim=pass header.d=a header.b",
        "mx; dkim=pass (open",
        "mx; dkim=pass close) header.d=a.example",
        'mx; dkim=pass "open',
        "mx; dkim=pass \\; spf=pass",
        "mx; dkim=pass " + "(" * 30 + ")" * 30,
        "dkim=pass header.d=a.example; spf=pass",
    ],
)
def test_a_field_with_a_fault_says_nothing(text: str) -> None:
    assert read_results(text) is None


def test_the_first_of_a_property_counts_and_results_are_bounded() -> None:
    found = read_results("mx; dkim=pass header.d=evil.example header.d=shop.example" + "; a=b" * 500)
    assert found is not None
    assert found.results[0].properties["header.d"] == "evil.example"
    assert len(found.results) == 100


def test_real_fields_of_known_providers_are_read() -> None:
    google = (
        'mx.google.com;\r\n       dkim=pass header.i=@shop.example header.s=20230601 header.b="AbC/9+==";\r\n'
        "       spf=pass (google.com: domain of a+b=c@shop.example designates 1.2.3.4 as permitted sender) "
        "smtp.mailfrom=a+b=c@shop.example;\r\n       dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=shop.example"
    )
    found = topmost_of([google.encode()], ["mx.google.com"])
    assert found is not None
    assert relayed_verdict(found, "shop.example", Organizations()).result is Result.PASS
    microsoft = "spf=pass (sender IP is 1.2.3.4) smtp.mailfrom=shop.example; dkim=pass header.d=shop.example"
    assert authserv_id(microsoft) == "spf"
    assert topmost_of([microsoft.encode()], ["spf"]) is None, "a field without a name is nobody's"


@example(text="(" * 5000)
@example(text='mx; a="' + "\\" * 5000)
@given(st.text('mx;=()"\\ \t\r\n.ab1@', max_size=80) | st.text(max_size=60))
def test_no_field_raises(text: str) -> None:
    found = read_results(text)
    assert found is None or found.authserv_id == authserv_id(text)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"trusted_relays": ["198.51.100.7/24"], "trusted_authserv_ids": ["mx"]}, "trusted_relays"),
        ({"trusted_relays": ["mx.example.org"], "trusted_authserv_ids": ["mx"]}, "trusted_relays"),
        ({"trusted_relays": ["198.51.100.7"]}, "trusted_authserv_ids is not"),
        ({"trusted_authserv_ids": ["mx"], "authserv_id": "MX"}, "authserv_id"),
        ({"trusted_authserv_ids": ["a b"]}, "trusted_authserv_ids"),
        ({"dns_servers": ["dns.example.org"]}, "dns_servers"),
        ({"dns_servers": ["192.0.2.53:70000"]}, "dns_servers"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"trusted_relay": []}, "trusted_relay"),
    ],
)
def test_mistakes_in_the_settings_are_told(settings: dict[str, object], place: str) -> None:
    with pytest.raises(ValueError, match=place):
        AssessSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
    ],
)
def test_dns_servers_are_addresses_with_or_without_a_port(text: str, server: tuple[str, int]) -> None:
    assert dns_server(text) == server
