"""Settings of notices: what an account tells by itself, in which language, and the limits of all of them."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from lifecycle.notices import AccountNotices, Language, Limits
from router.notice_policy import NoticePolicy
from schemas.placement import NoticeReason


class NoticesSettings(BaseModel):
    """Limits of the notices of all accounts. An address gets at most one a day for the same reason, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    per_address_a_day: int = Field(default=5, ge=0, le=1000, description="notices to one address in 24 hours; 0 = none")
    max_age_hours: PositiveFloat = Field(
        default=24.0, description="a message received longer ago calls for no notice, after an outage for example"
    )

    def limits(self) -> Limits:
        """Give them as the worker keeps them."""
        return Limits(per_address_a_day=self.per_address_a_day, max_age=timedelta(hours=self.max_age_hours))


class AccountNoticesSettings(BaseModel):
    """Which notices an account sends to those who write to it, and in which words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: Language = Field(default=Language.ENGLISH, description="of the texts")
    refused_file: bool = Field(default=True, description="tell the sender that a file was refused")
    receipt: bool = Field(default=False, description="tell the sender the number of a new ticket")
    held: bool = Field(
        default=False, description='tell who writes something new to an account with policy.takes = "replies"'
    )
    sharing_instructions: str = Field(
        default="", max_length=2000, description="how to share large files; not set: a sentence of ours"
    )
    contact_instructions: str = Field(
        default="", max_length=2000, description="how to reach you with something new, in held notices"
    )
    templates: Path | None = Field(
        default=None, description="folder with texts of your own, `reason.language.txt`; they go before ours"
    )

    def under(self, folder: Path) -> Self:
        """Give them with a path that counts from `folder`."""
        return self if self.templates is None else self.model_copy(update={"templates": folder / self.templates})

    def reasons(self) -> frozenset[NoticeReason]:
        """Give the reasons that are switched on."""
        return frozenset(reason for reason in NoticeReason if getattr(self, reason.value))

    def account(self) -> AccountNotices:
        """Give them as the worker needs them."""
        return AccountNotices(
            reasons=self.reasons(),
            language=self.language,
            sharing_instructions=self.sharing_instructions,
            contact_instructions=self.contact_instructions,
            templates=self.templates,
        )

    def policy(self, common: NoticesSettings) -> NoticePolicy:
        """Give them as the router needs them."""
        return NoticePolicy(
            refused_file=self.refused_file,
            receipt=self.receipt,
            held=self.held,
            max_age=timedelta(hours=common.max_age_hours),
        )
