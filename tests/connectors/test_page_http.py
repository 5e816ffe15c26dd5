"""Who calls a page."""

from starlette.requests import Request

from connectors.page_http import caller


def test_the_caller_is_told_whole() -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-for", b"192.0.2.1, 2001:db8::7")], "client": ("192.0.2.9", 1)}
    assert caller(Request(scope), behind_proxy=True) == "2001:db8::7"
    assert caller(Request(scope), behind_proxy=False) == "192.0.2.9"
