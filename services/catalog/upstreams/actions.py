"""What can be done about upstreams: name one for a version, or take it back."""

from chassis.mongo import Transaction
from services.catalog.products import access
from services.catalog.products import repository as products
from services.catalog.products.domain import Product
from services.catalog.products.upstreams import Upstream
from services.catalog.upstreams.domain import subject_of, told


async def set_upstream(tx: Transaction, version_id: str, upstream: Upstream | None) -> Product:
    """Let a version's calls go to an upstream in production, or to the sandbox where none is given.

    A draft's upstream is announced when the draft is published. Raises ``AlreadyRetired`` and as access does.
    """
    present, _ = await access.version_to_manage(tx, version_id)
    found = present.version(version_id)
    assert found is not None
    api, former = found
    version = former.served_by(upstream)
    if version is former:
        return present
    product = present.put(api, version)
    await products.replace(tx, product)
    if version.is_public:
        provider = product.organization_id
        announced = told(product, api, version)
        await tx.emit(announced, subject=subject_of(version_id), organization=provider, audience=[provider])
    return product
