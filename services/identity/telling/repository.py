"""What telling needs to remember of others: what products are called, and who looks after which connection request."""

from chassis.mongo import Reader


async def find_title(reader: Reader, product_id: str) -> str | None:
    """Return what a product is called, or None where that is not known."""
    row = await reader.collection("heard_products").find_one({"_id": product_id}, projection={"title": 1})
    return row.get("title") if row else None


async def find_representative(reader: Reader, request_id: str) -> str | None:
    """Return who is the business representative of a connection request, or None where that is not known."""
    row = await reader.collection("heard_representatives").find_one({"_id": request_id})
    return row["user_id"] if row else None
