"""Where a download may go: no URL and no address that leads to us, however it is written."""

from ipaddress import ip_address

import pytest

from connectors.download_guard import allowed_url, is_public
from connectors.sending import Remote, SendFailedError

HOST = "files.example.org"
HOSTS = (HOST, ".cdn.example.org")

BAD_URLS = (
    f"http://{HOST}/a",
    f"ftp://{HOST}/a",
    "file:///etc/passwd",
    f"gopher://{HOST}/",
    f"//{HOST}/a",
    "/etc/passwd",
    "",
    f"https://{HOST}:8443/a",
    f"https://{HOST}:80/a",
    f"https://{HOST}:0/a",
    f"https://{HOST}:99999/a",
    f"https://{HOST}:443x/a",
    f"https://user@{HOST}/a",
    f"https://user:pass@{HOST}/a",
    f"https://{HOST}@evil.example/a",
    f"https://evil.example\\@{HOST}/a",
    f"https://evil.example/{HOST}",
    f"https://evil{HOST}/a",
    f"https://{HOST}.evil.example/a",
    f"https://{HOST}./a",
    "https://cdn.example.org/a",
    "https://evilcdn.example.org/a",
    f"https://{HOST} /a",
    f"https://{HOST}/a b",
    f"https://{HOST}/a\r\nX-Evil: 1",
    f"https://{HOST}/a\nb",
    f"https://{HOST}/\x00",
    f"https://{HOST}/ü",
    "https://fil\u0435s.example.org/a",
    "https://127.0.0.1/a",
    "https://2130706433/a",
    "https://0x7f000001/a",
    "https://0x7f.1/a",
    "https://0177.0.0.1/a",
    "https://127.1/a",
    "https://[::1]/a",
    "https://[::ffff:127.0.0.1]/a",
    "https://[fe80::1%25eth0]/a",
    "https://[",
    "https://169.254.169.254/latest",
    "https://localhost/a",
    "https://metadata.google.internal/a",
    "https:///a",
    "https://",
    f"https:{HOST}/a",
    f"https://{HOST}/{'a' * 5000}",
)


@pytest.mark.parametrize("url", BAD_URLS)
def test_no_other_place_is_asked_for(url: str) -> None:
    with pytest.raises(SendFailedError) as refused:
        allowed_url(Remote(url=url, hosts=HOSTS))
    assert not url or url not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "10.0.0.1"])
def test_an_address_is_no_name_even_if_a_channel_listed_it(host: str) -> None:
    with pytest.raises(SendFailedError):
        allowed_url(Remote(url=f"https://{host}/a", hosts=(host.strip("[]"),)))


@pytest.mark.parametrize(
    "url", [f"https://{HOST}/a?b=1", f"https://{HOST}:443/a", f"https://{HOST.upper()}/a", "https://x.cdn.example.org/"]
)
def test_the_platforms_own_places_are(url: str) -> None:
    assert allowed_url(Remote(url=url, hosts=HOSTS)).configured is None


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8082/f", "https://127.0.0.1:8081/f", "http://127.0.0.2:8081/f", "http://localhost:8081/f"]
)
def test_the_configured_server_is_exactly_that(url: str) -> None:
    assert allowed_url(Remote(url="http://127.0.0.1:8081/f", hosts=(), base_url="http://127.0.0.1:8081/bot")).configured
    with pytest.raises(SendFailedError):
        allowed_url(Remote(url=url, hosts=(), base_url="http://127.0.0.1:8081/bot"))


PRIVATE = (
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "192.88.99.1",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001::1",
    "2001:db8::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "100::1",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_ours_is_dialled(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
)
def test_addresses_of_the_internet_are(address: str) -> None:
    assert is_public(ip_address(address))


def test_a_url_is_not_shown_with_what_holds_it() -> None:
    assert "secret" not in repr(Remote(url="https://a.example/bot-secret", hosts=(), headers={"a": "secret"}))
