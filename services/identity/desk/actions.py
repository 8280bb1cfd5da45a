"""What is done so that things are found."""

from chassis.mongo import Reader
from services.identity.applications import repository as applications
from services.identity.certificates import repository as certificates
from services.identity.data_exchanges import repository as data_exchanges
from services.identity.organizations import repository as organizations
from services.identity.word_index import adopt


async def adopt_older(reader: Reader) -> None:
    """Make findable what was kept before anything was (for the platform's own work)."""
    await adopt(reader, "organizations", organizations.names_in)
    await adopt(reader, "applications", applications.names_in)
    await adopt(reader, "data_exchanges", data_exchanges.names_in)
    await adopt(reader, "certificates", certificates.names_in)
