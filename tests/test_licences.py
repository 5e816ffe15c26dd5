"""Everything that is installed with Switchboard stands in `docs/licences.md`, under a licence that we may build on."""

import re
from importlib.metadata import PackageNotFoundError, metadata

import pytest
from house_tree import ROOT

ALLOWED = {
    *("MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "PSF-2.0", "Apache-2.0"),
    *("LGPL-3.0", "MPL-2.0"),  # installed unmodified, as packages of their own
}
FAMILIES = ("LGPL", "AGPL", "GPL", "MPL", "Apache", "MIT", "BSD", "ISC", "PSF")
OTHER_PLATFORMS = {"colorama", "tzdata"}


def locked() -> set[str]:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))


def documented() -> dict[str, str]:
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \| [^|]+ \|$", text, flags=re.MULTILINE)
    return {name: licence.strip() for name, licence in rows if name != "package"}


def declared(package: str) -> str:
    """What the installed package says: licence expression, licence field, classifiers, or the licence file's head."""
    found = metadata(package)
    classifiers = [value for value in found.get_all("Classifier") or () if value.startswith("License")]
    named = [str(value)[:40] for key in ("License-Expression", "License") for value in found.get_all(key) or ()]
    return " ".join([*named, *classifiers])


def families(text: str) -> set[str]:
    words = re.findall(r"[A-Za-z]+", text.replace("Python Software Foundation", "PSF"))
    return {family for family in FAMILIES if any(word.upper().startswith(family.upper()) for word in words)}


def test_the_table_names_every_locked_package_and_no_other() -> None:
    assert documented().keys() == locked()


def test_every_licence_of_the_table_is_one_that_we_may_build_on() -> None:
    parts = {part for licence in documented().values() for part in re.split(r" or | and ", licence)}
    assert parts <= ALLOWED


@pytest.mark.parametrize("package", sorted(locked() - OTHER_PLATFORMS))
def test_the_table_says_of_a_package_what_the_package_says_of_itself(package: str) -> None:
    try:
        said = declared(package)
    except PackageNotFoundError:
        pytest.skip("not installed on this platform")
    assert families(documented()[package]) <= families(said)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("LGPL-3.0-only", {"LGPL"}),
        ("License :: OSI Approved :: MIT License", {"MIT"}),
        ("Apache-2.0 OR BSD-2-Clause", {"Apache", "BSD"}),
        ("GPL-3.0-only", {"GPL"}),
        ("Python Software Foundation License", {"PSF"}),
    ],
)
def test_the_family_of_a_licence_is_read_from_its_words(said: str, expected: set[str]) -> None:
    assert families(said) == expected
