"""Settings of the staff: whose mail is an agent's, never a customer's."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from router.policy import Staff


def _lower(text: str) -> str:
    return text.lower()


Address = Annotated[str, StringConstraints(pattern=r"^[^\s@*]+@[^\s@*]+$", max_length=254), AfterValidator(_lower)]
Domain = Annotated[str, StringConstraints(pattern=r"^[^\s@*.][^\s@*]*$", max_length=253), AfterValidator(_lower)]


class StaffSettings(BaseModel):
    """Who works here. An agent answers by mail, forwards what shall become a ticket, and takes part in no ticket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: tuple[Address, ...] = Field(default=(), description="agents' own addresses, local@domain")
    domains: tuple[Domain, ...] = Field(
        default=(), description="domains whose every address is an agent's; no customer may have one of them"
    )

    def staff(self) -> Staff:
        """Give it as the router sees it."""
        return Staff(addresses=frozenset(self.addresses), domains=frozenset(self.domains))
