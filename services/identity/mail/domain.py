"""What the platform writes to people, and when a mail is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GIVE_UP_AFTER = timedelta(hours=24)
_LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it is composed. The texts hold no text of strangers but names that were checked to be one line."""

    to: str
    subject: str
    text: str


def pause_after(attempts: int) -> timedelta:
    """Return how long to wait after so many failed tries: 1 s, 2 s, 4 s … up to ten minutes."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), _LONGEST_PAUSE)


def is_hopeless(reply_code: int | None, created_at: datetime, now: datetime) -> bool:
    """Say whether to give up: the server refused for good (5xx), or a day has passed."""
    return (reply_code is not None and 500 <= reply_code < 600) or now - created_at >= GIVE_UP_AFTER


def confirm_address(to: str, portal_url: str, token: str) -> Letter:
    """Return the letter whose link confirms a new account's address."""
    return Letter(
        to,
        "Confirm your e-mail address",
        f"Somebody, hopefully you, has registered this address with Portico.\n\n"
        f"Open this link within 24 hours to confirm it:\n{portal_url}/verify-email#token={token}\n\n"
        f"A program confirms with this token:\n{token}\n\n"
        f"If it was not you, do nothing: without the confirmation there is no account.\n",
    )


def already_registered(to: str, portal_url: str) -> Letter:
    """Return the letter to somebody who has an account and was registered again."""
    return Letter(
        to,
        "You have an account already",
        f"Somebody, hopefully you, has tried to register this address with Portico. It has an account already.\n\n"
        f"Sign in here:\n{portal_url}/sign-in\n\n"
        f"If it was not you, do nothing: nothing has changed.\n",
    )


def invitation(to: str, portal_url: str, token: str, *, organization: str, role: str) -> Letter:
    """Return the letter that invites somebody into an organization."""
    return Letter(
        to,
        f"Invitation to {organization}",
        f"You have been invited to the organization {organization} in Portico, in the role {role.lower()}.\n\n"
        f"Open this link to accept (sign in, or register first, with this very address):\n"
        f"{portal_url}/accept-invitation#token={token}\n\n"
        f"A program accepts with this token:\n{token}\n",
    )
