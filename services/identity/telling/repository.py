"""What telling needs to remember of others: what products are called, and who looks after which connection request."""

from collections.abc import Mapping

from chassis.mongo import Reader


async def find_titles(reader: Reader, product_id: str) -> tuple[str | None, Mapping[str, str]]:
    """Return what a product is called, or None where that is not known, and its title in each language that it has."""
    row = await reader.collection("heard_products").find_one({"_id": product_id}, projection={"title": 1, "titles": 1}) or {}
    return row.get("title"), row.get("titles", {})


async def find_representative(reader: Reader, request_id: str) -> str | None:
    """Return who is the business representative of a connection request, or None where that is not known."""
    row = await reader.collection("heard_representatives").find_one({"_id": request_id})
    return row["user_id"] if row else None
