"""Writes the JSON Schemas of the wire contracts to `json/`, for readers that are not Python.

    python -m schemas.export

Deterministic: the same models give the same bytes. A test holds the files to the models; another one
(`tests/schemas/test_compatibility.py`) refuses changes that would break readers or records that exist.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas.base import Wire
from schemas.events import TicketEvent
from schemas.message import InboundMessage

FOLDER: Final = Path(__file__).parent / "json"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """One exported model. `always` are properties with a default that the wire carries all the same."""

    name: str
    model: type[Wire]
    always: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Give the JSON Schema, with its dialect and its name in front."""
        schema = self.model.model_json_schema(mode="validation")
        schema["required"] = [*self.always, *schema["required"]]
        name, _, major = self.name.rpartition("-")
        return {"$schema": DIALECT, "$id": f"urn:switchboard:{name}:{major}", **schema}

    def text(self) -> str:
        """Give the schema as the bytes of its file will read."""
        return json.dumps(self.document(), indent=2, ensure_ascii=False) + "\n"


CONTRACTS: Final = (
    Contract(name="inbound-message-1", model=InboundMessage, always=("version", "kind")),
    Contract(name="ticket-event-1", model=TicketEvent, always=("specversion", "datacontenttype", "dataschema")),
)


def export(folder: Path = FOLDER) -> list[Path]:
    """Write every schema to the folder and give the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{contract.name}.json" for contract in CONTRACTS]
    for path, contract in zip(paths, CONTRACTS, strict=True):
        path.write_text(contract.text(), encoding="utf-8")
    return paths


if __name__ == "__main__":
    export()
