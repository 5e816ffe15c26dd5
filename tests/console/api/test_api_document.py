"""The committed description of the API is that of its paths."""

from console.api.document import FILE, document, text


def test_the_description_in_the_tree_is_current() -> None:
    assert FILE.read_text(encoding="utf-8") == text(), "run: python -m console.api.document"


def test_every_operation_needs_a_token_and_says_how_it_refuses() -> None:
    found = document()
    assert found["openapi"].startswith("3.1")
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert operations
    for one in operations:
        assert one["security"] == [{"HTTPBearer": []}]
        assert {"401", "403", "404", "422", "429", "503"} <= one["responses"].keys()
