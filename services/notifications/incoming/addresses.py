"""Whose address is whose: kept as keyed fingerprints, which tell nothing to whoever reads the database."""

import hmac
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from chassis.errors import Invalid
from chassis.inbox import copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Index, Reader, Transaction
from services.notifications.sealing import Seal, SealNotBroken

ADDRESSES = "support_addresses"
INDEXES = (Index(ADDRESSES, (("fingerprint", 1),)),)


class AddressNotReadable(Invalid):
    """The announcement of an address cannot be opened with the key that identity and notifications share."""


@dataclass(frozen=True, slots=True)
class AddressBook:
    """Opens what identity has sealed, and knows addresses by their fingerprints under a key of its own."""

    shared_seal: Seal
    key: bytes

    def fingerprint(self, address: str) -> str:
        """Return what stands for an address, however its capitals and its domain are spelled."""
        return hmac.new(self.key, _spelled(address).encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _spelled(address: str) -> str:
    try:
        read = validate_email(address.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return address.strip()
    ascii_lower = "".join(each.lower() if each.isascii() else each for each in read.local_part)
    return f"{ascii_lower}@{read.ascii_domain.lower()}"


async def remember(tx: Transaction, heard: Heard, book: AddressBook) -> None:
    """Keep by which address somebody writes. Raises ``AddressNotReadable``."""
    user_id, sealed = heard.data.get("user_id"), heard.data.get("sealed_address")
    if not isinstance(user_id, str) or not isinstance(sealed, str):
        raise AddressNotReadable(f"{heard.key} {heard.id} lacks a user or an address.")
    try:
        address = book.shared_seal.open(sealed, user_id)
    except SealNotBroken as error:
        raise AddressNotReadable from error
    await copy_if_newer(tx, ADDRESSES, heard, {"fingerprint": book.fingerprint(address)})


async def forget(tx: Transaction, heard: Heard) -> None:
    """Forget the address of somebody who is erased."""
    await copy_if_newer(tx, ADDRESSES, heard, {"fingerprint": None})


async def is_of(reader: Reader, user_id: str, fingerprint: str) -> bool:
    """Say whether an address is the one of a user."""
    return await reader.collection(ADDRESSES).find_one({"_id": user_id, "fingerprint": fingerprint}) is not None


async def find_user(reader: Reader, fingerprint: str) -> str | None:
    """Return whose address it is, or None for nobody's."""
    row = await reader.collection(ADDRESSES).find_one({"fingerprint": fingerprint})
    return None if row is None else str(row["_id"])
