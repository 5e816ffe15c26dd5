"""What the pages of a form say, in the languages that they speak: `page/words.json`, the same words in each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

USUAL: Final = "en"
NAMES: Final[Mapping[str, str]] = {"en": "English", "pt": "Português", "ru": "Русский"}
WORDS: Final[Mapping[str, Mapping[str, str]]] = json.loads(
    Path(__file__).with_name("page").joinpath("words.json").read_text(encoding="utf-8")
)


def language_of(asked: str, accepted: str) -> str:
    """Choose a language: the one that the address asks for, else the first that the browser names and we speak."""
    for wanted in (asked, *accepted.split(",")):
        found = wanted.strip()[:2].lower()
        if found in WORDS:
            return found
    return USUAL
